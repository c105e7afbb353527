"""Put prices on a ledger: on one target, on several side by side, or again as a saved report has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from snn.core.checks import instance, refusal, shown
from snn.core.files.hdf5 import naming
from snn.core.files.json_file import parse_json, typed
from snn.core.files.whole import existing_file
from snn.hardware.ledger.ledger import Ledger
from snn.hardware.report import formats
from snn.hardware.report.energy_report import EnergyReport
from snn.hardware.report.target_table import TargetTable
from snn.hardware.targets.registry import find_target, targets
from snn.hardware.targets.target import Particular, Target


def estimate(ledger: Ledger, target: str | Target = "horowitz45_int8") -> EnergyReport:
    """Price a ledger on a target.

    Args:
        ledger: Integer counts of at least one sample.
        target: A registered name (see `targets`) or a target of your own.

    Returns:
        The report; its rows sum to its total.

    Raises:
        ValueError: Unknown target, or a ledger that covers no sample.
    """
    return EnergyReport.of(instance("ledger", ledger, Ledger), find_target(target))


def compare(ledger: Ledger, on: Sequence[str | Target] | None = None) -> TargetTable[EnergyReport]:
    """Price a ledger on several targets.

    Args:
        ledger: Integer counts of at least one sample.
        on: Registered names or targets of your own; None is every registered one that prices any ledger.

    Raises:
        ValueError: Unknown target, a ledger that covers no sample, no target, or two of one name.
    """
    if on is None:
        on = [name for name in targets() if not isinstance(find_target(name), Particular)]
    elif not isinstance(on, Sequence) or isinstance(on, str | bytes):
        raise TypeError(f"on must be a list of targets, got {shown(on)}")
    for i, target in enumerate(on):
        if not isinstance(target, str | Target):
            raise TypeError(f"on[{i}] must be the name of a target or a target, got {shown(target)}")
    return TargetTable(tuple(estimate(ledger, target) for target in on))


def rerun(source: str | Path) -> EnergyReport:
    """Price a saved report again and check that every byte is the same.

    Args:
        source: JSON text of `EnergyReport.to_json`, or a file given as a `Path`.

    Returns:
        The report.

    Raises:
        ValueError: Not a report of this version, a target that is not registered, or a result that differs
            because prices, assumptions or code have changed since; the message names the entries.
    """
    where = str(source) if isinstance(source, Path) else "source"
    text = existing_file(source).read_bytes() if isinstance(source, Path) else source.encode()
    saved = parse_json(text, where)
    found = (saved.get("schema"), saved.get("version")) if isinstance(saved, dict) else saved
    if found != (formats.SCHEMA, formats.VERSION):
        raise refusal(where, f"a report of schema {formats.SCHEMA!r}, version {formats.VERSION}", found)
    ledger = Ledger.from_dict(saved.get("ledger"), f"{where}: ledger: ")
    target = typed(f"{where}: target", saved.get("target"), str, "the name of a target")
    with naming(where):
        report = estimate(ledger, target)
    if report.to_json().encode() != text:
        now = report.to_dict()
        changed = sorted(key for key in now.keys() | saved.keys() if now.get(key) != saved.get(key))
        what = ", ".join(changed) or "its layout"
        raise ValueError(f"{where}: the report is not the same any more: {what} changed")
    return report

"""Price one ledger on several targets and set them side by side, ranges included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from snn.hardware.ledger.ledger import Ledger
from snn.hardware.report.estimate import EnergyReport, estimate
from snn.hardware.report.formats import markdown_table
from snn.hardware.report.page import Section, list_html, table_html
from snn.hardware.report.text import aligned, energy_text, range_text, time_text
from snn.hardware.targets.constant import Range
from snn.hardware.targets.registry import targets
from snn.hardware.targets.target import Target

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEADER = ("target", "compute only", "total, memory included", "latency", "prices")


@dataclass(frozen=True, slots=True)
class TargetTable:
    """Hold the reports of one ledger on several targets.

    Targets keep different accounts (some with static power, some without; measured, fitted and simulated
    prices): a
    ratio between two of them is only as good as what both contain.

    Attributes:
        reports: One report per target, in the order asked for.

    Raises:
        ValueError: No report, or reports of different ledgers.
    """

    reports: tuple[EnergyReport, ...]

    def __post_init__(self) -> None:
        if not self.reports:
            raise ValueError("a comparison needs at least one target")
        if any(report.ledger != self.reports[0].ledger for report in self.reports):
            raise ValueError("the reports are of different ledgers")

    def __getitem__(self, target: str) -> EnergyReport:
        for report in self.reports:
            if report.target == target:
                return report
        raise KeyError(f"no target {target!r}; there are {', '.join(r.target for r in self.reports)}")

    def cells(self) -> list[list[str]]:
        """Write one line per target, per inference."""
        return [
            [
                f"{report.target}: {report.title}",
                energy_text(report.compute_pj_per_inference) if report.splits_memory else "not separable",
                range_text(report.total_per_inference, energy_text),
                "not modelled"
                if report.latency_us_per_inference is None
                else range_text(report.latency_us_per_inference, time_text),
                ", ".join(report.kinds),
            ]
            for report in self.reports
        ]

    def table(self) -> str:
        """Lay out the comparison as aligned text."""
        return aligned(_HEADER, self.cells()) + "\n"

    def to_markdown(self) -> str:
        """Lay out the comparison as a Markdown table."""
        return markdown_table(_HEADER, self.cells()) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Give the totals as plain JSON values, pJ and microseconds per inference."""

        def ends(value: Range | None) -> list[float] | None:
            return None if value is None else [value.low, value.nominal, value.high]

        return {
            report.target: {
                "total_pj": ends(report.total_per_inference),
                "compute_pj": report.compute_pj_per_inference if report.splits_memory else None,
                "latency_us": ends(report.latency_us_per_inference),
                "kinds": list(report.kinds),
            }
            for report in self.reports
        }

    def plot(self) -> Figure:
        """Draw the totals on a logarithmic axis, with their ranges and compute-only beside."""
        from snn.hardware.report.figures import plot_targets

        return plot_targets(self.reports)

    def sections(self) -> list[Section]:
        """Give the comparison as sections of a page: figure, table, and what each target assumes."""
        note = (
            "Bars reach from the low to the high end of the prices. The targets keep different accounts: "
            "see what each one assumes before reading a ratio between two."
        )
        assumed = [
            f"{report.target}: {text}" for report in self.reports[1:] for text in report.priced_on.assumptions
        ]
        return [
            Section("The same counts on other targets", self.plot(), note),
            Section("Targets side by side", table_html(_HEADER, self.cells()), "Per inference."),
            Section("What the other targets assume", list_html(assumed)),
            Section("Constants of the other targets", _constants(self.reports[1:])),
        ]


def compare(ledger: Ledger, on: Sequence[str | Target] | None = None) -> TargetTable:
    """Price a ledger on several targets.

    Args:
        ledger: Integer counts of at least one sample.
        on: Registered names or targets of your own; None is every registered one.

    Raises:
        ValueError: Unknown target, a ledger that covers no sample, or no target.
    """
    return TargetTable(tuple(estimate(ledger, target) for target in (targets() if on is None else on)))


def _constants(reports: Sequence[EnergyReport]) -> str:
    from snn.hardware.report.sections import constants_html

    return constants_html(tuple(dict.fromkeys(c for report in reports for c in report.priced_with)))

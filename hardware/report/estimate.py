"""Put prices on a ledger: energy per layer and component, beside baselines and break-even lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snn.hardware.ledger.ledger import Ledger
from snn.hardware.report import formats
from snn.hardware.report.delay_buffers import DelayBuffer
from snn.hardware.targets.baselines import (
    BASELINE_ASSUMPTIONS,
    BASELINE_CONSTANTS,
    Baseline,
    Comparison,
    price_baselines,
)
from snn.hardware.targets.break_even import BREAK_EVENS, BreakEven
from snn.hardware.targets.constant import Constant, Range, sum_ranges
from snn.hardware.targets.registry import find_target
from snn.hardware.targets.target import Category, EnergyRow, Target, Timed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from snn.hardware.report.figures import PlotKind
    from snn.hardware.report.page import Headline, Section


@dataclass(frozen=True, slots=True)
class EnergyReport:
    """Hold the energy of a ledger on one target, with everything it stands on.

    Energies cover the whole ledger; the ``*_per_inference`` forms divide by its samples.

    Attributes:
        target: Target name.
        title: The target in words.
        splits_memory: Whether compute and memory are separate on this target.
        ledger: The counts.
        rows: Energy per layer and component; they sum to the total.
        baselines: Dense networks of the same shapes, per inference.
        break_evens: Published activities below which a spiking network is said to win.
        priced_with: Every constant of the target.
        constants: Every constant used, baselines included.
        assumptions: Every assumption made, one sentence each.
        delay_bits: Bits of a slot of the delay buffers.
        idle: Energy of a run of the same length without a spike, pJ over the whole ledger.
        priced_on: The target itself.
        latency_us: Time over all samples, one after the other, microseconds; None where the target has no time.
    """

    target: str
    title: str
    splits_memory: bool
    ledger: Ledger
    rows: tuple[EnergyRow, ...]
    baselines: tuple[Baseline, ...]
    break_evens: tuple[BreakEven, ...]
    priced_with: tuple[Constant, ...]
    constants: tuple[Constant, ...]
    assumptions: tuple[str, ...]
    idle: Range
    priced_on: Target
    delay_bits: int = 32
    latency_us: Range | None = None

    def energy(
        self,
        *,
        layer: str | None = None,
        component: str | None = None,
        category: Category | None = None,
    ) -> Range:
        """Sum the energy of the rows that match, with the ends of their prices, pJ over the whole ledger."""
        return sum_ranges(
            row.range
            for row in self.rows
            if layer in (None, row.layer)
            and component in (None, row.component)
            and category in (None, row.category)
        )

    def energy_pj(
        self,
        *,
        layer: str | None = None,
        component: str | None = None,
        category: Category | None = None,
    ) -> float:
        """Sum the energy of the rows that match, pJ over the whole ledger."""
        return self.energy(layer=layer, component=component, category=category).nominal

    @property
    def compute_pj(self) -> float:
        """Synaptic arithmetic alone (with its memory where the target does not split it), pJ."""
        return self.energy_pj(category="compute")

    @property
    def memory_pj(self) -> float:
        """Weights, membranes, delay lines and addressing, pJ."""
        return self.energy_pj(category="memory")

    @property
    def neuron_pj(self) -> float:
        """Neuron updates, pJ."""
        return self.energy_pj(category="neuron")

    @property
    def routing_pj(self) -> float:
        """Spike transport, pJ."""
        return self.energy_pj(category="routing")

    @property
    def static_pj(self) -> float:
        """Power that flows whatever happens, pJ; 0 where the target does not price it."""
        return self.energy_pj(category="static")

    @property
    def total_pj(self) -> float:
        """Every row: arithmetic, memory, neurons, routing and static power, pJ."""
        return self.energy_pj()

    @property
    def total_per_inference(self) -> Range:
        """`total_pj` with the ends of its prices, over the samples of the ledger."""
        return self.energy() / self.ledger.samples

    @property
    def latency_us_per_inference(self) -> Range | None:
        """`latency_us` over the samples of the ledger."""
        return None if self.latency_us is None else self.latency_us / self.ledger.samples

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of the constants behind the network's energy, baselines aside: more than one is a mixture."""
        return tuple(sorted({constant.kind for constant in self.priced_with}))

    @property
    def compute_pj_per_inference(self) -> float:
        """`compute_pj` over the samples of the ledger."""
        return self.compute_pj / self.ledger.samples

    @property
    def memory_pj_per_inference(self) -> float:
        """`memory_pj` over the samples of the ledger."""
        return self.memory_pj / self.ledger.samples

    @property
    def total_pj_per_inference(self) -> float:
        """`total_pj` over the samples of the ledger."""
        return self.total_pj / self.ledger.samples

    @property
    def components(self) -> tuple[str, ...]:
        """Components in the order of the target."""
        return tuple(dict.fromkeys(row.component for row in self.rows))

    def comparisons(self) -> tuple[Comparison, ...]:
        """Relate the network to each baseline by name, per inference."""
        return tuple(
            Comparison(
                baseline,
                self.total_pj_per_inference / baseline.total_pj,
                self.compute_pj_per_inference / baseline.compute_pj if self.splits_memory else None,
            )
            for baseline in self.baselines
            if baseline.total_pj > 0
        )

    def delay_buffers(self) -> tuple[DelayBuffer, ...]:
        """Size the delay buffer of each layer that has delays, with its traffic per inference."""
        return tuple(
            DelayBuffer(
                row.name,
                row.max_delay + 1,
                row.n_post,
                self.delay_bits,
                row.delay_bytes(self.delay_bits),
                row.per_sample("delay_reads"),
                row.per_sample("delay_writes"),
            )
            for row in self.ledger
            if row.delay_slots
        )

    def table(self) -> str:
        """Lay out layers x components, totals and comparisons as aligned text, per inference."""
        return formats.table(self)

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain JSON values (schema ``snn.energy_report``, version 2)."""
        return formats.to_dict(self)

    def to_csv(self, path: str | Path | None = None) -> str:
        """Write one line per layer and component as CSV, and into `path` when given; energies of all samples."""
        return _written(formats.to_csv(self), path)

    def to_markdown(self, path: str | Path | None = None) -> str:
        """Write the report as Markdown, assumptions and sources included, and into `path` when given."""
        return _written(formats.to_markdown(self), path)

    def to_json(self, path: str | Path | None = None) -> str:
        """Write the report as JSON text, and into `path` when given; the same report, same text."""
        return _written(json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n", path)

    def to_html(
        self,
        path: str | Path,
        *,
        title: str = "Energy report",
        headlines: Sequence[Headline] = (),
        before: Sequence[Section] = (),
        after: Sequence[Section] = (),
        compare: Sequence[str | Target] = (),
    ) -> Path:
        """Write the report as one self-contained page that opens offline.

        Args:
            path: File to write.
            title: Heading of the page.
            headlines: Numbers to place ahead of the report's own at the top.
            before: Sections to place ahead of the report's own, e.g. training curves.
            after: Sections to place behind its figures, ahead of assumptions and sources.
            compare: More targets to price the same counts on, with their assumptions.

        Returns:
            The path written.
        """
        from snn.hardware.report import sections
        from snn.hardware.report.compare import compare as compared
        from snn.hardware.report.page import build_page

        others = compared(self.ledger, (self.priced_on, *compare)).sections() if compare else []

        text = build_page(
            title,
            [*before, *sections.sections(self), *others, *after, *sections.closing(self)],
            subtitle=sections.subtitle(self),
            headlines=[*headlines, *sections.headlines(self)],
        )
        path = Path(path)
        path.write_text(text, encoding="utf-8")
        return path

    def plot(self, kind: PlotKind = "energy") -> Figure:
        """Draw one view of the report: energy, baselines, spikes or break_even."""
        from snn.hardware.report.figures import plot_report

        return plot_report(self, kind)


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
    text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
    saved = json.loads(text)
    found = (saved.get("schema"), saved.get("version")) if isinstance(saved, dict) else saved
    if found != (formats.SCHEMA, formats.VERSION):
        raise ValueError(f"expected schema {formats.SCHEMA!r} version {formats.VERSION}, got {found!r}")
    report = estimate(Ledger.from_json(json.dumps(saved["ledger"])), saved["target"])
    if report.to_json() != text:
        now = report.to_dict()
        changed = sorted(key for key in now.keys() | saved.keys() if now.get(key) != saved.get(key))
        raise ValueError(f"the report is not the same any more: {', '.join(changed) or 'its layout'} changed")
    return report


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
    machine = find_target(target) if isinstance(target, str) else target
    if ledger.samples < 1:
        raise ValueError(f"the ledger covers {ledger.samples} samples; an estimate needs >= 1")
    bits = getattr(machine, "state_bits", 32)
    return EnergyReport(
        target=machine.name,
        title=machine.title,
        splits_memory=machine.splits_memory,
        ledger=ledger,
        rows=tuple(line for row in ledger for line in machine.price(row)),
        baselines=price_baselines(ledger),
        break_evens=BREAK_EVENS,
        priced_with=machine.constants,
        constants=tuple(dict.fromkeys((*machine.constants, *BASELINE_CONSTANTS))),
        assumptions=(*ledger.notes, *machine.assumptions, _delays_text(bits), *BASELINE_ASSUMPTIONS),
        idle=sum_ranges(line.range for row in ledger for line in machine.price(row.without_spikes())),
        priced_on=machine,
        delay_bits=bits,
        latency_us=machine.latency_us(ledger) if isinstance(machine, Timed) else None,
    )


def _delays_text(bits: int) -> str:
    return (
        f"A delay buffer is a ring of (largest delay + 1) x receivers accumulators of {bits} bits, per "
        "projection with a delay; bytes are its size, and each delayed synaptic event is one write and "
        "one read of a slot."
    )


def _written(text: str, path: str | Path | None) -> str:
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text

"""Put prices on a ledger: energy per layer and component, beside baselines and break-even lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snn.hardware.baseline import (
    BASELINE_ASSUMPTIONS,
    BASELINE_CONSTANTS,
    Baseline,
    ann_baselines,
)
from snn.hardware.constants import BREAK_EVENS, BreakEven, Constant, Range, sum_ranges
from snn.hardware.ledger import Ledger
from snn.hardware.registry import find_target
from snn.hardware.targets import CATEGORIES, Category, EnergyRow, Target, Timed
from snn.hardware.text import aligned, energy_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from snn.hardware.figures import PlotKind
    from snn.hardware.page import Headline, Section

SCHEMA, VERSION = "snn.energy_report", 2


@dataclass(frozen=True, slots=True)
class Comparison:
    """Relate the network to one named baseline: below 1, the network needs less.

    Attributes:
        baseline: What it is compared with.
        total_ratio: Network total over baseline total.
        compute_ratio: The same for synaptic arithmetic alone; None where the target's prices do
            not separate it from memory.
    """

    baseline: Baseline
    total_ratio: float
    compute_ratio: float | None


@dataclass(frozen=True, slots=True)
class DelayBuffer:
    """Size one delay buffer: a ring of one accumulator per receiver and step ahead.

    Attributes:
        layer: Ledger row it belongs to.
        depth: Steps held: largest delay + 1.
        width: Receivers.
        bits: Bits of a slot.
        size_bytes: ``depth x width x bits / 8``, rounded up.
        reads: Reads per inference.
        writes: Writes per inference.
    """

    layer: str
    depth: int
    width: int
    bits: int
    size_bytes: int
    reads: float
    writes: float


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
        """Kinds of the constants behind the energy of the network, baselines aside: more than one is a mixture."""
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

    def cells(self) -> tuple[list[str], list[list[str]]]:
        """Write the layer names, and a line of energies per component with the total last."""
        samples = self.ledger.samples
        layers = [row.name for row in self.ledger]
        lines = []
        for name in (*self.components, None):
            energies = [self.energy_pj(layer=layer, component=name) for layer in (*layers, None)]
            lines.append([name or "total", *(energy_text(pj / samples) for pj in energies)])
        return layers, lines

    def table(self) -> str:
        """Lay out layers x components, totals and comparisons as aligned text, per inference."""
        layers, cells = self.cells()
        parts = [
            f"{self.title}\nper inference, mean of {self.ledger.samples} samples",
            aligned(["component", *layers, "all layers"], cells),
            self._summary(),
            aligned(["baseline", "energy", "network / baseline", "compute only"], self._compared()),
        ]
        return "\n\n".join(parts) + "\n"

    def _summary(self) -> str:
        lines = [f"total {energy_text(self.total_pj_per_inference)}"]
        if self.splits_memory:
            lines.append(f"compute only {energy_text(self.compute_pj_per_inference)}")
        lines.append(f"spikes per synapse per inference {self.ledger.spikes_per_synapse:.3g}")
        lines += [
            f"published break-even, {line.name}: {line.low:g}"
            + (f" to {line.high:g}" if line.high > line.low else "")
            for line in self.break_evens
        ]
        return "\n".join(lines)

    def _compared(self) -> list[list[str]]:
        return [
            [
                item.baseline.title,
                energy_text(item.baseline.total_pj),
                f"{item.total_ratio:.3g}",
                "-" if item.compute_ratio is None else f"{item.compute_ratio:.3g}",
            ]
            for item in self.comparisons()
        ]

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain JSON values (schema ``snn.energy_report``, version 2)."""
        energy = {f"{name}_pj": self.energy_pj(category=name) for name in CATEGORIES}
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "target": self.target,
            "title": self.title,
            "splits_memory": self.splits_memory,
            "samples": self.ledger.samples,
            **energy,
            "total_pj": self.total_pj,
            "total_range_pj": asdict(self.energy()),
            "total_pj_per_inference": self.total_pj_per_inference,
            "compute_pj_per_inference": self.compute_pj_per_inference,
            "latency_us_per_inference": None
            if self.latency_us_per_inference is None
            else asdict(self.latency_us_per_inference),
            "kinds": list(self.kinds),
            "spikes_per_synapse_per_inference": self.ledger.spikes_per_synapse,
            "rows": [{**asdict(row), "pj": row.pj} for row in self.rows],
            "baselines": [{**asdict(b), "total_pj": b.total_pj} for b in self.baselines],
            "comparisons": [
                {
                    "baseline": item.baseline.name,
                    "total_ratio": item.total_ratio,
                    "compute_ratio": item.compute_ratio,
                }
                for item in self.comparisons()
            ],
            "delay_buffers": [asdict(buffer) for buffer in self.delay_buffers()],
            "break_evens": [asdict(line) for line in self.break_evens],
            "assumptions": list(self.assumptions),
            "constants": [constant.to_dict() for constant in self.constants],
            "ledger": self.ledger.to_dict(),
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """Write the report as JSON text, and into `path` when given; the same report, same text."""
        text = json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def to_html(
        self,
        path: str | Path,
        *,
        title: str = "Energy report",
        headlines: Sequence[Headline] = (),
        before: Sequence[Section] = (),
        after: Sequence[Section] = (),
    ) -> Path:
        """Write the report as one self-contained page that opens offline.

        Args:
            path: File to write.
            title: Heading of the page.
            headlines: Numbers to place ahead of the report's own at the top.
            before: Sections to place ahead of the report's own, e.g. training curves.
            after: Sections to place behind its figures, ahead of assumptions and sources.

        Returns:
            The path written.
        """
        from snn.hardware import report
        from snn.hardware.page import build_page

        text = build_page(
            title,
            [*before, *report.sections(self), *after, *report.closing(self)],
            subtitle=report.subtitle(self),
            headlines=[*headlines, *report.headlines(self)],
        )
        path = Path(path)
        path.write_text(text, encoding="utf-8")
        return path

    def plot(self, kind: PlotKind = "energy") -> Figure:
        """Draw one view of the report: energy, baselines, spikes or break_even."""
        from snn.hardware.figures import plot_report

        return plot_report(self, kind)


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
        baselines=ann_baselines(ledger),
        break_evens=BREAK_EVENS,
        priced_with=machine.constants,
        constants=tuple(dict.fromkeys((*machine.constants, *BASELINE_CONSTANTS))),
        assumptions=(*ledger.notes, *machine.assumptions, _delays_text(bits), *BASELINE_ASSUMPTIONS),
        delay_bits=bits,
        latency_us=machine.latency_us(ledger) if isinstance(machine, Timed) else None,
    )


def _delays_text(bits: int) -> str:
    return (
        f"A delay buffer is a ring of (largest delay + 1) x receivers accumulators of {bits} bits, per "
        f"projection "
        "with a delay; bytes are its size, and each delayed synaptic event is one write and one read of a slot."
    )

"""Price a model on the arrays it is programmed into: counted reads, exact currents, digital neurons behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor

from snn.core.checks import refusal
from snn.hardware.crossbar.model import AnalogModel, rows_read
from snn.hardware.crossbar.placements import rows_per_input
from snn.hardware.crossbar.read_counts import count_reads
from snn.hardware.ledger.count import count
from snn.hardware.ledger.layer_names import receptors_behind, row_name
from snn.hardware.ledger.ledger import LayerCounts, Ledger
from snn.hardware.report.energy_report import EnergyReport
from snn.hardware.report.estimate import estimate
from snn.hardware.targets.analog_reads import AnalogCircuit, ReadCounts, analog_energy
from snn.hardware.targets.constant import Constant, Range, sum_ranges
from snn.hardware.targets.digital import HOROWITZ_INT8
from snn.hardware.targets.memory import sram_access
from snn.hardware.targets.target import Category, EnergyRow, energy_rows
from snn.nn import Layer, Residual
from snn.nn.layer import flat_stages

__all__ = ["LayerReads", "ProgrammedCrossbars", "crossbar_energy", "reads_of"]

_DIGITAL = ("membrane read + write", "neuron update", "event queue")


@dataclass(frozen=True, slots=True)
class LayerReads:
    """Hold what the reads of one ledger row took, and the row that was counted with them.

    Attributes:
        layer: Ledger row that it stands behind: the first of several.
        taps: Rows per input: delays that a spike is read at, 1 without.
        counts: One entry per array of the layer; empty for what has no array.
        counted: The row as the same model on the same samples gives it, the only one to be priced with these reads;
            None: reads of your own making, which are held against the row's name alone.
    """

    layer: str
    taps: int
    counts: tuple[ReadCounts, ...]
    counted: LayerCounts | None = None


@torch.no_grad()
def reads_of(
    model: AnalogModel, x: Tensor, lengths: Tensor | None = None, *, ledger: Ledger | None = None
) -> tuple[LayerReads, ...]:
    """Count the reads behind every ledger row, sample by sample up to its end, the model's silent tail included.

    Args:
        model: The model.
        x: Input, [T, B, ...].
        lengths: Valid steps of each sample [B], the tail not included; None is all of T.
        ledger: What `count(model, x, lengths)` gave; None counts it here.

    Returns:
        An entry per row of the ledger, in its order.

    Raises:
        ValueError: `ledger` lacks a layer of the model.
    """
    ledger = count(model, x, lengths) if ledger is None else ledger
    found: dict[tuple[str, int], ReadCounts] = {}
    layers = model.layers
    for b in range(x.shape[1]):
        end = x.shape[0] if lengths is None else int(lengths[b])
        sample = torch.cat([x[:end, b : b + 1], x.new_zeros(model.tail_steps, 1, *x.shape[2:])])
        for (name, which), rows in rows_read(model, sample, state=model.start(b)).items():
            counts = count_reads(layers[name].arrays_at(0)[which], rows, samples=1)
            found[name, which] = found[name, which] + counts if (name, which) in found else counts
    first = {layer: receptors_behind(behind)[0] for layer, behind in _with_behind(model.model)}
    on_arrays = {
        f"{name}-{name}" if layer.recurrent else row_name(name, first.get(layer)): layer
        for name, layer in layers.items()
    }
    lacking = [name for name in on_arrays if name not in {row.name for row in ledger}]
    if lacking:
        raise refusal("ledger", f"of this model, with the layers {', '.join(on_arrays)}", ledger)
    made = []
    for row in ledger:
        layer = on_arrays.get(row.name)
        if layer is None:
            made.append(LayerReads(row.name, 1, (), row))
            continue
        taps = rows_per_input(layer.layer)
        parts = (found.get((layer.name, i)) for i in range(len(layer.arrays)))
        made.append(LayerReads(row.name, taps, tuple(part for part in parts if part is not None), row))
    return tuple(made)


def _with_behind(model: Layer, after: Sequence[Layer] = ()) -> Iterator[tuple[Layer, Sequence[Layer]]]:
    """Give each layer of a model, in branches too, with those that take its output one after another."""
    stages = flat_stages(model)
    for i, layer in enumerate(stages, start=1):
        behind = [*stages[i:], *after]
        yield layer, behind
        if isinstance(layer, Residual):
            for branch in (layer.body, layer.shortcut):
                if branch is not None:
                    yield from _with_behind(branch, behind)


@dataclass(frozen=True, slots=True)
class ProgrammedCrossbars:
    """Price a ledger on arrays whose reads were counted with it: a target for `estimate`.

    It prices no other ledger: currents and conversions are those of its own model on its own samples.

    To run a saved report of it again, register it under its name first (`register_target`).

    Attributes:
        reads: What `reads_of` counted, over the same samples as the ledger.
        circuit: Converters, gating, pulses.
        device: The devices in words, for the title.
        name: Identifier in the registry.
        used: Constants of the devices.

    Raises:
        ValueError: Two layers of one name; from `price`, a row of another model or of other samples.
    """

    reads: tuple[LayerReads, ...]
    circuit: AnalogCircuit = field(default_factory=AnalogCircuit)
    device: str = "resistive cells"
    name: str = "programmed_crossbars"
    used: tuple[Constant, ...] = ()

    splits_memory = False

    def __post_init__(self) -> None:
        names = [layer.layer for layer in self.reads]
        if len(set(names)) < len(names):
            raise refusal("reads", "of layers with names of their own", names)

    @property
    def title(self) -> str:
        """One line for people."""
        when = "spike-gated" if self.circuit.gated else "always on"
        return f"programmed crossbars of {self.device}, {when}, {self.circuit.adc_bits}-bit converters"

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant used."""
        return tuple(dict.fromkeys((*self.used, *self.circuit.constants, *HOROWITZ_INT8.constants)))

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every assumption, one sentence each."""
        return (
            "Reads were counted on the programmed arrays, tile by tile and vector by vector; currents are those of "
            "the cells as written.",
            *self.circuit.assumptions,
            "A layer with delays has a row per input and delay: a spike is written into a line of one bit per row "
            "once and read, and its rows driven, once per delay.",
            "Neurons, membranes, spike lines and the event queue are digital, 45 nm, as in horowitz45_int8; nodes "
            "of 32 to 130 nm are mixed, so read the parts apart.",
            "What has no array is digital too: pooling pays an addition and an address per spike and window.",
            "The weight memory is the array, so there is no compute-only figure to compare with digital cores.",
            "Latency is that of the reads, layers one after the other, digital work in their shade.",
            f"Programming is not in the total: {self.programming.nominal / 1e6:.3g} uJ once "
            f"({self.programming.low / 1e6:.3g} to {self.programming.high / 1e6:.3g}).",
        )

    @property
    def programming(self) -> Range:
        """Energy of one write of all cells, pJ."""
        return analog_energy(self._counts(), self.circuit).programming

    @property
    def area_mm2(self) -> float:
        """Area of all tiles, square millimetres."""
        return analog_energy(self._counts(), self.circuit).area_mm2

    @property
    def tops_per_w(self) -> float:
        """Dense operations per picojoule of the arrays: every tap of a delay counts, digital neurons do not."""
        return analog_energy(self._counts(), self.circuit).tops_per_w

    def price(self, row: LayerCounts) -> tuple[EnergyRow, ...]:
        """Price one ledger row."""
        layer = self._reads_of(row)
        if not layer.counts:
            return HOROWITZ_INT8.price(row)
        digital = tuple(line for line in HOROWITZ_INT8.price(row) if line.component in _DIGITAL)
        arrays = self._arrays(layer)
        if not row.input_spikes:  # the row of an idle run: what flows whatever happens
            return (*(line for line in arrays if line.category == "static"), *digital)
        return (*arrays, *self._lines(row, layer), *digital)

    def check_ledger(self, ledger: Ledger) -> None:
        """Refuse a ledger that is not the one whose reads were counted.

        Raises:
            ValueError: It has other rows.
        """
        wanted, found = [layer.layer for layer in self.reads], [row.name for row in ledger]
        if wanted != found:
            raise ValueError(
                f"ledger must be of the model whose reads were counted, with layers {wanted}, got layers {found}"
            )
        for row in ledger:
            self._reads_of(row)

    def _reads_of(self, row: LayerCounts) -> LayerReads:
        """Find what was counted with a row, or with the row of the same run without a spike."""
        layer = next((layer for layer in self.reads if layer.layer == row.name), None)
        if layer is None:
            known = ", ".join(layer.layer for layer in self.reads)
            raise refusal("ledger", f"of the model whose reads were counted, with layers {known}", row.name)
        if layer.counted is not None and row not in (layer.counted, layer.counted.without_spikes()):
            counted = asdict(layer.counted)
            field = next(name for name, value in asdict(row).items() if value != counted[name])
            raise ValueError(
                "ledger must be the one counted with these reads, of the same model and samples: "
                f"{row.name}.{field} must be {counted[field]!r}, got {getattr(row, field)!r}"
            )
        return layer

    def latency_us(self, ledger: Ledger) -> Range:
        """Time of the reads of all samples, microseconds."""
        return analog_energy(self._counts(), self.circuit).latency_us

    def _counts(self) -> tuple[ReadCounts, ...]:
        return tuple(counts for layer in self.reads for counts in layer.counts)

    def _arrays(self, layer: LayerReads) -> tuple[EnergyRow, ...]:
        """Give the lines of all arrays of a layer under its name; those of several arrays are added."""
        lines: dict[tuple[str, Category], list[EnergyRow]] = {}
        for row in analog_energy(layer.counts, self.circuit).rows:
            lines.setdefault((row.component, row.category), []).append(row)
        return tuple(_joined(layer.layer, *key, rows) for key, rows in lines.items())

    def _lines(self, row: LayerCounts, layer: LayerReads) -> tuple[EnergyRow, ...]:
        if layer.taps == 1:
            return ()
        bit = sram_access(row.n_pre * layer.taps / 8, 1)
        return energy_rows(
            row.name,
            ("spike line write", "memory", row.input_spikes, bit),
            ("spike line read", "memory", row.input_spikes * layer.taps, bit),
        )


def crossbar_energy(
    model: AnalogModel, x: Tensor, lengths: Tensor | None = None, *, circuit: AnalogCircuit | None = None
) -> EnergyReport:
    """Count a model on crossbars and its reads, and price both; see `ProgrammedCrossbars`.

    Args:
        model: The model.
        x: Input, [T, B, ...], to which the silent tail is appended.
        lengths: Valid steps of each sample [B], the tail not included.
        circuit: What stands around the arrays; None takes the converters' bits from the model's hardware.

    Returns:
        The report, of its ledger on these arrays.
    """
    if circuit is None:
        circuit = AnalogCircuit(adc_bits=model.hardware.converter.adc_bits or AnalogCircuit().adc_bits)
    ledger = count(model, x, lengths)
    return estimate(ledger, ProgrammedCrossbars(reads_of(model, x, lengths, ledger=ledger), circuit))


def _joined(layer: str, component: str, category: Category, rows: Iterable[EnergyRow]) -> EnergyRow:
    parts = tuple(rows)
    count = sum(part.count for part in parts)
    price = sum_ranges(part.range for part in parts) / count if count else Range(0.0, 0.0, 0.0)
    return EnergyRow(layer, component, category, count, price.nominal, price.low, price.high)

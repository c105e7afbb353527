"""Price a model on the arrays it is programmed into: counted reads, exact currents, digital neurons behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from snn.core.checks import refusal
from snn.hardware.crossbar.model import AnalogModel, rows_read
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
from snn.nn import DelayedLayer, Layer, Residual
from snn.nn.layer import flat_stages

__all__ = ["LayerReads", "ProgrammedCrossbars", "crossbar_energy", "reads_of"]

_DIGITAL = ("membrane read + write", "neuron update", "event queue")


@dataclass(frozen=True, slots=True)
class LayerReads:
    """Hold what the reads of one layer took.

    Attributes:
        layer: Ledger row that it stands behind: the first of several.
        taps: Rows per input: delays that a spike is read at, 1 without.
        counts: One entry per array of the layer.
    """

    layer: str
    taps: int
    counts: tuple[ReadCounts, ...]


@torch.no_grad()
def reads_of(model: AnalogModel, x: Tensor, lengths: Tensor | None = None) -> tuple[LayerReads, ...]:
    """Count the reads of every layer, sample by sample up to its end, the model's silent tail included.

    Args:
        model: The model.
        x: Input, [T, B, ...].
        lengths: Valid steps of each sample [B], the tail not included; None is all of T.
    """
    found: dict[tuple[str, int], ReadCounts] = {}
    layers = model.layers
    for b in range(x.shape[1]):
        end = x.shape[0] if lengths is None else int(lengths[b])
        sample = torch.cat([x[:end, b : b + 1], x.new_zeros(model.tail_steps, 1, *x.shape[2:])])
        for (name, which), rows in rows_read(model, sample, state=model.start(b)).items():
            counts = count_reads(layers[name].arrays_at(0)[which], rows, samples=1)
            found[name, which] = found[name, which] + counts if (name, which) in found else counts
    made = []
    first_receptor = {layer: receptors_behind(behind)[0] for layer, behind in _with_behind(model.model)}
    for name, layer in layers.items():
        inner = layer.layer
        taps = inner.delay_count if isinstance(inner, DelayedLayer) else 1
        row = f"{name}-{name}" if layer.recurrent else row_name(name, first_receptor.get(layer))
        parts = tuple(found[name, i] for i in range(len(layer.arrays)) if (name, i) in found)
        made.append(LayerReads(row, taps, parts))
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

    To run a saved report of it again, register it under its name first (`register_target`).

    Attributes:
        reads: What `reads_of` counted, over the same samples as the ledger.
        circuit: Converters, gating, pulses.
        device: The devices in words, for the title.
        name: Identifier in the registry.
        used: Constants of the devices.

    Raises:
        ValueError: Two layers of one name.
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
        digital = tuple(line for line in HOROWITZ_INT8.price(row) if line.component in _DIGITAL)
        for layer in self.reads:
            if layer.layer == row.name:
                arrays = self._arrays(layer)
                if not row.input_spikes:  # the row of an idle run: what flows whatever happens
                    return (*(line for line in arrays if line.category == "static"), *digital)
                return (*arrays, *self._lines(row, layer), *digital)
        return digital

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
    return estimate(count(model, x, lengths), ProgrammedCrossbars(reads_of(model, x, lengths), circuit))


def _joined(layer: str, component: str, category: Category, rows: Iterable[EnergyRow]) -> EnergyRow:
    parts = tuple(rows)
    count = sum(part.count for part in parts)
    price = sum_ranges(part.range for part in parts) / count if count else Range(0.0, 0.0, 0.0)
    return EnergyRow(layer, component, category, count, price.nominal, price.low, price.high)

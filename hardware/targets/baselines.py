"""Price dense artificial networks of the same layer shapes: what every ratio stands on."""

from __future__ import annotations

from dataclasses import dataclass

from snn.core.checks import whole
from snn.hardware.ledger.ledger import Ledger
from snn.hardware.targets.constant import Constant, Range, sum_ranges
from snn.hardware.targets.dense_network import BASELINE_NETWORKS
from snn.hardware.targets.target import Category, EnergyRow

BASELINE_CONSTANTS: tuple[Constant, ...] = tuple(
    dict.fromkeys(constant for network in BASELINE_NETWORKS for constant in network.constants)
)
BASELINE_ASSUMPTIONS = (
    *dict.fromkeys(f"Baselines: {text}" for network in BASELINE_NETWORKS for text in network.assumptions),
    "'One pass per time step' computes what the spiking network computes, step for step, its "
    "delay memory not charged; 'one pass per inference' sees the whole input at once and is the "
    "convention of the break-even lines.",
)


@dataclass(frozen=True, slots=True)
class Baseline:
    """Price one dense network, per inference.

    Attributes:
        name: The target it is, e.g. ``"ann_int8_every_step"``.
        title: The same in words.
        compute: Multiply-accumulates with the ends of their prices, pJ per inference.
        memory: Weights and activations, pJ per inference.
        neuron: Activation functions, pJ per inference.
    """

    name: str
    title: str
    compute: Range
    memory: Range
    neuron: Range

    @property
    def label(self) -> str:
        """A few words for a figure."""
        number, _, schedule = self.name.removeprefix("ann_").partition("_")
        return f"dense {number}, {'one pass' if schedule == 'once' else 'every step'}"

    @property
    def total(self) -> Range:
        """Compute, memory and neurons with the ends of their prices, pJ per inference."""
        return self.compute + self.memory + self.neuron

    @property
    def compute_pj(self) -> float:
        """Multiply-accumulates, pJ per inference."""
        return self.compute.nominal

    @property
    def memory_pj(self) -> float:
        """Weights and activations, pJ per inference."""
        return self.memory.nominal

    @property
    def neuron_pj(self) -> float:
        """Activation functions, pJ per inference."""
        return self.neuron.nominal

    @property
    def total_pj(self) -> float:
        """Compute, memory and neurons, pJ per inference."""
        return self.compute_pj + self.memory_pj + self.neuron_pj


@dataclass(frozen=True, slots=True)
class Comparison:
    """Relate the network to one named baseline: below 1, the network needs less.

    Ends are worst cases: the network's prices all at one end, the baseline's all at the other, those that both use
    among them.

    Attributes:
        baseline: What it is compared with.
        total: Network total over baseline total.
        compute: The same for synaptic arithmetic alone; None where the target's prices do not separate it from
            memory.
    """

    baseline: Baseline
    total: Range
    compute: Range | None

    @property
    def total_ratio(self) -> float:
        """Network total over baseline total, every price at its nominal value."""
        return self.total.nominal

    @property
    def compute_ratio(self) -> float | None:
        """The same for synaptic arithmetic alone; None where it is not separate."""
        return None if self.compute is None else self.compute.nominal


def price_baselines(ledger: Ledger) -> tuple[Baseline, ...]:
    """Price the dense network in fp32, int8 and quantised, once per inference and at every step.

    Raises:
        ValueError: The ledger covers no sample.
    """
    whole("ledger.samples", ledger.samples, low=1)
    found = []
    for network in BASELINE_NETWORKS:
        lines = [line for row in ledger for line in network.price(row)]

        def part(category: Category, lines: list[EnergyRow] = lines) -> Range:
            return sum_ranges(line.range for line in lines if line.category == category) / ledger.samples

        found.append(Baseline(network.name, network.title, part("compute"), part("memory"), part("neuron")))
    return tuple(found)

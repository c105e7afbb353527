"""Price dense artificial networks of the same layer shapes: what every ratio stands on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from snn.core.checks import whole
from snn.hardware.ledger.ledger import Ledger
from snn.hardware.targets.constant import Constant
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
        compute_pj: Multiply-accumulates, pJ per inference.
        memory_pj: Weights and activations, pJ per inference.
        neuron_pj: Activation functions, pJ per inference.
    """

    name: str
    title: str
    compute_pj: float
    memory_pj: float
    neuron_pj: float

    @property
    def label(self) -> str:
        """A few words for a figure."""
        number, _, schedule = self.name.removeprefix("ann_").partition("_")
        return f"dense {number}, {'one pass' if schedule == 'once' else 'every step'}"

    @property
    def total_pj(self) -> float:
        """Compute, memory and neurons, pJ per inference."""
        return self.compute_pj + self.memory_pj + self.neuron_pj


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


def price_baselines(ledger: Ledger) -> tuple[Baseline, ...]:
    """Price the dense network in fp32, int8 and quantised, once per inference and at every step.

    Raises:
        ValueError: The ledger covers no sample.
    """
    whole("ledger.samples", ledger.samples, low=1)
    found = []
    for network in BASELINE_NETWORKS:
        lines = [line for row in ledger for line in network.price(row)]

        def part(category: Category, lines: list[EnergyRow] = lines) -> float:
            return math.fsum(line.pj for line in lines if line.category == category) / ledger.samples

        found.append(Baseline(network.name, network.title, part("compute"), part("memory"), part("neuron")))
    return tuple(found)

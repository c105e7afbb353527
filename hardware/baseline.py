"""Price dense artificial networks of the same layer shapes: what every ratio stands on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from snn.hardware import constants as c
from snn.hardware.constants import Constant, sram_access_pj
from snn.hardware.ledger import LayerCounts, Ledger

_FORMATS: dict[str, tuple[int, Constant, Constant]] = {
    "fp32": (32, c.FP32_MAC, c.FP32_ADD),
    "int8": (8, c.INT8_MAC, c.INT8_ADD),
}
_SCHEDULES = {
    "once": "one pass per inference",
    "every_step": "one pass per time step",
}

BASELINE_CONSTANTS = (c.FP32_MAC, c.FP32_ADD, c.INT8_MAC, c.INT8_ADD, *c.SRAM)
BASELINE_ASSUMPTIONS = (
    "Baselines are dense networks of the same layer shapes with the 45 nm prices: one "
    "multiply-accumulate and one weight fetch per synapse and pass (batch 1, no weight reuse), no "
    "use of zeros, one read per input and one write and one compare per output activation, "
    "accumulation in registers.",
    "'One pass per time step' computes what the spiking network computes, step for step, its "
    "delay memory not charged; 'one pass per inference' sees the whole input at once and is the "
    "convention of the break-even lines. Neither is trained here: equal accuracy is not implied.",
)


@dataclass(frozen=True, slots=True)
class Baseline:
    """Price one dense network, per inference.

    Attributes:
        name: e.g. ``"ann_int8_every_step"``.
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
    def total_pj(self) -> float:
        """Compute, memory and neurons, pJ per inference."""
        return self.compute_pj + self.memory_pj + self.neuron_pj


def ann_baselines(ledger: Ledger) -> tuple[Baseline, ...]:
    """Price the dense network in fp32 and int8, once per inference and at every step.

    Raises:
        ValueError: The ledger covers no sample.
    """
    if ledger.samples < 1:
        raise ValueError(f"the ledger covers {ledger.samples} samples; a baseline needs >= 1")
    found = []
    for schedule, words in _SCHEDULES.items():
        passes = 1.0 if schedule == "once" else ledger.steps / ledger.samples
        for number in _FORMATS:
            layers = [_one_pass(row, number) for row in ledger if row.pre is not None]
            compute, memory, neuron = (passes * math.fsum(part) for part in zip(*layers, strict=True))
            found.append(
                Baseline(
                    f"ann_{number}_{schedule}",
                    f"dense {number} network, {words}, 45 nm",
                    compute,
                    memory,
                    neuron,
                )
            )
    return tuple(found)


def _one_pass(row: LayerCounts, number: str) -> tuple[float, float, float]:
    """Price one dense pass through one layer: compute, memory, neurons (pJ)."""
    bits, mac, add = _FORMATS[number]
    weight = sram_access_pj(row.dense_synapses * bits / 8, bits)
    read = sram_access_pj(row.n_pre * bits / 8, bits)
    write = sram_access_pj(row.n_post * bits / 8, bits)
    memory = row.dense_synapses * weight + row.n_pre * read + row.n_post * write
    return row.dense_synapses * mac.value, memory, row.n_post * add.value

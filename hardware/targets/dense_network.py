"""Price the dense artificial network of the same layer shapes, of floats, integers or few bits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from snn.core.checks import choice
from snn.hardware.ledger.ledger import LayerCounts
from snn.hardware.targets import horowitz as c
from snn.hardware.targets.constant import Constant
from snn.hardware.targets.memory import sram_access
from snn.hardware.targets.target import EnergyRow, element_rows, energy_rows

Number = Literal["fp32", "int8", "qnn"]
Schedule = Literal["once", "every_step"]

_PASSES: dict[Schedule, str] = {
    "once": "one pass per inference",
    "every_step": "one pass per time step",
}
_WORDS: dict[Number, str] = {
    "fp32": "fp32",
    "int8": "int8",
    "qnn": "quantised (8-bit weights, ceil(log2(T + 1))-bit activations)",
}


@dataclass(frozen=True, slots=True)
class DenseNetwork:
    """Price an artificial network of the same layer shapes on 45 nm operators and SRAM.

    Attributes:
        number: ``"fp32"``, ``"int8"``, or ``"qnn"``: activations of the ceil(log2(T + 1)) bits that T binary
            steps can tell apart (Yan et al., arXiv 2409.08290), 8-bit weights.
        schedule: ``"once"`` = one pass per inference, ``"every_step"`` = one per time step.

    Raises:
        ValueError: Unknown `number` or `schedule`.
    """

    number: Number
    schedule: Schedule = "once"

    splits_memory = True
    priced_elements = ("element_adds", "element_multiplies")

    def __post_init__(self) -> None:
        choice("number", self.number, Number)
        choice("schedule", self.schedule, Schedule)

    @property
    def name(self) -> str:
        """Identifier in the registry."""
        return f"ann_{self.number}_{self.schedule}"

    @property
    def title(self) -> str:
        """One line for people."""
        return f"dense {_WORDS[self.number]} network, {_PASSES[self.schedule]}, 45 nm"

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant used."""
        if self.number == "fp32":
            return (c.FP32_MAC, c.FP32_ADD, c.FP32_MULT, *c.SRAM)
        mac = (c.INT8_MULT,) if self.number == "qnn" else (c.INT8_MAC,)
        return tuple(dict.fromkeys((*mac, c.INT8_ADD, c.INT8_MULT, *c.SRAM)))

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every assumption, one sentence each."""
        return (
            "A dense network of the same layer shapes: one multiply-accumulate and one weight fetch per "
            "synapse and pass (batch 1, no weight reuse, no use of zeros), one read per input and one "
            "write and one compare per output, accumulation in registers; it is not trained, so equal "
            "accuracy is not implied. What is computed element by element is computed in every pass.",
            *(
                (
                    "A multiplication by b-bit activations pays b/8 of the 8-bit one, an access to them "
                    "b/64 of the 64-bit price; b = ceil(log2(T + 1)) with T the mean number of steps.",
                )
                if self.number == "qnn"
                else ()
            ),
        )

    def price(self, row: LayerCounts) -> tuple[EnergyRow, ...]:
        """Price one ledger row."""
        passes = row.samples if self.schedule == "once" else row.steps
        if row.pre is None:  # neurons alone, which are in the row of their synapses, or none of these
            return self._price_elements(row, passes)
        bits = 32 if self.number == "fp32" else 8
        held = self._activation_bits(row)
        mac = c.FP32_MAC.range if self.number == "fp32" else c.INT8_MAC.range
        if self.number == "qnn":
            mac = c.INT8_MULT.range * (held / 8) + c.INT8_ADD.range
        if not row.dense_weights:  # pooling
            mac = c.FP32_ADD.range if self.number == "fp32" else c.INT8_ADD.range
        weight = sram_access((row.dense_weights or 0) * bits / 8, bits)
        read, write = (sram_access(n * held / 8, held) for n in (row.n_pre, row.n_post))
        neuron = c.FP32_ADD.range if self.number == "fp32" else c.INT8_ADD.range
        return energy_rows(
            row.name,
            ("multiply-accumulate", "compute", passes * row.dense_synapses, mac),
            ("weight fetch", "memory", passes * row.dense_synapses, weight),
            ("activation read", "memory", passes * row.n_pre, read),
            ("activation write", "memory", passes * row.n_post, write),
            ("activation function", "neuron", passes * row.n_post, neuron),
        )

    def _price_elements(self, row: LayerCounts, passes: int) -> tuple[EnergyRow, ...]:
        """Price what is computed element by element, in as many passes."""
        add, multiply = (c.FP32_ADD, c.FP32_MULT) if self.number == "fp32" else (c.INT8_ADD, c.INT8_MULT)
        adds, multiplies = (
            getattr(row, field) * passes // max(1, row.steps) for field in self.priced_elements
        )
        return element_rows(row, adds, add.range, multiplies, multiply.range)

    def _activation_bits(self, row: LayerCounts) -> int:
        if self.number == "qnn":
            return max(1, math.ceil(math.log2(row.steps / row.samples + 1))) if row.samples else 1
        return 32 if self.number == "fp32" else 8


BASELINE_NETWORKS = (
    DenseNetwork("fp32"),
    DenseNetwork("int8"),
    DenseNetwork("qnn"),
    DenseNetwork("fp32", "every_step"),
    DenseNetwork("int8", "every_step"),
)

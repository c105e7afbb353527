"""Price dense machines on a ledger: what a graphics processor or a quantised network pays for its layers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from snn.hardware.ledger.ledger import LayerCounts, Ledger
from snn.hardware.targets import chip_constants as chips
from snn.hardware.targets import constants as c
from snn.hardware.targets.constants import Constant, Range, sram_access
from snn.hardware.targets.target import Category, EnergyRow, priced

Number = Literal["fp32", "int8", "qnn"]
Schedule = Literal["once", "every_step"]

_AT_PEAK = Range(0.1, 1.0, 1.0)
_UPDATE_OPS = 3  # decay, add, compare
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

    def __post_init__(self) -> None:
        for field, allowed in (("number", get_args(Number)), ("schedule", get_args(Schedule))):
            if getattr(self, field) not in allowed:
                raise ValueError(f"{field} is {getattr(self, field)!r}; allowed: {', '.join(allowed)}")

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
            return (c.FP32_MAC, c.FP32_ADD, *c.SRAM)
        mac = (c.INT8_MULT,) if self.number == "qnn" else (c.INT8_MAC,)
        return (*mac, c.INT8_ADD, *c.SRAM)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every assumption, one sentence each."""
        return (
            "A dense network of the same layer shapes: one multiply-accumulate and one weight fetch per "
            "synapse and pass (batch 1, no weight reuse, no use of zeros), one read per input and one "
            "write and one compare per output, accumulation in registers; it is not trained, so equal "
            "accuracy is not implied.",
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
        if row.pre is None:
            return ()
        passes = row.samples if self.schedule == "once" else row.steps
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
        lines: tuple[tuple[str, Category, int, Range], ...] = (
            ("multiply-accumulate", "compute", passes * row.dense_synapses, mac),
            ("weight fetch", "memory", passes * row.dense_synapses, weight),
            ("activation read", "memory", passes * row.n_pre, read),
            ("activation write", "memory", passes * row.n_post, write),
            ("activation function", "neuron", passes * row.n_post, neuron),
        )
        return priced(row.name, lines)

    def _activation_bits(self, row: LayerCounts) -> int:
        if self.number == "qnn":
            return max(1, math.ceil(math.log2(row.steps / row.samples + 1))) if row.samples else 1
        return 32 if self.number == "fp32" else 8


@dataclass(frozen=True, slots=True)
class GpuPeak:
    """Price the network run densely, step by step, on a graphics processor at its data-sheet numbers.

    Attributes:
        name: Identifier in the registry.
        machine: The machine and number format in words.
        op: Price of one operation at full use.
        peak_tops: Operations at full use, 1e12 per second.
        utilisation: Share of the peak that is reached: low, assumed, high; 0 < low, high <= 1.

    Raises:
        ValueError: A utilisation outside (0, 1], or a peak that is not above 0.
    """

    name: str
    machine: str
    op: Constant
    peak_tops: float
    utilisation: Range = _AT_PEAK

    splits_memory = False

    def __post_init__(self) -> None:
        if not (0 < self.utilisation.low and self.utilisation.high <= 1):
            raise ValueError(f"{self.name}: utilisation is {self.utilisation}; it must lie in (0, 1]")
        if not self.peak_tops > 0:
            raise ValueError(f"{self.name}: peak_tops is {self.peak_tops!r}; it must be > 0")

    @property
    def title(self) -> str:
        """One line for people."""
        return f"{self.machine}, dense, at {self.utilisation.nominal:.0%} utilisation (data sheet)"

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant used."""
        return (self.op,)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every assumption, one sentence each."""
        low, nominal, high = (
            f"{share:.0%}"
            for share in (self.utilisation.low, self.utilisation.nominal, self.utilisation.high)
        )
        return (
            f"Utilisation {nominal} of the peak (range {low} to {high}): a parameter of the target, not a "
            "measurement; small layers at batch 1 reach far less than the peak.",
            "The network runs densely at every step: two operations per synapse, three per neuron update.",
            "Board power over peak rate contains memory and static power, so there is no compute-only "
            "figure; delay memory is not charged, host and transfers are not counted.",
        )

    @property
    def _share(self) -> Range:
        use = self.utilisation
        return Range(1 / use.high, 1 / use.nominal, 1 / use.low)

    def price(self, row: LayerCounts) -> tuple[EnergyRow, ...]:
        """Price one ledger row."""
        op = self._share * self.op.value
        lines: tuple[tuple[str, Category, int, Range], ...] = (
            ("dense operation", "compute", 2 * row.dense_macs, op),
            ("neuron update", "neuron", _UPDATE_OPS * row.updates_dense, op),
        )
        return priced(row.name, lines)

    def latency_us(self, ledger: Ledger) -> Range:
        """Time over all samples at the peak rate times the utilisation, microseconds."""
        ops = 2 * ledger.total("dense_macs") + _UPDATE_OPS * ledger.total("updates_dense")
        return self._share * (ops / (1e6 * self.peak_tops))


GPUS = (
    GpuPeak("gpu_a100_int8", "NVIDIA A100, int8", chips.A100_INT8, 624),
    GpuPeak("gpu_a100_bf16", "NVIDIA A100, bf16", chips.A100_BF16, 312),
    GpuPeak("gpu_a100_fp32", "NVIDIA A100, fp32", chips.A100_FP32, 19.5),
    GpuPeak("gpu_h100_bf16", "NVIDIA H100, bf16", chips.H100_BF16, 989),
)

ANN_BASELINES = (
    DenseNetwork("fp32"),
    DenseNetwork("int8"),
    DenseNetwork("qnn"),
    DenseNetwork("fp32", "every_step"),
    DenseNetwork("int8", "every_step"),
)

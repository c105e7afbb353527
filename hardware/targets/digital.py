"""Price a ledger on digital cores built of 45 nm operators and memories."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from snn.core.checks import choice, number, whole
from snn.hardware.ledger.ledger import LayerCounts, Ledger
from snn.hardware.targets import horowitz as c
from snn.hardware.targets.constant import Constant, Range
from snn.hardware.targets.memory import hierarchy_access, sram_access
from snn.hardware.targets.target import EnergyRow, element_rows, energy_rows

Updates = Literal["dense", "touched"]
Memory = Literal["interpolated", "hierarchy"]

_MEMORY_TEXT = {
    "interpolated": (
        "Each memory is one SRAM of its layer, as large as what it holds; an access of b bits "
        "pays b/64 of the 64-bit price at that capacity (linear between 0, 8 KiB, 32 KiB and "
        "1 MiB, constant above). Indices of sparse weights are not stored."
    ),
    "hierarchy": (
        "Each memory of a layer lies in the smallest of 8 KiB, 32 KiB and 1 MiB SRAM or in off-chip DRAM that "
        "holds all of it, and every access goes there, no cache in front; an access of b bits pays b/64 of "
        "that level's 64-bit price. Indices of sparse weights are not stored."
    ),
}
_UPDATES_TEXT = {
    "dense": "Every neuron is updated at every step (clock-driven).",
    "touched": (
        "A neuron is updated only in steps in which input reaches it, its decay caught up then; "
        "this is exact only where no bias or drive can make it fire alone."
    ),
}


@dataclass(frozen=True, slots=True)
class Horowitz45:
    """Price an event-driven digital core of 45 nm operators and on-chip SRAM.

    Synaptic work, weight fetch, membrane traffic, delay line, neuron arithmetic and event queue
    are separate lines, after Lemaire et al. 2022 with the access width explicit.

    Attributes:
        name: Identifier in the registry.
        number: Words of the number format, for the title.
        add: Accumulate of one synaptic event.
        mac: Multiply-accumulate of an input that carries a count above one.
        state_add: Addition in the neuron update.
        state_mult: Multiplication in the neuron update.
        weight_bits: Stored bits per weight.
        state_bits: Stored bits per membrane and per delay slot.
        neuron_updates: ``"dense"`` = every neuron every step, ``"touched"`` = where input arrives.
        memory: ``"interpolated"`` = on-chip SRAM of any size, ``"hierarchy"`` = the level that holds it, DRAM
            last.
        clock_ghz: Clock of the latency estimate, GHz, > 0.

    Raises:
        ValueError: A bit width below 1, unknown `neuron_updates` or `memory`, or a clock that is not above 0.
    """

    name: str
    number: str
    add: Constant
    mac: Constant
    state_add: Constant
    state_mult: Constant
    weight_bits: int
    state_bits: int
    neuron_updates: Updates = "dense"
    memory: Memory = "interpolated"
    clock_ghz: float = 1.0

    def __post_init__(self) -> None:
        whole("weight_bits", self.weight_bits, low=1)
        whole("state_bits", self.state_bits, low=1)
        choice("neuron_updates", self.neuron_updates, Updates)
        choice("memory", self.memory, Memory)
        number("clock_ghz", self.clock_ghz, above=0)

    splits_memory = True
    priced_elements = ("element_adds", "element_multiplies")

    @property
    def title(self) -> str:
        """One line for people."""
        memory = ", DRAM behind SRAM" if self.memory == "hierarchy" else ""
        return f"digital event-driven core, {self.number}{memory}, 45 nm (Horowitz 2014 estimates)"

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant used."""
        used = (self.add, self.mac, self.state_add, self.state_mult, c.INT32_ADD, *c.SRAM)
        return tuple(dict.fromkeys(used + ((c.DRAM,) if self.memory == "hierarchy" else ())))

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every assumption, one sentence each."""
        eight = self.add is c.INT8_ADD
        return (
            "An input that carries one spike costs one add per nonzero synapse; one that carries "
            "a count above one, or a real value, costs one multiply-accumulate per nonzero synapse.",
            *(
                (
                    "Synaptic adds are priced at 8 bits, as the convention goes; accumulating in "
                    f"{c.INT32_ADD.value} pJ 32-bit adders would cost "
                    f"{c.INT32_ADD.value / c.INT8_ADD.value:.1f} times as much.",
                )
                if eight
                else ()
            ),
            f"Each active input fetches one {self.weight_bits}-bit weight per nonzero synapse"
            " (and an 8-bit delay where the layer has delays) and pays one 32-bit address add.",
            _MEMORY_TEXT[self.memory],
            _UPDATES_TEXT[self.neuron_updates],
            f"A neuron update reads and writes one {self.state_bits}-bit membrane and costs one "
            f"multiply (decay) and two adds (input, threshold): {self.state_mult.name}, "
            f"{self.state_add.name}.",
            "What is computed element by element pays the operators of the neuron update, operands in registers.",
            f"A delayed synaptic event is written once into and read once from a delay line of "
            f"(largest delay + 1) x neurons slots of {self.state_bits} bits, multiplicity "
            "written out.",
            "Each spike that enters a layer is one 32-bit event written into and read from an "
            "8 KiB queue; there is one core per layer, nothing is placed, and no hop between cores is counted.",
            "Latency is one operation (synaptic event, neuron update, element-wise add or multiply) per cycle of "
            f"{self.clock_ghz:g} GHz, one layer after the other; the clock is a parameter of the target, not a "
            "published number.",
            "Not counted: leakage, clock, control, input encoding"
            + (", off-chip memory." if self.memory == "interpolated" else ", DRAM refresh."),
        )

    def price(self, row: LayerCounts) -> tuple[EnergyRow, ...]:
        """Price one ledger row."""
        access = sram_access if self.memory == "interpolated" else hierarchy_access
        word = self.weight_bits + (8 if row.max_delay else 0)
        weight = access((row.stored_weights or 0) * word / 8, word)
        delay = access(row.delay_slots * self.state_bits / 8, self.state_bits)
        membrane = access(row.n_post * self.state_bits / 8, self.state_bits)
        update = self.state_mult.range + 2 * self.state_add.range
        updates = row.updates_dense if self.neuron_updates == "dense" else row.updates_touched
        add, multiply = self.state_add.range, self.state_mult.range
        elements = element_rows(row, row.element_adds, add, row.element_multiplies, multiply)
        return elements + energy_rows(
            row.name,
            ("synaptic add", "compute", row.acs, self.add.range),
            ("synaptic multiply-add", "compute", row.macs, self.mac.range),
            ("addressing", "memory", row.active_inputs, c.INT32_ADD.range),
            ("weight fetch", "memory", row.active_inputs, weight),
            ("membrane read + write", "memory", updates, 2 * membrane),
            ("delay line write", "memory", row.delay_writes, delay),
            ("delay line read", "memory", row.delay_reads, delay),
            ("neuron update", "neuron", updates, update),
            ("event queue", "routing", row.input_spikes, 2 * access(8 << 10, 32)),
        )

    def latency_us(self, ledger: Ledger) -> Range:
        """Time over all samples: one operation per cycle, layers one after the other, microseconds."""
        updates = "updates_dense" if self.neuron_updates == "dense" else "updates_touched"
        counted = ("active_inputs", updates, *self.priced_elements)
        cycles = sum(ledger.total(field) for field in counted)
        spent = cycles / (1e3 * self.clock_ghz)
        return Range(spent, spent, spent)


_FP32_WORDS, _INT8_WORDS = "32-bit float", "8-bit weights, 32-bit state"
HOROWITZ_FP32 = Horowitz45(
    "horowitz45_fp32", _FP32_WORDS, c.FP32_ADD, c.FP32_MAC, c.FP32_ADD, c.FP32_MULT, 32, 32
)
HOROWITZ_INT8 = Horowitz45(
    "horowitz45_int8", _INT8_WORDS, c.INT8_ADD, c.INT8_MAC, c.INT32_ADD, c.INT32_MULT, 8, 32
)
HOROWITZ_FP32_HIERARCHY = replace(HOROWITZ_FP32, name="horowitz45_fp32_hierarchy", memory="hierarchy")
HOROWITZ_INT8_HIERARCHY = replace(HOROWITZ_INT8, name="horowitz45_int8_hierarchy", memory="hierarchy")

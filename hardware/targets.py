"""Name the machines a ledger can be priced on, and register more.

A target turns one ledger row into priced lines and states every assumption it makes as a sentence;
the report prints them. It never sees a network, only integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from snn.hardware import constants as c
from snn.hardware.constants import Constant, sram_access_pj
from snn.hardware.ledger import LayerCounts

Category = Literal["compute", "memory", "neuron", "routing"]
CATEGORIES: tuple[Category, ...] = get_args(Category)
Updates = Literal["dense", "touched"]


@dataclass(frozen=True, slots=True)
class EnergyRow:
    """Price one kind of operation in one layer.

    Attributes:
        layer: Ledger row it belongs to.
        component: What is paid for, e.g. ``"weight fetch"``.
        category: compute (synaptic arithmetic), memory, neuron or routing.
        count: How often, an exact integer from the ledger.
        price_pj: pJ each.
    """

    layer: str
    component: str
    category: Category
    count: int
    price_pj: float

    @property
    def pj(self) -> float:
        """Energy of this line, pJ."""
        return self.count * self.price_pj


class Target(Protocol):
    """Price ledger rows: what `register_target` accepts.

    `splits_memory` is False where the published price of a synaptic event already contains its
    memory access; such a target has no compute-only figure to compare with others.
    """

    @property
    def name(self) -> str:
        """Identifier in the registry."""

    @property
    def title(self) -> str:
        """One line for people: machine, node, nature of the numbers."""

    @property
    def splits_memory(self) -> bool:
        """Whether arithmetic and memory have separate prices."""

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant that `price` uses."""

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every assumption that `price` makes, one sentence each."""

    def price(self, row: LayerCounts) -> tuple[EnergyRow, ...]:
        """Price one ledger row."""


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

    Raises:
        ValueError: A bit width below 1, or unknown `neuron_updates`.
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

    def __post_init__(self) -> None:
        for field in ("weight_bits", "state_bits"):
            if getattr(self, field) < 1:
                raise ValueError(f"{self.name}: {field} is {getattr(self, field)}; must be >= 1")
        if self.neuron_updates not in get_args(Updates):
            raise ValueError(
                f"{self.name}: neuron_updates is {self.neuron_updates!r}; allowed: {get_args(Updates)}"
            )

    splits_memory = True

    @property
    def title(self) -> str:
        """One line for people."""
        return f"digital event-driven core, {self.number}, 45 nm (Horowitz 2014 estimates)"

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant used."""
        used = (self.add, self.mac, self.state_add, self.state_mult, c.INT32_ADD, *c.SRAM)
        return tuple(dict.fromkeys(used))

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every assumption, one sentence each."""
        eight = self.add is c.INT8_ADD
        return (
            "An input that carries one spike costs one add per nonzero synapse; one that carries "
            "a count above one costs one multiply-accumulate per nonzero synapse.",
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
            "Each memory is one SRAM of its layer, as large as what it holds; an access of b bits "
            "pays b/64 of the 64-bit price at that capacity (linear between 0, 8 KiB, 32 KiB and "
            "1 MiB, constant above). Indices of sparse weights are not stored.",
            _UPDATES_TEXT[self.neuron_updates],
            f"A neuron update reads and writes one {self.state_bits}-bit membrane and costs one "
            f"multiply (decay) and two adds (input, threshold): {self.state_mult.name}, "
            f"{self.state_add.name}.",
            f"A delayed synaptic event is written once into and read once from a delay line of "
            f"(largest delay + 1) x neurons slots of {self.state_bits} bits, multiplicity "
            "written out.",
            "Each spike that enters a layer is one 32-bit event written into and read from an "
            "8 KiB queue; there is no network on chip.",
            "Not counted: leakage, clock, control, off-chip memory, input encoding.",
        )

    def price(self, row: LayerCounts) -> tuple[EnergyRow, ...]:
        """Price one ledger row."""
        word = self.weight_bits + (8 if row.max_delay else 0)
        weight = sram_access_pj(row.synapses * word / 8, word)
        slots = (row.max_delay + 1) * row.n_post
        delay = sram_access_pj(slots * self.state_bits / 8, self.state_bits)
        membrane = sram_access_pj(row.n_post * self.state_bits / 8, self.state_bits)
        update = self.state_mult.value + 2 * self.state_add.value
        updates = row.updates_dense if self.neuron_updates == "dense" else row.updates_touched
        lines: tuple[tuple[str, Category, int, float], ...] = (
            ("synaptic add", "compute", row.acs, self.add.value),
            ("synaptic multiply-add", "compute", row.macs, self.mac.value),
            ("addressing", "memory", row.active_inputs, c.INT32_ADD.value),
            ("weight fetch", "memory", row.active_inputs, weight),
            ("membrane read + write", "memory", updates, 2 * membrane),
            ("delay line write", "memory", row.delay_writes, delay),
            ("delay line read", "memory", row.delay_reads, delay),
            ("neuron update", "neuron", updates, update),
            ("event queue", "routing", row.input_spikes, 2 * sram_access_pj(8 << 10, 32)),
        )
        return tuple(EnergyRow(row.name, *line) for line in lines)


@dataclass(frozen=True, slots=True)
class Loihi1:
    """Price Intel's first Loihi from its published pre-silicon table."""

    name: str = "loihi1"
    title: str = "Loihi 1, 14 nm (pre-silicon simulation, not measured)"
    splits_memory: bool = False
    neurons_per_core: int = 1024

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant used."""
        return (c.LOIHI_SYNOP, c.LOIHI_ACTIVE, c.LOIHI_INACTIVE, c.LOIHI_TILE_SPIKE)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every assumption, one sentence each."""
        return (
            "All Loihi 1 numbers are pre-silicon SPICE figures at 0.75 V; fits to boards by "
            "others lie higher for the synaptic event (24.0 to 35.5 pJ).",
            "The price of a synaptic event (the published minimum) contains its memory access, "
            "so there is no separate memory line and no compute-only figure.",
            "An input count of n is n spikes, each with its own synaptic events.",
            "A neuron with an arrival in a step pays the active update in that step, every other "
            "neuron the inactive one, at every step.",
            f"A spike sends one message inside its tile to each core of {self.neurons_per_core} "
            "neurons that the next layer needs; mesh hops (3.0 to 4.0 pJ each) and the limit of "
            "synaptic memory per core are not modelled.",
            "Delays are inside the price of the synaptic event.",
            "Not counted: leakage, host processors, input and output, synchronisation.",
        )

    def price(self, row: LayerCounts) -> tuple[EnergyRow, ...]:
        """Price one ledger row."""
        idle = row.updates_dense - row.updates_touched
        messages = row.input_spikes * -(-row.n_post // self.neurons_per_core)
        lines: tuple[tuple[str, Category, int, float], ...] = (
            ("synaptic event", "compute", row.synaptic_events, c.LOIHI_SYNOP.value),
            ("active neuron update", "neuron", row.updates_touched, c.LOIHI_ACTIVE.value),
            ("inactive neuron update", "neuron", idle, c.LOIHI_INACTIVE.value),
            ("spike message", "routing", messages, c.LOIHI_TILE_SPIKE.value),
        )
        return tuple(EnergyRow(row.name, *line) for line in lines)


_REGISTRY: dict[str, Target] = {}


def register_target(target: Target) -> None:
    """Add a target, so that `estimate(ledger, target.name)` finds it.

    Raises:
        ValueError: The name is empty or taken.
    """
    if not target.name:
        raise ValueError("target.name is empty; a target needs a name")
    if target.name in _REGISTRY:
        raise ValueError(f"target {target.name!r} is already registered")
    _REGISTRY[target.name] = target


def targets() -> tuple[str, ...]:
    """List the registered target names, in the order of registration."""
    return tuple(_REGISTRY)


def find_target(name: str) -> Target:
    """Give the registered target of that name.

    Raises:
        ValueError: Unknown name; the message lists the known ones.
    """
    if name not in _REGISTRY:
        raise ValueError(f"target is {name!r}; known targets: {', '.join(targets())}")
    return _REGISTRY[name]


_FP32_WORDS, _INT8_WORDS = "32-bit float", "8-bit weights, 32-bit state"
HOROWITZ_FP32 = Horowitz45(
    "horowitz45_fp32", _FP32_WORDS, c.FP32_ADD, c.FP32_MAC, c.FP32_ADD, c.FP32_MULT, 32, 32
)
HOROWITZ_INT8 = Horowitz45(
    "horowitz45_int8", _INT8_WORDS, c.INT8_ADD, c.INT8_MAC, c.INT32_ADD, c.INT32_MULT, 8, 32
)
for _target in (HOROWITZ_FP32, HOROWITZ_INT8, Loihi1()):
    register_target(_target)

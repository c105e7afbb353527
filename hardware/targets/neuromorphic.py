"""Price a ledger on neuromorphic chips, each from its own published numbers.

Accounts differ from chip to chip (what a synaptic event contains, whether static power is in it): the
assumptions of each target say so, and no constant of one is mixed into another.
"""

from __future__ import annotations

from dataclasses import dataclass

from snn.hardware.ledger.ledger import LayerCounts, Ledger
from snn.hardware.targets import chip_constants as c
from snn.hardware.targets.constants import Constant, Range
from snn.hardware.targets.target import Category, EnergyRow, priced


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
        lines: tuple[tuple[str, Category, int, Range], ...] = (
            ("synaptic event", "compute", row.synaptic_events, c.LOIHI_SYNOP.range),
            ("active neuron update", "neuron", row.updates_touched, c.LOIHI_ACTIVE.range),
            ("inactive neuron update", "neuron", idle, c.LOIHI_INACTIVE.range),
            ("spike message", "routing", messages, c.LOIHI_TILE_SPIKE.range),
        )
        return priced(row.name, lines)


@dataclass(frozen=True, slots=True)
class LoihiBoard:
    """Price Loihi 1 from constants that SANA-FE fitted to boards."""

    name: str = "loihi1_board"
    title: str = "Loihi 1, 14 nm (fitted to boards by SANA-FE)"
    splits_memory: bool = False
    neurons_per_core: int = 1024

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant used."""
        return (c.BOARD_SYNOP, c.BOARD_ACCESS, c.BOARD_UPDATE, c.BOARD_FIRE, c.BOARD_MESSAGE, c.BOARD_SYNC)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every assumption, one sentence each."""
        return (
            "Board-fitted constants: their authors report 11.7 % error in energy and 24.3 % in latency "
            "(read at second hand); they are not to be added to the pre-silicon ones.",
            "A synaptic event takes the price of a sparse synapse; the range spans convolutional to dense.",
            "The price of a synaptic event contains its memory access: there is no compute-only figure.",
            "Every neuron pays a state access at every step, an update where input arrives, and a firing on "
            "each spike.",
            f"A spike sends one message to each core of {self.neurons_per_core} neurons that the next "
            "layer needs; mesh hops (3.0 to 4.2 pJ each) and the limit of synaptic memory per core are "
            "not modelled.",
            "Latency is the barrier between steps alone, a lower bound: work inside a step is not timed.",
            "Not counted: static power, host processors, input and output.",
        )

    def price(self, row: LayerCounts) -> tuple[EnergyRow, ...]:
        """Price one ledger row."""
        messages = row.input_spikes * -(-row.n_post // self.neurons_per_core)
        lines: tuple[tuple[str, Category, int, Range], ...] = (
            ("synaptic event", "compute", row.synaptic_events, c.BOARD_SYNOP.range),
            ("soma access", "neuron", row.updates_dense, c.BOARD_ACCESS.range),
            ("soma update", "neuron", row.updates_touched, c.BOARD_UPDATE.range),
            ("soma firing", "neuron", row.output_spikes, c.BOARD_FIRE.range),
            ("spike message", "routing", messages, c.BOARD_MESSAGE.range),
        )
        return priced(row.name, lines)

    def latency_us(self, ledger: Ledger) -> Range:
        """Time of the barriers over all samples, microseconds: a lower bound."""
        return c.BOARD_SYNC.range * ledger.steps


@dataclass(frozen=True, slots=True)
class TrueNorth:
    """Price IBM's TrueNorth: the marginal cost of each event, and static power of the cores in use."""

    name: str = "truenorth"
    title: str = "TrueNorth, 28 nm (marginal events + static power of the cores used)"
    splits_memory: bool = False
    core_size: int = 256
    step_ms: float = 1.0

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant used."""
        return (c.TRUENORTH_SYNOP, c.TRUENORTH_HOP, c.TRUENORTH_STATIC)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every assumption, one sentence each."""
        return (
            "An event pays its marginal price; the often quoted 26 pJ is the whole chip, static power "
            "included, over its events at 20 Hz and 128 synapses a neuron, and holds at that rate only "
            "(this account gives 18 pJ there).",
            f"A layer fills ceil(inputs / {self.core_size}) x ceil(neurons / {self.core_size}) cores; only "
            f"their static power is charged, for {self.step_ms:g} ms a step; joining the parts of a wide "
            "fan-in costs nothing here.",
            "Static power contains clock, leakage and the update of idle neurons, so updates have no line of "
            "their own.",
            "A spike makes one hop to each core that needs it: distances on the mesh are not modelled.",
            "Weights of any precision and delays of any length are priced as the chip's own; it holds "
            "four weights per neuron and 15 steps.",
            "Not counted: input and output, host.",
        )

    def price(self, row: LayerCounts) -> tuple[EnergyRow, ...]:
        """Price one ledger row."""
        fed = -(-row.n_post // self.core_size)
        cores = fed * max(1, -(-row.n_pre // self.core_size))
        static = c.TRUENORTH_STATIC.range * (1e3 * self.step_ms)
        lines: tuple[tuple[str, Category, int, Range], ...] = (
            ("synaptic event", "compute", row.synaptic_events, c.TRUENORTH_SYNOP.range),
            ("spike hop", "routing", row.input_spikes * fed, c.TRUENORTH_HOP.range),
            ("static power", "static", cores * row.steps, static),
        )
        return priced(row.name, lines)

    def latency_us(self, ledger: Ledger) -> Range:
        """Time over all samples at one tick per step, microseconds."""
        spent = 1e3 * self.step_ms * ledger.steps
        return Range(spent, spent, spent)


@dataclass(frozen=True, slots=True)
class SpiNNaker:
    """Price SpiNNaker 1 or the SpiNNaker 2 prototype: software on small cores.

    Attributes:
        name: Identifier in the registry.
        title: One line for people.
        synop: Price of a synaptic event.
        update: Price of a neuron update.
        step_ms: Real time per step, ms.
    """

    name: str
    title: str
    synop: Constant
    update: Constant
    step_ms: float = 1.0

    splits_memory = False

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant used."""
        return (self.synop, self.update)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every assumption, one sentence each."""
        return (
            "Both prices are of one account (Höppner et al. 2019); others print far smaller numbers for "
            "the same chips with another account, and the two must not be mixed.",
            "The price of a synaptic event contains its memory access: there is no compute-only figure.",
            "Every neuron is updated at every step; an input count of n is n spikes.",
            f"Latency is real time at {self.step_ms:g} ms a step; whether the cores keep up is not checked.",
            "Not counted: idle cores, the network on chip beyond what the prices contain, input and output, "
            "host.",
        )

    def price(self, row: LayerCounts) -> tuple[EnergyRow, ...]:
        """Price one ledger row."""
        lines: tuple[tuple[str, Category, int, Range], ...] = (
            ("synaptic event", "compute", row.synaptic_events, self.synop.range),
            ("neuron update", "neuron", row.updates_dense, self.update.range),
        )
        return priced(row.name, lines)

    def latency_us(self, ledger: Ledger) -> Range:
        """Time over all samples in real time, microseconds."""
        spent = 1e3 * self.step_ms * ledger.steps
        return Range(spent, spent, spent)


SPINNAKER1 = SpiNNaker(
    "spinnaker1", "SpiNNaker 1, 130 nm (measured, software)", c.SPINNAKER1_SYNOP, c.SPINNAKER1_UPDATE
)
SPINNAKER2 = SpiNNaker(
    "spinnaker2",
    "SpiNNaker 2 prototype, 28 nm (measured, software)",
    c.SPINNAKER2_SYNOP,
    c.SPINNAKER2_UPDATE,
)

"""Price a ledger on Intel's Loihi 1, from two accounts that must not be mixed.

`Loihi1` takes the published pre-silicon simulation, `LoihiBoard` constants that others fitted to boards.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from snn.core.checks import whole
from snn.hardware.ledger.ledger import LayerCounts, Ledger
from snn.hardware.targets.constant import Constant, Range
from snn.hardware.targets.target import EnergyRow, energy_rows

_simulated = partial(
    Constant,
    node="14 nm",
    kind="simulated",
    source=(
        "M. Davies et al., Loihi: a neuromorphic manycore processor with on-chip learning, "
        "IEEE Micro 38(1), 2018, Table 2 (pre-silicon SPICE)"
    ),
    voltage_v=0.75,
)
SYNAPTIC_EVENT = _simulated(
    "loihi1_synop", 23.6, "pJ/synaptic event", includes="minimum per event; weight memory and accumulation"
)
ACTIVE_UPDATE = _simulated(
    "loihi1_update_active", 81.0, "pJ/neuron update", includes="update of a neuron with input, its memory"
)
INACTIVE_UPDATE = _simulated(
    "loihi1_update_inactive", 52.0, "pJ/neuron update", includes="update of a neuron at rest, its memory"
)
TILE_SPIKE = _simulated(
    "loihi1_tile_spike", 1.7, "pJ/spike message", includes="a spike inside its tile, without mesh hops"
)

_fitted = partial(
    Constant,
    node="14 nm",
    kind="fit",
    source=(
        "J. A. Boyle et al., SANA-FE: simulating advanced neuromorphic architectures for fast exploration, "
        "2025, constants fitted to Loihi 1 boards; read in its released architecture file"
    ),
    voltage_v=0.75,
)
BOARD_SYNAPTIC_EVENT = _fitted(
    "loihi1_board_synop",
    33.6,
    "pJ/synaptic event",
    includes="sparse synapse; weight memory and accumulation, no static power",
    low=24.0,
    high=35.5,
    range_source="the same fit: 24.0 for convolutional, 35.5 for dense synapses",
)
BOARD_ACCESS = _fitted(
    "loihi1_board_soma_access",
    51.2,
    "pJ/neuron and step",
    includes="state access of every neuron at every step",
)
BOARD_UPDATE = _fitted(
    "loihi1_board_soma_update", 21.6, "pJ/neuron update", includes="update of a neuron with input"
)
BOARD_FIRE = _fitted("loihi1_board_soma_fire", 69.3, "pJ/spike", includes="a neuron that fires")
BOARD_MESSAGE = _fitted(
    "loihi1_board_message", 111.0, "pJ/spike message", includes="one message to one core, without hops"
)
BOARD_BARRIER = _fitted(
    "loihi1_board_sync",
    0.6,
    "us/step",
    includes="barrier between time steps over one tile; no work inside the step",
    low=0.6,
    high=1.8,
    range_source="the same file: 0.6 us over 1 tile, 1.8 us over 29",
)


@dataclass(frozen=True, slots=True)
class Loihi1:
    """Price Intel's first Loihi from its published pre-silicon table.

    Attributes:
        name: Identifier in the registry.
        title: One line for people.
        neurons_per_core: Neurons that one core holds, >= 1.

    Raises:
        ValueError: A core without neurons.
    """

    name: str = "loihi1"
    title: str = "Loihi 1, 14 nm (pre-silicon simulation, not measured)"
    neurons_per_core: int = 1024

    splits_memory = False

    def __post_init__(self) -> None:
        cores = whole("neurons_per_core", self.neurons_per_core, low=1)
        object.__setattr__(self, "neurons_per_core", cores)

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant used."""
        return (SYNAPTIC_EVENT, ACTIVE_UPDATE, INACTIVE_UPDATE, TILE_SPIKE)

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
        return energy_rows(
            row.name,
            ("synaptic event", "compute", row.synaptic_events, SYNAPTIC_EVENT.range),
            ("active neuron update", "neuron", row.updates_touched, ACTIVE_UPDATE.range),
            ("inactive neuron update", "neuron", idle, INACTIVE_UPDATE.range),
            ("spike message", "routing", messages, TILE_SPIKE.range),
        )


@dataclass(frozen=True, slots=True)
class LoihiBoard:
    """Price Loihi 1 from constants that SANA-FE fitted to boards.

    Attributes:
        name: Identifier in the registry.
        title: One line for people.
        neurons_per_core: Neurons that one core holds, >= 1.

    Raises:
        ValueError: A core without neurons.
    """

    name: str = "loihi1_board"
    title: str = "Loihi 1, 14 nm (fitted to boards by SANA-FE)"
    neurons_per_core: int = 1024

    splits_memory = False

    def __post_init__(self) -> None:
        cores = whole("neurons_per_core", self.neurons_per_core, low=1)
        object.__setattr__(self, "neurons_per_core", cores)

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant used."""
        return (BOARD_SYNAPTIC_EVENT, BOARD_ACCESS, BOARD_UPDATE, BOARD_FIRE, BOARD_MESSAGE, BOARD_BARRIER)

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
        return energy_rows(
            row.name,
            ("synaptic event", "compute", row.synaptic_events, BOARD_SYNAPTIC_EVENT.range),
            ("soma access", "neuron", row.updates_dense, BOARD_ACCESS.range),
            ("soma update", "neuron", row.updates_touched, BOARD_UPDATE.range),
            ("soma firing", "neuron", row.output_spikes, BOARD_FIRE.range),
            ("spike message", "routing", messages, BOARD_MESSAGE.range),
        )

    def latency_us(self, ledger: Ledger) -> Range:
        """Time of the barriers over all samples, microseconds: a lower bound."""
        return BOARD_BARRIER.range * ledger.steps

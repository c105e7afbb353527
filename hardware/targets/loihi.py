"""Price a ledger on Intel's Loihi 1, from two accounts that must not be mixed.

`Loihi1` takes the published pre-silicon simulation, `LoihiBoard` constants that others fitted to boards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from snn.core.checks import number, whole
from snn.hardware.ledger.ledger import LayerCounts, Ledger
from snn.hardware.targets.constant import Constant, Range
from snn.hardware.targets.target import Category, EnergyRow, energy_rows

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
_TO_BOARDS = "the fit of SANA-FE to boards, whose account may hold more"
SYNAPTIC_EVENT = _simulated(
    "loihi1_synop",
    23.6,
    "pJ/synaptic event",
    includes="minimum per event; weight memory and accumulation",
    high=35.5,
    range_source="high end: dense synapses in " + _TO_BOARDS,
)
ACTIVE_UPDATE = _simulated(
    "loihi1_update_active",
    81.0,
    "pJ/neuron update",
    includes="update of a neuron with input, its memory",
    low=72.8,
    range_source="low end: access and update, 51.2 + 21.6 pJ, in " + _TO_BOARDS,
)
INACTIVE_UPDATE = _simulated(
    "loihi1_update_inactive",
    52.0,
    "pJ/neuron update",
    includes="update of a neuron without input, its memory",
    low=51.2,
    high=81.0,
    range_source=(
        "low end: access alone in "
        + _TO_BOARDS
        + "; high end: the active update, for the table does not say "
        "whether a neuron that decays without input counts as active"
    ),
)
TILE_SPIKE = _simulated(
    "loihi1_tile_spike",
    1.7,
    "pJ/spike message",
    includes="a spike inside its tile, without mesh hops",
    high=111.0,
    range_source="high end: a message that leaves its core in " + _TO_BOARDS,
)
HOP = _simulated(
    "loihi1_hop",
    3.5,
    "pJ/hop",
    includes="a spike from one tile to the next; the mean of both directions",
    low=3.0,
    high=4.0,
    range_source="the same table: 3.0 east or west, 4.0 north or south",
)

_ERROR = 0.117
_fitted = partial(
    Constant,
    node="14 nm",
    kind="fit",
    source=(
        "J. A. Boyle et al., SANA-FE: simulating advanced neuromorphic architectures for fast exploration, "
        "2025, and its released file arch/loihi.yaml. The head of that file says SPICE and Davies et al. 2018, but "
        "none of its energies save the hop east or west stands in that table; the paper, read at second hand, "
        "calls them fitted to Loihi 1 boards"
    ),
    voltage_v=0.75,
)


def _board(name: str, value: float, unit: str, includes: str) -> Constant:
    """Make a fitted constant, as uncertain as the whole fit."""
    return _fitted(
        f"loihi1_board_{name}",
        value,
        unit,
        includes=includes,
        low=round(value * (1 - _ERROR), 4),
        high=round(value * (1 + _ERROR), 4),
        range_source="the error in energy that the authors report for the fit as a whole, 11.7 %",
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
BOARD_ACCESS = _board("soma_access", 51.2, "pJ/neuron and step", "state access of every neuron at every step")
BOARD_UPDATE = _board(
    "soma_update",
    21.6,
    "pJ/neuron update",
    "update of a neuron with input, bias or a potential that is not zero",
)
BOARD_FIRE = _board("soma_fire", 69.3, "pJ/spike", "a neuron that fires")
BOARD_MESSAGE = _board("message", 111.0, "pJ/spike message", "one message to one core, without hops")
BOARD_HOP = _fitted(
    "loihi1_board_hop",
    3.6,
    "pJ/hop",
    includes="a message from one tile to the next; the mean of both directions",
    low=3.0,
    high=4.2,
    range_source="the same file: 3.0 east or west, 4.2 north or south",
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


def _messages(row: LayerCounts, neurons_per_core: int) -> int:
    return row.input_spikes * -(-row.n_post // neurons_per_core)


def _updates_of_state(row: LayerCounts) -> int:
    """Bound the steps in which a neuron has no input and yet a potential: from an arrival to the sample's end."""
    per_sample = -(-row.steps // row.samples) if row.samples else 0
    return min(row.updates_dense, row.updates_touched * per_sample) - row.updates_touched


def _hops(messages: int, hop: Constant, hops: float) -> tuple[tuple[str, Category, int, Range], ...]:
    """Give the line of the mesh, where messages make hops on it."""
    return (("mesh hop", "routing", messages, hop.range * hops),) if hops else ()


def _hops_text(hops: float, low: float, high: float) -> str:
    """Say what a message pays on its way between cores."""
    if hops:
        return (
            f"Each message makes {hops:g} hops on the mesh on average, {low:g} to {high:g} pJ each: your "
            "placement; nothing is placed here."
        )
    return (
        f"Cores are not placed: a message pays no hop on the mesh, {low:g} to {high:g} pJ each; give the mean of a "
        "placement as `hops_per_message`."
    )


@dataclass(frozen=True, slots=True)
class Loihi1:
    """Price Intel's first Loihi from its published pre-silicon table.

    Attributes:
        name: Identifier in the registry.
        title: One line for people.
        neurons_per_core: Neurons that one core holds, >= 1.
        hops_per_message: Mean hops that a spike message makes between tiles, >= 0: a placement of yours.

    Raises:
        ValueError: A core without neurons, or a number of hops that is negative or not finite.
    """

    name: str = "loihi1"
    title: str = "Loihi 1, 14 nm (pre-silicon simulation, not measured)"
    neurons_per_core: int = 1024
    hops_per_message: float = 0.0

    splits_memory = False

    def __post_init__(self) -> None:
        cores = whole("neurons_per_core", self.neurons_per_core, low=1)
        object.__setattr__(self, "neurons_per_core", cores)
        hops = number("hops_per_message", self.hops_per_message, low=0)
        object.__setattr__(self, "hops_per_message", hops)

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant used."""
        used = (SYNAPTIC_EVENT, ACTIVE_UPDATE, INACTIVE_UPDATE, TILE_SPIKE)
        return (*used, HOP) if self.hops_per_message else used

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
            "neurons that the next layer needs; the limit of synaptic memory per core is not modelled.",
            _hops_text(self.hops_per_message, 3.0, 4.0),
            "Delays are inside the price of the synaptic event.",
            "Not counted: leakage, host processors, input and output, synchronisation.",
        )

    def price(self, row: LayerCounts) -> tuple[EnergyRow, ...]:
        """Price one ledger row."""
        idle = row.updates_dense - row.updates_touched
        messages = _messages(row, self.neurons_per_core)
        return energy_rows(
            row.name,
            ("synaptic event", "compute", row.synaptic_events, SYNAPTIC_EVENT.range),
            ("active neuron update", "neuron", row.updates_touched, ACTIVE_UPDATE.range),
            ("inactive neuron update", "neuron", idle, INACTIVE_UPDATE.range),
            ("spike message", "routing", messages, TILE_SPIKE.range),
            *_hops(messages, HOP, self.hops_per_message),
        )


@dataclass(frozen=True, slots=True)
class LoihiBoard:
    """Price Loihi 1 from constants that SANA-FE fitted to boards.

    Attributes:
        name: Identifier in the registry.
        title: One line for people.
        neurons_per_core: Neurons that one core holds, >= 1.
        hops_per_message: Mean hops that a spike message makes between tiles, >= 0: a placement of yours.

    Raises:
        ValueError: A core without neurons, or a number of hops that is negative or not finite.
    """

    name: str = "loihi1_board"
    title: str = "Loihi 1, 14 nm (fitted to boards by SANA-FE)"
    neurons_per_core: int = 1024
    hops_per_message: float = 0.0

    splits_memory = False

    def __post_init__(self) -> None:
        cores = whole("neurons_per_core", self.neurons_per_core, low=1)
        object.__setattr__(self, "neurons_per_core", cores)
        hops = number("hops_per_message", self.hops_per_message, low=0)
        object.__setattr__(self, "hops_per_message", hops)

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant used."""
        used = (BOARD_SYNAPTIC_EVENT, BOARD_ACCESS, BOARD_UPDATE, BOARD_FIRE, BOARD_MESSAGE, BOARD_BARRIER)
        return (*used, BOARD_HOP) if self.hops_per_message else used

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every assumption, one sentence each."""
        return (
            "Board-fitted constants: their authors report 11.7 % error in energy and 24.3 % in latency "
            "(read at second hand); they are not to be added to the pre-silicon ones.",
            "A synaptic event takes the price of a sparse synapse; the range spans convolutional to dense.",
            "The price of a synaptic event contains its memory access: there is no compute-only figure.",
            "Every neuron pays a state access at every step and a firing on each spike. It is updated where input "
            "arrives, and in steps without input while its potential is not zero. How many those are is not "
            "counted: every step of a sample behind the first arrival is charged, at most; the low end has none. "
            "Neurons that a bias alone moves are not charged.",
            f"A spike sends one message to each core of {self.neurons_per_core} neurons that the next "
            "layer needs; the limit of synaptic memory per core is not modelled.",
            _hops_text(self.hops_per_message, 3.0, 4.2),
            "Latency is the barrier between steps alone, a lower bound: work inside a step is not timed.",
            "Not counted: static power, host processors, input and output.",
        )

    def price(self, row: LayerCounts) -> tuple[EnergyRow, ...]:
        """Price one ledger row."""
        messages = _messages(row, self.neurons_per_core)
        return energy_rows(
            row.name,
            ("synaptic event", "compute", row.synaptic_events, BOARD_SYNAPTIC_EVENT.range),
            ("soma access", "neuron", row.updates_dense, BOARD_ACCESS.range),
            ("soma update", "neuron", row.updates_touched, BOARD_UPDATE.range),
            ("soma update, no input", "neuron", _updates_of_state(row), replace(BOARD_UPDATE.range, low=0.0)),
            ("soma firing", "neuron", row.output_spikes, BOARD_FIRE.range),
            ("spike message", "routing", messages, BOARD_MESSAGE.range),
            *_hops(messages, BOARD_HOP, self.hops_per_message),
        )

    def latency_us(self, ledger: Ledger) -> Range:
        """Time of the barriers over all samples, microseconds: a lower bound."""
        return BOARD_BARRIER.range * ledger.steps

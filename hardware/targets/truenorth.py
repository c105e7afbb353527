"""Price a ledger on IBM's TrueNorth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from snn.core.checks import number, whole
from snn.hardware.ledger.ledger import LayerCounts, Ledger
from snn.hardware.targets.constant import ALONE, Constant, Range
from snn.hardware.targets.target import EnergyRow, energy_rows

_truenorth = partial(
    Constant,
    node="28 nm",
    source=(
        "P. Merolla et al., Science 345, 2014 and F. Akopyan et al., IEEE TCAD 34(10), 2015, rate sweep; "
        "the marginal part after a secondary analysis"
    ),
)
SYNAPTIC_EVENT = _truenorth(
    "truenorth_marginal_synop",
    2.4,
    "pJ/synaptic event",
    kind="derived",
    includes="marginal cost of one more event; no static power, no update of the neurons",
    voltage_v=0.8,
    low=2.3,
    high=2.5,
    range_source="the same analysis",
)
HOP = _truenorth(
    "truenorth_hop",
    2.3,
    "pJ/hop",
    kind="derived",
    includes="a spike from one router to the next",
    range_source=ALONE,
)
STATIC = _truenorth(
    "truenorth_static",
    10.3,
    "nJ/core and ms",
    kind="measured",
    includes="42 mW of a chip over its 4096 cores: leakage, clock and idle neurons",
    voltage_v=0.8,
    range_source=ALONE,
)


@dataclass(frozen=True, slots=True)
class TrueNorth:
    """Price IBM's TrueNorth: the marginal cost of each event, and static power of the cores in use.

    Attributes:
        name: Identifier in the registry.
        title: One line for people.
        core_size: Inputs and neurons of one core, >= 1.
        step_ms: Real time per step, ms, > 0.
        hops_per_message: Mean hops of a spike to each core that needs it, >= 0: a placement of yours.

    Raises:
        ValueError: A core without neurons, a step that takes no time, or hops that are negative or not finite.
    """

    name: str = "truenorth"
    title: str = "TrueNorth, 28 nm (marginal events + static power of the cores used)"
    core_size: int = 256
    step_ms: float = 1.0
    hops_per_message: float = 1.0

    splits_memory = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "core_size", whole("core_size", self.core_size, low=1))
        object.__setattr__(self, "step_ms", number("step_ms", self.step_ms, above=0))
        hops = number("hops_per_message", self.hops_per_message, low=0)
        object.__setattr__(self, "hops_per_message", hops)

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant used."""
        return (SYNAPTIC_EVENT, HOP, STATIC)

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
            f"Cores are not placed. Hops of a spike to each core that needs it: {self.hops_per_message:g}; give "
            "the mean of a placement as `hops_per_message`.",
            "Weights of any precision and delays of any length are priced as the chip's own; it holds "
            "four weights per neuron and 15 steps.",
            "Not counted: input and output, host.",
        )

    def price(self, row: LayerCounts) -> tuple[EnergyRow, ...]:
        """Price one ledger row."""
        fed = -(-row.n_post // self.core_size)
        cores = fed * max(1, -(-row.n_pre // self.core_size))
        static = STATIC.range * (1e3 * self.step_ms)
        return energy_rows(
            row.name,
            ("synaptic event", "compute", row.synaptic_events, SYNAPTIC_EVENT.range),
            ("spike hop", "routing", row.input_spikes * fed, HOP.range * self.hops_per_message),
            ("static power", "static", cores * row.steps, static),
        )

    def latency_us(self, ledger: Ledger) -> Range:
        """Time over all samples at one tick per step, microseconds."""
        spent = 1e3 * self.step_ms * ledger.steps
        return Range(spent, spent, spent)

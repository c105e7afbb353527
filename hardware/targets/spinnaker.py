"""Price a ledger on SpiNNaker 1 and the SpiNNaker 2 prototype."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from snn.core.checks import number
from snn.hardware.ledger.ledger import LayerCounts, Ledger
from snn.hardware.targets.constant import ALONE, Constant, Range
from snn.hardware.targets.target import EnergyRow, energy_rows

_measured = partial(
    Constant,
    kind="measured",
    source=(
        "S. Höppner et al., Dynamic power management for neuromorphic many-core systems, IEEE TCAS-I 66(8), 2019; "
        "read in the device table of KerasSpiking"
    ),
    range_source=ALONE
    + "; tables with other accounts print 45 and 10 pJ for the same events, and are not an end of it",
)
_event = partial(_measured, unit="pJ/synaptic event")
_update = partial(_measured, unit="pJ/neuron update", includes="software, every step")


@dataclass(frozen=True, slots=True)
class SpiNNaker:
    """Price SpiNNaker 1 or the SpiNNaker 2 prototype: software on small cores.

    Attributes:
        name: Identifier in the registry.
        title: One line for people.
        synop: Price of a synaptic event.
        update: Price of a neuron update.
        step_ms: Real time per step, ms, > 0.

    Raises:
        ValueError: A step that takes no time.
    """

    name: str
    title: str
    synop: Constant
    update: Constant
    step_ms: float = 1.0

    splits_memory = False

    def __post_init__(self) -> None:
        number("step_ms", self.step_ms, above=0)

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
            "Cores are not placed: hops of spikes between them are not counted beyond what the prices contain.",
            "Not counted: idle cores, input and output, host.",
        )

    def price(self, row: LayerCounts) -> tuple[EnergyRow, ...]:
        """Price one ledger row."""
        return energy_rows(
            row.name,
            ("synaptic event", "compute", row.synaptic_events, self.synop.range),
            ("neuron update", "neuron", row.updates_dense, self.update.range),
        )

    def latency_us(self, ledger: Ledger) -> Range:
        """Time over all samples in real time, microseconds."""
        spent = 1e3 * self.step_ms * ledger.steps
        return Range(spent, spent, spent)


SPINNAKER1 = SpiNNaker(
    "spinnaker1",
    "SpiNNaker 1, 130 nm (measured, software)",
    _event("spinnaker1_synop", 13_300.0, node="130 nm", includes="software on the core, its memory"),
    _update("spinnaker1_update", 26_000.0, node="130 nm"),
)
SPINNAKER2 = SpiNNaker(
    "spinnaker2",
    "SpiNNaker 2 prototype, 28 nm (measured, software)",
    _event("spinnaker2_synop", 450.0, node="28 nm prototype", includes="software, its memory"),
    _update("spinnaker2_update", 2_190.0, node="28 nm prototype"),
)

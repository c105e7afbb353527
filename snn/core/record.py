"""Say what a run keeps (`Record`), and hold what it kept (`Recording`, `Counts`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from snn.core.arrays import Float64Array, PathLike, RealArray
from snn.core.events import Events

if TYPE_CHECKING:
    from snn.core.state import SimulationState


@dataclass(frozen=True, slots=True)
class Record:
    """Name the populations whose spikes and membranes are kept."""

    spikes: Sequence[str] | None = None
    """Populations whose spikes are kept; None keeps those of every population with neurons."""
    v: Sequence[str] = ()
    """Populations whose membrane is kept in every step, after reset."""

    def __post_init__(self) -> None:
        for name in ("spikes", "v"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise TypeError(f"{name} must be a list of population names, got {value!r}")
            if value is not None:
                object.__setattr__(self, name, tuple(value))


@dataclass(frozen=True, slots=True)
class Counts:
    """Count what happened: integers that describe the network, not the engine that ran it.

    Counts of consecutive runs add up (`+`): `a + b` is the ledger of the uncut run.
    """

    spikes: dict[str, int] = field(default_factory=dict)
    """Spikes with multiplicity, per population."""
    updates_dense: dict[str, int] = field(default_factory=dict)
    """Neurons x steps, per population with neurons: what a clocked machine updates."""
    updates_touched: dict[str, int] = field(default_factory=dict)
    """Neuron-steps with an arrival over a nonzero weight, noise included, per population with neurons."""
    synaptic_events: dict[str, int] = field(default_factory=dict)
    """Spikes x nonzero fan-out, with multiplicity, at emission, per projection."""
    active_inputs: dict[str, int] = field(default_factory=dict)
    """Fan-out of the (unit, step) pairs with a spike, per projection."""
    macs: dict[str, int] = field(default_factory=dict)
    """Fan-out of the (unit, step) pairs with several: one multiplication each, per projection."""
    delay_writes: dict[str, int] = field(default_factory=dict)
    """Synaptic events emitted over a delay of at least one step, per projection."""
    delay_reads: dict[str, int] = field(default_factory=dict)
    """Synaptic events that arrived in the run over such a delay, per projection."""
    noise_events: dict[str, int] = field(default_factory=dict)
    """Poisson spikes drawn, per population with noise."""
    delay_slots: dict[str, int] = field(default_factory=dict)
    """Size of the delay buffer, per projection: (largest delay + 1) x receivers, 0 without delays.

    A capacity, not a total: it is the same in every run of a network. The assumption is a ring of one
    accumulator per receiver and step ahead, as clocked and neuromorphic hardware keeps it.
    """
    samples: int = 0
    """Samples covered."""
    steps: int = 0
    """Valid steps, summed over the samples."""
    continued: bool = False
    """The run took up a state: its samples were counted by the run before."""

    def __add__(self, other: Counts) -> Counts:
        """Add the ledger of another run, or of the continuation of this one."""
        totals = {"delay_slots": _same(self.delay_slots, other.delay_slots)}
        for name in (f.name for f in fields(self) if f.name not in _NOT_ADDED):
            mine, theirs = getattr(self, name), getattr(other, name)
            keys = dict.fromkeys([*mine, *theirs])
            totals[name] = {key: mine.get(key, 0) + theirs.get(key, 0) for key in keys}
        return Counts(
            **totals,
            samples=self.samples + (0 if other.continued else other.samples),
            steps=self.steps + other.steps,
            continued=self.continued,
        )

    def delay_bytes(self, bits: int = 32) -> dict[str, int]:
        """Give the size of the delay buffer of each projection at `bits` bits a slot, bytes, rounded up.

        Raises:
            ValueError: `bits` is below 1.
        """
        if bits < 1:
            raise ValueError(f"bits is {bits}; a delay slot needs >= 1")
        return {name: -(-slots * bits // 8) for name, slots in self.delay_slots.items()}


_NOT_ADDED = ("delay_slots", "samples", "steps", "continued")


def _same(mine: dict[str, int], theirs: dict[str, int]) -> dict[str, int]:
    """Join two sets of sizes, which may not differ where both speak."""
    for name in mine.keys() & theirs.keys():
        if mine[name] != theirs[name]:
            raise ValueError(
                f"delay_slots of {name!r}: {theirs[name]}, expected {mine[name]}: another network"
            )
    return mine | theirs


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Hold what a run kept."""

    spikes: dict[str, Events]
    """Spikes per recorded population; each sample lasts its own number of steps."""
    v: dict[str, Float64Array]
    """Membrane after reset, [T, B, N], per recorded population; NaN past a sample's length."""
    counts: Counts
    """What happened, as integers."""
    state: SimulationState
    """Everything in flight at the end of each sample: pass it on as `state=` to continue."""

    @property
    def weights(self) -> dict[str, RealArray]:
        """Weights at the end, [B, S], per projection that learns, in the order of `Network.synapses`."""
        return self.state.weights

    @classmethod
    def load(cls, path: PathLike) -> Recording:
        """Read the folder that `stream` wrote, whole or as far as it came.

        Raises:
            FileNotFoundError: No recording is there.
            ValueError: A file of it is broken, of another version, or missing.
        """
        from snn.core.files import recordings

        return recordings.load(path)

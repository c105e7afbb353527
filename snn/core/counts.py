"""Count what happened in a run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from snn.core.checks import flag, refusal, whole
from snn.core.files.tree import fields_of


@dataclass(frozen=True, slots=True)
class Counts:
    """Count what happened: integers that describe the network, not the engine that ran it.

    Counts of consecutive runs add up (`+`): `a + b` is the ledger of the uncut run.

    Attributes:
        spikes: Spikes with multiplicity, per population.
        updates_dense: Neurons x steps, per population with neurons: what a clocked machine updates.
        updates_touched: Neuron-steps with an arrival over a nonzero weight, noise included, per population
            with neurons.
        synaptic_events: Spikes x nonzero fan-out, with multiplicity, at emission, per projection.
        active_inputs: Fan-out of the (unit, step) pairs with a spike, per projection.
        macs: Fan-out of the (unit, step) pairs with several: one multiplication each, per projection.
        delay_writes: Synaptic events emitted over a delay of at least one step, per projection.
        delay_reads: Synaptic events that arrived in the run over such a delay, per projection.
        layer_counts: What passed through the layers of each projection written from several (`Projection.layers`),
            by "projection:layer:count": `input_spikes`, `synaptic_events`, `active_inputs` and `macs`. Average
            pooling sums spikes, so that the layer behind it takes whole numbers of them.
        noise_events: Poisson spikes drawn, per population with noise.
        delay_slots: Size of the delay buffer, per projection: (largest delay + 1) x receivers, 0 without
            delays. A capacity, not a total: it is the same in every run of a network. The assumption is a
            ring of one accumulator per receiver and step ahead, as clocked and neuromorphic hardware keeps it.
        samples: Samples begun; in counts of continuations alone, samples continued.
        steps: Valid steps, summed over the samples.
        continued: Whether the run went on from a state: its samples were counted by the run before.
    """

    spikes: dict[str, int] = field(default_factory=dict)
    updates_dense: dict[str, int] = field(default_factory=dict)
    updates_touched: dict[str, int] = field(default_factory=dict)
    synaptic_events: dict[str, int] = field(default_factory=dict)
    active_inputs: dict[str, int] = field(default_factory=dict)
    macs: dict[str, int] = field(default_factory=dict)
    delay_writes: dict[str, int] = field(default_factory=dict)
    delay_reads: dict[str, int] = field(default_factory=dict)
    layer_counts: dict[str, int] = field(default_factory=dict)
    noise_events: dict[str, int] = field(default_factory=dict)
    delay_slots: dict[str, int] = field(default_factory=dict)
    samples: int = 0
    steps: int = 0
    continued: bool = False

    def __add__(self, other: Counts) -> Counts:
        """Add the ledger of another run, or of the continuation of this one.

        Raises:
            ValueError: The delay buffers differ: the runs are of two networks.
        """
        totals = {"delay_slots": _same_slots(self.delay_slots, other.delay_slots)}
        for name in (f.name for f in fields(self) if f.name not in _NOT_ADDED):
            mine, theirs = getattr(self, name), getattr(other, name)
            keys = dict.fromkeys([*mine, *theirs])
            totals[name] = {key: mine.get(key, 0) + theirs.get(key, 0) for key in keys}
        samples, continued = joined_samples((self.samples, self.continued), (other.samples, other.continued))
        return Counts(**totals, samples=samples, steps=self.steps + other.steps, continued=continued)

    def delay_bytes(self, bits: int = 32) -> dict[str, int]:
        """Give the size of the delay buffer of each projection at `bits` bits a slot, bytes, rounded up.

        Raises:
            ValueError: `bits` is below 1.
        """
        bits = whole("bits", bits, low=1)
        return {name: -(-slots * bits // 8) for name, slots in self.delay_slots.items()}

    def to_dict(self) -> dict[str, Any]:
        """List the fields by name."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> Counts:
        """Make counts of what `to_dict` gave.

        Raises:
            ValueError: A field is missing, unknown or no count.
        """
        if isinstance(values, dict):  # counts written before networks kept layers have none
            values = {"layer_counts": {}, **values}
        given = dict(fields_of("counts", values, [f.name for f in fields(cls)]))
        for name, value in given.items():
            if name in ("samples", "steps"):
                given[name] = whole(name, value, low=0)
            elif name == "continued":
                given[name] = flag(name, value)
            elif not isinstance(value, dict):
                raise refusal(name, "counts by name", value)
            else:
                given[name] = {key: whole(f"{name}[{key!r}]", n, low=0) for key, n in value.items()}
        return cls(**given)


_NOT_ADDED = ("delay_slots", "samples", "steps", "continued")


def joined_samples(*runs: tuple[int, bool]) -> tuple[int, bool]:
    """Join the samples of runs, each with whether it went on from a state; the order does not matter.

    A sample counts where it begins. Continuations alone are taken for pieces of the same samples.
    """
    begun = sum(samples for samples, continued in runs if not continued)
    if begun:
        return begun, False
    return max(samples for samples, _ in runs), any(continued for _, continued in runs)


def _same_slots(mine: dict[str, int], theirs: dict[str, int]) -> dict[str, int]:
    """Join two sets of sizes, which may not differ where both name a projection."""
    for name in mine.keys() & theirs.keys():
        if mine[name] != theirs[name]:
            rule = f"{mine[name]} (as in the other counts: of one network)"
            raise refusal(f"delay_slots[{name!r}]", rule, theirs[name])
    return mine | theirs

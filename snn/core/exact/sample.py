"""What the loops of engine="exact" pass around: one sample's inputs, its state, and the entries of the heap."""

from __future__ import annotations

from typing import NamedTuple

from snn.core.arrays import BoolArray, Float64Array, Int64Array

SOURCE_SPIKE = -1
"""`HeapEntry.projection` of a spike that a source is given: before all deliveries of its time."""
CROSSING = 1 << 62
"""`HeapEntry.projection` of a predicted threshold crossing: after all deliveries of its time."""


class HeapEntry(NamedTuple):
    """Hold one entry of the heap; entries are compared field by field, from the first on.

    Sums of arrivals at one time are thus taken in (projection, emission, sender, synapse) order.

    Attributes:
        time_ms: When it is due, ms.
        population: Population to which it is due, by its place in the order of a step.
        projection: Projection that delivers, or `SOURCE_SPIKE`, or `CROSSING`.
        emitted_ms: Time of the spike that is delivered, ms; 0 otherwise.
        unit: The unit that sent the spike; of a crossing, the unit that crosses.
        number: First synapse to deliver to; of a crossing, the number of its prediction; 0 otherwise.
    """

    time_ms: float
    population: int
    projection: int
    emitted_ms: float
    unit: int
    number: int


class SampleState(NamedTuple):
    """Hold where the units of one sample stand, and scratch; written in place.

    Attributes:
        v: Membranes, [U], as of `as_of_ms`.
        current: Synaptic currents, [2, U], as of `as_of_ms`.
        as_of_ms: Time of each unit's state, [U], ms.
        held_until_ms: End of each unit's refractory time, [U], ms; -inf before its first spike.
        drive: Drive of each unit now, bias included, [U].
        driven_until_ms: Time up to which that drive holds, [U], ms.
        prediction: Number of each unit's latest prediction, [U]; earlier ones no longer count.
        arrivals: Sums of what arrives in this group, [2, U]; zero between groups.
        reached: Whether an arrival reached the unit in this group, [U].
        crosses: Whether the unit was predicted to cross its threshold in this group, [U].
        touched: Neuron-times with an arrival, [P].
        delay_reads: Delayed synaptic events that arrived, [Q].
        burst_ms: Start of the step's length in which each unit's spikes are counted now, [U], ms.
        burst: Spikes of each unit since then, [U].
        dt_ms: Step, ms.
    """

    v: Float64Array
    current: Float64Array
    as_of_ms: Float64Array
    held_until_ms: Float64Array
    drive: Float64Array
    driven_until_ms: Float64Array
    prediction: Int64Array
    arrivals: Float64Array
    reached: BoolArray
    crosses: BoolArray
    touched: Int64Array
    delay_reads: Int64Array
    burst_ms: Float64Array
    burst: Int64Array
    dt_ms: float


class SampleInput(NamedTuple):
    """Hold what one sample is given; E inputs, F earlier spikes.

    Attributes:
        time_ms: Times of the spikes of sources, [E], ms.
        unit: Their units, [E].
        earlier_ms: Times of the spikes of earlier runs that may be on their way, [F], ms, below 0.
        earlier_unit: Their units, [F].
        drive: Drive on top of the bias, [T or 1, M].
        driven: Units of its columns, [M].
        n_steps: Length, steps.
        dt_ms: Step, ms: drive may change, and membranes are recorded, at its multiples.
    """

    time_ms: Float64Array
    unit: Int64Array
    earlier_ms: Float64Array
    earlier_unit: Int64Array
    drive: Float64Array
    driven: Int64Array
    n_steps: int
    dt_ms: float

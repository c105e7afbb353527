"""What the loops of engine="exact" pass around: one sample's inputs, its state, and the trace of its membranes."""

from __future__ import annotations

from typing import NamedTuple

from snn.core.arrays import Float64Array, Int64Array


class SampleState(NamedTuple):
    """Hold where the units of one sample stand, and scratch; written in place.

    Attributes:
        v: Membranes, [U], as of `as_of_ms`.
        current: Synaptic currents, [2, U], as of `as_of_ms`.
        as_of_ms: Time of each unit's state, [U], ms.
        held_until_ms: End of each unit's refractory time, [U], ms; -inf before its first spike.
        drive: Drive of each unit now, bias included, [U].
        driven_until_ms: Time up to which that drive holds, [U], ms.
        soonest_ms: Time before which each unit does not cross its threshold unless something arrives, [U], ms.
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
    soonest_ms: Float64Array
    touched: Int64Array
    delay_reads: Int64Array
    burst_ms: Float64Array
    burst: Int64Array
    dt_ms: float


class SampleInput(NamedTuple):
    """Hold what one sample is given; E inputs, F earlier spikes.

    Attributes:
        first: First spike of each population in the next three, [P + 1].
        time_ms: Times of the spikes of sources, [E], ms; those of a population as `Events` sorts them.
        step: Their steps, [E].
        unit: Their units, [E].
        earlier_ms: Times of the spikes of earlier runs that may be on their way, [F], ms, below 0, sorted.
        earlier_unit: Their units, [F].
        drive: Drive on top of the bias, [T or 1, M].
        driven: Units of its columns, [M].
        n_steps: Length, steps.
        dt_ms: Step, ms: drive may change, and membranes are recorded, at its multiples.
    """

    first: Int64Array
    time_ms: Float64Array
    step: Int64Array
    unit: Int64Array
    earlier_ms: Float64Array
    earlier_unit: Int64Array
    drive: Float64Array
    driven: Int64Array
    n_steps: int
    dt_ms: float


class Trace(NamedTuple):
    """Hold the membranes of R recorded units at the steps.

    Attributes:
        v: Membranes, [T, R].
        column: Column of each unit, [U]; -1 where it is not recorded.
        drawn: Steps that are recorded by now, [R].
    """

    v: Float64Array
    column: Int64Array
    drawn: Int64Array

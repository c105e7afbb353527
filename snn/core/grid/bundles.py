"""What the compiled loops of a sample read and write, in named bundles."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from snn.core.arrays import (
    BoolArray,
    ByteArray,
    Int32Array,
    Int64Array,
    RealArray,
    Uint16Array,
    Uint32Array,
    Uint64Array,
)
from snn.core.layout.neuron_arrays import NeuronArrays
from snn.core.layout.projection_arrays import ProjectionArrays

CURSOR = np.dtype([(name, np.int64) for name in ("next_step", "stop", "log_end", "next_input", "rewound")])
"""Where the loop stands: the next step (-1: before the first), the step before which to stop, entries of the log,
inputs that are past, and steps that were struck from the front of the log (`snn.core.grid.entry`)."""


class SampleInput(NamedTuple):
    """Hold what one sample is given.

    Attributes:
        step: Step of each input, [E], ascending; then by unit.
        unit: Unit of each input, [E].
        spikes: Spikes of that unit in that step, [E], >= 1.
        drive: Drive on top of the bias, [T or 1, M]; one row holds for all steps.
        drive_column: First column of each population in `drive`, [P]; -1 without.
        noise_key: Key of each noise input for this sample, [M].
        steps_before: Steps that the sample lived before this run.
    """

    step: Int64Array
    unit: Int64Array
    spikes: Int64Array
    drive: RealArray
    drive_column: Int64Array
    noise_key: Uint64Array
    steps_before: int


class NeuronState(NamedTuple):
    """Hold where the neurons of a sample stand; it is advanced in place.

    Attributes:
        v: Membranes, [U].
        current: Synaptic currents, or the arrivals that jump the membrane, [A].
        hold: Steps still to be held, [U]; the event loop makes it the first step that is free again.
        theta: Rise of the threshold, [U].
    """

    v: RealArray
    current: RealArray
    hold: Int32Array
    theta: RealArray


class Counted(NamedTuple):
    """Hold what a run counts and records.

    Attributes:
        touched: Neuron-steps with an arrival, [P].
        last_arrival: Step of each unit's last arrival, [U]: a neuron is touched once in a step.
        noise_events: Poisson spikes drawn, [P].
        trace: Recorded membranes, [T, M].
        trace_column: First column of each population in `trace`, [P]; -1 without.
    """

    touched: Int64Array
    last_arrival: Int32Array
    noise_events: Int64Array
    trace: RealArray
    trace_column: Int64Array


class Cells(NamedTuple):
    """Collect arrivals, a cell for each receiver; both kinds are empty between uses.

    Attributes:
        counts: Arrivals, counted; 0 where nothing arrived.
        sums: Arrivals, summed; -0.0 where nothing arrived, which no sum of arrivals is.
        sum_bits: `sums` as integers.
        empty: -0.0 as such an integer.
    """

    counts: Uint16Array
    sums: RealArray
    sum_bits: Int32Array | Int64Array
    empty: Any


class Arrivals(NamedTuple):
    """Hold how arrivals are collected before they enter the currents.

    Attributes:
        cells: Cells of one projection in this step.
        count_words: `cells.counts`, four at a time.
        ring_cells: Cells of coming steps: rings of [depth, receivers], one after another.
        ring_first: Start of each projection's ring, [Q].
        ring_due: Last step in which each ring may bring something, [Q].
        row_starts: Start of each row of bits, or of a ring, that a step delivers, [largest population + some].
        digits: Sums of rows of bits in binary, digit by digit.
        narrow: Whether the arrivals of a projection are counted in 16 bits, [Q].
        sparse: Arrivals per receiver under which they are delivered one by one rather than in a sweep.
    """

    cells: Cells
    count_words: Uint64Array
    ring_cells: Cells
    ring_first: Int64Array
    ring_due: Int64Array
    row_starts: Uint64Array
    digits: Uint64Array
    narrow: BoolArray
    sparse: float


class Wakefulness(NamedTuple):
    """Hold which groups of `SLEEP_GROUP` neurons sleep: those that cannot spike without an arrival.

    Attributes:
        allowed: Whether neurons of a population may sleep, [P]: neither driven nor recorded.
        always: Let them sleep whatever the activity, rather than where it pays.
        lazy: Whether only groups that are awake are updated now, [P].
        awake: Whether a group must take the coming step, [groups].
        next_step: First step that a sleeping group has not lived yet, [groups].
        updates: Groups updated since the last decision, [P].
        touched_before: `Counted.touched` at the last decision, [P].
        retry: First step in which to try `lazy` again, [P].
    """

    allowed: BoolArray
    always: bool
    lazy: BoolArray
    awake: ByteArray
    next_step: Int64Array
    updates: Int64Array
    touched_before: Int64Array
    retry: Int64Array


class Scratch(NamedTuple):
    """Hold buffers for the `UPDATE_GROUP` neurons that are updated together.

    Attributes:
        x: Input to the membrane.
        drive: Bias and drive.
        level: Threshold where it adapts.
        fired: Whether a neuron spiked.
        fired_words: `fired`, eight at a time.
        random_words: Random words, two neurons each.
        random_halves: `random_words`, one neuron each.
        drawn: Poisson numbers.
    """

    x: RealArray
    drive: RealArray
    level: RealArray
    fired: ByteArray
    fired_words: Uint64Array
    random_words: Uint64Array
    random_halves: Uint32Array
    drawn: Uint32Array


class SpikeLog(NamedTuple):
    """List the spikes of a sample in the order of emission (`snn.core.grid.event` says how).

    Attributes:
        bounds: Start of each (row, population), [(horizon + T) * P + 1].
        unit: Unit of each entry.
        spikes: Its spikes in that step.
    """

    bounds: Int64Array
    unit: Int64Array
    spikes: Int64Array


class Sample(NamedTuple):
    """Hold all that the loops of a sample need.

    Attributes:
        neurons: The populations, flat.
        projections: The projections, flat, with the weights of this sample.
        inputs: What the sample is given.
        state: Where its neurons stand.
        counted: What is counted and recorded.
        arrivals: How arrivals are collected.
        sleep: Which neurons sleep.
        scratch: Buffers of neurons updated together.
        log: Its spikes.
        cursor: Where the loop stands, [1] of `CURSOR`.
    """

    neurons: NeuronArrays
    projections: ProjectionArrays
    inputs: SampleInput
    state: NeuronState
    counted: Counted
    arrivals: Arrivals
    sleep: Wakefulness
    scratch: Scratch
    log: SpikeLog
    cursor: Any


class Receivers(NamedTuple):
    """Say where the arrivals of one projection go in one step.

    Attributes:
        current: `NeuronState.current`.
        last_arrival: `Counted.last_arrival`.
        awake: `Wakefulness.awake`.
        slot: Arrival slot of the first receiver.
        unit: Unit of the first receiver.
        group: Its sleep group.
        size: Number of receivers.
        scale: The one weight, or 1 where each synapse has its own.
        step: The step.
    """

    current: RealArray
    last_arrival: Int32Array
    awake: ByteArray
    slot: int
    unit: int
    group: int
    size: int
    scale: Any
    step: int

"""What the compiled loops of a sample read and write."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn.core.arrays import BoolArray, ByteArray, Int32Array, Int64Array, RealArray, Uint64Array
from snn.core.layout.neuron_arrays import NeuronArrays
from snn.core.layout.projection_arrays import ProjectionArrays


class Given(NamedTuple):
    """What one sample is given."""

    n_steps: int
    """Steps to run, T."""
    step: Int64Array
    """Step of each input, [E], ascending; then by unit."""
    unit: Int64Array
    """Unit of each input, [E]."""
    spikes: Int64Array
    """Spikes of that unit in that step, [E], >= 1."""
    drive: RealArray
    """Drive on top of the bias, [T or 1, M]; one row holds for all steps."""
    drive_column: Int64Array
    """First column of each population in `drive`, [P]; -1 without."""
    noise_key: NDArray[np.uint64]
    """Key of each noise input for this sample, [M]."""
    born: int
    """Steps that the sample lived before this run."""
    lazy: BoolArray
    """Whether neurons of a population may be left alone, [P]: neither driven nor recorded."""
    always_lazy: bool
    """Leave them alone whatever the activity, rather than where it pays."""
    sparse: float
    """Arrivals per receiver under which they are collected one by one rather than in a sweep."""
    narrow: BoolArray
    """Whether the arrivals of a projection are counted in 16 bits, [Q]."""


class Work(NamedTuple):
    """What the loops write: the state in flight, then counts, then scratch."""

    v: RealArray
    """Membranes, [U]."""
    current: RealArray
    """Synaptic currents, or the arrivals that jump the membrane, [A]."""
    hold: Int32Array
    """Steps still to be held, [U]; the event loop makes it the first step that is free again."""
    theta: RealArray
    """Rise of the threshold, [U]."""
    trace: RealArray
    """Recorded membranes, [T, M]."""
    trace_column: Int64Array
    """First column of each population in `trace`, [P]; -1 without."""
    touched: Int64Array
    """Neuron-steps with an arrival, [P]."""
    noise_events: Int64Array
    """Poisson spikes drawn, [P]."""
    stamp: Int32Array
    """Step of each unit's last arrival, [U]."""
    hot: ByteArray
    """Whether a block of neurons must take the coming step, [blocks]."""
    done: Int64Array
    """First step that a sleeping block has not lived yet, [blocks]."""
    counts: NDArray[np.uint16]
    """Arrivals of one projection in this step, counted, per receiver; 0 between projections."""
    fields: Uint64Array
    """`counts`, four at a time."""
    rows: Uint64Array
    """Rows of bits to be added up, [largest population + some]."""
    digits: Uint64Array
    """Their sums in binary, digit by digit, each a chunk of bits."""
    sums: RealArray
    """The same summed; -0.0 where nothing arrived, which no sum of arrivals is."""
    sums_bits: Int32Array | Int64Array
    """`sums` as integers."""
    ring_counts: NDArray[np.uint16]
    """Arrivals of coming steps, counted: rings of [depth, receivers], one after another."""
    ring_sums: RealArray
    """The same summed, as in `sums`."""
    ring_bits: Int32Array | Int64Array
    """`ring_sums` as integers."""
    ring_first: Int64Array
    """Start of each projection's ring, [Q]."""
    due: Int64Array
    """Last step in which each ring may bring something, [Q]."""
    mark: Any
    """-0.0 as an integer."""
    lazy: BoolArray
    """Whether only hot blocks of a population are updated now, [P]."""
    visits: Int64Array
    """Hot blocks updated since the last choice, [P]."""
    seen: Int64Array
    """`touched` at the last choice, [P]."""
    retry: Int64Array
    """First step in which to try `lazy` again, [P]."""


class Scratch(NamedTuple):
    """Buffers of one stride of neurons."""

    x: RealArray
    """Input to the membrane."""
    drive: RealArray
    """Bias and drive."""
    level: RealArray
    """Threshold where it adapts."""
    fired: ByteArray
    """Whether a neuron spiked."""
    fired8: NDArray[np.uint64]
    """`fired`, eight at a time."""
    words: NDArray[np.uint64]
    """Random words, two neurons each."""
    draws: NDArray[np.uint32]
    """`words`, one neuron each."""
    drawn: NDArray[np.uint32]
    """Poisson numbers."""


class Log(NamedTuple):
    """The spikes of a sample in the order of emission (`snn.core.grid.event` says how)."""

    bounds: Int64Array
    """Start of each (row, population), [(horizon + T) * P + 1]."""
    unit: Int64Array
    """Unit of each entry."""
    spikes: Int64Array
    """Its spikes in that step."""


class Sample(NamedTuple):
    """All that the loops of a sample need."""

    plan: NeuronArrays
    routes: ProjectionArrays
    given: Given
    work: Work
    scratch: Scratch
    log: Log
    at: Int64Array
    """Next step, end of the log, next input: where the loop stands, [3]."""

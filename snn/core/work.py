"""What the compiled loops of a sample read and write."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn.core.units import Float64Array, Int64Array

BoolArray = NDArray[np.bool_]


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
    drive: Float64Array
    """Drive on top of the bias, [T or 1, M]; one row holds for all steps."""
    drive_column: Int64Array
    """First column of each population in `drive`, [P]; -1 without."""
    sleep_below: Float64Array
    """Membrane under which a unit left alone cannot spike, [U]; -inf: never leave it alone."""


class Work(NamedTuple):
    """What the loops write: the state in flight, then counts, then scratch."""

    v: Float64Array
    """Membranes, [U]."""
    current: Float64Array
    """Synaptic currents, [A]."""
    refractory: Int64Array
    """Steps still to be held, [U]."""
    trace: Float64Array
    """Recorded membranes, [T, M]."""
    trace_column: Int64Array
    """First column of each population in `trace`, [P]; -1 without."""
    touched: Int64Array
    """Neuron-steps with an arrival, [P]."""
    reads: Int64Array
    """Delayed synaptic events that arrived, [Q]."""
    arrivals: Float64Array
    """Sums of this step's arrivals, [A]; zero between updates."""
    stamp: Int64Array
    """Step of each unit's last arrival, [U]."""
    awake: BoolArray
    """Whether a unit is in `members`, [U]; all are at first."""
    members: Int64Array
    """Units to update; those of population p from `plan.first[p]` on, [U]."""
    n_members: Int64Array
    """Number of units to update, [P]."""
    done: Int64Array
    """First step that a sleeping unit has not lived yet, [U]."""


class Log(NamedTuple):
    """The spikes of a sample in the order of emission (the module says how)."""

    bounds: Int64Array
    """Start of each (row, population), [(horizon + T) * P + 1]."""
    unit: Int64Array
    """Unit of each entry."""
    spikes: Int64Array
    """Its spikes in that step."""

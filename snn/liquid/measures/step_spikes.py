"""The spikes of a liquid in every step, through the door by which features come."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from snn.core import Events
from snn.core.arrays import Float32Array
from snn.liquid.features import batch_bounds
from snn.liquid.reservoir import Reservoir

__all__ = ["step_spikes"]


def step_spikes(reservoir: Reservoir, events: Events) -> Iterator[Float32Array]:
    """Run samples, all for the steps T of the longest, and give their spikes by batches that fit memory, [B, T, N].

    A sample that is shorter goes on in silence. Spikes of a step are its counts where a window is a step.
    """
    steps = int(events.n_steps.max())
    longest = Events(events.step, events.unit, events.offsets, events.n_units, events.dt_ms, steps)
    run = reservoir.runner(longest, windows=steps)
    for start, stop in pairwise(batch_bounds(longest, reservoir.size, 0, len(longest))):
        yield run(start, stop).reshape(stop - start, steps, reservoir.size)

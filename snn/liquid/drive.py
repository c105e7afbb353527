"""What input spikes bring to neurons in every step, straight from their list."""

from __future__ import annotations

import numpy as np

from snn.core import Events
from snn.core.arrays import Int64Array, RealArray
from snn.core.compiled import compiled

__all__ = ["drive"]


def drive(events: Events, start: int, stop: int, weight: RealArray) -> RealArray:
    """Sum the weights of the spikes of each step, [T, B, N], in their order: that of the engines.

    Args:
        events: Spikes of samples.
        start: First sample of the B that are summed.
        stop: First sample behind them.
        weight: Weights [in, N].
    """
    steps = int(events.n_steps[start:stop].max(initial=0))
    found = np.zeros((steps, stop - start, weight.shape[1]), dtype=weight.dtype)
    _add(events.step, events.unit, events.offsets[start : stop + 1], weight, found)
    return found


@compiled
def _add(step: Int64Array, unit: Int64Array, offsets: Int64Array, weight: RealArray, y: RealArray) -> None:
    """Add to y [T, B, N] the weights [in, N] of every spike."""
    for b in range(y.shape[1]):
        e, end = offsets[b], offsets[b + 1]
        while e < end:
            row, last = y[step[e], b], e + 4
            if last <= end and step[last - 1] == step[e]:  # four of a step at a time: the row is touched less
                r0, r1 = weight[unit[e]], weight[unit[e + 1]]
                r2, r3 = weight[unit[e + 2]], weight[unit[e + 3]]
                for n in range(row.shape[0]):
                    row[n] = (((row[n] + r0[n]) + r1[n]) + r2[n]) + r3[n]
                e = last
                continue
            ws = weight[unit[e]]
            for n in range(row.shape[0]):
                row[n] += ws[n]
            e += 1

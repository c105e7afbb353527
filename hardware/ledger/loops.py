"""Compiled loops that read a layer's input once and count it by value."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn.core.compiled import compiled

__all__ = ["LEVELS", "any_channel", "count_nonzero", "tally"]

LEVELS = 16

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]


@compiled
def tally(x: Floats, fan_out: Ints, levels: Floats, known: int, entries: Ints, reach: Ints) -> int:
    """Add up the nonzero entries of each row, and their fan-out, by magnitude.

    Args:
        x: [rows, n].
        fan_out: [n].
        levels: Magnitudes met so far, [LEVELS]; new ones are written behind them.
        known: How many of `levels` hold one; LEVELS + 1 once there were more.
        entries: Nonzero entries, [rows, LEVELS + 1], added to; the last column is "other".
        reach: Fan-out of those entries, of the same shape.

    Returns:
        The new `known`.
    """
    for r in range(x.shape[0]):
        row, count, total = x[r], entries[r], reach[r]
        k = max(0, min(known - 1, LEVELS))
        # most rows hold one magnitude, or are already known to be real: no branch per entry then
        one = x.dtype.type(levels[k]) if k < LEVELS else x.dtype.type(0)
        found, same, sum_reach = 0, 0, 0
        for i in range(row.shape[0]):
            hit = row[i] != 0
            found += hit
            same += abs(row[i]) == one
            sum_reach += fan_out[i] if hit else 0
        if known > LEVELS or (known > 0 and same == found) or found == 0:
            count[k] += found
            total[k] += sum_reach
            continue
        for i in range(row.shape[0]):
            value = row[i]
            if value == 0:
                continue
            if known > LEVELS:
                k = LEVELS
            else:
                size = np.float64(abs(value))
                if k >= known or levels[k] != size:
                    k = 0
                    while k < known and levels[k] != size:
                        k += 1
                    if k == known:
                        known += 1
                        if k < LEVELS:
                            levels[k] = size
            count[k] += 1
            total[k] += fan_out[i]
    return known


@compiled
def count_nonzero(x: Floats, found: Ints) -> None:
    """Add the number of nonzero entries of each row of x [rows, n] to found [rows]."""
    for r in range(x.shape[0]):
        row = x[r]
        total = 0
        for i in range(row.shape[0]):
            total += row[i] != 0
        found[r] += total


@compiled
def any_channel(x: Floats) -> NDArray[np.float32]:
    """Say where some channel is not zero: x [rows, groups, channels, places] to 0/1 [rows, groups, places]."""
    found = np.zeros((x.shape[0], x.shape[1], x.shape[3]), dtype=np.float32)
    for r in range(x.shape[0]):
        for g in range(x.shape[1]):
            place = found[r, g]
            for c in range(x.shape[2]):
                row = x[r, g, c]
                for i in range(row.shape[0]):
                    place[i] = np.float32(1) if row[i] != 0 else place[i]
    return found

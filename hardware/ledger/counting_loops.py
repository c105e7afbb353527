"""Compiled loops that read a layer's input once and count it by value."""

from __future__ import annotations

import numpy as np

from snn.core.arrays import Float64Array, Int64Array, RealArray
from snn.core.compiled import compiled

__all__ = ["MAX_MAGNITUDES", "any_channel", "count_nonzero", "tally_magnitudes"]

MAX_MAGNITUDES = 16
"""Different magnitudes that are counted apart; all others share one more column."""


@compiled
def tally_magnitudes(
    x: RealArray,
    fan_out: Int64Array,
    magnitudes: Float64Array,
    known: int,
    entries: Int64Array,
    active: Int64Array,
) -> int:
    """Add up the nonzero entries of each row, and their fan-out, by magnitude.

    Args:
        x: Inputs, [rows, n].
        fan_out: Outputs that each input reaches, [n].
        magnitudes: Magnitudes met so far, [MAX_MAGNITUDES]; new ones are written behind them.
        known: How many of `magnitudes` hold one; MAX_MAGNITUDES + 1 once there were more.
        entries: Nonzero entries, [rows, MAX_MAGNITUDES + 1], added to; the last column takes all other magnitudes.
        active: Fan-out of those entries, of the same shape.

    Returns:
        The new `known`.
    """
    for r in range(x.shape[0]):
        row, count, total = x[r], entries[r], active[r]
        k = max(0, min(known - 1, MAX_MAGNITUDES))
        # Most rows hold the last magnitude met and no other, or come after there were too many: this loop has no
        # branch per entry, so it vectorises. Where its guess fails, the loop below counts the row.
        one = x.dtype.type(magnitudes[k]) if k < MAX_MAGNITUDES else x.dtype.type(0)
        found, same, sum_fan_out = 0, 0, 0
        for i in range(row.shape[0]):
            hit = row[i] != 0
            found += hit
            same += abs(row[i]) == one
            sum_fan_out += fan_out[i] if hit else 0
        if known > MAX_MAGNITUDES or (known > 0 and same == found) or found == 0:
            count[k] += found
            total[k] += sum_fan_out
            continue
        for i in range(row.shape[0]):
            value = row[i]
            if value == 0:
                continue
            if known > MAX_MAGNITUDES:
                k = MAX_MAGNITUDES
            else:
                size = np.float64(abs(value))
                if k >= known or magnitudes[k] != size:
                    k = 0
                    while k < known and magnitudes[k] != size:
                        k += 1
                    if k == known:
                        known += 1
                        if k < MAX_MAGNITUDES:
                            magnitudes[k] = size
            count[k] += 1
            total[k] += fan_out[i]
    return known


@compiled
def count_nonzero(x: RealArray, found: Int64Array) -> None:
    """Add the number of nonzero entries of each row of x [rows, n] to found [rows]."""
    for r in range(x.shape[0]):
        row = x[r]
        total = 0
        for i in range(row.shape[0]):
            total += row[i] != 0
        found[r] += total


@compiled
def any_channel(x: RealArray) -> RealArray:
    """Find where some channel is not zero: x [rows, groups, channels, places] to 0/1 [rows, groups, places]."""
    found = np.zeros((x.shape[0], x.shape[1], x.shape[3]), dtype=np.float32)
    for r in range(x.shape[0]):
        for g in range(x.shape[1]):
            place = found[r, g]
            for c in range(x.shape[2]):
                row = x[r, g, c]
                for i in range(row.shape[0]):
                    place[i] = np.float32(1) if row[i] != 0 else place[i]
    return found

"""Split the delays of synapses into one per sender and one per receiver, which is all that NIR can hold."""

from __future__ import annotations

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from snn.core import Synapses
from snn.core.arrays import Int64Array

__all__ = ["split_delays"]


def split_delays(synapses: Synapses, shape: tuple[int, int]) -> tuple[Int64Array, Int64Array] | None:
    """Find steps a [pre] and b [post], all >= 0, with a + b the delay of every synapse.

    In each part of the connections that hangs together one number is free: b is as small as it can be.

    Returns:
        a and b; None where no such steps exist.
    """
    if synapses.one_delay is not None:
        return np.full(shape[0], synapses.one_delay), np.zeros(shape[1], dtype=np.int64)
    row = np.repeat(np.arange(shape[0]), synapses.fan_out)
    column, delay = synapses.indices.astype(np.int64), np.asarray(synapses.delay_steps)
    part = _parts(row, column, shape)
    a, b = _follow(row, column, delay, part, shape)
    if (a[row] + b[column] != delay).any():
        return None
    least = np.full(part.max(initial=-1) + 1, np.iinfo(np.int64).max)
    np.minimum.at(least, part[shape[0] + column], b[column])
    joined = np.zeros(least.size, dtype=bool)
    joined[part[row]] = True
    least[~joined] = 0
    a, b = a + least[part[: shape[0]]], b - least[part[shape[0] :]]
    return None if (a < 0).any() or (b < 0).any() else (a, b)


def _parts(row: Int64Array, column: Int64Array, shape: tuple[int, int]) -> Int64Array:
    """Number the parts of senders and receivers that hang together, [pre + post]."""
    size = sum(shape)
    links = scipy.sparse.csr_array((np.ones(row.size), (row, column + shape[0])), shape=(size, size))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _follow(
    row: Int64Array, column: Int64Array, delay: Int64Array, part: Int64Array, shape: tuple[int, int]
) -> tuple[Int64Array, Int64Array]:
    """Begin at one unit of each part with 0, and go along synapses, back and forth, until all are known."""
    a, b = np.zeros(shape[0], dtype=np.int64), np.zeros(shape[1], dtype=np.int64)
    known_a, known_b = np.zeros(shape[0], dtype=bool), np.zeros(shape[1], dtype=bool)
    first = np.unique(part, return_index=True)[1]
    known_a[first[first < shape[0]]] = True
    known_b[first[first >= shape[0]] - shape[0]] = True
    while True:
        on = known_a[row] & ~known_b[column]
        b[column[on]], known_b[column[on]] = delay[on] - a[row[on]], True
        back = known_b[column] & ~known_a[row]
        a[row[back]], known_a[row[back]] = delay[back] - b[column[back]], True
        if not on.any() and not back.any():
            return a, b

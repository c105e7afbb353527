"""Samples side by side: how a batch lies in memory for loops that run over LANES samples at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from snn.kernels.compiled import compiled
from snn.kernels.intrinsics.lanes import LANES

__all__ = ["group_samples", "last_steps", "lay_out", "take_back"]

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
TILE = 16
"""Units that are turned together: a cache line of float32."""


@compiled
def _ends(x: Floats, ends: Ints) -> None:
    for b in range(x.shape[1]):
        ends[b] = 0
        for t in range(x.shape[0] - 1, -1, -1):
            row, busy = x[t, b], False
            for i in range(row.shape[0]):  # the whole row, without a way out: it is a vector
                busy |= row[i] != 0
            if busy:
                ends[b] = t + 1
                break


def last_steps(x: Tensor) -> Ints:
    """Count the steps of each sample of x [T, B, n] up to its last nonzero one, [B]."""
    ends = np.zeros(x.shape[1], np.int64)
    _ends(x.detach().contiguous().numpy(), ends)
    return ends


def group_samples(ends: Ints) -> Ints:
    """Sort samples by their last step into groups [groups, LANES]; -1 where a place has none."""
    order = np.full(-(-len(ends) // LANES) * LANES, -1, np.int64)
    order[: len(ends)] = np.argsort(ends, kind="stable")
    return order.reshape(-1, LANES)


@compiled
def lay_out(x: Floats, order: Ints, before: int, live: int, out: Floats) -> None:
    """Fill out [rows, S x LANES] with `live` steps of samples `order` of x [T, B, n], `before` silent ones first.

    Steps after these, rows after n and places without a sample are silent too.
    """
    size, zero = x.shape[2], x.dtype.type(0)
    out[size:] = zero
    for first in range(0, size, TILE):
        last = min(size, first + TILE)
        for i in range(first, last):
            out[i, : before * LANES] = zero
            out[i, (before + live) * LANES :] = zero
        for t in range(live):
            at = (before + t) * LANES
            for i in range(first, last):
                line = out[i, at : at + LANES]
                for lane in range(LANES):
                    line[lane] = x[t, order[lane], i] if order[lane] >= 0 else zero


@compiled
def take_back(part: Floats, order: Ints, live: int, y: Floats) -> None:
    """Fill the samples `order` of y [T, B, n] from part [n, T x LANES]: its first `live` steps, then silence."""
    (steps, _, size), zero = y.shape, y.dtype.type(0)
    for first in range(0, size, TILE):
        last = min(size, first + TILE)
        for t in range(steps):
            for lane in range(LANES):
                b, at = order[lane], t * LANES + lane
                if b >= 0:
                    for i in range(first, last):
                        y[t, b, i] = part[i, at] if t < live else zero

"""Samples side by side: how a batch lies in memory for loops that run over VECTOR_SAMPLES samples at once."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from snn.core.arrays import Int64Array, RealArray
from snn.core.compiled import compiled, compiled_entry
from snn.kernels.intrinsics.sample_vectors import VECTOR_SAMPLES

__all__ = ["active_steps", "group_samples", "latest_end", "pack_samples", "unpack_samples"]

TILE = 16
"""Units that are turned together: a cache line of float32."""


@compiled
def _ends(x: RealArray, ends: Int64Array) -> None:
    """Fill the steps of each sample of x [T, B, n] up to its last nonzero one."""
    for b in range(x.shape[1]):
        ends[b] = 0
        for t in range(x.shape[0] - 1, -1, -1):
            row, busy = x[t, b], False
            for i in range(row.shape[0]):  # the whole row, without a way out: it is a vector
                busy |= row[i] != 0
            if busy:
                ends[b] = t + 1
                break


def active_steps(x: Tensor) -> Int64Array:
    """Count the steps of each sample of x [T, B, n] up to its last nonzero one, [B]."""
    ends = np.zeros(x.shape[1], np.int64)
    _ends(x.detach().contiguous().numpy(), ends)
    return ends


def group_samples(ends: Int64Array) -> Int64Array:
    """Sort samples by their last step into groups [groups, VECTOR_SAMPLES]; -1 where a place has none."""
    order = np.full(-(-len(ends) // VECTOR_SAMPLES) * VECTOR_SAMPLES, -1, np.int64)
    order[: len(ends)] = np.argsort(ends, kind="stable")
    return order.reshape(-1, VECTOR_SAMPLES)


def latest_end(ends: Int64Array, order: Int64Array) -> Int64Array:
    """Give the last step of each group's samples, [groups]; groups are those of `group_samples`."""
    latest: Int64Array = np.append(ends, 0)[order].max(
        1
    )  # a place without a sample, -1, reads the 0 at the end
    return latest


@compiled_entry
def pack_samples(x: RealArray, order: Int64Array, before: int, live: int, out: RealArray) -> None:
    """Lay samples side by side, so that a vector holds one unit in one step of all of them.

    Args:
        x: Units of all samples, [T, B, n].
        order: Samples of the group [VECTOR_SAMPLES]; -1 where there is none.
        before: Silent steps to put ahead.
        live: Steps to take; those after them are silent.
        out: To be filled, [rows, steps x VECTOR_SAMPLES]; rows after n are silent.
    """
    size, zero = x.shape[2], x.dtype.type(0)
    out[size:] = zero
    for first in range(0, size, TILE):
        last = min(size, first + TILE)
        for i in range(first, last):
            out[i, : before * VECTOR_SAMPLES] = zero
            out[i, (before + live) * VECTOR_SAMPLES :] = zero
        for t in range(live):
            at = (before + t) * VECTOR_SAMPLES
            for i in range(first, last):
                vector = out[i, at : at + VECTOR_SAMPLES]
                for k in range(VECTOR_SAMPLES):
                    vector[k] = x[t, order[k], i] if order[k] >= 0 else zero


@compiled_entry
def unpack_samples(packed: RealArray, order: Int64Array, live: int, y: RealArray) -> None:
    """Fill the samples `order` of y [T, B, n] from packed ones: `live` steps, then silence.

    `packed` is [n, T x VECTOR_SAMPLES], as `pack_samples` gives it.
    """
    (steps, _, size), zero = y.shape, y.dtype.type(0)
    for first in range(0, size, TILE):
        last = min(size, first + TILE)
        for t in range(steps):
            for k in range(VECTOR_SAMPLES):
                b, at = order[k], t * VECTOR_SAMPLES + k
                if b >= 0:
                    for i in range(first, last):
                        y[t, b, i] = packed[i, at] if t < live else zero

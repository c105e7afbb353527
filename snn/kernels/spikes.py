"""The nonzero inputs of a batch as a list: what every event-driven kernel reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn.kernels.bits import count_bits, lowest_bit, nonzero_bits
from snn.kernels.compiled import compiled

__all__ = ["Rows", "Spikes", "list_if_sparse", "list_rows", "list_spikes"]

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Places = NDArray[np.integer[Any]]


class Rows(NamedTuple):
    """The nonzero inputs of a table, row by row."""

    bounds: Tensor
    """Those of row r are `bounds[r]` to `bounds[r + 1]`, int64 [R + 1]."""
    sender: Tensor
    """Column of each, uint16 or int32 [E]."""
    value: Tensor
    """Its value, [E]."""


class Spikes(NamedTuple):
    """The nonzero inputs of a batch, sample by sample in the order of steps."""

    bounds: Ints
    """Those of sample b are `bounds[b]` to `bounds[b + 1]`, [B + 1]."""
    step: Ints
    """Step of each, [E]."""
    sender: Ints
    """Input of each, [E]."""
    value: Floats
    """Its value, [E]."""

    def tensors(self) -> tuple[Tensor, ...]:
        """Give the same memory as tensors, for autograd to keep."""
        return tuple(torch.from_numpy(part) for part in self)

    @classmethod
    def of(cls, tensors: Iterable[Tensor]) -> Spikes:
        """Undo `tensors`."""
        return cls(*(part.numpy() for part in tensors))


@compiled
def _count(x: Floats, bounds: Ints) -> None:
    for b in range(x.shape[1]):
        found = 0
        for t in range(x.shape[0]):
            row = x[t, b]
            for i in range(row.shape[0]):
                found += row[i] != 0
        bounds[b + 1] = bounds[b] + found


@compiled
def _fill(x: Floats, step: Ints, sender: Ints, value: Floats) -> None:
    e = 0
    for b in range(x.shape[1]):
        for t in range(x.shape[0]):
            row = x[t, b]
            for i in range(row.shape[0]):
                if row[i] != 0:
                    step[e], sender[e], value[e] = t, i, row[i]
                    e += 1


def list_spikes(x: Tensor) -> Spikes:
    """List the nonzero inputs of x [T, B, in], on the CPU."""
    dense = x.detach().contiguous().numpy()
    bounds = np.zeros(x.shape[1] + 1, np.int64)
    _count(dense, bounds)
    count = int(bounds[-1])
    spikes = Spikes(
        bounds, np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, dense.dtype)
    )
    _fill(dense, spikes.step, spikes.sender, spikes.value)
    return spikes


def list_if_sparse(x: Tensor, below: float) -> Spikes | None:
    """List the nonzero inputs of x [T, B, in] if their share is under `below`."""
    sparse = x.device.type == "cpu" and float(x.detach().count_nonzero()) < below * x.numel()
    return list_spikes(x) if sparse else None


@compiled
def _compact(x: Floats, bounds: Ints, sender: Places, value: Floats) -> bool:
    """List the nonzero entries of x [R, in]; tell whether there was room, for a whole row and four always."""
    end: Any = np.uint64(0)
    one = np.uint64(1)
    width = np.uint64(x.shape[1])
    words = width & ~np.uint64(63)
    for r in range(x.shape[0]):
        row, first = x[r], end
        if end + width + np.uint64(4) > np.uint64(sender.shape[0]):
            return False
        for start in range(np.uint64(0), words, np.uint64(64)):
            word, e = nonzero_bits(row, start), end
            end += count_bits(word)
            while True:  # four at a time, those beyond the last to be written over: branches are few
                for ahead in range(np.uint64(4)):
                    sender[e + ahead] = start + lowest_bit(word)
                    word &= word - one
                e += np.uint64(4)
                if e >= end:
                    break
        for i in range(words, width):
            sender[end] = i
            end += np.uint64(row[i] != 0)
        for k in range(first, end):
            value[k] = row[np.uint64(sender[k])]
        bounds[r + 1] = end
    return True


def list_rows(x: Tensor, below: float) -> Rows | None:
    """List the nonzero entries of x [R, in], on the CPU; None if their share is `below` or more."""
    dense = x.detach().contiguous().numpy()
    rows, width = dense.shape
    room = int(below * dense.size) + width + 4
    bounds = np.zeros(rows + 1, np.int64)
    sender = np.empty(room, np.uint16 if width <= 1 << 16 else np.int32)
    value = np.empty(room, dense.dtype)
    if not _compact(dense, bounds, sender, value) or bounds[-1] >= below * dense.size:
        return None
    used = int(bounds[-1])
    return Rows(*(torch.from_numpy(part) for part in (bounds, sender[:used].copy(), value[:used].copy())))

"""The nonzero inputs of a batch as a list: what every event-driven kernel reads."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn.kernels.compiled import compiled
from snn.kernels.intrinsics.bits import count_bits, lowest_bit, nonzero_bits
from snn.kernels.memory import space

__all__ = ["Rows", "Spikes", "Trains", "by_sender", "list_rows"]

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

    def arrays(self) -> Spikes:
        """Give the same memory as numpy arrays."""
        return Spikes(*(part.numpy() for part in self))


class Spikes(NamedTuple):
    """The same memory as `Rows`, as compiled loops read it."""

    bounds: Ints
    sender: Places
    value: Floats


class Trains(NamedTuple):
    """The nonzero inputs of a batch, sample by sample, sender by sender, in the order of steps."""

    bounds: Ints
    """Those of sample b and sender i are `bounds[b n + i]` to `bounds[b n + i + 1]`, [B n + 1]."""
    step: Places
    """Step of each, uint32 [E]."""
    value: Floats
    """Its value, [E]."""


@compiled
def _sort(spikes: Spikes, batch: int, senders: int, at: Ints, step: Places, value: Floats) -> None:
    """Fill the trains; at [B n + 2] ends as their bounds, one place on."""
    steps = (spikes.bounds.shape[0] - 1) // batch
    for t in range(steps):
        for b in range(batch):
            for e in range(spikes.bounds[t * batch + b], spikes.bounds[t * batch + b + 1]):
                at[b * senders + spikes.sender[e] + 2] += 1
    for place in range(2, at.shape[0]):
        at[place] += at[place - 1]
    for t in range(steps):
        for b in range(batch):
            for e in range(spikes.bounds[t * batch + b], spikes.bounds[t * batch + b + 1]):
                place = b * senders + spikes.sender[e] + 1
                step[at[place]], value[at[place]] = t, spikes.value[e]
                at[place] += 1


def by_sender(rows: Rows, batch: int, senders: int) -> Trains:
    """Sort the rows of x [T B, n], row t B + b, by sample and sender."""
    spikes = rows.arrays()
    at, step = np.zeros(batch * senders + 2, np.int64), np.empty(len(spikes.value), np.uint32)
    value = np.empty_like(spikes.value)
    _sort(spikes, batch, senders, at, step, value)
    return Trains(at[:-1], step, value)


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


def list_rows(x: Tensor, below: float = math.inf) -> Rows | None:
    """List the nonzero entries of x [R, in], on the CPU; None if their share is `below` or more."""
    dense = x.detach().contiguous().numpy()
    rows, width = dense.shape
    most = (dense.size if below > 1 else int(below * dense.size)) + width + 4
    bounds = np.zeros(rows + 1, np.int64)
    sender = space((most,), np.uint16 if width <= 1 << 16 else np.int32)
    value = space((most,), dense.dtype)
    if not _compact(dense, bounds, sender, value) or bounds[-1] >= below * dense.size > 0:
        return None
    return Rows(torch.from_numpy(bounds), *(_first(part, int(bounds[-1])) for part in (sender, value)))


def _first(part: NDArray[Any], count: int) -> Tensor:
    """Copy the first `count` entries, so that the rest need not be kept."""
    kept = space((count,), part.dtype)
    kept[:] = part[:count]
    return torch.from_numpy(kept)

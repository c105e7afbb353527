"""The nonzero inputs of a batch as a list: what every event-driven kernel reads."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from snn.core.arrays import IndexArray, Int64Array, RealArray, Uint32Array
from snn.core.compiled import compiled, compiled_entry
from snn.kernels.intrinsics.bit_masks import count_bits, lowest_bit, nonzero_mask
from snn.kernels.memory import empty_aligned_array

__all__ = ["NonzeroArrays", "NonzeroList", "SpikeTrains", "list_nonzero", "list_rows", "to_spike_trains"]


class NonzeroList(NamedTuple):
    """The nonzero inputs of a table, row by row.

    Attributes:
        bounds: Those of row r are `bounds[r]` to `bounds[r + 1]`, int64 [R + 1].
        sender: Column of each, uint16 or int32 [E].
        value: Its value, [E].
    """

    bounds: Tensor
    sender: Tensor
    value: Tensor

    def arrays(self) -> NonzeroArrays:
        """Give the same memory as numpy arrays."""
        return NonzeroArrays(*(part.numpy() for part in self))


class NonzeroArrays(NamedTuple):
    """The memory of a `NonzeroList`, as compiled loops read it.

    Attributes:
        bounds: As there.
        sender: As there.
        value: As there.
    """

    bounds: Int64Array
    sender: IndexArray
    value: RealArray


class SpikeTrains(NamedTuple):
    """The nonzero inputs of a batch, sample by sample, sender by sender, in the order of steps.

    Attributes:
        bounds: Those of sample b and sender i are `bounds[b n + i]` to `bounds[b n + i + 1]`, [B n + 1].
        step: Step of each, [E].
        value: Its value, [E].
    """

    bounds: Int64Array
    step: Uint32Array
    value: RealArray


@compiled
def _sort_by_sender(
    given: NonzeroArrays, batch: int, senders: int, place: Int64Array, step: Uint32Array, value: RealArray
) -> None:
    """Fill steps and values of the trains by counting; `place` [B n + 2], zero at first, ends as their bounds."""
    # A train's count stands two places on; summed up, place[train + 1] is where the train begins. It moves on with
    # each input that is written, and ends where the next train begins: the bounds, without another array.
    steps = (given.bounds.shape[0] - 1) // batch
    for t in range(steps):
        for b in range(batch):
            for e in range(given.bounds[t * batch + b], given.bounds[t * batch + b + 1]):
                place[b * senders + given.sender[e] + 2] += 1
    for k in range(2, place.shape[0]):
        place[k] += place[k - 1]
    for t in range(steps):
        for b in range(batch):
            for e in range(given.bounds[t * batch + b], given.bounds[t * batch + b + 1]):
                train = b * senders + given.sender[e] + 1
                step[place[train]], value[place[train]] = t, given.value[e]
                place[train] += 1


def to_spike_trains(rows: NonzeroList, batch: int, senders: int) -> SpikeTrains:
    """Sort the nonzero entries of x [T B, n], whose row of step t and sample b is t B + b, by sample and sender."""
    given = rows.arrays()
    place, step = np.zeros(batch * senders + 2, np.int64), np.empty(len(given.value), np.uint32)
    value = np.empty_like(given.value)
    _sort_by_sender(given, batch, senders, place, step, value)
    return SpikeTrains(place[:-1], step, value)


@compiled_entry
def list_rows(x: RealArray, bounds: Int64Array, sender: IndexArray, value: RealArray) -> bool:
    """List the nonzero entries of x [R, in]; tell whether all fit.

    Before each row there must be space for the whole row and four more, which are written ahead.
    """
    end: Any = np.uint64(0)
    one = np.uint64(1)
    width = np.uint64(x.shape[1])
    full = width & ~np.uint64(63)
    for r in range(x.shape[0]):
        row, first = x[r], end
        if end + width + np.uint64(4) > np.uint64(sender.shape[0]):
            return False
        for start in range(np.uint64(0), full, np.uint64(64)):
            mask, e = nonzero_mask(row, start), end
            end += count_bits(mask)
            while True:  # four at a time, those beyond the last to be written over: branches are few
                for ahead in range(np.uint64(4)):
                    sender[e + ahead] = start + lowest_bit(mask)
                    mask &= mask - one  # clears the lowest bit
                e += np.uint64(4)
                if e >= end:
                    break
        for i in range(full, width):
            sender[end] = i
            end += np.uint64(row[i] != 0)
        for k in range(first, end):
            value[k] = row[np.uint64(sender[k])]
        bounds[r + 1] = end
    return True


def list_nonzero(x: Tensor, below: float = math.inf) -> NonzeroList | None:
    """List the nonzero entries of x [R, in], on the CPU; None if their share is `below` or more."""
    dense = x.detach().contiguous().numpy()
    rows, width = dense.shape
    most = (dense.size if below > 1 else int(below * dense.size)) + width + 4
    bounds = np.zeros(rows + 1, np.int64)
    sender = empty_aligned_array((most,), np.uint16 if width <= 1 << 16 else np.int32)
    value = empty_aligned_array((most,), dense.dtype)
    if not list_rows(dense, bounds, sender, value) or bounds[-1] >= below * dense.size > 0:
        return None
    return NonzeroList(torch.from_numpy(bounds), *(_first(part, int(bounds[-1])) for part in (sender, value)))


def _first(part: RealArray, count: int) -> Tensor:
    """Copy the first `count` entries, so that the rest need not be kept."""
    kept = empty_aligned_array((count,), part.dtype)
    kept[:] = part[:count]
    return torch.from_numpy(kept)

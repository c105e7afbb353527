"""The nonzero inputs of a batch as a list: what every event-driven kernel reads."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from snn.kernels.compiled import compiled

__all__ = ["Spikes", "list_if_sparse", "list_spikes"]

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]


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

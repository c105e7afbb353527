"""Compiled loops of delayed linear maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn.kernels.compiled import compiled
from snn.kernels.spikes import Spikes

__all__ = ["gather_taps", "scatter_events", "scatter_taps"]

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]


@compiled
def scatter_events(x: Floats, weight: Floats, delays: Ints, y: Floats) -> None:
    """Add weight [in, out] times x [T, B, in] to y [T, B, out], delays [in, out] steps later; skip zeros."""
    steps, batch, senders = x.shape
    for b in range(batch):
        for t in range(steps):
            for i in range(senders):
                value = x[t, b, i]
                if value == 0:
                    continue
                w, d = weight[i], delays[i]
                for j in range(w.shape[0]):
                    at = t + d[j]
                    if at < steps:
                        y[at, b, j] += w[j] * value


@compiled
def scatter_taps(spikes: Spikes, kernel: Floats, y: Floats, width: int) -> None:
    """Set y [T, B, out] to what each event sends over all its taps.

    Receivers come in blocks of `width`, so that a block of the kernel [blocks, in, K x width] stays in the cache
    and an event is one run of neighbouring sums.
    """
    steps, batch, receivers = y.shape
    run = kernel.shape[2]
    room = np.zeros(steps * width + run, y.dtype)
    for block in range(kernel.shape[0]):
        first, last = block * width, min(receivers, (block + 1) * width)
        for b in range(batch):
            room[:] = 0
            for e in range(spikes.bounds[b], spikes.bounds[b + 1]):
                start = spikes.step[e] * width
                target, taps, c = room[start : start + run], kernel[block, spikes.sender[e]], spikes.value[e]
                for j in range(run):
                    target[j] += taps[j] * c
            for t in range(steps):
                y[t, b, first:last] = room[t * width : t * width + last - first]


@compiled
def gather_taps(spikes: Spikes, g: Floats, kernel: Floats, width: int) -> None:
    """Add to the kernel's gradient [blocks, in, K x width] what each event meets in g [T, B, out]."""
    steps, batch, receivers = g.shape
    run = kernel.shape[2]
    room = np.zeros(steps * width + run, g.dtype)
    for block in range(kernel.shape[0]):
        first, last = block * width, min(receivers, (block + 1) * width)
        room[:] = 0
        for b in range(batch):
            for t in range(steps):
                room[t * width : t * width + last - first] = g[t, b, first:last]
            for e in range(spikes.bounds[b], spikes.bounds[b + 1]):
                start = spikes.step[e] * width
                target, taps, c = room[start : start + run], kernel[block, spikes.sender[e]], spikes.value[e]
                for j in range(run):
                    taps[j] += target[j] * c

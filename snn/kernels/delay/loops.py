"""Compiled loops of delayed linear maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn.kernels.compiled import compiled, fused
from snn.kernels.nonzero import Spikes, Trains

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


@fused
def scatter_taps(events: Spikes, kernel: Floats, y: Floats, width: int) -> None:
    """Set y [T, B, out] to what each event sends over all its taps.

    Receivers come in blocks of `width`, so that a block of the kernel [blocks, in, K x width] stays in the cache
    and an event is one run of neighbouring sums, the same run for all events of a step.
    """
    steps, batch, receivers = y.shape
    run = kernel.shape[2]
    room = np.zeros(steps * width + run, y.dtype)
    for block in range(kernel.shape[0]):
        first, last = block * width, min(receivers, (block + 1) * width)
        for b in range(batch):
            room[:] = 0
            for t in range(steps):
                e, end = events.bounds[t * batch + b], events.bounds[t * batch + b + 1]
                sums = room[t * width : t * width + run]
                while e + 4 <= end:  # four at a time: the sums are touched less
                    k0, k1 = kernel[block, events.sender[e]], kernel[block, events.sender[e + 1]]
                    k2, k3 = kernel[block, events.sender[e + 2]], kernel[block, events.sender[e + 3]]
                    a0, a1, a2, a3 = (
                        events.value[e],
                        events.value[e + 1],
                        events.value[e + 2],
                        events.value[e + 3],
                    )
                    for j in range(run):
                        sums[j] += a0 * k0[j] + a1 * k1[j] + a2 * k2[j] + a3 * k3[j]
                    e += 4
                while e < end:
                    k0, a0 = kernel[block, events.sender[e]], events.value[e]
                    for j in range(run):
                        sums[j] += a0 * k0[j]
                    e += 1
            for t in range(steps):
                y[t, b, first:last] = room[t * width : t * width + last - first]


@fused
def gather_taps(trains: Trains, g: Floats, kernel: Floats, width: int) -> None:
    """Add to the kernel's gradient [blocks, in, K x width] what each event meets in g [T, B, out]."""
    steps, batch, receivers = g.shape
    senders, run = kernel.shape[1], kernel.shape[2]
    room = np.zeros(steps * width + run, g.dtype)
    for block in range(kernel.shape[0]):
        first, last = block * width, min(receivers, (block + 1) * width)
        room[:] = 0
        for b in range(batch):
            for t in range(steps):
                room[t * width : t * width + last - first] = g[t, b, first:last]
            for i in range(senders):
                e, end = trains.bounds[b * senders + i], trains.bounds[b * senders + i + 1]
                taps = kernel[block, i]
                while e + 2 <= end:  # two spikes of a sender at a time: its taps are touched less
                    m0, m1 = room[trains.step[e] * width :], room[trains.step[e + 1] * width :]
                    c0, c1 = trains.value[e], trains.value[e + 1]
                    for j in range(run):
                        taps[j] += c0 * m0[j] + c1 * m1[j]
                    e += 2
                if e < end:
                    met, c = room[trains.step[e] * width :], trains.value[e]
                    for j in range(run):
                        taps[j] += c * met[j]

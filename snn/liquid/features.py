"""What a readout sees of a liquid's spikes: counts by window, or exponential traces."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from snn.core.arrays import Float32Array, Int64Array
from snn.core.compiled import compiled
from snn.core.events import Events

__all__ = ["Features", "batch_bounds", "event_features", "spike_features"]

Features = Literal["counts", "traces"]

_NUMBERS_AT_ONCE = 640_000
"""Numbers of a batch's widest tensor: bounds the memory of a run as layers, and keeps it near the processor."""


def event_features(spikes: Events, windows: int, features: Features, trace_ms: float) -> Float32Array:
    """Give the features of spikes of N units, float32 [B, windows N], as `Reservoir.run` has them."""
    if features == "counts":
        return spikes.spike_counts(windows).reshape(len(spikes), -1).astype(np.float32)
    found = np.zeros((len(spikes), windows, spikes.n_units))
    _trace(
        spikes.step, spikes.unit, spikes.offsets, spikes.n_steps, math.exp(-spikes.dt_ms / trace_ms), found
    )
    return found.reshape(len(spikes), -1).astype(np.float32)


@compiled
def _trace(
    step: Int64Array, unit: Int64Array, offsets: Int64Array, n_steps: Int64Array, decay: float, y: Any
) -> None:
    """Add to y [B, W, N] what every spike still weighs in the last step of each window from its own on."""
    samples, windows, _ = y.shape
    for b in range(samples):
        for w in range(windows):
            # the last step k with floor(k windows / n) <= w is that before ceil((w + 1) n / windows)
            last = -(-((w + 1) * n_steps[b]) // windows) - 1
            for e in range(offsets[b], offsets[b + 1]):
                if step[e] > last:
                    break
                y[b, w, unit[e]] += decay ** (last - step[e])


@compiled
def _count(z: Any, lengths: Int64Array, windows: int, y: Any) -> None:
    """Add the spikes z [T, B, N] of each sample's steps to those of its windows, y [B, W, N]."""
    steps, batch, size = z.shape
    for t in range(steps):
        for b in range(batch):
            if t < lengths[b]:
                zs, ys = z[t, b], y[b, t * windows // lengths[b]]
                for n in range(size):
                    ys[n] += zs[n]


def batch_bounds(events: Events, size: int, start: int, stop: int) -> list[int]:
    """Cut the samples from `start` to `stop` into batches that fit memory, in their order: the bounds."""
    bounds, width, longest = [start], max(size, events.n_units), 0
    for b, n in enumerate(events.n_steps[start:stop].tolist(), start=start):
        longest = max(longest, n)
        if b > bounds[-1] and longest * (b + 1 - bounds[-1]) * width > _NUMBERS_AT_ONCE:
            bounds.append(b)
            longest = n
    return [*bounds, stop] if stop > start else [start]


def spike_features(
    spikes: Callable[[Events, int, int], Any],
    events: Events,
    size: int,
    windows: int,
    features: Features,
    trace_ms: float,
    start: int,
    stop: int,
) -> Float32Array:
    """Run the samples from `start` to `stop` batch by batch: features of N outputs, float32 [B, windows N].

    Args:
        spikes: Gives the spikes [T, B, N] of the samples from one number to another.
        events: The samples.
        size: Outputs N.
        windows: As in `Reservoir.run`.
        features: As in `Reservoir.run`.
        trace_ms: As in `Reservoir.run`.
        start: First sample.
        stop: First sample behind them.
    """
    found = np.zeros((stop - start, windows, size), dtype=np.float32)
    for first, end in pairwise(batch_bounds(events, size, start, stop)):
        z, n_steps, rows = (
            spikes(events, first, end),
            events.n_steps[first:end],
            found[first - start : end - start],
        )
        if features == "counts":
            _count(z, n_steps, windows, rows)
        else:
            listed = _as_events(z, n_steps, events.dt_ms)
            rows[:] = event_features(listed, windows, features, trace_ms).reshape(rows.shape)
    return found.reshape(stop - start, windows * size)


def _as_events(z: Any, n_steps: Int64Array, dt_ms: float) -> Events:
    """List spikes z [T, B, N] of samples of these lengths."""
    sample, step, unit = np.nonzero(z.transpose(1, 0, 2))
    count = z[step, sample, unit].astype(np.int64)
    sample, step, unit = (np.repeat(column, count) for column in (sample, step, unit))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(sample, minlength=len(n_steps)))])
    return Events(step, unit, offsets, z.shape[2], dt_ms, n_steps)

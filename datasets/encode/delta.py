"""Signals to events where they change: send-on-delta, as the pixels of event cameras do."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from snn.core import Events
from snn.core.arrays import Int64Array
from snn.core.checks import finite, refusal
from snn.core.memory import check as check_memory
from snn.core.units import check_dt

__all__ = ["delta"]


def delta(signals: ArrayLike, threshold: ArrayLike, *, dt_ms: float = 1.0) -> Events:
    """Spike for every threshold by which a signal has moved from the level of its last spike.

    The level starts at the first value and moves by a threshold with each spike, so that threshold * (ON -
    OFF spikes so far) + the first value gives the signal back, off by less than a threshold.

    Args:
        signals: Values in time, [T, B, N], in any unit.
        threshold: Change that makes a spike, > 0, in that unit: one for all, or one per channel, [N].
        dt_ms: Length of a step, ms.

    Returns:
        Events of 2 N units and T steps: channel n falls as unit n and rises as unit N + n, as polarities of event
        cameras are numbered; a step has several equal spikes where a signal moves by several thresholds.

    Raises:
        ValueError: A value is not finite, or an argument is impossible; the message names it.
        MemoryError: The spikes do not fit.
    Source: Miskowicz, "Send-on-delta concept", 2006.
    """
    values, dt_ms = finite("signals", signals), check_dt(dt_ms)
    if values.ndim != 3 or not values.size:
        raise refusal("signals", "of shape [T, B, N], of at least one step, sample and channel", values)
    least = finite("threshold", threshold, above=0.0)
    if least.shape not in ((), (values.shape[2],)):
        raise refusal("threshold", f"one number, or one per channel, [{values.shape[2]}]", threshold)
    with np.errstate(over="ignore"):
        moved = (values - values[:1]) / least
    if not (np.abs(moved) < 2**53).all():
        raise refusal("threshold", "at least 2^-53 of every change of a signal", threshold)
    spikes = _crossings(moved)
    fall_and_rise = np.concatenate([np.maximum(-spikes, 0), np.maximum(spikes, 0)], axis=2)
    check_memory(40 * int(fall_and_rise.sum(dtype=np.float64)), "spikes of so small a threshold")
    listed = [_listed(fall_and_rise[:, b]) for b in range(values.shape[1])]
    steps, units = zip(*listed, strict=True)
    return Events.from_lists(steps, units, n_units=2 * values.shape[2], dt_ms=dt_ms, n_steps=len(values))


def _crossings(moved: np.ndarray) -> Int64Array:
    """Count the thresholds crossed in each step, upwards > 0; the level moves by whole ones."""
    spikes = np.empty(moved.shape, dtype=np.int64)
    level = np.zeros(moved.shape[1:])
    for k, now in enumerate(moved):
        crossed = np.trunc(now - level)
        level += crossed
        spikes[k] = crossed
    return spikes


def _listed(counts: Int64Array) -> tuple[Int64Array, Int64Array]:
    """List step and unit of every spike, given how many there are, [T, units]."""
    step, unit = np.nonzero(counts)
    times = counts[step, unit]
    return np.repeat(step, times), np.repeat(unit, times)

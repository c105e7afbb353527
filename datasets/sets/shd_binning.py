"""Turn spike times into steps, in the ways that published results used."""

from __future__ import annotations

from typing import Literal

import numpy as np

from snn.core import event_steps
from snn.core.arrays import Float64Array, Int64Array
from snn.datasets.formats.shd_file import ShdColumns

__all__ = ["Binning", "to_steps"]

Binning = Literal["fixed", "first_spike", "restart"]


def to_steps(columns: ShdColumns, dt_ms: float, binning: Binning = "fixed") -> Int64Array:
    """Give every spike a step of its sample.

    Args:
        columns: The samples.
        dt_ms: Length of a step, ms.
        binning: "fixed": step k covers [k dt, (k + 1) dt) from the start of the recording. "first_spike": the
            same from the sample's first spike (SpikingJelly since March 2024). "restart": a step opens at the next
            spike and takes all spikes up to dt after it, so silence vanishes (SpikingJelly before that).

    Returns:
        Step of each spike, [E].
    Source: SpikingJelly issue #507 and its fix 01823bed.
    """
    time_ms = columns.time_s.astype(np.float64) * 1000.0
    if binning == "fixed":
        return event_steps(time_ms, dt_ms)
    sizes = np.diff(columns.offsets)
    if binning == "first_spike":
        return event_steps(time_ms - np.repeat(time_ms[columns.offsets[:-1]], sizes), dt_ms)
    steps = np.empty(time_ms.size, dtype=np.int64)
    for start, stop in zip(columns.offsets[:-1], columns.offsets[1:], strict=True):
        steps[start:stop] = _restart(time_ms[start:stop], dt_ms)
    return steps


def _restart(time_ms: Float64Array, dt_ms: float) -> Int64Array:
    steps = np.empty(time_ms.size, dtype=np.int64)
    left, step = 0, 0
    while left < time_ms.size:
        right = left + int(np.searchsorted(time_ms[left:] - time_ms[left], dt_ms, side="right"))
        steps[left:right] = step
        left, step = right, step + 1
    return steps

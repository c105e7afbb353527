"""Turn spike times into steps, in the ways that published results used."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from snn.core.arrays import Int64Array
from snn.core.checks import choice
from snn.core.files.foreign import stored_times
from snn.core.units import check_dt, event_steps, forgiven_steps
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
            spike and takes all spikes up to dt after it, so silence vanishes (SpikingJelly before that). All of
            them forgive what a float32 or float64 may be off by, as `event_steps` does; float16 is taken as it is.

    Returns:
        Step of each spike, [E].
    Source: SpikingJelly issue #507 and its fix 01823bed.
    """
    time_s, dt_ms = stored_times(columns.time_s), check_dt(dt_ms)
    if choice("binning", binning, Binning) == "fixed":
        return event_steps(time_s, dt_ms, unit_ms=1000.0)
    steps = np.empty(time_s.size, dtype=np.int64)
    for start, stop in zip(columns.offsets[:-1], columns.offsets[1:], strict=True):
        own = time_s[start:stop]
        if binning == "restart":
            steps[start:stop] = _restart(own, dt_ms)
        elif own.size:
            steps[start:stop] = event_steps(own, dt_ms, unit_ms=1000.0, origin=float(own[0]))
    return steps


def _restart(time_s: NDArray[Any], dt_ms: float) -> Int64Array:
    time = time_s.astype(np.float64) * 1000.0
    early = time - forgiven_steps(time_s.dtype, time / dt_ms) * dt_ms
    steps = np.empty(time.size, dtype=np.int64)
    left, step = 0, 0
    while left < time.size:
        right = left + int(np.searchsorted(early[left:] - time[left], dt_ms, side="right"))
        steps[left:right] = step
        left, step = right, step + 1
    return steps

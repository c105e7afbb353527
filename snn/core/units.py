"""Turn milliseconds into steps: one rule for delays, one for event times."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from snn.core.arrays import Float64Array, Int64Array

_SNAP = 1e-9
"""Fraction of a step within which an event time is on the grid (0.3 / 0.1 is 2.9999999999999996)."""


def check_dt(dt_ms: Any) -> float:
    """Return `dt_ms` as a float.

    Raises:
        ValueError: It is not a finite number above 0.
    """
    dt = float(dt_ms)
    if not (np.isfinite(dt) and dt > 0):
        raise ValueError(f"dt_ms must be finite and above 0, got {dt_ms!r}")
    return dt


def delay_steps(delay_ms: ArrayLike, dt_ms: float) -> Int64Array:
    """Round delays to steps, half to even.

    Args:
        delay_ms: Delays of any shape, ms, finite and >= 0.
        dt_ms: Step, ms.

    Returns:
        Steps, int64, of the same shape (0-dimensional for a scalar).

    Raises:
        ValueError: A delay is negative, infinite or NaN.
    """
    delay = np.asarray(delay_ms, dtype=np.float64)
    _check_times("delay_ms", delay)
    return np.asarray(np.rint(delay / check_dt(dt_ms)), dtype=np.int64)


def event_steps(time_ms: ArrayLike, dt_ms: float) -> Int64Array:
    """Place event times in steps: floor, so step k covers [k dt, (k + 1) dt).

    A time within 1e-9 steps below a grid point counts as on it, because decimal times have no
    exact binary form.

    Args:
        time_ms: Times of any shape, ms, finite and >= 0.
        dt_ms: Step, ms.

    Returns:
        Steps, int64, of the same shape (0-dimensional for a scalar).

    Raises:
        ValueError: A time is negative, infinite or NaN.
    """
    time = np.asarray(time_ms, dtype=np.float64)
    _check_times("time_ms", time)
    steps = time / check_dt(dt_ms)
    nearest = np.rint(steps)
    on_grid = np.abs(steps - nearest) <= _SNAP * np.maximum(1.0, nearest)
    return np.asarray(np.where(on_grid, nearest, np.floor(steps)), dtype=np.int64)


def _check_times(name: str, values: Float64Array) -> None:
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        where = f"{name}{list(at)}" if at else name
        raise ValueError(f"{where} must be finite and >= 0 ms, got {values[at]!r}")

"""Milliseconds and steps: the grid of time, one rounding rule for delays, one for event times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from snn.core.arrays import Int64Array
from snn.core.checks import finite, number, whole

_SNAP = 1e-9
"""Fraction of a step within which an event time is on the grid (0.3 / 0.1 is 2.9999999999999996)."""


@dataclass(frozen=True, slots=True)
class TimeGrid:
    """Count time in whole steps.

    Attributes:
        n_steps: Number of steps, >= 0.
        dt_ms: Length of a step, ms, > 0.

    Raises:
        ValueError: A value is out of range; the message names it.
    """

    n_steps: int
    dt_ms: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_steps", whole("n_steps", self.n_steps, low=0))
        object.__setattr__(self, "dt_ms", check_dt(self.dt_ms))

    @property
    def t_end_ms(self) -> float:
        """The end of the last step, ms."""
        return self.n_steps * self.dt_ms


def check_dt(dt_ms: Any) -> float:
    """Return `dt_ms` as a float.

    Raises:
        ValueError: It is not a finite number above 0.
    """
    return number("dt_ms", dt_ms, above=0)


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
    delay = finite("delay_ms", delay_ms, low=0, unit="ms")
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
    steps = finite("time_ms", time_ms, low=0, unit="ms") / check_dt(dt_ms)
    nearest = np.rint(steps)
    on_grid = np.abs(steps - nearest) <= _SNAP * np.maximum(1.0, nearest)
    return np.asarray(np.where(on_grid, nearest, np.floor(steps)), dtype=np.int64)

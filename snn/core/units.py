"""Milliseconds and steps: the grid of time, one rounding rule for delays, one for event times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from snn.core.arrays import Float64Array, Int64Array
from snn.core.checks import finite, number, real_array, refusal, whole, wholes

MOST_STEPS = 2**53
"""Largest number of a step: a float64 tells every whole number up to it."""
MOST_STEPS_AT_ONCE = 1_000_000_000
"""Longest run, delay and refractory time, steps: the loops count in 32 bits."""
MOST_UNITS = 2**31 - 1
"""Largest number of units of a population, and of a batch of events."""
_LEAST_DT, _MOST_DT = 1e-100, 1e100
"""Bounds of a step, ms: with them no time of `MOST_STEPS` steps overflows, nor its square."""

_LEAST_FORGIVEN = 1e-9
"""Fraction of a step within which any event time is on the grid (0.3 / 0.1 is 2.9999999999999996)."""

MOST_FORGIVEN = 1e-3
"""Fraction of a step beyond which no event time is moved, however coarse its type."""


@dataclass(frozen=True, slots=True)
class TimeGrid:
    """Count time in whole steps.

    Attributes:
        n_steps: Number of steps, 0 to 2^53.
        dt_ms: Length of a step, ms, 1e-100 to 1e100.

    Raises:
        ValueError: A value is out of range; the message names it.
    """

    n_steps: int
    dt_ms: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_steps", check_steps("n_steps", self.n_steps))
        object.__setattr__(self, "dt_ms", check_dt(self.dt_ms))

    @property
    def t_end_ms(self) -> float:
        """The end of the last step, ms."""
        return self.n_steps * self.dt_ms


def check_dt(dt_ms: Any) -> float:
    """Return `dt_ms` as a float.

    Raises:
        ValueError: It is not a number from 1e-100 to 1e100.
    """
    dt = number("dt_ms", dt_ms, above=0)
    if not _LEAST_DT <= dt <= _MOST_DT:
        raise refusal("dt_ms", f"from {_LEAST_DT:g} to {_MOST_DT:g}", dt_ms)
    return dt


def check_steps(name: str, steps: Any, *, low: int = 0) -> int:
    """Return a number of steps as an int.

    Raises:
        ValueError: It is not a whole number from `low` to 2^53; the message calls it `name`.
    """
    number = whole(name, steps, low=low)
    if number > MOST_STEPS:
        raise refusal(name, "at most 2^53", steps)
    return number


def check_units(name: str, units: Any) -> int:
    """Return a number of units as an int.

    Raises:
        ValueError: It is not a whole number from 1 to 2^31 - 1; the message calls it `name`.
    """
    number = whole(name, units, low=1)
    if number > MOST_UNITS:
        raise refusal(name, "at most 2^31 - 1", units)
    return number


def delay_steps(delay_ms: ArrayLike, dt_ms: float, *, name: str = "delay_ms") -> Int64Array:
    """Round delays, or other durations, to steps, half to even.

    Args:
        delay_ms: Delays of any shape, ms, >= 0, of at most 10^9 steps.
        dt_ms: Step, ms.
        name: What to call them in messages.

    Returns:
        Steps, int64, of the same shape (0-dimensional for a scalar).

    Raises:
        ValueError: A delay is negative, infinite, NaN, or too long.
    """
    delay, dt = finite(name, delay_ms, low=0, unit="ms"), check_dt(dt_ms)
    if delay.max(initial=0.0) > MOST_STEPS_AT_ONCE * dt:
        place = int(np.argmax(delay))
        rule = f"at most {MOST_STEPS_AT_ONCE:,} steps of {dt:g} ms"
        raise refusal(f"{name}[{place}]" if delay.ndim else name, rule, np.ravel(delay)[place])
    return np.asarray(np.rint(delay / dt), dtype=np.int64)


def event_steps(
    time: ArrayLike, dt_ms: float, *, unit_ms: float = 1.0, origin: float = 0.0, name: str = "time"
) -> Int64Array:
    """Place event times in steps: floor, so step k covers [k dt, (k + 1) dt).

    A time just below a grid point counts as on it when the type it came in can be off by that much: decimal
    times have no exact binary form, and a float32 lies a rounding below its step as often as above. Forgiven are
    two roundings of the type as it is given (2 eps of its dtype times the time, or times `origin` where that is
    larger), at least 1e-9 of the time and of a step, at most 1e-3 of a step. So pass times in the dtype they were
    stored in: one that was converted to float64 on the way no longer tells what it can be off by.

    Args:
        time: Times of any shape, finite, not before `origin` by more than what is forgiven.
        dt_ms: Step, ms.
        unit_ms: Length of the unit that `time` and `origin` count, ms: 1000 for seconds, 0.001 for microseconds.
        origin: Time of the start of step 0, in the same unit: the beginning of a recording in epoch seconds, say.
        name: What to call the times in messages.

    Returns:
        Steps, int64, of the same shape (0-dimensional for a scalar).

    Raises:
        ValueError: A time is before the origin, infinite or NaN, or beyond 2^53 steps.
    """
    given = real_array(name, time)
    dt = check_dt(dt_ms)
    unit, start = number("unit_ms", unit_ms, above=0), number("origin", origin)
    times = finite(name, given)
    with np.errstate(over="ignore", invalid="ignore"):  # infinitely many steps are refused below
        steps = (times - start) * unit / dt
        furthest = np.maximum(np.abs(times), abs(start)) * unit / dt
        forgiven = forgiven_steps(given.dtype, furthest)
        nearest = np.rint(steps)
        steps = np.where(np.abs(steps - nearest) <= forgiven, nearest, np.floor(steps))
    if np.any(steps < 0) or np.any(steps > MOST_STEPS):
        place = np.flatnonzero(np.ravel((steps < 0) | (steps > MOST_STEPS)))[0]
        rule = f"from {start:g} to {start + MOST_STEPS * dt / unit:g} (0 to 2^53 steps)"
        raise refusal(f"{name}[{place}]" if given.ndim else name, rule, np.ravel(times)[place])
    return np.asarray(steps, dtype=np.int64)


def forgiven_steps(dtype: np.dtype[Any], furthest: Float64Array) -> Float64Array:
    """Say by what part of a step times may lie below a step and count as on it: the rule of `event_steps`.

    Args:
        dtype: Type in which the times are stored.
        furthest: How far each time, or the origin if that is further, lies from zero, steps, >= 0.
    """
    eps = float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0
    return np.clip(max(2.0 * eps, _LEAST_FORGIVEN) * furthest, _LEAST_FORGIVEN, MOST_FORGIVEN)


def window_of(step: Int64Array, n_steps: Int64Array, windows: int) -> Int64Array:
    """Give the window that each step lies in where samples are cut into equal parts: floor(step windows / n_steps).

    Args:
        step: Steps, [E], int64, each in [0, its `n_steps`).
        n_steps: Length of the sample that each is of, [E], int64.
        windows: Parts of a sample, >= 1.

    Raises:
        ValueError: A step times `windows` does not fit 64 bits.
    """
    most = (2**63 - 1) // max(int(n_steps.max(initial=0)), 1)
    return step * whole("windows", windows, low=1, high=most) // n_steps


def mid_step_times(step: ArrayLike, dt_ms: float, *, unit_ms: float = 1.0) -> Float64Array:
    """Give each step the time of its middle, (k + 1/2) dt: what files hold for readers that know no steps.

    Any reader that divides by dt and floors gets the step back, however it rounds.

    Args:
        step: Steps of any shape, 0 to 2^53.
        dt_ms: Step, ms.
        unit_ms: Unit of the times, ms: 1000 for seconds.

    Returns:
        Times in that unit, float64, of the same shape.

    Raises:
        ValueError: A value is out of range; the message names it.
    """
    steps, unit = wholes("step", step, low=0, high=MOST_STEPS), number("unit_ms", unit_ms, above=0)
    return np.asarray((steps + 0.5) * (check_dt(dt_ms) / unit), dtype=np.float64)

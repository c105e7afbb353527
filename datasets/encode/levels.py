"""Numbers to spikes: by how many there are in a time, or by when the first one comes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from snn.core import Events
from snn.core.arrays import BoolArray, Float64Array
from snn.core.checks import finite, number, refusal, whole
from snn.core.memory import check as check_memory
from snn.core.random import check_seed, keys, uniform
from snn.core.units import MOST_STEPS, check_dt
from snn.datasets.samples import one_per_sample

__all__ = ["latency", "rate", "regular_rate"]


def rate(
    values: ArrayLike,
    n_steps: int,
    *,
    dt_ms: float = 1.0,
    peak: float = 1.0,
    seed: int = 0,
    samples: ArrayLike | None = None,
) -> Events:
    """Draw spikes at random: in every step, a unit spikes with a chance of its value times `peak`.

    Args:
        values: From 0 to 1, [B, ...]; the axes after the first become units, in a row.
        n_steps: Steps of a sample, >= 1.
        dt_ms: Length of a step, ms.
        peak: Chance of a value of 1, in [0, 1].
        seed: Decides the spikes.
        samples: Number of each sample, >= 0, [B], which decides its spikes whatever is encoded beside it; None
            counts from 0.

    Raises:
        ValueError: A value is outside 0..1, or an argument is impossible; the message names it.
        MemoryError: The draws do not fit.
    """
    chance = number("peak", peak, low=0, high=1) * _levels(values)
    n_steps = whole("n_steps", n_steps, low=1)
    numbers = np.arange(len(chance)) if samples is None else one_per_sample("samples", samples, len(chance))
    _check_memory(chance, n_steps)
    draws = np.arange(n_steps * chance.shape[1]).reshape(n_steps, -1)
    seed = check_seed(seed)
    spikes = [
        uniform(keys(seed, "rate", sample), draws) < row for sample, row in zip(numbers, chance, strict=True)
    ]
    return _events(spikes, dt_ms)


def regular_rate(values: ArrayLike, n_steps: int, *, dt_ms: float = 1.0, peak: float = 1.0) -> Events:
    """Place spikes evenly: after k steps a unit has spiked floor(k value peak) times.

    The arguments are those of `rate`; a unit of value 1 spikes floor(n_steps peak) times.

    Raises:
        ValueError: A value is outside 0..1, or an argument is impossible; the message names it.
        MemoryError: The spikes do not fit.
    """
    pace = number("peak", peak, low=0, high=1) * _levels(values)
    n_steps = whole("n_steps", n_steps, low=1)
    _check_memory(pace, n_steps)
    ends = np.arange(n_steps + 1)[:, None]
    spikes = [np.diff(np.floor(ends * row + 1e-9), axis=0) > 0 for row in pace]
    return _events(spikes, dt_ms)


def latency(
    values: ArrayLike,
    n_steps: int,
    *,
    dt_ms: float = 1.0,
    tau_ms: float | None = None,
    least: float = 0.01,
) -> Events:
    """Give each unit one spike, the earlier the larger its value; below `least` it is silent.

    Args:
        values: From 0 to 1, [B, ...]; the axes after the first become units, in a row.
        n_steps: Steps of a sample, >= 1.
        dt_ms: Length of a step, ms.
        tau_ms: None is linear: value 1 spikes in step 0, `least` in the last one. Else the time constant, ms, > 0,
            of a membrane that a constant current charges to its threshold `least`: a spike at
            tau ln(value / (value - least)), and none where that is later than the sample.
        least: In (0, 1).

    Raises:
        ValueError: A value is outside 0..1, or an argument is impossible; the message names it.
    """
    level = _levels(values)
    n_steps, dt_ms = whole("n_steps", n_steps, low=1, high=MOST_STEPS), check_dt(dt_ms)
    least = number("least", least, above=0, below=1)
    if tau_ms is None:
        step = np.rint((n_steps - 1) * (1 - level) / (1 - least))
        fires = level >= least
    else:
        tau = number("tau_ms", tau_ms, above=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.floor(tau * np.log(level / (level - least)) / dt_ms)
        fires = (level > least) & (step < n_steps)
    units = [np.flatnonzero(row) for row in fires]
    steps = [row[unit].astype(np.int64) for row, unit in zip(step, units, strict=True)]
    return Events.from_lists(steps, units, n_units=level.shape[1], dt_ms=dt_ms, n_steps=n_steps)


def _levels(values: ArrayLike) -> Float64Array:
    level = finite("values", values, low=0, high=1)
    if level.ndim < 2 or not level.size:
        raise refusal("values", "of shape [B, ...], of at least one sample and unit", level)
    return level.reshape(len(level), -1)


def _check_memory(level: Float64Array, n_steps: int) -> None:
    """Refuse what does not fit before it is made: numbers and truth values for every unit and step of a sample."""
    cells = n_steps * level.shape[1]
    check_memory(34 * cells + len(level) * cells, f"{n_steps:,} steps of {level.shape[1]:,} units")


def _events(spikes: list[BoolArray], dt_ms: float) -> Events:
    """List the spikes of samples, each [T, N]."""
    step, unit = zip(*map(np.nonzero, spikes), strict=True)
    n_steps, n_units = spikes[0].shape
    return Events.from_lists(step, unit, n_units=n_units, dt_ms=dt_ms, n_steps=n_steps)

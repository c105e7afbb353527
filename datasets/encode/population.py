"""Numbers to populations: overlapping Gaussian receptive fields, each of which answers to a part of the range."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from snn.core import Events
from snn.core.arrays import Float64Array
from snn.core.checks import finite, number, refusal, whole
from snn.core.memory import check as check_memory
from snn.datasets.encode.levels import latency

__all__ = ["population", "receptive_fields"]


def receptive_fields(
    values: ArrayLike, fields: int, *, low: float = 0.0, high: float = 1.0, sharpness: float = 1.5
) -> Float64Array:
    """Give what each field makes of a number, from 0 to 1 at its centre: currents, or rates for `rate`.

    The centres lie (high - low) / (fields - 2) apart, the first and the last half of that outside the range; the
    deviation of a field is that distance over `sharpness`.

    Args:
        values: Numbers from `low` to `high`, [B, N].
        fields: Fields of each number, >= 3.
        low: Least number.
        high: Largest number, above `low`.
        sharpness: > 0; 1 to 2 in the source.

    Returns:
        Answers, [B, N, fields].

    Raises:
        ValueError: A number is outside the range, or an argument is impossible; the message names it.
        MemoryError: The answers do not fit.
    Source: Bohte, Kok & La Poutré, "Error-backpropagation in temporally encoded networks of spiking neurons", 2002.
    """
    fields, low = whole("fields", fields, low=3), number("low", low)
    high = number("high", high, above=low)
    span = number("high - low", high - low, above=0)
    sharpness = number("sharpness", sharpness, above=0)
    given = finite("values", values, low=low, high=high)
    if given.ndim != 2 or not given.size:
        raise refusal("values", "of shape [B, N], of at least one sample and number", given)
    check_memory(24 * given.size * fields, f"{fields:,} fields of {given.size:,} numbers")
    place = (given - low) / span * (fields - 2)  # in distances of centres
    away = place[:, :, None] - (np.arange(fields) - 0.5)
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.exp(-0.5 * (sharpness * away) ** 2))


def population(
    values: ArrayLike,
    fields: int,
    n_steps: int,
    *,
    low: float = 0.0,
    high: float = 1.0,
    sharpness: float = 1.5,
    least: float = 0.1,
    dt_ms: float = 1.0,
) -> Events:
    """Give each field one spike, the earlier the more it answers; below `least` it is silent.

    Args:
        values: Numbers from `low` to `high`, [B, N].
        fields: Fields of each number, >= 3; field i of number n is unit n * fields + i.
        n_steps: Steps of a sample, >= 1: an answer of 1 spikes in step 0, one of `least` in the last.
        low: Least number.
        high: Largest number, above `low`.
        sharpness: As in `receptive_fields`.
        least: In (0, 1).
        dt_ms: Length of a step, ms.

    Raises:
        ValueError: As `receptive_fields` and `latency`.
    """
    answers = receptive_fields(values, fields, low=low, high=high, sharpness=sharpness)
    return latency(answers, n_steps, dt_ms=dt_ms, least=least)

"""How a population fires: rates, regularity, and the neurons that say nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snn.core import Events
from snn.core.arrays import Float64Array
from snn.core.checks import instance, refusal

__all__ = ["FiringStatistics", "firing_statistics"]

_SATURATED = 0.5
"""Spikes per step from which a neuron counts as saturated."""


@dataclass(frozen=True, slots=True, eq=False)
class FiringStatistics:
    """Hold how N neurons fired over all samples.

    Attributes:
        rates: Spikes per step of each neuron, [N].
        cvs: Standard deviation over mean of the intervals between its spikes, [N]: 0 a clock, 1 a Poisson process.
            NaN for a neuron with fewer than two intervals.
        rate: Mean of the rates: spikes per neuron and step.
        rate_hz: The same in spikes per neuron and second.
        cv: Mean of the `cvs` that there are; NaN where there is none.
        silent: Share of neurons that never fired.
        saturated: Share of neurons that fired half a spike a step or more.
    """

    rates: Float64Array
    cvs: Float64Array
    rate: float
    rate_hz: float
    cv: float
    silent: float
    saturated: float


def firing_statistics(spikes: Events) -> FiringStatistics:
    """Say how a population fires, a liquid's or any other's.

    Args:
        spikes: Its spikes, such as `simulate(reservoir.network(dt_ms), {"in": events}).spikes["liquid"]`. Intervals
            lie within a sample.

    Raises:
        ValueError: They are no events, or last no step.
    """
    instance("spikes", spikes, Events)
    steps = int(spikes.n_steps.sum())
    if not steps:
        raise refusal("spikes", "of at least one step", spikes)
    rates = np.bincount(spikes.unit, minlength=spikes.n_units) / steps
    cvs = _variations(spikes)
    known = cvs[~np.isnan(cvs)]
    rate = float(rates.mean())
    return FiringStatistics(
        rates,
        cvs,
        rate,
        rate * 1000.0 / spikes.dt_ms,
        float(known.mean()) if known.size else float("nan"),
        float((rates == 0).mean()),
        float((rates >= _SATURATED).mean()),
    )


def _variations(spikes: Events) -> Float64Array:
    """Give the coefficient of variation of the intervals of each unit, [N]; NaN of fewer than two."""
    order = np.lexsort((spikes.step, spikes.unit, spikes.sample))
    step, unit, sample = spikes.step[order], spikes.unit[order], spikes.sample[order]
    within = (np.diff(unit) == 0) & (np.diff(sample) == 0)
    interval, owner = np.diff(step)[within].astype(np.float64), unit[1:][within]
    size = spikes.n_units
    count = np.bincount(owner, minlength=size)
    found = np.full(size, np.nan)
    known = count >= 2
    mean = np.bincount(owner, interval, minlength=size)[known] / count[known]
    around = np.zeros(size)
    around[known] = mean
    square = np.bincount(owner, (interval - around[owner]) ** 2, minlength=size)[known] / count[known]
    with np.errstate(invalid="ignore"):  # all spikes of a unit in one step: no variation to speak of
        found[known] = np.sqrt(square) / mean
    return found

"""Memory capacity: how much of past input a linear readout finds in a liquid's spikes of one step."""

from __future__ import annotations

import numpy as np

from snn.core import Events
from snn.core.arrays import BoolArray, Float64Array
from snn.core.checks import instance, whole
from snn.core.random import check_seed, keys, uniform
from snn.liquid.measures.step_spikes import step_spikes
from snn.liquid.reservoir import Reservoir

__all__ = ["memory_capacity"]


def memory_capacity(
    reservoir: Reservoir, steps: int, delays: int, seed: int = 0, *, dt_ms: float = 1.0
) -> tuple[float, Float64Array]:
    """Give the memory capacity of a liquid, and its part for every delay.

    One random bit a step, 1 half of the time, makes all inputs fire together. For every delay k from 1 on, a
    linear readout with a bias is fitted by least squares to give the bit of k steps ago from the spikes of the
    present step alone. Its part is the squared correlation of the bit with what it says on steps that it was not
    fitted to, in [0, 1]; the capacity is their sum, at most about the number of neurons. Membranes are not looked
    at: they count by the spikes that they make.

    The squared correlation of a readout that knows nothing is about 1 / `steps`, not 0: 200 steps leave a floor of
    0.005 a delay, and 100 delays half a bit that is not there. Take thousands of steps, and delays no longer than
    needed. Two scores in use elsewhere mislead more: an R^2 that pools several outputs around one mean is 0.9995
    for a blind readout that knows the level of each (take one per output, then their mean), and an error divided
    by the variance, not by the standard deviation, depends on the unit (reservoirpy 0.4.2: `rsquare`, and `nrmse`
    with norm="var").

    Args:
        reservoir: The liquid.
        steps: Steps to fit to, and as many again to score on; more than the N + 1 weights of a readout. The first
            `delays` steps of the run come on top, unseen.
        delays: The longest delay K, steps, >= 1.
        seed: Decides the bits.
        dt_ms: Length of a step, ms.

    Returns:
        The capacity, in bits of input, and its parts [K], delay 1 first.

    Raises:
        ValueError: An argument is out of range.
    Source: Jaeger, Short term memory in echo state networks, GMD report 152 (2001).
    """
    instance("reservoir", reservoir, Reservoir)
    steps = whole("steps", steps, low=reservoir.size + 2)
    delays = whole("delays", delays, low=1)
    bits = uniform(keys(check_seed(seed), "memory_capacity"), np.arange(delays + 2 * steps)) < 0.5
    (z,) = next(step_spikes(reservoir, _all_at_once(bits, reservoir.n_in, dt_ms)))
    z = z[delays:]
    past = np.stack([bits[delays - k : len(bits) - k] for k in range(1, delays + 1)], axis=1).astype(
        np.float64
    )
    state = np.column_stack([z, np.ones(len(z))]).astype(np.float64)
    weight = np.linalg.lstsq(state[:steps], past[:steps], rcond=None)[0]
    parts = _squared_correlation(state[steps:] @ weight, past[steps:])
    return float(parts.sum()), parts


def _all_at_once(bits: BoolArray, units: int, dt_ms: float) -> Events:
    """Make every unit fire in the steps whose bit is set: one sample."""
    on = np.flatnonzero(bits)
    return Events(
        np.repeat(on, units),
        np.tile(np.arange(units), len(on)),
        [0, len(on) * units],
        units,
        dt_ms,
        len(bits),
    )


_VANISHES = 1e-12
"""Deviation under which an output counts as constant: what is left of a bias after rounding."""


def _squared_correlation(a: Float64Array, b: Float64Array) -> Float64Array:
    """Correlate columns [T, K]; 0 where one of the two does not vary."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    sd = a.std(axis=0), b.std(axis=0)
    varies = (sd[0] > _VANISHES) & (sd[1] > _VANISHES)
    scale = np.where(varies, sd[0] * sd[1], 1.0)
    return np.where(varies, (a * b).mean(axis=0) / scale, 0.0) ** 2

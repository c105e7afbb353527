"""Small liquids and inputs that tests of several rooms share."""

from __future__ import annotations

import numpy as np

import snn
from snn.liquid import Reservoir

PAPER = snn.LIFParams(decay=0.5, v_th=1.0, reset="hard_next_step", fires=">")
"""The paper's neuron, with a decay that keeps sums of dyadic weights exact."""


def dyadic(rng, *shape, sd=0.4):
    """Draw weights that are multiples of 1/16: sums of them are exact in any order."""
    return np.round(rng.normal(0.0, sd, shape) * 16) / 16


def events(rng, samples=6, n_in=12, steps=30, per_sample=90, dt_ms=1.0):
    """Draw spikes, several of a unit in one step too, of samples that differ in length."""
    lengths = [steps + 3 * b for b in range(samples)]
    return snn.Events.from_lists(
        [rng.integers(0, n, per_sample) for n in lengths],
        [rng.integers(0, n_in, per_sample) for _ in lengths],
        n_units=n_in,
        dt_ms=dt_ms,
        n_steps=lengths,
    )


def liquid(rng, n_in=12, size=40, neuron=PAPER, delays=1):
    """Make a dense liquid of dyadic weights."""
    return Reservoir(dyadic(rng, n_in, size), dyadic(rng, size, size, sd=0.3), neuron, delays)


def plain_run(reservoir, given, decay, v_th=1.0, strict=True):
    """Run a liquid of the paper's neuron as its equations say: spikes [T, B, N] of each sample, in numpy."""
    w_rec = reservoir.w_rec if isinstance(reservoir.w_rec, np.ndarray) else reservoir.w_rec.toarray()
    size, delays = reservoir.size, np.broadcast_to(reservoir.delays, (reservoir.size, reservoir.size))
    found = []
    for b, n_steps in enumerate(given.n_steps):
        own = given.select([b])
        x = np.zeros((n_steps, given.n_units))
        np.add.at(x, (own.step, own.unit), 1)
        u, spikes = np.zeros(size), np.zeros((n_steps, size))
        for t in range(n_steps):
            arrived = x[t] @ reservoir.w_in
            for d in range(1, min(t, delays.max()) + 1):
                arrived = arrived + spikes[t - d] @ np.where(delays == d, w_rec, 0.0)
            last = spikes[t - 1] if t else np.zeros(size)
            u = decay * u * (1 - last) + arrived
            spikes[t] = u > v_th if strict else u >= v_th
        found.append(spikes)
    return found

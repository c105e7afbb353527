"""Spikes drawn at random, of every kind that a recording has: silent units, simultaneous spikes, off the grid."""

from __future__ import annotations

import numpy as np

from snn.core import Events, TimedEvents


def random_spikes(seed, dt_ms, n_steps=700, samples=1):
    """Populations on the grid, off it, off it but on steps, and silent; of all, half of the units are silent."""
    rng = np.random.default_rng(seed)

    def draw(values):
        rows = [values(int(rng.integers(40, 120))) for _ in range(samples)]
        units = [rng.integers(0, 5, row.size) for row in rows]
        twice = [np.concatenate([row, row[:7]]) for row in rows]  # simultaneous, of one unit and of several
        of_twice = [np.concatenate([unit, unit[:3], (unit[:4] + 1) % 5]) for unit in units]
        return twice, of_twice

    def steps(n):
        return np.append(rng.integers(0, n_steps, n), [0, n_steps - 1])

    def times(n):
        return rng.random(n) * n_steps * dt_ms * 0.999999

    def on_steps(n):
        return steps(n) * dt_ms

    size = {"n_units": 10, "dt_ms": dt_ms, "n_steps": n_steps}
    silent = [[]] * samples
    return {
        "grid": Events.from_lists(*draw(steps), **size),
        "between": TimedEvents.from_times(*draw(times), **size),
        "on steps": TimedEvents.from_times(*draw(on_steps), **size),
        "silent": Events.from_lists(silent, silent, **size),
        "silent between": TimedEvents.from_times(silent, silent, **size),
    }


SERIES = np.arange(1, 5000)
"""Steps of 0.1 ms, whose times a narrow type or another origin puts a rounding beside them."""

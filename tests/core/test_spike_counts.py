"""Spikes are counted by unit and window of their own sample."""

from __future__ import annotations

import numpy as np
import pytest

import snn
from snn.core.units import window_of


def test_counts_are_those_of_a_plain_loop():
    rng = np.random.default_rng(1)
    lengths = [7, 1, 12, 0]
    steps = [rng.integers(0, n, 40) if n else [] for n in lengths]
    units = [rng.integers(0, 3, len(s)) for s in steps]
    events = snn.Events.from_lists(steps, units, n_units=3, dt_ms=1.0, n_steps=lengths)
    for windows in (1, 3, 5):
        due = np.zeros((4, windows, 3), dtype=np.int64)
        for b, n in enumerate(lengths):
            for step, unit in zip(steps[b], units[b], strict=True):
                due[b, int(step) * windows // n, unit] += 1
        found = events.spike_counts(windows)
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, due)
    np.testing.assert_array_equal(events.spike_counts(), events.to_raster().z.sum(axis=0)[:, None])


def test_windows_are_equal_parts():
    step = np.arange(10)
    np.testing.assert_array_equal(window_of(step, np.full(10, 10), 4), [0, 0, 0, 1, 1, 2, 2, 2, 3, 3])


def test_impossible_windows_are_refused():
    events = snn.Events.from_lists([[3]], [[0]], n_units=1, dt_ms=1.0, n_steps=2**50)
    for windows in (0, 1.5, 2**14):
        with pytest.raises(ValueError, match="windows must be a whole number >= 1"):
            events.spike_counts(windows)
    with pytest.raises(MemoryError, match="counts of 1 x"):
        snn.Events.from_lists([[0]], [[0]], n_units=2**31 - 1, dt_ms=1.0, n_steps=1).spike_counts(10**6)

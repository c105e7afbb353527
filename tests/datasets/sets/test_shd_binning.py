"""The ways in which published results made steps of spike times."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from snn.datasets import to_steps
from snn.datasets.formats.shd_file import ShdColumns


def columns(*rows):
    sizes = np.cumsum([0, *map(len, rows)])
    time = np.concatenate([np.asarray(row, dtype=float) for row in rows])
    n = len(rows)
    zero = np.zeros(n, dtype=np.int64)
    return ShdColumns(time, np.zeros(time.size, dtype=np.int64), sizes, zero, zero, ("a",))


def test_binnings_by_hand():
    given_columns = columns([0.004, 0.013, 0.034, 0.0345, 0.051])
    assert to_steps(given_columns, 10.0, "fixed").tolist() == [0, 1, 3, 3, 5]
    assert to_steps(given_columns, 10.0, "first_spike").tolist() == [0, 0, 3, 3, 4]
    assert to_steps(given_columns, 10.0, "restart").tolist() == [0, 0, 1, 1, 2]


def naive_restart(time_ms, dt):
    """A frame opens at a spike and takes the spikes no later than dt after it."""
    steps, left, step = [], 0, 0
    while left < len(time_ms):
        right = left
        while right < len(time_ms) and time_ms[right] - time_ms[left] <= dt:
            steps.append(step)
            right += 1
        left, step = right, step + 1
    return steps


@given(st.lists(st.floats(0, 2, width=16), min_size=1, max_size=40), st.floats(0.5, 50))
def test_restart_is_the_old_frame_builder(times, dt):
    times = sorted(times)
    assert to_steps(columns(times), dt, "restart").tolist() == naive_restart(np.array(times) * 1000.0, dt)


def test_silence_vanishes_only_under_restart():
    rng = np.random.default_rng(0)
    sparse = columns(np.sort(rng.uniform(0, 0.9, 60)))
    frames = {binning: to_steps(sparse, 10.0, binning).max() + 1 for binning in ("fixed", "restart")}
    assert frames["fixed"] > 85 and frames["restart"] < 50

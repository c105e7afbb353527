"""Event times that went through a narrow type, another unit or another origin keep their steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn.core import event_steps
from snn.core.units import mid_step_times

STEPS = np.arange(1, 5000)
MS = STEPS * 0.1


def test_milliseconds_in_float32():
    assert (np.floor(MS.astype(np.float32).astype(np.float64) / 0.1) != STEPS).sum() > 1000, (
        "a plain floor loses many"
    )
    assert np.array_equal(event_steps(MS.astype(np.float32), 0.1), STEPS)


def test_seconds_in_float32():
    seconds = (MS / 1000).astype(np.float32)
    assert np.array_equal(event_steps(seconds, 0.1, unit_ms=1000.0), STEPS)
    assert np.array_equal(event_steps(seconds * np.float32(1000), 0.1), STEPS)


def test_epoch_seconds():
    epoch = 1.0e9
    times = epoch + MS / 1000
    assert (np.floor((times - epoch) * 1000 / 0.1) != STEPS).sum() > 1000, "a plain floor loses many"
    assert np.array_equal(event_steps(times, 0.1, unit_ms=1000.0, origin=epoch), STEPS)


def test_whole_microseconds():
    step = np.arange(20_000)
    for dt_ms in (16.1, 32.2, 4.03, 0.001, 1.0):
        edges = np.rint(step * dt_ms * 1000).astype(np.int64)
        assert np.array_equal(event_steps(edges, dt_ms, unit_ms=0.001), step), dt_ms
        assert np.array_equal(event_steps(edges[1:] - 1, dt_ms, unit_ms=0.001), step[:-1]) or dt_ms == 0.001


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_coarse_types_forgive_no_more_than_a_thousandth(dtype):
    assert event_steps(dtype(0.99), 1.0) == 0
    assert event_steps(np.float16(999.0), 1000.0) == 0


@given(
    st.floats(1e-3, 1e3),
    st.sampled_from([np.float64, np.float32]),
    st.sampled_from([1.0, 1000.0, 0.001]),
    st.data(),
)
def test_steps_survive_any_step_unit_and_type(dt_ms, dtype, unit_ms, data):
    step = np.array(data.draw(st.lists(st.integers(0, 4000), min_size=1)))
    assert np.array_equal(event_steps((step * dt_ms / unit_ms).astype(dtype), dt_ms, unit_ms=unit_ms), step)
    middle = mid_step_times(step, dt_ms, unit_ms=unit_ms).astype(dtype)
    assert np.array_equal(np.floor(middle.astype(np.float64) * unit_ms / dt_ms), step), "any reader may floor"


def test_refused_times():
    with pytest.raises(ValueError, match=r"time\[1\] must be from 10 to"):
        event_steps([10.0, 9.0], 1.0, origin=10.0)
    with pytest.raises(ValueError, match=r"time\[0\] must be finite, got nan"):
        event_steps([np.nan], 1.0)
    with pytest.raises(ValueError, match="unit_ms must be a finite number > 0, got 0"):
        event_steps([1.0], 1.0, unit_ms=0)

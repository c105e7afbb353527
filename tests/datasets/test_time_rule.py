"""Events on the edge of a step are in that step: for ten thousand steps, in every type and unit a file may have."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from snn.datasets import FrameBinning, to_steps
from snn.datasets.formats.shd_file import ShdColumns

RNG = np.random.default_rng(20)


def decimals(count):
    """Draw steps, ms, of one to four decimals, as text: what a person types."""
    digits = RNG.integers(1, 5, count)
    return [f"{RNG.integers(1, 50 * 10**d) / 10**d:.{d}f}" for d in digits]


def test_frames_of_microseconds():
    """The exact answer is known from integers: an event at t us lies in frame floor(t / dt)."""
    for text in [*decimals(10_000), "16.1", "32.2", "32.7", "64.4", "4.03", "8.05", "2.007"]:
        dt_us = Fraction(text) * 1000
        if dt_us < 1:
            continue
        k = RNG.integers(0, 2**23 // int(dt_us) + 1, 12)
        edges = [
            int(-(-n * dt_us.numerator // dt_us.denominator)) for n in k.tolist()
        ]  # first event of a frame
        times = np.unique([*edges, *(max(t - 1, 0) for t in edges)])
        step, length = FrameBinning(None, float(text))(times)
        exact = [t * dt_us.denominator // dt_us.numerator for t in times.tolist()]
        assert step.tolist() == exact and length == exact[-1] + 1, text


def columns(time, samples=1):
    zero = np.zeros(samples, dtype=np.int64)
    bounds = np.linspace(0, len(time), samples + 1).astype(np.int64)
    return ShdColumns(time, np.zeros(len(time), dtype=np.int64), bounds, zero, zero, ("a",))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_seconds_on_the_grid(kind):
    for text in decimals(10_000):
        dt_ms = float(text)
        k = np.unique(RNG.integers(0, 3000, 8))
        stored = columns((k * dt_ms / 1000).astype(kind))
        assert to_steps(stored, dt_ms).tolist() == k.tolist(), text
        assert to_steps(stored, dt_ms, "first_spike").tolist() == (k - k[0]).tolist(), text


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_restarted_step_takes_the_spike_at_its_end(kind):
    for text in decimals(1000):
        dt_ms, first = float(text), RNG.integers(0, 1000)
        stored = columns((np.arange(first, first + 6) * dt_ms / 1000).astype(kind))
        assert to_steps(stored, dt_ms, "restart").tolist() == [0, 0, 1, 1, 2, 2], text


@pytest.mark.parametrize("binning", ["fixed", "first_spike"])
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_times_in_the_middle_of_steps(kind, binning):
    step = np.arange(3, 40)
    stored = columns(((step + 0.5) * 10.0 / 1000).astype(kind))
    assert to_steps(stored, 10.0, "fixed").tolist() == step.tolist()
    if kind is not np.float16:  # whose times lie off the middle, so that distances lie off the grid
        assert to_steps(stored, 10.0, "first_spike").tolist() == (step - 3).tolist()


@pytest.mark.parametrize("binning", ["fixed", "first_spike", "restart"])
def test_float16_is_taken_as_it_is(binning):
    """As published results on SHD had it: a type so coarse tells nothing of a thousandth of a step."""
    stored = np.sort(RNG.uniform(0, 1, 4000)).astype(np.float16)
    wide = to_steps(columns(stored.astype(np.float64)), 10.0, binning)
    assert np.array_equal(to_steps(columns(stored), 10.0, binning), wide)
    floors = np.floor(
        (stored - (stored[0] if binning == "first_spike" else 0)).astype(np.float64) * 1000 / 10.0
    )
    assert binning != "fixed" or np.array_equal(wide, floors)


def test_samples_without_spikes():
    nothing = np.zeros(0)
    for binning in ("fixed", "first_spike", "restart"):
        assert to_steps(columns(nothing, samples=3), 10.0, binning).tolist() == []

"""Rates and latencies against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from snn.datasets import latency, rate, regular_rate

VALUES = np.array([[0.0, 0.25, 0.5, 1.0], [1.0, 0.1, 0.004, 0.75]])


def test_a_rate_is_its_chance():
    value = np.linspace(0, 1, 50)[None]
    events = rate(value, 4000, peak=0.4, seed=1, dt_ms=2.0)
    count = np.bincount(events.unit, minlength=50)
    spread = np.sqrt(4000 * 0.4 * value[0] * (1 - 0.4 * value[0]))
    assert (np.abs(count - 4000 * 0.4 * value[0]) <= 5 * spread).all()
    halves = np.bincount(events.step // 2000, minlength=2)
    assert abs(halves[0] - halves[1]) < 5 * np.sqrt(halves.sum())
    assert events.dt_ms == 2.0 and events.n_steps.tolist() == [4000] and (count[[0]] == 0).all()
    full = rate(np.ones((1, 3)), 10)
    assert full.n_events == 30  # a value of 1 spikes in every step


def test_a_rate_depends_on_the_number_of_its_sample_and_the_seed():
    values = np.random.default_rng(0).random((3, 2, 2))
    together, alone = rate(values, 50, seed=7), rate(values[1:2], 50, seed=7, samples=[1])
    assert together.select([1]) == alone and together.n_units == 4
    assert rate(values[1:2], 50, seed=8, samples=[1]) != alone
    assert rate(values[1:2], 50, seed=7, samples=[2]) != alone


def test_a_regular_rate_counts_its_floor():
    values = np.array([[0.0, 0.3, 0.5, 1 / 3, 1.0]])
    events = regular_rate(values, 60, peak=0.5)
    for k in (1, 7, 30, 59):
        count = np.bincount(events.unit[events.step < k], minlength=5)
        assert count.tolist() == [math.floor(round(k * 0.5 * v, 9)) for v in values[0]]
    assert events.step[events.unit == 4].tolist() == list(range(1, 60, 2))
    letters = regular_rate(np.ones((1, 1)), 50, peak=0.4)
    assert letters.n_events == 20  # at most 20 spikes in 50 steps, as letters were encoded


def test_linear_latencies():
    events = latency(VALUES, 101, least=0.2, dt_ms=0.5)
    assert [events.unit[events.sample == b].tolist() for b in (0, 1)] == [[3, 2, 1], [0, 3]]
    assert events.step.tolist() == [0, 62, 94, 0, 31]  # 100 (1 - v) / 0.8, rounded half to even
    assert latency([[0.01, 1.0]], 10).step.tolist() == [0, 9]


def test_latencies_of_a_charged_membrane():
    events = latency(VALUES, 100, tau_ms=10.0, least=0.2, dt_ms=0.1)
    for b, row in enumerate(VALUES):
        due = {i: math.floor(100 * math.log(v / (v - 0.2))) for i, v in enumerate(row) if v > 0.2}
        own = events.sample == b
        found = dict(zip(events.unit[own].tolist(), events.step[own].tolist(), strict=True))
        assert found == {i: k for i, k in due.items() if k < 100}
    assert latency([[0.25]], 100, tau_ms=10.0, least=0.2, dt_ms=0.1).n_events == 0  # due at 16.1 of 10 ms


@pytest.mark.parametrize(
    ("encode", "message"),
    [
        (lambda: rate([[1.5]], 5), r"values\[0, 0\] must be finite and >= 0 and <= 1, got 1.5"),
        (lambda: rate([[np.nan]], 5), r"values\[0, 0\] must be finite"),
        (lambda: rate([0.5], 5), r"values must be of shape \[B, ...\], of at least one sample and unit"),
        (lambda: rate(np.zeros((0, 4)), 5), "values must be of shape"),
        (lambda: rate([[0.5]], 0), "n_steps must be a whole number >= 1, got 0"),
        (lambda: rate([[0.5]], 5, peak=1.1), "peak must be a finite number >= 0 and <= 1, got 1.1"),
        (lambda: rate([[0.5]], 5, seed="a"), "seed must be a whole number, got 'a'"),
        (lambda: rate([[0.5]], 5, samples=[1, 2]), r"samples must be of shape \[1\], one for each sample"),
        (lambda: regular_rate([[0.5]], 5, peak=-1), "peak must be a finite number >= 0 and <= 1, got -1"),
        (lambda: regular_rate([[-0.5]], 5), r"values\[0, 0\] must be finite and >= 0"),
        (lambda: latency([[0.5]], 5, least=0), "least must be a finite number > 0 and < 1, got 0"),
        (lambda: latency([[0.5]], 5, tau_ms=0), "tau_ms must be a finite number > 0, got 0"),
        (lambda: latency([[0.5]], 5, dt_ms=0), "dt_ms must be"),
    ],
)
def test_bad_input_is_refused(encode, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        encode()

"""Varied training words: what is promised about every sample, and that seeds decide."""

from __future__ import annotations

import numpy as np
import pytest

import snn
from snn.datasets import Augment, Augmented, SpikeSet


def words(batch=40, units=30, steps=25):
    rng = np.random.default_rng(0)
    z = rng.poisson(0.2, (steps, batch, units))
    events = snn.Raster(z, snn.TimeGrid(steps, 10.0)).to_events()
    return SpikeSet("test", events, np.arange(batch) % 3, np.zeros(batch, int), ("a", "b", "c"))


def rng():
    return np.random.default_rng(1)


def test_nothing_to_vary_changes_nothing():
    events = words().events
    assert not Augment()
    same = Augment()(events, rng())
    for name in ("step", "unit", "offsets", "n_steps"):
        assert np.array_equal(getattr(same, name), getattr(events, name))


def test_a_shift_moves_a_whole_sample():
    events = words().events
    moved = Augment(shift_units=4)(events, rng())
    shifts = set()
    for b in range(len(events)):
        before, after = events.select([b]).to_raster().z[:, 0], moved.select([b]).to_raster().z[:, 0]
        fitting = [
            s
            for s in range(-4, 5)
            if np.array_equal(after[:, max(s, 0) : 30 + min(s, 0)], before[:, max(-s, 0) : 30 + min(-s, 0)])
        ]
        assert len(fitting) == 1
        lost = before.sum() - before[:, max(-fitting[0], 0) : 30 + min(-fitting[0], 0)].sum()
        assert after.sum() == before.sum() - lost
        shifts.add(fitting[0])
    assert shifts == set(range(-4, 5))


def test_stretched_words_last_as_long_as_their_scale():
    events = words().events
    varied = Augment(stretch=0.3)(events, rng())
    assert varied.n_events == events.n_events
    ratio = varied.n_steps / events.n_steps
    assert ratio.min() >= 0.7 and ratio.max() <= 1.3 + 1 / 25 and ratio.std() > 0.1
    middle = np.bincount(events.sample, events.step + 0.5) / np.bincount(events.sample)
    later = np.bincount(varied.sample, varied.step + 0.5) / np.bincount(varied.sample)
    assert np.corrcoef(later / middle, ratio)[0, 1] > 0.98


def test_dropped_spikes_are_a_share():
    events = words().events
    share = 1 - Augment(drop=0.5)(events, rng()).n_events / events.n_events
    assert 0.15 < share < 0.35


def test_seeds_decide_the_batches():
    varied = Augmented(words(), Augment(2, 0.2, 0.1))
    first, again, other = (list(varied.batches(16, seed=(0, epoch))) for epoch in (1, 1, 2))
    assert len(varied) == 40 and [len(b.label) for b in first] == [16, 16, 8]
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a.x, b.x) and np.array_equal(a.sample, b.sample)
    assert not np.array_equal(first[0].x.sum((0, 2)), other[0].x.sum((0, 2)))
    assert np.array_equal(first[0].label, words().labels[first[0].sample])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shift_units": -1}, "shift_units must be a whole number >= 0, got -1"),
        ({"stretch": 1.0}, r"stretch must be in \[0, 1\), got 1.0"),
        ({"drop": float("nan")}, r"drop must be in \[0, 1\), got nan"),
    ],
)
def test_bad_values_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Augment(**options)

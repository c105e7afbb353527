"""Labelled spike trains in batches."""

from __future__ import annotations

import numpy as np
import pytest

import snn
from snn.datasets import SpikeSet


def spike_set(samples=36, units=30):
    """Samples of different lengths, in which units fire up to three times in a step."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 20, samples)
    steps = [np.sort(rng.integers(0, n, 40)) for n in lengths]
    trains = [rng.integers(0, units, 40) for _ in lengths]
    events = snn.Events.from_lists(steps, trains, n_units=units, dt_ms=10.0, n_steps=lengths)
    return SpikeSet("made here", events, np.arange(samples) % 2, np.zeros(samples, int), ("a", "b"))


def test_batches_hold_every_sample_once():
    train = spike_set()
    for seed in (None, 3, (0, 1)):
        batches = list(train.batches(7, seed=seed))
        index = np.concatenate([batch.sample for batch in batches])
        assert sorted(index) == list(range(len(train)))
        assert (seed is None) == (index == np.arange(len(train))).all()
        for batch in batches:
            part = train.subset(batch.sample)
            assert np.array_equal(part.events.to_raster().z, batch.x)
            assert (part.labels == batch.label).all() and (part.events.n_steps == batch.lengths).all()
    assert len(list(train.batches(7, min_batch=7))) == len(train) // 7
    with pytest.raises(ValueError, match="batch_size must be a whole number >= 1, got 0"):
        next(train.batches(0))
    with pytest.raises(ValueError, match="min_batch must be a whole number >= 1, got 0"):
        next(train.batches(2, min_batch=0))

"""Varied training samples: what is promised about every sample, and that seeds decide."""

from __future__ import annotations

import numpy as np
import pytest

import snn
from snn.datasets import AugmentedSpikes, SpikeAugment, SpikeSet


def spike_set(batch=40, units=30, steps=25):
    rng = np.random.default_rng(0)
    z = rng.poisson(0.2, (steps, batch, units))
    events = snn.Raster(z, snn.TimeGrid(steps, 10.0)).to_events()
    return SpikeSet("test", events, np.arange(batch) % 3, np.zeros(batch, int), ("a", "b", "c"))


def rng():
    return np.random.default_rng(1)


def test_nothing_to_vary_changes_nothing():
    events = spike_set().events
    assert not SpikeAugment()
    same = SpikeAugment()(events, rng())
    for name in ("step", "unit", "offsets", "n_steps"):
        assert np.array_equal(getattr(same, name), getattr(events, name))


def test_a_shift_moves_a_whole_sample():
    events = spike_set().events
    moved = SpikeAugment(shift_units=4)(events, rng())
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


def test_stretched_samples_last_as_long_as_their_scale():
    events = spike_set().events
    varied = SpikeAugment(stretch=0.3)(events, rng())
    assert varied.n_events == events.n_events
    ratio = varied.n_steps / events.n_steps
    assert ratio.min() >= 0.7 and ratio.max() <= 1.3 + 1 / 25 and ratio.std() > 0.1
    middle = np.bincount(events.sample, events.step + 0.5) / np.bincount(events.sample)
    later = np.bincount(varied.sample, varied.step + 0.5) / np.bincount(varied.sample)
    assert np.corrcoef(later / middle, ratio)[0, 1] > 0.98


def test_dropped_spikes_are_a_share():
    events = spike_set().events
    share = 1 - SpikeAugment(drop=0.5)(events, rng()).n_events / events.n_events
    assert 0.15 < share < 0.35


def kinds():
    """Give samples whose units tell class and speaker (10 class + speaker); 4 spikes each, later and later."""
    batch = 24
    label, speaker = np.arange(batch) % 3, np.arange(batch) // 3 % 2
    steps = [[2 + b, 3 + b, 4 + b, 5 + b] for b in range(batch)]
    units = [[10 * c + s] * 4 for c, s in zip(label, speaker, strict=True)]
    events = snn.Events.from_lists(steps, units, n_units=30, dt_ms=10.0, n_steps=30)
    return SpikeSet("test", events, label, speaker, ("a", "b", "c"))


@pytest.mark.parametrize("any_speaker", [False, True])
def test_blended_samples_take_from_their_own_kind(any_speaker):
    samples = kinds()
    batch = next(
        AugmentedSpikes(samples, SpikeAugment(blend=1.0, blend_speakers=any_speaker)).batches(24, seed=3)
    )
    speakers = set()
    for b, sample in enumerate(batch.sample):
        unit, step = np.nonzero(batch.x[:, b].T)
        own = 10 * samples.labels[sample] + samples.speakers[sample]
        assert set(unit // 10) <= {samples.labels[sample]} and set(step) <= set(range(2 + sample, 6 + sample))
        speakers.add(bool((unit != own).any()))
    assert True in speakers if any_speaker else speakers == {False}
    assert 0.6 < batch.x.sum() / samples.events.n_events < 1.4
    assert (batch.x > 1).any()  # a step in which both fire


def test_samples_that_are_not_blended_stay():
    samples = kinds()
    batch = next(AugmentedSpikes(samples, SpikeAugment(blend=0.5)).batches(24, seed=3))
    plain = {b: x for b, x in enumerate(next(samples.batches(24)).x.transpose(1, 0, 2))}
    same = [np.array_equal(batch.x[:30, b], plain[sample]) for b, sample in enumerate(batch.sample)]
    assert 6 < sum(same) < 20


def test_seeds_decide_the_batches():
    varied = AugmentedSpikes(spike_set(), SpikeAugment(2, 0.2, 0.1, 0.5))
    first, again, other = (list(varied.batches(16, seed=(0, epoch))) for epoch in (1, 1, 2))
    assert len(varied) == 40 and [len(b.label) for b in first] == [16, 16, 8]
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a.x, b.x) and np.array_equal(a.sample, b.sample)
    assert not np.array_equal(first[0].x.sum((0, 2)), other[0].x.sum((0, 2)))
    assert np.array_equal(first[0].label, spike_set().labels[first[0].sample])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"shift_units": -1}, "shift_units must be a whole number >= 0, got -1"),
        ({"shift_units": True}, "shift_units must be a whole number >= 0, got True"),
        ({"stretch": 1.0}, "stretch must be a finite number >= 0 and < 1, got 1.0"),
        ({"drop": -0.1}, "drop must be a finite number >= 0 and < 1, got -0.1"),
        ({"drop": float("nan")}, "drop must be a finite number >= 0 and < 1, got nan"),
        ({"blend": 1.5}, "blend must be a finite number >= 0 and <= 1, got 1.5"),
    ],
)
def test_impossible_variations_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        SpikeAugment(**fields)

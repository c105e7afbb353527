"""Recordings that stay in their files: frames by time and by count, batches read as they are asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import write_recordings

from snn.datasets import Batch, EventCameraSet, FrameBinning, SpikeSet, nmnist
from snn.datasets.formats.atis_bin import read_nmnist_bin


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write_recordings(tmp_path_factory.mktemp("nmnist"))


def test_batches_are_frames_of_both_polarities(tree):
    train, _, _ = nmnist(tree, n_bins=7)
    assert isinstance(train, EventCameraSet) and train.n_units == 2312 and train.shape == (2, 34, 34)
    batch = next(train.batches(5, seed=3))
    assert isinstance(batch, Batch) and batch.x.shape == (7, 5, 2, 34, 34) and batch.x.dtype == np.float32
    for b, index in enumerate(batch.sample):
        source = train.files.sources[index]
        events = read_nmnist_bin(source)
        assert int(source.path.parent.name) == batch.label[b] == train.labels[index]
        by_hand = np.zeros((2, 34, 34))
        np.add.at(by_hand, (events.polarity, events.y, events.x), 1)
        assert (batch.x[:, b].sum(0) == by_hand).all()
    part = train.subset(batch.sample)
    assert isinstance(part.read(), SpikeSet)
    assert np.array_equal(part.events.to_raster().z.reshape(batch.x.shape), batch.x)
    seen = np.concatenate([b.sample for b in train.batches(8, seed=(0, 1))])
    assert sorted(seen) == list(range(len(train)))


def test_frames_by_time_and_by_count(tree):
    t = np.array([0, 10, 999, 1000, 5000, 99_000])
    assert FrameBinning(n_bins=None, dt_ms=1.0)(t)[0].tolist() == [0, 0, 0, 1, 5, 99]
    assert FrameBinning(n_bins=None, dt_ms=1.0)(t)[1] == 100
    assert FrameBinning(3)(t)[0].tolist() == [0, 0, 0, 0, 0, 2]
    assert FrameBinning(3, frames="count")(t)[0].tolist() == [0, 0, 1, 1, 2, 2]
    train, _, _ = nmnist(tree, n_bins=6, frames="count")
    assert (next(train.batches(4)).x.sum((2, 3, 4)) == 10).all() and train.dt_ms == 50.0
    train, _, _ = nmnist(tree, dt_ms=20)
    batch = next(train.batches(4))
    assert train.dt_ms == 20 and len(batch.x) == batch.lengths.max() and set(batch.lengths) <= {14, 15, 16}


@given(st.lists(st.integers(0, 2**23 - 1), min_size=1, max_size=50), st.integers(1, 12))
def test_frames_keep_every_event_in_order(times, n_bins):
    t = np.sort(np.array(times))
    for frame_binning in (FrameBinning(n_bins), FrameBinning(n_bins, frames="count")):
        step, length = frame_binning(t)
        assert length == n_bins and (np.diff(step) >= 0).all() and 0 <= step[0] and step[-1] < n_bins
    sizes = np.bincount(step, minlength=n_bins)
    assert sizes.max() - sizes.min() <= 1

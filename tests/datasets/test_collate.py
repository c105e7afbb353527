"""Samples put together into batches: as the sets' own batches have them, through torch's DataLoader too."""

from __future__ import annotations

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import small_mnist, write_recordings
from torch.utils.data import DataLoader

import snn
from snn.datasets import SpikeSet, collate, images, nmnist


def spike_set(samples=11, units=6, shape=()):
    """Samples of different lengths, in which units fire several times in a step."""
    rng = np.random.default_rng(1)
    lengths = rng.integers(1, 9, samples)
    steps = [rng.integers(0, n, 30) for n in lengths]
    trains = [rng.integers(0, units, 30) for _ in lengths]
    events = snn.Events.from_lists(steps, trains, n_units=units, dt_ms=10.0, n_steps=lengths)
    labels = np.arange(samples) % 3
    return SpikeSet("made here", events, labels, np.zeros(samples, int), tuple("abc"), shape=shape)


def one(steps, units, n_steps=5, n_units=4, dt_ms=1.0):
    return snn.Events.from_lists([steps], [units], n_units=n_units, dt_ms=dt_ms, n_steps=n_steps)


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """One set of every kind."""
    folder = tmp_path_factory.mktemp("sets")
    (folder / "mnist").mkdir()
    small_mnist(folder / "mnist")
    recordings = nmnist(write_recordings(folder / "digits", 2, 1), dt_ms=40.0)[0]
    return [spike_set(), spike_set(shape=(1, 2, 3)), images(folder / "mnist", n_steps=3)[0], recordings]


@pytest.mark.parametrize("kind", range(4))
def test_items_put_together_are_a_batch(sets, kind):
    data = sets[kind]
    for batch in data.batches(4, seed=2):
        x, lengths, label = collate([data[i] for i in batch.sample])
        assert x.dtype == batch.x.dtype and np.array_equal(x, batch.x)
        assert lengths.dtype == np.int64 and np.array_equal(lengths, batch.lengths)
        assert label.dtype == np.int64 and np.array_equal(label, batch.label)


@pytest.mark.parametrize("kind", range(4))
def test_sets_are_sequences_of_samples(sets, kind):
    data = sets[kind]
    assert len(list(data)) == len(data)
    last, label = data[-1]
    assert isinstance(label, int) and label == data.labels[-1]
    assert isinstance(last, snn.Events if kind == 0 else np.ndarray)
    for index in (len(data), -len(data) - 1):
        with pytest.raises(
            IndexError, match=f"index must be from {-len(data)} to {len(data) - 1}, got {index}"
        ):
            data[index]
    with pytest.raises(TypeError, match=r"index must be an integer \(subset takes several\), got slice"):
        data[0:2]
    with pytest.raises(TypeError, match=r"index must be an integer .*, got 1.0"):
        data[1.0]


@pytest.mark.parametrize("workers", [0, 2])
def test_torchs_loader_takes_them(sets, workers):
    for data in (sets[0], sets[2], sets[3]):
        loader = DataLoader(data, batch_size=5, collate_fn=collate, num_workers=workers)
        found = list(loader)
        for (x, lengths, label), batch in zip(found, data.batches(5), strict=True):
            assert np.array_equal(x, batch.x) and np.array_equal(lengths, batch.lengths)
            assert np.array_equal(label, batch.label)
    assert pickle.loads(pickle.dumps(collate)) is collate
    assert pickle.loads(pickle.dumps(sets[0])).events == sets[0].events


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.sampled_from([(), (3,), (2, 1, 3)]), st.data())
def test_arrays_keep_their_values(lengths, shape, data):
    kind = data.draw(st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.bool_]))
    rng = np.random.default_rng(0)
    samples = [rng.integers(0, 2, (n, *shape)).astype(kind) for n in lengths]
    x, found, label = collate([(sample, b) for b, sample in enumerate(samples)])
    integers = np.issubdtype(kind, np.integer)
    assert x.dtype == (kind if integers else np.float32)
    assert x.shape == (max(lengths), len(lengths), *shape)
    assert found.tolist() == lengths and label.tolist() == list(range(len(lengths)))
    for b, sample in enumerate(samples):
        assert np.array_equal(x[: lengths[b], b], sample) and not x[lengths[b] :, b].any()


@pytest.mark.parametrize(
    ("labels", "shape", "kind"),
    [
        ([1, 2], (2,), np.int64),
        ([np.uint8(1), torch.tensor(2)], (2,), np.int64),
        ([True, False], (2,), np.int64),
        ([0.5, 1.5], (2,), np.float32),
        ([[0.5, 1.0, 2.0], [1.5, 2.0, 3.0]], (2, 3), np.float32),
        ([np.arange(4), np.arange(2)], (4, 2), np.int64),
        ([np.ones(4), np.ones(2)], (4, 2), np.float32),
        ([np.ones((4, 3)), np.ones((2, 3))], (4, 2, 3), np.float32),
    ],
)
def test_labels_of_samples_and_of_steps(labels, shape, kind):
    data = [np.zeros((4, 2)), np.zeros((2, 2))]
    label = collate(list(zip(data, labels, strict=True)))[2]
    assert label.shape == shape and label.dtype == kind
    if len(label) == 4:
        assert np.array_equal(label[:2, 1], np.asarray(labels[1])) and not label[2:, 1].any()
    else:
        assert np.array_equal(label, np.asarray(labels).astype(kind))


def test_targets_as_long_as_their_samples():
    items = [(np.zeros((3, 2)), np.arange(3.0) + b) for b in range(2)]
    assert (
        collate(items)[2].T.tolist() == collate(items, per_step=False)[2].tolist() == [[0, 1, 2], [1, 2, 3]]
    )
    loader = DataLoader(items, batch_size=2, collate_fn=partial(collate, per_step=False))
    assert next(iter(loader))[2].shape == (2, 3)
    with pytest.raises(ValueError, match=r"items\[1\]\[1\] must be a label for each of the 3 steps, got"):
        collate([(np.zeros(2), [0, 1]), (np.zeros(3), [1, 2])], per_step=True)


A, B = one([1, 2], [0, 3]), one([3], [1])
REFUSED = [
    ([], "items must be at least one pair (data, label), got none"),
    ([A], "items[0] must be a pair (data, label), got Events("),
    ([(A, 0, 1)], "items[0] must be a pair (data, label), got (Events("),
    ([(A, 0), (np.zeros((3, 4)), 1)], "items[1][0] must be events, as others are, got ndarray of shape [3, 4]"),
    ([(np.zeros((3, 4)), 1), (A, 0)], "items[0][0] must be events, as others are, got ndarray of shape [3, 4]"),
    ([(A, 0), (one([1], [0], n_units=5), 0)], "n_units of items[1][0] must be 4, as that of items[0][0], got 5"),
    ([(A, 0), (one([1], [0], dt_ms=2.0), 0)], "dt_ms of items[1][0] must be 1.0, as that of items[0][0], got 2.0"),
    ([(A, 0), (spike_set().events, 0)], "items[1][0] must be the events of one sample or numbers"),
    ([("word", 0)], "items[0][0] must be the events of one sample or numbers [T, ...], got 'word'"),
    ([([[1], [1, 2]], 0)], "items[0][0] must be the events of one sample or numbers [T, ...], got"),
    ([(1.0, 0)], "items[0][0] must be of shape [T], as items[0][0], got 1.0"),
    ([(np.zeros((3, 4)), 0), (np.zeros((3, 5)), 0)], "items[1][0] must be of shape [T, 4], as items[0][0], got"),
    ([(np.zeros(3), 0), (np.zeros(3, int), 0)], "items[1][0] must be real numbers, as items[0][0], got"),
    ([(np.zeros(3, int), 0), (np.zeros(3), 0)], "items[1][0] must be integers, as items[0][0], got"),
    ([(A, "yes")], "items[0][1] must be a class or a target, got 'yes'"),
    ([(A, None)], "items[0][1] must be a class or a target, got None"),
    ([(A, 0), (B, 0.5)], "items[1][1] must be integers with ndim 0, as items[0][1], got 0.5"),
    ([(A, [0.5]), (B, 0.5)], "items[1][1] must be real numbers with ndim 1, as items[0][1], got 0.5"),
    ([(A, [0.5]), (B, [0.5, 1.0])], "items[1][1] must be of shape [1], as items[0][1], or one for every step, got"),
]  # fmt: skip


@pytest.mark.parametrize(("items", "message"), REFUSED, ids=lambda value: str(value)[:30])
def test_what_does_not_go_together_is_named(items, message):
    with pytest.raises(ValueError) as refused:
        collate(items)
    assert str(refused.value).startswith(message)


def test_spikes_off_the_grid_count_in_the_step_they_fall_into():
    timed = snn.TimedEvents([0.5, 3.9], [0, 2], [0, 2], 4, 1.0, 5)
    assert np.array_equal(collate([(timed, 0)])[0], collate([(timed.on_grid(), 0)])[0])


def test_tensors_with_gradients_are_refused():
    message = (
        r"^items\[0\]\[0\] must be without gradients \(a tensor's detach\(\)\), got Tensor of shape \[3, 2\]"
    )
    with pytest.raises(ValueError, match=message):
        collate([(torch.ones(3, 2, requires_grad=True), 0)])

"""Nothing where something should be: an empty set is refused by name, an empty sample has length 0 and stays so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from samples import write_image_folders, write_recordings

import snn
from snn.datasets import (
    AugmentedImages,
    AugmentedSpikes,
    DataError,
    EventCameraSet,
    FrameBinning,
    ImageAugment,
    ImageSet,
    SpikeAugment,
    SpikeSet,
    collate,
    folds,
    hold_out,
    images,
    nmnist,
)
from snn.datasets.formats.camera_events import CameraEvents
from snn.datasets.formats.class_tree import LabelledFiles
from snn.datasets.formats.locate import Source


def spikes(shape=()):
    """Two empty samples among four."""
    steps, units = [[], [0, 3, 4], [], [1, 1]], [[], [0, 5, 1], [], [2, 2]]
    events = snn.Events.from_lists(steps, units, n_units=6, dt_ms=1.0, n_steps=[0, 5, 0, 4])
    return SpikeSet("words", events, np.array([0, 0, 1, 1]), np.full(4, -1), ("a", "b"), shape=shape)


def recordings():
    """Three recordings, the second without events."""
    none = np.zeros(0, dtype=np.int64)

    def read(source):
        some = np.array([0, 900, 25_000])
        return (
            CameraEvents(*(none,) * 4)
            if "1" in source.name
            else CameraEvents(some, some % 4, some % 3, some % 2)
        )

    files = LabelledFiles(tuple(Source(Path(f"{i}.bin")) for i in range(3)), np.array([0, 1, 0]), ("a", "b"))
    return lambda binning: EventCameraSet("films", files, (2, 3, 4), read, binning, 30.0)


def test_an_empty_set_is_refused_by_name():
    pictures = ImageSet("pictures", np.zeros((0, 1, 2, 2), np.uint8), np.zeros(0, int), ("a",), 3)
    words, films = spikes().subset([]), recordings()(FrameBinning(3)).subset([])
    for data in (
        *(words, films, pictures, spikes((1, 2, 3)).subset(np.zeros(4, bool))),
        AugmentedSpikes(words, SpikeAugment(1, 0.1, 0.1, 0.5)),
        AugmentedImages(films, ImageAugment(1)),
    ):
        assert len(data) == 0
        with pytest.raises(
            ValueError, match="^(words|films|pictures) must hold at least one sample, got none"
        ):
            next(data.batches(2, seed=1))
    with pytest.raises(ValueError, match="items must be at least one pair"):
        collate([])
    for labels in ([], np.zeros(0)):
        with pytest.raises(ValueError, match="valid_fraction 0.1 of 0 samples leaves a split empty"):
            hold_out(labels, 0.1)
        with pytest.raises(ValueError, match="labels must be of at least 2 samples"):
            folds(labels, 2)


def test_empty_samples_have_length_0():
    data = spikes()
    batch = next(data.batches(4))
    assert batch.x.shape == (5, 4, 6) and batch.lengths.tolist() == [0, 5, 0, 4]
    only = next(data.subset([0, 2]).batches(4))
    assert only.lengths.tolist() == [0, 0] and not only.x.any() and only.x.shape[1:] == (2, 6)
    assert spikes((1, 2, 3))[0][0].shape == (0, 1, 2, 3)
    x, lengths, label = collate([data[b] for b in range(4)])
    assert (
        np.array_equal(x, batch.x)
        and np.array_equal(lengths, batch.lengths)
        and label.tolist() == [0, 0, 1, 1]
    )
    arrays = collate([(np.zeros((0, 3)), 1), (np.zeros((2, 3)), 0)])
    assert arrays[0].shape == (2, 2, 3) and arrays[1].tolist() == [0, 2]
    assert collate([(np.zeros((0, 3)), 1)])[0].shape == (0, 1, 3)


@pytest.mark.parametrize(
    "augment",
    [SpikeAugment(2), SpikeAugment(0, 0.5), SpikeAugment(0, 0, 0.5), SpikeAugment(1, 0.3, 0.3, 1.0)],
)
def test_empty_samples_stay_empty_when_varied(augment):
    data = spikes()
    for seed in range(20):
        batch = next(AugmentedSpikes(data, augment).batches(4, seed=seed))
        empty = np.isin(batch.sample, [0, 2])
        assert (batch.lengths[empty] == 0).all() and not batch.x[:, empty].any()
        assert (batch.lengths[~empty] > 0).all()
    only = AugmentedSpikes(data.subset([0, 2]), augment)
    assert next(only.batches(2, seed=0)).lengths.tolist() == [0, 0]


@pytest.mark.parametrize(
    "binning", [FrameBinning(3), FrameBinning(3, frames="count"), FrameBinning(None, 10.0)]
)
def test_a_recording_without_events_has_length_0(binning):
    data = recordings()(binning)
    batch = next(data.batches(3))
    assert batch.lengths.tolist() == [3, 0, 3] and not batch.x[:, 1].any() and batch.x.sum() == 6
    assert data[1][0].shape == (0, 2, 3, 4) and data.subset([1]).events.n_events == 0
    varied = next(AugmentedImages(data, ImageAugment(1, True)).batches(3, seed=0))
    assert sorted(varied.lengths.tolist()) == [0, 3, 3]


def test_a_class_without_files_is_named(tmp_path):
    tree = write_recordings(tmp_path / "digits", 2, 1)
    for file in (tree / "Test" / "4").iterdir():
        file.unlink()
    with pytest.raises(DataError, match=r"digits: class '4' of test must hold files \*.bin, got none"):
        nmnist(tree)
    made = dict.fromkeys("ab", lambda _: np.zeros((2, 2)))
    pictures = write_image_folders(tmp_path / "pictures", 2, 2, made)
    for split in ("train", "test"):
        (pictures / split / "c").mkdir()
        (pictures / split / ".hidden").mkdir()
    with pytest.raises(DataError, match=r"pictures: class 'c' of t.* must hold files \*.png, got none"):
        images(pictures)

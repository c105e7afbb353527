"""Spoken words: every way to a set, splits, cut words, arguments."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from samples import SHARED, small_shd, write_shd

import snn
from snn.datasets import Batch, DataError, SpikeSet, shd


def random_samples(n, seed=0):
    rng = np.random.default_rng(seed)
    times = [np.sort(rng.uniform(0, 0.5, rng.integers(1, 60))) for _ in range(n)]
    units = [rng.integers(0, 700, len(row)) for row in times]
    return times, units, np.arange(n) % 2


@pytest.fixture
def folder(tmp_path):
    for split, n in (("train", 40), ("test", 10)):
        write_shd(tmp_path / f"my_{split}.h5", *random_samples(n, n), speakers=np.arange(n) % 10)
    return tmp_path


def test_the_embedded_set_says_what_it_is():
    train, valid, test = shd()
    assert {part.name for part in (train, valid, test)} == {"synthetic speech (espeak-ng number words)"}
    assert (len(train) + len(valid), len(test)) == (480, 120)
    assert train.classes[5] == "five" and train.classes[15] == "fünf" and len(train.classes) == 20
    assert (np.bincount(test.labels) == 6).all()
    voices = [set(part.speakers.tolist()) for part in (train, valid, test)]
    assert not (voices[0] & voices[1] or voices[0] & voices[2] or voices[1] & voices[2])
    assert train.n_units == 140 and train.dt_ms == 10.0 and train.dropped_spikes == 0
    folder = Path(snn.datasets.__file__).resolve().parent / "embedded"
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 6e6
    assert "not SHD" in (folder / "card.md").read_text()


def test_every_way_to_a_set_gives_the_same(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("packed")
    with zipfile.ZipFile(other / "set.zip", "w") as archive:
        for split in ("train", "test"):
            plain = folder / f"my_{split}.h5"
            archive.write(plain, f"deep/my_{split}.h5")
            (other / f"my_{split}.h5.gz").write_bytes(gzip.compress(plain.read_bytes()))
    ways = [
        folder,
        folder / "my_train.h5",
        folder / "my_test.h5",
        other / "set.zip",
        other / "my_train.h5.gz",
    ]
    for way in ways[1:]:
        for one, two in zip(shd(ways[0]), shd(way), strict=True):
            assert one.events == two.events and (one.labels == two.labels).all()
    assert shd(ways[4])[0].name == "samples of my_train.h5.gz"


def test_official_files_are_called_shd(tmp_path):
    for split in ("train", "test"):
        write_shd(tmp_path / f"shd_{split}.h5", *random_samples(20), speakers=np.arange(20) % 10)
    assert shd(tmp_path)[0].name == "SHD (Spiking Heidelberg Digits)"


def test_channels_are_summed_and_times_floored(tmp_path):
    for split in ("train", "test"):
        write_shd(
            tmp_path / f"{split}.h5", [[0.0, 0.0099, 0.011, 0.02]] * 4, [[0, 4, 5, 699]] * 4, [0, 1, 0, 1]
        )
    train, _, _ = shd(tmp_path, valid_fraction=0.5)
    batch = next(train.batches(1))
    assert isinstance(batch, Batch) and isinstance(train, SpikeSet)
    assert batch.x.shape == (3, 1, 140) and batch.x.dtype == np.float32
    assert batch.x[0, 0, 0] == 2 and batch.x[1, 0, 1] == 1 and batch.x[2, 0, 139] == 1 and batch.x.sum() == 4
    assert batch.lengths.tolist() == [3]


def test_cut_words_are_counted(folder):
    whole, cut = shd(folder), shd(folder, max_ms=200)
    for one, two in zip(whole[2:], cut[2:], strict=True):
        assert two.events.n_steps.max() <= 20
        assert two.dropped_spikes == one.events.n_events - two.events.n_events > 0


def test_validation_by_speaker_and_by_label(folder):
    train, valid, _ = shd(folder)
    assert not set(train.speakers) & set(valid.speakers)
    train, valid, _ = shd(folder, split_by="label", valid_fraction=0.2)
    assert np.bincount(valid.labels).tolist() == [4, 4] and len(train) == 32
    assert set(train.speakers) & set(valid.speakers)
    again = shd(folder, split_by="label", valid_fraction=0.2)[1]
    other = shd(folder, split_by="label", valid_fraction=0.2, seed=1)[1]
    assert again.events == valid.events and other.events != valid.events


@pytest.fixture
def tiny(tmp_path):
    return small_shd(tmp_path)


def test_different_classes(tiny):
    with h5py.File(tiny / "test.h5", "a") as file:
        del file["extra/keys"]
        file["extra/keys"] = np.array([b"a", b"c"])
    with pytest.raises(DataError, match="must name the same classes, got a, b and a, c"):
        shd(tiny)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dt_ms": 0}, "dt_ms must be a finite number > 0, got 0"),
        ({"dt_ms": float("nan")}, "dt_ms must be a finite number > 0, got nan"),
        ({"group": 3}, "group must be a divisor of 700, got 3"),
        ({"group": 0}, "group must be a whole number >= 1, got 0"),
        ({"binning": "floor"}, "binning must be one of 'fixed', 'first_spike', 'restart', got 'floor'"),
        ({"max_ms": 5}, "max_ms must be at least dt_ms = 10, got 5"),
        ({"split_by": "voice"}, "split_by must be one of 'auto', 'speaker', 'label', got 'voice'"),
        ({"split_by": "speaker"}, "split_by 'speaker' needs at least 2 training speakers, got 1"),
    ],
)
def test_impossible_arguments(tiny, arguments, message):
    with pytest.raises(ValueError, match=message):
        shd(tiny, **{"valid_fraction": 0.5, **arguments})


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, float("nan")])
def test_impossible_fractions(tiny, fraction):
    with pytest.raises(ValueError, match="valid_fraction must be a finite number > 0 and < 1"):
        shd(tiny, valid_fraction=fraction)
    with pytest.raises(ValueError, match="leaves a split empty"):
        shd(tiny, valid_fraction=0.01)


@pytest.mark.skipif(not SHARED.is_dir(), reason="real speech (../shared) is not here")
def test_real_speech():
    train, valid, test = shd(SHARED / "fsdd-spikes", max_ms=800, split_by="label")
    assert (len(train), len(valid), len(test)) == (2430, 270, 300)
    assert train.name == "FSDD spikes (real speech)"
    assert train.events.n_steps.max() == 80 and train.dropped_spikes == 6654
    x = next(test.batches(300)).x
    assert 0.86 < (x[:80] == 0).mean() < 0.93 and x.max() <= 26

"""Spoken words: the layout read, binnings, splits, batches."""

from __future__ import annotations

import gzip
import os
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snn
from snn.datasets import Batch, SpikeSet, shd, to_steps
from snn.datasets.formats.shd_file import Words

SHARED = Path(os.environ.get("SNN_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"


def write(path, times, units, labels, speakers=None, classes=("a", "b")):
    with h5py.File(path, "w") as file:
        for name, rows, kind in (("times", times, np.float16), ("units", units, np.uint16)):
            ragged = file.create_dataset(f"spikes/{name}", (len(rows),), h5py.vlen_dtype(np.dtype(kind)))
            for i, row in enumerate(rows):
                ragged[i] = np.asarray(row, dtype=kind)
        file["labels"] = np.asarray(labels, dtype=np.uint16)
        if speakers is not None:
            file["extra/speaker"] = np.asarray(speakers, dtype=np.uint16)
        file["extra/keys"] = np.array([name.encode() for name in classes])


def words_of(n, seed=0):
    rng = np.random.default_rng(seed)
    times = [np.sort(rng.uniform(0, 0.5, rng.integers(1, 60))) for _ in range(n)]
    units = [rng.integers(0, 700, len(row)) for row in times]
    return times, units, np.arange(n) % 2


@pytest.fixture
def folder(tmp_path):
    for split, n in (("train", 40), ("test", 10)):
        write(tmp_path / f"my_{split}.h5", *words_of(n, n), speakers=np.arange(n) % 10)
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
    assert shd(ways[4])[0].name == "words of my_train.h5.gz"


def test_official_files_are_called_shd(tmp_path):
    for split in ("train", "test"):
        write(tmp_path / f"shd_{split}.h5", *words_of(20), speakers=np.arange(20) % 10)
    assert shd(tmp_path)[0].name == "SHD (Spiking Heidelberg Digits)"


def test_channels_are_summed_and_times_floored(tmp_path):
    for split in ("train", "test"):
        write(tmp_path / f"{split}.h5", [[0.0, 0.0099, 0.011, 0.02]] * 4, [[0, 4, 5, 699]] * 4, [0, 1, 0, 1])
    train, _, _ = shd(tmp_path, valid_fraction=0.5)
    batch = next(train.batches(1))
    assert isinstance(batch, Batch) and isinstance(train, SpikeSet)
    assert batch.x.shape == (3, 1, 140) and batch.x.dtype == np.float32
    assert batch.x[0, 0, 0] == 2 and batch.x[1, 0, 1] == 1 and batch.x[2, 0, 139] == 1 and batch.x.sum() == 4
    assert batch.lengths.tolist() == [3]


def words(*rows):
    sizes = np.cumsum([0, *map(len, rows)])
    time = np.concatenate([np.asarray(row, dtype=float) for row in rows])
    n = len(rows)
    zero = np.zeros(n, dtype=np.int64)
    return Words(time, np.zeros(time.size, dtype=np.int64), sizes, zero, zero, ("a",))


def test_binnings_by_hand():
    w = words([0.004, 0.013, 0.034, 0.0345, 0.051])
    assert to_steps(w, 10.0, "fixed").tolist() == [0, 1, 3, 3, 5]
    assert to_steps(w, 10.0, "first_spike").tolist() == [0, 0, 3, 3, 4]
    assert to_steps(w, 10.0, "restart").tolist() == [0, 0, 1, 1, 2]


def naive_restart(time_ms, dt):
    """A frame opens at a spike and takes the spikes no later than dt after it."""
    steps, left, step = [], 0, 0
    while left < len(time_ms):
        right = left
        while right < len(time_ms) and time_ms[right] - time_ms[left] <= dt:
            steps.append(step)
            right += 1
        left, step = right, step + 1
    return steps


@given(st.lists(st.floats(0, 2, width=16), min_size=1, max_size=40), st.floats(0.5, 50))
def test_restart_is_the_old_frame_builder(times, dt):
    times = sorted(times)
    assert to_steps(words(times), dt, "restart").tolist() == naive_restart(np.array(times) * 1000.0, dt)


def test_silence_vanishes_only_under_restart():
    rng = np.random.default_rng(0)
    sparse = words(np.sort(rng.uniform(0, 0.9, 60)))
    frames = {binning: to_steps(sparse, 10.0, binning).max() + 1 for binning in ("fixed", "restart")}
    assert frames["fixed"] > 85 and frames["restart"] < 50


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


def test_batches_hold_every_word_once(folder):
    train, _, _ = shd(folder)
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
    with pytest.raises(ValueError, match="batch_size and min_batch must be >= 1"):
        next(train.batches(0))


@pytest.mark.skipif(not SHARED.is_dir(), reason="real speech (../shared) is not here")
def test_real_speech():
    train, valid, test = shd(SHARED / "fsdd-spikes", max_ms=800, split_by="label")
    assert (len(train), len(valid), len(test)) == (2430, 270, 300)
    assert train.name == "FSDD spikes (real speech)"
    assert train.events.n_steps.max() == 80 and train.dropped_spikes == 6654
    x = next(test.batches(300)).x
    assert 0.86 < (x[:80] == 0).mean() < 0.93 and x.max() <= 26

"""N-MNIST: the native tree read and checked, frames by time and by count, folds."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn.cli import main
from snn.datasets import (
    AugmentedImages,
    Batch,
    DataError,
    EventCameraSet,
    FrameBinning,
    ImageAugment,
    SpikeSet,
    folds,
    hold_out,
    nmnist,
    verify,
)
from snn.datasets.formats.locate import Source
from snn.datasets.sets.nmnist import read_recording

SHARED = Path(os.environ.get("SNN_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"


def pack(events):
    """The format of the set, byte by byte: x, y, polarity and 23 bits of microseconds, big-endian."""
    rows = bytearray()
    for x, y, p, t in events:
        rows += bytes([x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255])
    return bytes(rows)


def recording(rng, digit, n=60):
    """Events in the column of a digit, for about 300 ms."""
    t = np.sort(rng.integers(0, 305_000, n))
    return [
        (3 * digit + int(rng.integers(3)), int(rng.integers(34)), int(rng.integers(2)), int(k)) for k in t
    ]


def write_tree(folder, train=4, test=2, digits=10):
    rng = np.random.default_rng(0)
    for split, count in (("Train", train), ("Test", test)):
        for digit in range(digits):
            place = folder / split / str(digit)
            place.mkdir(parents=True)
            for i in range(count):
                (place / f"{i:05d}.bin").write_bytes(pack(recording(rng, digit)))
    return folder


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write_tree(tmp_path_factory.mktemp("nmnist"))


def zipped(folder, target, inside=""):
    with zipfile.ZipFile(target, "w") as archive:
        for file in sorted(folder.rglob("*.bin")):
            archive.write(file, f"{inside}{file.relative_to(folder)}")
    return target


def same(one, two):
    return all(a.events == b.events and (a.labels == b.labels).all() for a, b in zip(one, two, strict=True))


def test_a_file_is_read_as_it_was_written(tmp_path):
    events = [(0, 33, 1, 0), (33, 0, 0, 255), (7, 8, 1, 65_536), (7, 8, 0, 8_388_607)]
    (tmp_path / "a.bin").write_bytes(pack(events))
    pixels = read_recording(Source(tmp_path / "a.bin"))
    got = zip(pixels.x, pixels.y, pixels.polarity, pixels.time_us, strict=True)
    assert [tuple(map(int, row)) for row in got] == events


def test_every_way_to_the_tree_gives_the_same(tree, tmp_path, monkeypatch):
    deep = tmp_path / "deep" / "N-MNIST"
    shutil.copytree(tree, deep)
    for split in ("Train", "Test"):
        zipped(tree / split, tmp_path / f"{split.lower()}.zip", f"{split}/")
    (tmp_path / "pair").mkdir()
    for split in ("train", "test"):
        (tmp_path / f"{split}.zip").rename(tmp_path / "pair" / f"{split}.zip")
    ways = [deep, tmp_path / "deep", zipped(tree, tmp_path / "set.zip", "top/"), tmp_path / "pair"]
    first = nmnist(tree, valid_fraction=0.25)
    assert [len(part) for part in first] == [30, 10, 20]
    for way in ways:
        assert same(first, nmnist(way, valid_fraction=0.25)), way
    monkeypatch.setenv("SNN_DATA", str(tmp_path / "deep"))
    shutil.move(deep, tmp_path / "deep" / "NMNIST")
    assert same(first, nmnist(valid_fraction=0.25))
    monkeypatch.setenv("SNN_DATA", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="nmnist is not in .*snn data fetch nmnist"):
        nmnist()


def test_batches_are_frames_of_both_polarities(tree):
    train, _, _ = nmnist(tree, n_bins=7)
    assert isinstance(train, EventCameraSet) and train.n_units == 2312 and train.shape == (2, 34, 34)
    batch = next(train.batches(5, seed=3))
    assert isinstance(batch, Batch) and batch.x.shape == (7, 5, 2, 34, 34) and batch.x.dtype == np.float32
    for b, index in enumerate(batch.sample):
        source = train.files.sources[index]
        pixels = read_recording(source)
        assert int(source.path.parent.name) == batch.label[b] == train.labels[index]
        by_hand = np.zeros((2, 34, 34))
        np.add.at(by_hand, (pixels.polarity, pixels.y, pixels.x), 1)
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
    for framing in (FrameBinning(n_bins), FrameBinning(n_bins, frames="count")):
        step, length = framing(t)
        assert length == n_bins and (np.diff(step) >= 0).all() and 0 <= step[0] and step[-1] < n_bins
    sizes = np.bincount(step, minlength=n_bins)
    assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cut short or no N-MNIST recording: 0 bytes"),
        (pack([(1, 2, 0, 5)])[:-1], "4 bytes, must be a multiple of 5"),
        (pack([(1, 2, 0, 5), (34, 2, 0, 6)]), "event 1: x is 34, allowed 0 to 33"),
        (pack([(1, 240, 0, 5)]), "event 0: y is 240, allowed 0 to 33"),
        (pack([(1, 2, 0, 5), (1, 2, 0, 4)]), "event 1: time is 4 us, must not be before 5 us"),
    ],
)
def test_a_bad_file_is_named(tmp_path, data, message):
    tree = write_tree(tmp_path, 2, 1)
    (tree / "Train" / "3" / "00001.bin").write_bytes(data)
    with pytest.raises(DataError, match=f"Train/3/00001.bin.*{message}"):
        nmnist(tree)
    packed = zipped(tree, tmp_path / "bad.zip")
    with pytest.raises(DataError, match=f"bad.zip:Train/3/00001.bin.*{message}"):
        verify(packed)


def test_a_damaged_zip_is_named(tree, tmp_path):
    packed = zipped(tree, tmp_path / "set.zip")
    data = bytearray(packed.read_bytes())
    with zipfile.ZipFile(packed) as archive:
        info = archive.getinfo("Train/4/00002.bin")
    data[info.header_offset + 60] ^= 255
    (tmp_path / "bad.zip").write_bytes(data)
    with pytest.raises(DataError, match="bad.zip:Train/4/00002.bin is damaged: Bad CRC"):
        nmnist(tmp_path / "bad.zip")
    (tmp_path / "short.zip").write_bytes(data[:-200])
    with pytest.raises(DataError, match="short.zip is not a whole zip"):
        nmnist(tmp_path / "short.zip")


def test_wrong_trees_are_refused(tree, tmp_path):
    with pytest.raises(FileNotFoundError, match="no file, folder or zip at /nowhere"):
        nmnist("/nowhere")
    for place in (tmp_path, tree / "Train", tree / "Train" / "0" / "00000.bin"):
        with pytest.raises(DataError, match=r"no Train/<class>/\*.bin; expected a folder or zip that holds"):
            nmnist(place)
    odd = write_tree(tmp_path / "odd", 1, 1)
    (odd / "Test" / "9").rename(odd / "Test" / "nine")
    with pytest.raises(DataError, match="test: class folder nine: allowed classes are 0, 1"):
        nmnist(odd)
    half = write_tree(tmp_path / "half", 1, 1)
    shutil.rmtree(half / "Test")
    with pytest.raises(DataError, match=r"no Test/<class>/\*.bin"):
        nmnist(half)


def test_arguments_are_checked(tree):
    for given_, message in (
        ({"n_bins": 5, "dt_ms": 1.0}, "give n_bins or dt_ms"),
        ({"n_bins": 0}, "n_bins must be a whole number >= 1, got 0"),
        ({"dt_ms": 0.0}, "dt_ms must be finite and at least 0.001 ms, got 0.0"),
        ({"dt_ms": 1.0, "frames": "count"}, "frames 'count' needs n_bins"),
        ({"frames": "both"}, "frames must be one of time, count, got 'both'"),
        ({"valid_fraction": 1.0}, r"valid_fraction must be in \(0, 1\), got 1.0"),
    ):
        with pytest.raises(ValueError, match=message):
            nmnist(tree, **given_)


def test_verify_counts_every_event(tree, capsys):
    train, test = verify(tree)
    assert (train.samples, test.samples) == (40, 20) and train.about == "40 recordings, 2400 events"
    assert train.name == "N-MNIST sample (40 + 20 of 60000 + 10000 recordings)"
    assert main(["data", "verify", str(tree)]) == 0
    assert "40 recordings, 2400 events, every one in range" in capsys.readouterr().out


def test_folds_and_held_out_parts_are_even():
    labels = np.repeat([0, 1, 2], [50, 30, 23])
    parts = folds(labels, 5, seed=1)
    assert sorted(np.concatenate(parts)) == list(range(103))
    counts = np.array([np.bincount(labels[part], minlength=3) for part in parts])
    assert (np.ptp(counts, axis=0) <= 1).all() and np.ptp(counts.sum(1)) <= 1
    assert not np.array_equal(parts[0], folds(labels, 5, seed=2)[0])
    kept, held = hold_out(labels, 0.1)
    assert np.bincount(labels[held]).tolist() == [5, 3, 2] and len(kept) + len(held) == 103
    assert not set(kept) & set(held)
    for k in (1, 104, True):
        with pytest.raises(ValueError, match="k must be a whole number from 2 to 103"):
            folds(labels, k)
    with pytest.raises(ValueError, match="leaves a split empty"):
        hold_out([0, 1], 0.1)
    assert hold_out([0, 0, 1, 1, 2], 0.1)[1].size == 2


def test_shifted_images_move_whole(tree):
    train, _, _ = nmnist(tree, n_bins=4)
    plain, moved = (
        next(train.batches(8, seed=5)),
        next(AugmentedImages(train, ImageAugment(2)).batches(8, seed=5)),
    )
    again = next(AugmentedImages(train, ImageAugment(2)).batches(8, seed=5))
    assert len(AugmentedImages(train, ImageAugment(2))) == len(train)
    assert np.array_equal(moved.x, again.x) and (moved.sample == plain.sample).all()
    found = set()
    for b in range(8):
        wide = np.pad(plain.x[:, b], ((0, 0), (0, 0), (2, 2), (2, 2)))
        fits = [
            (r, c)
            for r in range(5)
            for c in range(5)
            if np.array_equal(wide[..., r : r + 34, c : c + 34], moved.x[:, b])
        ]
        assert len(fits) == 1  # the same move in all frames and polarities
        found |= set(fits)
    assert len(found) > 3
    mirrored = next(AugmentedImages(train, ImageAugment(mirror=True)).batches(30, seed=0)).x
    straight = next(train.batches(30, seed=0)).x
    turned = [np.array_equal(mirrored[:, b], straight[:, b, ..., ::-1]) for b in range(30)]
    kept = [np.array_equal(mirrored[:, b], straight[:, b]) for b in range(30)]
    assert all(a != b for a, b in zip(turned, kept, strict=True)) and 5 < sum(turned) < 25
    assert not ImageAugment() and ImageAugment(1) and ImageAugment(mirror=True)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the N-MNIST sample (../shared) is not here")
def test_the_real_sample():
    train, valid, test = nmnist(SHARED / "nmnist-small.zip", n_bins=5)
    assert (len(train), len(valid), len(test)) == (900, 100, 100)
    events = test.events
    assert events.n_events == 385_596 and np.bincount(test.labels)[8] == 2
    on = events.unit >= 34 * 34
    assert abs(on.mean() - 0.5) < 0.01

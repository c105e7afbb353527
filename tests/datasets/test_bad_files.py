"""Damaged and impossible data: each message names the file, the place and what is allowed."""

from __future__ import annotations

import gzip
import zipfile

import h5py
import numpy as np
import pytest

from snn.datasets import DataError, shd

GOOD = ([[0.1, 0.2], [0.3], [0.1], [0.2, 0.2]], [[1, 2], [3], [4], [699, 0]], [0, 1, 0, 1])


def write(path, times, units, labels, kind=np.float64, unit_kind=np.int32):
    with h5py.File(path, "w") as file:
        for name, rows, dtype in (("times", times, kind), ("units", units, unit_kind)):
            ragged = file.create_dataset(f"spikes/{name}", (len(rows),), h5py.vlen_dtype(np.dtype(dtype)))
            for i, row in enumerate(rows):
                ragged[i] = np.asarray(row, dtype=dtype)
        file["labels"] = np.asarray(labels)
        file["extra/keys"] = np.array([b"a", b"b"])


@pytest.fixture
def folder(tmp_path):
    for split in ("train", "test"):
        write(tmp_path / f"{split}.h5", *GOOD)
    return tmp_path


def test_good_files_are_read(folder):
    assert len(shd(folder, valid_fraction=0.5)[2]) == 4


def refused(folder, message, error=DataError, **arguments):
    with pytest.raises(error, match=message):
        shd(folder, valid_fraction=0.5, **arguments)


def test_missing(folder, tmp_path):
    refused(tmp_path / "nowhere", "no file, folder or zip at .*nowhere", FileNotFoundError)
    (folder / "test.h5").unlink()
    refused(folder / "train.h5", "train.h5 is the train split; its test split is not at", FileNotFoundError)
    refused(folder, r"no \*test\*\.h5 .*there: train.h5")


def test_ambiguous(folder):
    (folder / "other_train.hdf5").write_bytes(b"")
    refused(folder, r"2 files, not one \*train\*")
    (folder / "notes.txt").write_text("x")
    refused(folder / "notes.txt", "expected .h5, .hdf5, .h5.gz, .hdf5.gz, .zip or a folder")
    write(folder / "words.h5", *GOOD)
    refused(folder / "words.h5", "the name must say train or test")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.98])
def test_truncated_hdf5(folder, share):
    whole = (folder / "train.h5").read_bytes()
    (folder / "train.h5").write_bytes(whole[: int(share * len(whole))])
    refused(folder, "train.h5 is (not a whole HDF5 file|damaged)")


def test_truncated_gzip(folder):
    packed = gzip.compress((folder / "train.h5").read_bytes())
    (folder / "train.h5").unlink()
    (folder / "train.h5.gz").write_bytes(packed[:-20])
    refused(folder, "train.h5.gz is cut short or not gzip")
    (folder / "train.h5.gz").write_bytes(b"plain")
    refused(folder, "train.h5.gz is cut short or not gzip")


def test_wrong_layout(folder):
    with h5py.File(folder / "train.h5", "w") as file:
        file["images"] = np.zeros(3)
    refused(folder, "not laid out like SHD: no spikes/times, spikes/units, labels; there: images")


def test_unequal_parts(folder):
    write(folder / "train.h5", GOOD[0], GOOD[1], [0, 1])
    refused(folder, "4 times, 4 units and 2 labels")
    write(folder / "train.h5", GOOD[0], [[1], [3], [4], [5, 0]], GOOD[2])
    refused(folder, "word 0: 2 times but 1 units")
    write(folder / "train.h5", [], [], [])
    refused(folder, "holds no words")


@pytest.mark.parametrize(
    ("times", "units", "message"),
    [
        ([0.2, 0.1], [1, 2], "word 2, spike 1: time is 0.1, allowed not before the spike ahead of it"),
        ([0.1, np.nan], [1, 2], "word 2, spike 1: time is nan, allowed finite and >= 0 s"),
        ([0.1, np.inf], [1, 2], "word 2, spike 1: time is inf"),
        ([-0.1, 0.1], [1, 2], "word 2, spike 0: time is -0.1"),
        ([0.1, 0.2], [1, 700], "word 2, spike 1: unit is 700, allowed 0 to 699"),
        ([0.1, 0.2], [-1, 2], "word 2, spike 0: unit is -1, allowed 0 to 699"),
        ([], [], "word 2 has no spikes"),
    ],
)
def test_impossible_words(folder, times, units, message):
    rows = [list(part) for part in GOOD]
    rows[0][2], rows[1][2] = times, units
    write(folder / "train.h5", *rows)
    refused(folder, "train.h5, " + message)


def test_labels_out_of_range(folder):
    write(folder / "test.h5", GOOD[0], GOOD[1], [0, 1, 2, 0])
    refused(folder, "test.h5, word 2: label is 2, allowed 0 to 1")


def test_speakers_that_do_not_fit(folder):
    with h5py.File(folder / "train.h5", "a") as file:
        file["extra/speaker"] = np.zeros(3, dtype=np.int64)
    refused(folder, "extra/speaker has 3 entries for 4 words")


def test_different_classes(folder):
    with h5py.File(folder / "test.h5", "a") as file:
        del file["extra/keys"]
        file["extra/keys"] = np.array([b"a", b"c"])
    refused(folder, "name different classes: a, b and a, c")


def test_zip_without_a_split(folder):
    with zipfile.ZipFile(folder / "set.zip", "w") as archive:
        archive.write(folder / "test.h5", "test.h5")
    refused(folder / "set.zip", r"no \*train\*\.h5 .*there: test.h5")
    (folder / "set.zip").write_bytes((folder / "set.zip").read_bytes()[:-30])
    refused(folder / "set.zip", "is not a whole zip")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dt_ms": 0}, "dt_ms must be finite and > 0, got 0"),
        ({"dt_ms": float("nan")}, "dt_ms must be finite and > 0, got nan"),
        ({"group": 3}, "group must divide 700, got 3"),
        ({"group": 0}, "group must divide 700, got 0"),
        ({"binning": "floor"}, "binning must be one of fixed, first_spike, restart, got 'floor'"),
        ({"max_ms": 5}, "max_ms must be at least dt_ms 10 ms, got 5"),
        ({"split_by": "voice"}, "split_by must be one of auto, speaker, label, got 'voice'"),
        ({"split_by": "speaker"}, "split_by 'speaker' needs at least 2 training speakers, got 1"),
    ],
)
def test_impossible_arguments(folder, arguments, message):
    refused(folder, message, ValueError, **arguments)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, float("nan")])
def test_impossible_fractions(folder, fraction):
    with pytest.raises(ValueError, match=r"valid_fraction must be in \(0, 1\)"):
        shd(folder, valid_fraction=fraction)
    with pytest.raises(ValueError, match="leaves a split empty"):
        shd(folder, valid_fraction=0.01)

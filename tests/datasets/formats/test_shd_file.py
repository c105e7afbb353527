"""Damaged and impossible files in SHD's layout: each message names the file, the place and what is allowed."""

from __future__ import annotations

import re

import h5py
import numpy as np
import pytest
from samples import SMALL_SHD, small_shd, write_small_shd

from snn.datasets import DataError, shd


@pytest.fixture
def folder(tmp_path):
    return small_shd(tmp_path)


def refused(folder, message, error=DataError):
    with pytest.raises(error, match=message):
        shd(folder, valid_fraction=0.5)


def test_good_files_are_read(folder):
    assert len(shd(folder, valid_fraction=0.5)[2]) == 4


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.98])
def test_truncated_hdf5(folder, share):
    whole = (folder / "train.h5").read_bytes()
    (folder / "train.h5").write_bytes(whole[: int(share * len(whole))])
    refused(folder, "train.h5 is (not a whole HDF5 file|damaged)")


def test_wrong_layout(folder):
    with h5py.File(folder / "train.h5", "w") as file:
        file["images"] = np.zeros(3)
    refused(folder, "train.h5 must hold spikes/times, spikes/units, labels, as SHD's files do, got images")


def test_unequal_parts(folder):
    write_small_shd(folder / "train.h5", SMALL_SHD[0], SMALL_SHD[1], [0, 1])
    refused(folder, "spikes/times, spikes/units, labels must have as many entries, got 4, 4 and 2")
    write_small_shd(folder / "train.h5", SMALL_SHD[0], [[1], [3], [4], [5, 0]], SMALL_SHD[2])
    refused(folder, r"spikes/times\[0\] and spikes/units\[0\] must have as many entries, got 2 and 1")
    write_small_shd(folder / "train.h5", [], [], [])
    refused(folder, r"len\(labels\) must be >= 1, got 0")


@pytest.mark.parametrize(
    ("times", "units", "message"),
    [
        ([0.2, 0.1], [1, 2], "spikes/times[2][1] must be no earlier than the spike before it, got 0.1"),
        ([0.1, np.nan], [1, 2], "spikes/times[2][1] must be finite and >= 0 s, got nan"),
        ([0.1, np.inf], [1, 2], "spikes/times[2][1] must be finite and >= 0 s, got inf"),
        ([-0.1, 0.1], [1, 2], "spikes/times[2][0] must be finite and >= 0 s, got -0.1"),
        ([0.1, 0.2], [1, 700], "spikes/units[2][1] must be 0 to 699, got 700"),
        ([0.1, 0.2], [-1, 2], "spikes/units[2][0] must be 0 to 699, got -1"),
        ([], [], "len(spikes/times[2]) must be >= 1, got 0"),
    ],
)
def test_impossible_spikes(folder, times, units, message):
    rows = [list(part) for part in SMALL_SHD]
    rows[0][2], rows[1][2] = times, units
    write_small_shd(folder / "train.h5", *rows)
    refused(folder, "train.h5: " + re.escape(message))


def test_labels_out_of_range(folder):
    write_small_shd(folder / "test.h5", SMALL_SHD[0], SMALL_SHD[1], [0, 1, 2, 0])
    refused(folder, r"test.h5: labels\[2\] must be 0 to 1, got 2")


def test_speakers_that_do_not_fit(folder):
    with h5py.File(folder / "train.h5", "a") as file:
        file["extra/speaker"] = np.zeros(3, dtype=np.int64)
    refused(folder, r"train.h5: len\(extra/speaker\) must be 4, one for each sample, got 3")

"""Where the two files of a set are found, and what is said where they are not."""

from __future__ import annotations

import gzip
import zipfile

import pytest
from samples import SMALL_SHD, small_shd, write_small_shd

from snn.datasets import DataError, shd


@pytest.fixture
def folder(tmp_path):
    return small_shd(tmp_path)


def refused(folder, message, error=DataError):
    with pytest.raises(error, match=message):
        shd(folder, valid_fraction=0.5)


def test_missing(folder, tmp_path):
    refused(tmp_path / "nowhere", "no file, folder or zip at .*nowhere", FileNotFoundError)
    (folder / "test.h5").unlink()
    refused(folder / "train.h5", "train.h5 is the train split; its test split is not at", FileNotFoundError)
    refused(folder, r"must hold one file \*test\*\.h5 .*, got none among: train.h5")


def test_ambiguous(folder):
    (folder / "other_train.hdf5").write_bytes(b"")
    refused(folder, r"must hold one file \*train\*.*, got other_train.hdf5, train.h5")
    (folder / "notes.txt").write_text("x")
    refused(folder / "notes.txt", "notes.txt must be a folder or end in .zip, .h5, .hdf5, .h5.gz or .hdf5.gz")
    write_small_shd(folder / "words.h5", *SMALL_SHD)
    refused(folder / "words.h5", "words.h5 must have train or test in its name")


def test_truncated_gzip(folder):
    packed = gzip.compress((folder / "train.h5").read_bytes())
    (folder / "train.h5").unlink()
    (folder / "train.h5.gz").write_bytes(packed[:-20])
    refused(folder, "train.h5.gz is cut short or not gzip")
    (folder / "train.h5.gz").write_bytes(b"plain")
    refused(folder, "train.h5.gz is cut short or not gzip")


def test_zip_without_a_split(folder):
    with zipfile.ZipFile(folder / "set.zip", "w") as archive:
        archive.write(folder / "test.h5", "test.h5")
    refused(folder / "set.zip", r"must hold one file \*train\*\.h5 .*, got none among: test.h5")
    (folder / "set.zip").write_bytes((folder / "set.zip").read_bytes()[:-30])
    refused(folder / "set.zip", "is not a whole zip")

"""MNIST's idx files: every kind gives the same; bad ones are named."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from samples import idx_bytes, small_mnist

from snn.datasets import DataError, ImageSet, images


def test_idx_files_of_every_kind_give_the_same(tmp_path):
    places = [tmp_path / "packed", tmp_path / "plain", tmp_path / "set.zip"]
    for place in places[:2]:
        place.mkdir()
        (shown, _), (test_pixels, test_labels) = small_mnist(place, place.name == "packed")
    with zipfile.ZipFile(places[2], "w") as archive:
        for file in places[0].iterdir():
            archive.write(file, f"a/{file.name}")
    for place in places:
        train, valid, test = images(place, n_steps=3, valid_fraction=0.2)
        assert isinstance(train, ImageSet) and (len(train), len(valid), len(test)) == (32, 8, 20)
        assert (test.pixels[:, 0] == test_pixels).all()
        assert (test.labels == test_labels).all() and test.classes == tuple("0123")
        whole = np.concatenate([train.pixels, valid.pixels])[:, 0].astype(int)
        assert sorted(whole.sum((1, 2))) == sorted(shown.sum((1, 2)))
        assert test.name == f"images of {place.name}" and test.shape == (1, 6, 5)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "train-images-idx3-ubyte",
            lambda d: d[:-1],
            "size must be 1216 bytes, as its sizes .40, 6, 5. say, got 1215",
        ),
        (
            "t10k-labels-idx1-ubyte",
            lambda d: b"\0\0\x08\x03" + d[4:],
            "first bytes must be 00000801 .an idx file of 1 axes., got 00000803",
        ),
        (
            "t10k-labels-idx1-ubyte",
            lambda d: idx_bytes(np.zeros(19)),
            "must hold as many samples, got 20 images and 19 labels",
        ),
        (
            "train-images-idx3-ubyte",
            lambda d: b"",
            "first bytes must be 00000803 .an idx file of 3 axes., got none",
        ),
    ],
)
def test_bad_idx_files_are_named(tmp_path, name, change, message):
    small_mnist(tmp_path, packed=False)
    file = tmp_path / name
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(DataError, match=message):
        images(tmp_path)


def test_missing_and_doubled_files_are_named(tmp_path):
    small_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="must hold four idx files .*, got none of test labels"):
        images(tmp_path)
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(b"")
    with pytest.raises(DataError, match="labels of a split must be in one file, got .* and "):
        images(tmp_path)

"""Still images by name and place: a share of them, wrong places, the real sets."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from samples import SHARED, small_mnist

from snn.datasets import DataError, images


def test_a_share_of_the_training_images(tmp_path):
    small_mnist(tmp_path)
    train, valid, _ = images(tmp_path, max_train=20, valid_fraction=0.2)
    assert (len(train), len(valid)) == (16, 4) and np.bincount(train.labels).tolist() == [4, 4, 4, 4]
    other = images(tmp_path, max_train=20, valid_fraction=0.2, seed=1)[0]
    assert not np.array_equal(train.pixels, other.pixels)
    assert len(images(tmp_path, max_train=4000)[0]) == 36
    for given, message in (
        ({"max_train": 1}, "max_train must be a whole number >= 2, got 1"),
        ({"n_steps": 0}, "n_steps must be a whole number >= 1, got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            images(tmp_path, **given)


def test_wrong_places_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file, folder or zip at /nowhere"):
        images("/nowhere")
    with pytest.raises(
        DataError, match="must hold MNIST's idx files .* or train/<class>/. and .*, got neither"
    ):
        images(tmp_path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the CIFAR-10 slice (../shared) is not here")
def test_mnist_and_a_slice_of_cifar():
    assert images(SHARED / "mnist", max_train=100)[2].name == "MNIST"
    with zipfile.ZipFile(SHARED / "cifar10-slice.zip") as archive:
        assert len(archive.namelist()) == 10_000

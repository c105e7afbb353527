"""Image files in folders of classes: read as they were written; bad ones are named."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from PIL import Image
from samples import write_image_folders

from snn.datasets import DataError, images, verify


def write_folders(folder, mode="RGB"):
    rng = np.random.default_rng(1)
    shape = (6, 8, 3) if mode == "RGB" else (6, 8)
    make = dict.fromkeys(("cat", "dog"), lambda _: rng.integers(0, 256, shape))
    return write_image_folders(folder, 6, 3, make)


def test_folders_of_images(tmp_path):
    tree = write_folders(tmp_path / "set")
    train, valid, test = images(tree, valid_fraction=0.5)
    assert (
        test.shape == (3, 6, 8)
        and test.classes == ("cat", "dog")
        and test.labels.tolist() == [0] * 3 + [1] * 3
    )
    with Image.open(tree / "test" / "dog" / "1.png") as picture:
        assert (test.pixels[4] == np.asarray(picture).transpose(2, 0, 1)).all()
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in tree.rglob("*.png"):
            archive.write(file, str(file.relative_to(tree)))
    packed = images(tmp_path / "set.zip", valid_fraction=0.5)
    assert all((a.pixels == b.pixels).all() for a, b in zip((train, valid, test), packed, strict=True))
    assert images(write_folders(tmp_path / "grey", "L"), valid_fraction=0.5)[2].shape == (1, 6, 8)
    assert verify(tree)[1].about == "6 images of 3 x 6 x 8, 2 classes"


def test_bad_images_are_named(tmp_path):
    tree = write_folders(tmp_path / "set")
    bad = tree / "train" / "dog" / "2.png"
    whole = bad.read_bytes()
    for data in (b"no image", whole[: len(whole) // 2]):
        bad.write_bytes(data)
        with pytest.raises(DataError, match="train/dog/2.png is cut short or no image"):
            images(tree)
    Image.new("RGB", (9, 6)).save(bad)
    with pytest.raises(
        DataError, match=r"train/dog/2.png: shape \(C, H, W\) must be \(3, 6, 8\) .*, got \(3, 6, 9\)"
    ):
        images(tree)
    bad.write_bytes(whole)
    (tree / "test" / "dog").rename(tree / "test" / "wolf")
    with pytest.raises(
        DataError, match="names of classes in test must be the same in both splits, got dog, wolf"
    ):
        images(tree)

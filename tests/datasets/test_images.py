"""Still images: idx files and folders of images, read, checked, shown as constant currents."""

from __future__ import annotations

import gzip
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from snn.datasets import DataError, ImageSet, images, verify

SHARED = Path(os.environ.get("SNN_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"
FASHION = Path("/usr/share/datasets/fashion-mnist")


def idx(array):
    """The idx format: two zeros, type 8 (bytes), axes, big-endian sizes, values."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def write_idx(folder, train=40, test=20, packed=True):
    rng = np.random.default_rng(0)
    arrays = {}
    for split, n in (("train", train), ("t10k", test)):
        arrays[f"{split}-images-idx3-ubyte"] = rng.integers(0, 256, (n, 6, 5))
        arrays[f"{split}-labels-idx1-ubyte"] = np.arange(n) % 4
    for name, array in arrays.items():
        data = idx(array)
        (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(data) if packed else data)
    return arrays


def write_folders(folder, mode="RGB", size=(8, 6)):
    rng = np.random.default_rng(1)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    for split, n in (("train", 6), ("test", 3)):
        for name in ("cat", "dog"):
            (folder / split / name).mkdir(parents=True)
            for i in range(n):
                picture = Image.fromarray(rng.integers(0, 256, shape).astype(np.uint8))
                picture.save(folder / split / name / f"{i}.png")
    return folder


def test_idx_files_of_every_kind_give_the_same(tmp_path):
    places = [tmp_path / "packed", tmp_path / "plain", tmp_path / "set.zip"]
    for place in places[:2]:
        place.mkdir()
        arrays = write_idx(place, packed=place.name == "packed")
    with zipfile.ZipFile(places[2], "w") as archive:
        for file in places[0].iterdir():
            archive.write(file, f"a/{file.name}")
    for place in places:
        train, valid, test = images(place, n_steps=3, valid_fraction=0.2)
        assert isinstance(train, ImageSet) and (len(train), len(valid), len(test)) == (32, 8, 20)
        assert (test.pixels[:, 0] == arrays["t10k-images-idx3-ubyte"]).all()
        assert (test.labels == arrays["t10k-labels-idx1-ubyte"]).all() and test.classes == tuple("0123")
        whole = np.concatenate([train.pixels, valid.pixels])[:, 0].astype(int)
        assert sorted(whole.sum((1, 2))) == sorted(arrays["train-images-idx3-ubyte"].sum((1, 2)))
        assert test.name == f"images of {place.name}" and test.shape == (1, 6, 5)


def test_a_batch_is_a_constant_current(tmp_path):
    write_idx(tmp_path)
    train, _, test = images(tmp_path, n_steps=5)
    batch = next(test.batches(7))
    assert batch.x.shape == (5, 7, 1, 6, 5) and batch.x.dtype == np.float32
    assert (batch.x == batch.x[0]).all() and (batch.lengths == 5).all()
    assert np.allclose(batch.x[0], test.pixels[:7] / 255, atol=1e-7)
    seen = np.concatenate([b.sample for b in train.batches(8, seed=1)])
    assert sorted(seen) == list(range(len(train)))


def test_a_share_of_the_training_images(tmp_path):
    write_idx(tmp_path)
    train, valid, _ = images(tmp_path, max_train=20, valid_fraction=0.2)
    assert (len(train), len(valid)) == (16, 4) and np.bincount(train.labels).tolist() == [4, 4, 4, 4]
    other = images(tmp_path, max_train=20, valid_fraction=0.2, seed=1)[0]
    assert not np.array_equal(train.pixels, other.pixels)
    assert len(images(tmp_path, max_train=4000)[0]) == 36
    for given, message in (
        ({"max_train": 1}, "max_train must be at least 2"),
        ({"n_steps": 0}, "n_steps must"),
    ):
        with pytest.raises(ValueError, match=message):
            images(tmp_path, **given)


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
    with pytest.raises(DataError, match=r"train/dog/2.png is \(3, 6, 9\) \(C, H, W\), the images before it"):
        images(tree)
    bad.write_bytes(whole)
    (tree / "test" / "dog").rename(tree / "test" / "wolf")
    with pytest.raises(
        DataError, match="test: class folder dog, wolf: the two splits name different classes"
    ):
        images(tree)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "train-images-idx3-ubyte",
            lambda d: d[:-1],
            "cut short or damaged: 1215 bytes for .40, 6, 5., must be 1216",
        ),
        (
            "t10k-labels-idx1-ubyte",
            lambda d: b"\0\0\x08\x03" + d[4:],
            "starts with 00000803, must be 00000801",
        ),
        ("t10k-labels-idx1-ubyte", lambda d: idx(np.zeros(19)), "holds 20 images, .* 19 labels"),
        ("train-images-idx3-ubyte", lambda d: b"", "starts with , must be 00000803"),
    ],
)
def test_bad_idx_files_are_named(tmp_path, name, change, message):
    write_idx(tmp_path, packed=False)
    file = tmp_path / name
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(DataError, match=message):
        images(tmp_path)


def test_wrong_places_are_refused(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="no file, folder or zip at /nowhere"):
        images("/nowhere")
    with pytest.raises(DataError, match="neither MNIST's idx files .* nor train/<class>/. and"):
        images(tmp_path)
    write_idx(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="no idx file of test labels"):
        images(tmp_path)
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(b"")
    with pytest.raises(DataError, match="are one split's labels: keep one"):
        images(tmp_path)


@pytest.mark.skipif(not FASHION.is_dir(), reason="the Debian package dataset-fashion-mnist is not here")
def test_fashion_mnist_is_found_and_whole():
    train, test = verify(FASHION)
    assert (train.name, train.samples, test.samples) == ("Fashion-MNIST", 60_000, 10_000)
    assert train.checksum == test.checksum == "as published"
    small, _, _ = images(max_train=100)
    assert small.classes[9] == "ankle boot" and np.bincount(small.labels).tolist() == [9] * 10


@pytest.mark.skipif(not SHARED.is_dir(), reason="the CIFAR-10 slice (../shared) is not here")
def test_mnist_and_a_slice_of_cifar():
    assert images(SHARED / "mnist", max_train=100)[2].name == "MNIST"
    with zipfile.ZipFile(SHARED / "cifar10-slice.zip") as archive:
        assert len(archive.namelist()) == 10_000

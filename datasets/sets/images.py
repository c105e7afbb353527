"""Still images, shown as constant currents: MNIST's idx files, or a folder of images per class."""

from __future__ import annotations

import hashlib
from pathlib import Path

from snn.core.arrays import PathLike
from snn.core.checks import number, whole
from snn.core.files.hdf5 import naming
from snn.datasets.errors import DataError
from snn.datasets.folds import hold_out
from snn.datasets.formats.class_tree import class_tree, holds_tree
from snn.datasets.formats.idx import find_idx, read_idx
from snn.datasets.formats.image_files import IMAGE_ENDINGS, read_images
from snn.datasets.image_set import ImageSet
from snn.datasets.known_folders import need

__all__ = ["IMAGE_SUMS", "images", "load_images"]

_PUBLISHED = {  # sha256 of the unpacked test images: what a set really is does not depend on its file names
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7": "MNIST",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b": "Fashion-MNIST",
}
IMAGE_SUMS: dict[tuple[str, str], str] = {  # by name and split
    ("Fashion-MNIST", "train"): "1f243a60b4b748a44c48b9a6f6907be2a08bee3e4e226f0e86fbde8e147b745a",
    ("Fashion-MNIST", "test"): "9a494dc49efeb996f4076c469b31cd058152067b1594ba6ab85dd739fce3775e",
    ("MNIST", "train"): "d18cfd466eb143ac1097fde604dba9eec4116885869d04cc648b510949f9e88c",
    ("MNIST", "test"): "a0863a96c44e5666edbb30c4071ee79ca0514c621e6349c5967fc78e7305c891",
}
"""sha256 of pixels and labels (int64), as published."""
_CLASSES = {
    "Fashion-MNIST": (
        *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
        *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
    )
}


def images(
    path: PathLike | None = None,
    *,
    n_steps: int = 6,
    max_train: int | None = None,
    valid_fraction: float = 0.1,
    seed: int = 0,
) -> tuple[ImageSet, ImageSet, ImageSet]:
    """Read images for training, validation and test.

    Args:
        path: A folder or zip with MNIST's four idx files (.gz or plain), or with train/<class>/* and
            test/<class>/* of .png, .jpg or .bmp files of one size; None looks for Fashion-MNIST in $SNN_DATA,
            ~/.cache/snn and where its Debian package puts it.
        n_steps: Steps that an image is shown, >= 1.
        max_train: Training images to draw, the same share of every class, those that validate included; None
            takes all.
        valid_fraction: Share of these that validate, the same of every class, in (0, 1).
        seed: Decides the images drawn and those that validate.

    Returns:
        Training, validation and test set.

    Raises:
        FileNotFoundError: The data are not there.
        DataError: A file is damaged or of another layout or size.
        ValueError: An argument is impossible; the message names it.
    """
    n_steps = whole("n_steps", n_steps, low=1)
    max_train = None if max_train is None else whole("max_train", max_train, low=2)
    valid_fraction, seed = (
        number("valid_fraction", valid_fraction, above=0, below=1),
        whole("seed", seed, low=0),
    )
    train, test = load_images(need("fashion-mnist") if path is None else path, n_steps)
    if max_train is not None and max_train < len(train):
        with naming(train.name if path is None else path):
            train = train.subset(hold_out(train.labels, max_train / len(train), seed)[1])
    with naming(train.name if path is None else path):
        kept, held_out = hold_out(train.labels, valid_fraction, seed)
    return train.subset(kept), train.subset(held_out), test


def load_images(path: PathLike, n_steps: int) -> tuple[ImageSet, ImageSet]:
    """Read the official splits, training and test; see `images`."""
    splits = find_idx(path)
    if splits is None:
        return _from_tree(Path(path).expanduser(), n_steps)
    read = {split: read_idx(files) for split, files in splits.items()}
    digest = hashlib.sha256(read["test"].image_bytes).hexdigest()
    name = _PUBLISHED.get(digest, f"images of {Path(path).name}")
    count = max(int(part.labels.max()) for part in read.values()) + 1
    classes = _CLASSES.get(name, tuple(map(str, range(count))))
    train, test = (ImageSet(name, part.pixels, part.labels, classes, n_steps) for part in read.values())
    if train.shape != test.shape:
        both = f"{train.shape} in training and {test.shape} in test"
        raise DataError(f"{path}: shape (C, H, W) must be the same in both splits, got {both}")
    return train, test


def _from_tree(path: Path, n_steps: int) -> tuple[ImageSet, ImageSet]:
    if not holds_tree(path, IMAGE_ENDINGS):
        raise DataError(
            f"{path} must hold MNIST's idx files (train-images-idx3-ubyte.gz and so on), or train/<class>/* and "
            f"test/<class>/* of {', '.join(IMAGE_ENDINGS)}, got neither"
        )
    splits = class_tree(path, IMAGE_ENDINGS)
    train = read_images(splits["train"].sources)
    pixels = {"train": train, "test": read_images(splits["test"].sources, train.shape[1:])}
    name = f"images of {path.name}"
    made = (ImageSet(name, pixels[k], files.labels, files.classes, n_steps) for k, files in splits.items())
    train_set, test_set = made
    return train_set, test_set

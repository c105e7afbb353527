"""Still images, shown as constant currents: MNIST's idx files, or a folder of images per class."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snn.datasets.errors import DataError
from snn.datasets.folds import hold_out
from snn.datasets.formats.class_tree import Files, class_tree, holds_tree
from snn.datasets.formats.idx import find_idx, read_idx
from snn.datasets.known_folders import need
from snn.datasets.spike_set import Batch, batch_indices

__all__ = ["ENDINGS", "IMAGE_SUMS", "ImageSet", "images", "load_images"]

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp")
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


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Hold labelled images; a batch shows each of them unchanged for `n_steps` steps."""

    name: str
    """What the data really are, to be printed with every result."""
    pixels: NDArray[np.uint8]
    """[B, C, H, W]."""
    labels: NDArray[np.int64]
    """Class of each image, [B]."""
    classes: tuple[str, ...]
    """Names of the classes."""
    n_steps: int
    """Steps that an image is shown."""

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.pixels)

    @property
    def shape(self) -> tuple[int, ...]:
        """Axes of an image: (C, H, W)."""
        return self.pixels.shape[1:]

    def subset(self, indices: ArrayLike) -> ImageSet:
        """Take images by index, in the order given.

        Raises:
            IndexError: An index is out of range.
        """
        chosen = np.asarray(indices, dtype=np.int64)
        return replace(self, pixels=self.pixels[chosen], labels=self.labels[chosen])

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Batch]:
        """Give batches of currents [T, B, C, H, W] in 0..1, the same in all steps, cut as by `batch_indices`.

        Raises:
            ValueError: batch_size or min_batch is below 1.
        """
        for index in batch_indices(len(self), batch_size, seed, min_batch):
            still = self.pixels[index].astype(np.float32) / np.float32(255)
            x = np.repeat(still[None], self.n_steps, axis=0)
            yield Batch(x, np.full(len(index), self.n_steps), self.labels[index], index)


def images(
    path: str | Path | None = None,
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
    if isinstance(n_steps, bool) or int(n_steps) != n_steps or n_steps < 1:
        raise ValueError(f"n_steps must be a whole number >= 1, got {n_steps!r}")
    train, test = load_images(need("fashion-mnist") if path is None else path, n_steps)
    if max_train is not None and max_train < 2:
        raise ValueError(f"max_train must be at least 2, got {max_train!r}")
    if max_train is not None and max_train < len(train):
        train = train.subset(hold_out(train.labels, max_train / len(train), seed)[1])
    kept, held_out = hold_out(train.labels, valid_fraction, seed)
    return train.subset(kept), train.subset(held_out), test


def load_images(path: str | Path, n_steps: int) -> tuple[ImageSet, ImageSet]:
    """Read the official splits, training and test; see `images`."""
    splits = find_idx(path)
    if splits is None:
        return _from_tree(Path(path).expanduser(), n_steps)
    read = {split: read_idx(files) for split, files in splits.items()}
    digest = hashlib.sha256(read["test"][2]["images"]).hexdigest()
    name = _PUBLISHED.get(digest, f"images of {Path(path).name}")
    count = max(int(labels.max()) for _, labels, _ in read.values()) + 1
    classes = _CLASSES.get(name, tuple(map(str, range(count))))
    train, test = (ImageSet(name, pixels, labels, classes, n_steps) for pixels, labels, _ in read.values())
    if train.shape != test.shape:
        raise DataError(f"{path}: training images are {train.shape}, test images {test.shape} (C, H, W)")
    return train, test


def _from_tree(path: Path, n_steps: int) -> tuple[ImageSet, ImageSet]:
    if not holds_tree(path, ENDINGS):
        raise DataError(
            f"{path}: neither MNIST's idx files (train-images-idx3-ubyte.gz and so on), nor train/<class>/* and "
            f"test/<class>/* of {', '.join(ENDINGS)}"
        )
    splits = class_tree(path, ENDINGS)
    name = f"images of {path.name}"
    shape: tuple[int, ...] | None = None
    made = []
    for files in splits.values():
        pixels = _decode(files, shape)
        shape = pixels.shape[1:]
        made.append(ImageSet(name, pixels, files.labels, files.classes, n_steps))
    return made[0], made[1]


def _decode(files: Files, shape: tuple[int, ...] | None) -> NDArray[np.uint8]:
    """Read images of one size (that of the first where `shape` is None): [B, C, H, W], C is 1 (grey) or 3."""
    from PIL import Image, UnidentifiedImageError  # slow to import, and needed only here

    found: NDArray[np.uint8] | None = None
    for i, source in enumerate(files.sources):
        try:
            with Image.open(io.BytesIO(source.read().getvalue())) as opened:
                picture = np.asarray(opened.convert("L" if opened.mode in ("1", "L") else "RGB"))
        except (UnidentifiedImageError, OSError, SyntaxError) as error:
            raise DataError(f"{source} is cut short or no image: {error}") from error
        planes = picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)
        if found is None:
            found = np.empty((len(files), *(shape or planes.shape)), dtype=np.uint8)
        if planes.shape != found.shape[1:]:
            raise DataError(f"{source} is {planes.shape} (C, H, W), the images before it {found.shape[1:]}")
        found[i] = planes
    assert found is not None  # a tree has files in every split
    return found

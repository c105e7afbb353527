"""Images in MNIST's idx files: four files, plain or gzipped, in a folder or zip."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snn.datasets.errors import DataError
from snn.datasets.formats.locate import SPLITS, Source, open_zip

__all__ = ["IdxSplit", "find_idx", "read_idx"]

_NAME = re.compile(r"^(train|t10k|test)-(images|labels)[-.]idx[13]-ubyte(\.gz)?$", re.IGNORECASE)
IdxSplit = dict[str, Source]
"""The files "images" and "labels" of a split."""


def find_idx(path: str | Path) -> dict[str, IdxSplit] | None:
    """Find the files of both splits ("train", "test"), or None where there are none of this layout.

    Raises:
        FileNotFoundError: Nothing is there.
        DataError: Some of the four files are missing, or there twice.
    """
    where = Path(path).expanduser()
    if not where.exists():
        raise FileNotFoundError(f"no file, folder or zip at {where}")
    if where.is_dir():
        files = [Source(file) for file in sorted(where.iterdir()) if file.is_file()]
    elif where.suffix.lower() == ".zip":
        files = [Source(where, name) for name in sorted(open_zip(where).namelist())]
    else:
        return None
    found: dict[str, IdxSplit] = {split: {} for split in SPLITS}
    for source in files:
        match = _NAME.match(source.name)
        if match:
            split = found["train" if match[1].lower() == "train" else "test"]
            if match[2].lower() in split:
                raise DataError(
                    f"{split[match[2].lower()]} and {source} are one split's {match[2]}: keep one"
                )
            split[match[2].lower()] = source
    missing = [
        f"{split} {what}" for split in SPLITS for what in ("images", "labels") if what not in found[split]
    ]
    if len(missing) == 4:
        return None
    if missing:
        raise DataError(
            f"{where}: no idx file of {', '.join(missing)} (train-images-idx3-ubyte.gz and so on)"
        )
    return found


def read_idx(files: IdxSplit) -> tuple[NDArray[np.uint8], NDArray[np.int64], dict[str, bytes]]:
    """Read a split: images [B, 1, H, W], labels [B], and the bytes of both files, unpacked.

    Raises:
        OSError: A file cannot be read.
        DataError: A file is damaged or of another layout, or the two hold different numbers of samples.
    """
    raw = {what: files[what].read().getvalue() for what in ("images", "labels")}
    images = _array(raw["images"], 3, files["images"])
    labels = _array(raw["labels"], 1, files["labels"])
    if len(images) != len(labels):
        raise DataError(
            f"{files['images']} holds {len(images)} images, {files['labels']} {len(labels)} labels"
        )
    if not len(images):
        raise DataError(f"{files['images']} holds no images")
    return images[:, None], labels.astype(np.int64), raw


def _array(data: bytes, axes: int, source: Source) -> NDArray[np.uint8]:
    start = 4 + 4 * axes
    magic = bytes([0, 0, 8, axes])
    if len(data) < start or data[:4] != magic:
        raise DataError(
            f"{source} is no idx file of {axes} axes: starts with {data[:4].hex()}, must be {magic.hex()}"
        )
    shape = tuple(np.frombuffer(data, ">i4", axes, 4).tolist())
    due = start + int(np.prod(shape))
    if len(data) != due:
        raise DataError(
            f"{source} is cut short or damaged: {len(data)} bytes for {list(shape)}, must be {due}"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)

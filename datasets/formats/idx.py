"""Images in MNIST's idx files: four files, plain or gzipped, in a folder or zip."""

from __future__ import annotations

import math
import re
import struct
from typing import NamedTuple

import numpy as np

from snn.core.arrays import ByteArray, Int64Array, PathLike
from snn.datasets.errors import DataError, data_refusal
from snn.datasets.formats.locate import PIECE, SPLITS, Source, existing, open_zip

__all__ = ["IdxImages", "IdxSplit", "find_idx", "read_idx"]

_NAME = re.compile(r"^(train|t10k|test)-(images|labels)[-.]idx[13]-ubyte(\.gz)?$", re.IGNORECASE)
IdxSplit = dict[str, Source]
"""The files "images" and "labels" of a split."""


class IdxImages(NamedTuple):
    """Hold the images of a split.

    Attributes:
        pixels: Brightness, 0 to 255, [B, 1, H, W].
        labels: Class of each image, [B].
        image_bytes: The whole file of images, unpacked.
    """

    pixels: ByteArray
    labels: Int64Array
    image_bytes: bytes


def find_idx(path: PathLike) -> dict[str, IdxSplit] | None:
    """Find the files of both splits ("train", "test"), or None where there are none of this layout.

    Raises:
        FileNotFoundError: Nothing is there.
        DataError: Some of the four files are missing, or there twice.
    """
    where = existing(path)
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
                both = f"{split[match[2].lower()]} and {source}"
                raise DataError(f"{match[2]} of a split must be in one file, got {both}")
            split[match[2].lower()] = source
    missing = [
        f"{split} {what}" for split in SPLITS for what in ("images", "labels") if what not in found[split]
    ]
    if len(missing) == 4:
        return None
    if missing:
        four = "four idx files (train-images-idx3-ubyte.gz and so on)"
        raise DataError(f"{where} must hold {four}, got none of {', '.join(missing)}")
    return found


def read_idx(files: IdxSplit) -> IdxImages:
    """Read a split; a packed file may have 64 MiB and 20 times its packed size.

    Raises:
        OSError: A file cannot be read.
        DataError: A file is damaged, of another size than it says or of another layout, or the two hold different
            numbers of samples.
    """
    image_bytes, images = _array(files["images"], 3)
    _, labels = _array(files["labels"], 1)
    if len(images) != len(labels):
        raise DataError(
            f"{files['images']} and {files['labels']} must hold as many samples, "
            f"got {len(images)} images and {len(labels)} labels"
        )
    if not len(images):
        raise data_refusal(files["images"], "number of images", ">= 1", 0)
    return IdxImages(images[:, None], labels.astype(np.int64), image_bytes)


def _array(source: Source, axes: int) -> tuple[bytes, ByteArray]:
    """Read one file, never more of it than its sizes say: all its bytes, and the array that they hold."""
    start, magic, limit = 4 + 4 * axes, bytes([0, 0, 8, axes]), source.most_bytes
    with source.opened() as stream:
        data = bytearray(stream.read(start))
        if len(data) < start or data[:4] != magic:
            rule = f"{magic.hex()} (an idx file of {axes} axes)"
            raise DataError(f"{source}: first bytes must be {rule}, got {data[:4].hex() or 'none'}")
        shape = struct.unpack(f">{axes}i", data[4:])
        for axis, size in enumerate(shape):
            if size < min(axis, 1):
                raise data_refusal(source, f"size of axis {axis}", f">= {min(axis, 1)}", size)
        due = start + math.prod(shape)
        if due > limit and source.packed:
            rule = f"at most {limit}, 64 MiB and 20 times the packed file"
            raise data_refusal(source, f"bytes by its sizes {list(shape)}", rule, due)
        while len(data) <= due and (piece := stream.read(min(PIECE, due + 1 - len(data)))):
            data += piece
    if len(data) != due:
        found = len(data) if len(data) < due else "more"
        raise DataError(f"{source}: size must be {due} bytes, as its sizes {list(shape)} say, got {found}")
    kept = bytes(data)
    return kept, np.frombuffer(kept, np.uint8, offset=start).reshape(shape)

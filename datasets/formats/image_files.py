"""Read image files (PNG, JPEG, BMP) of one size into one array."""

from __future__ import annotations

import math

import numpy as np

from snn.core.arrays import ByteArray
from snn.core.memory import check as check_memory
from snn.datasets.errors import data_refusal, reading
from snn.datasets.formats.locate import Source

__all__ = ["IMAGE_ENDINGS", "read_images"]

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp")
_FORMATS = ("PNG", "JPEG", "BMP")
_MOST_BYTES = 64 << 20
_MOST_PIXELS = 1 << 24
_DEEP = ("I", "F")
"""What the modes of images begin with that have more than 8 bits a channel."""


def read_images(sources: tuple[Source, ...], shape: tuple[int, ...] | None = None) -> ByteArray:
    """Read and check images: files of at most 64 MiB and 2^24 pixels, 8 bits a channel.

    Args:
        sources: The files, at least one.
        shape: What each must be, (C, H, W); None takes that of the first.

    Returns:
        Brightness, 0 to 255, [B, C, H, W]; C is 1 (grey) or 3.

    Raises:
        OSError: A file cannot be read.
        MemoryError: So many images of this size do not fit.
        DataError: A file is damaged, too large or of another size; the message names it.
    """
    found: ByteArray | None = None
    for i, source in enumerate(sources):
        planes = _planes(source, None if found is None else found.shape[1:])
        if found is None:
            wanted = (len(sources), *(shape or planes.shape))
            check_memory(
                math.prod(wanted), f"{source} and {len(sources) - 1} images more, {planes.shape} each,"
            )
            found = np.empty(wanted, dtype=np.uint8)
        _check_shape(source, planes.shape, found.shape[1:])
        found[i] = planes
    assert found is not None
    return found


def _planes(source: Source, shape: tuple[int, ...] | None) -> ByteArray:
    """Decode one image, [C, H, W], whose height and width are as they must be."""
    from PIL import Image  # slow to import, and needed only here

    data = source.read(_MOST_BYTES)
    with reading(source, "is cut short or no image"), Image.open(data, formats=_FORMATS) as opened:
        width, height = opened.size
        channels = 1 if opened.mode in ("1", "L") else 3
        if width * height > _MOST_PIXELS:
            raise data_refusal(source, "size (W, H)", f"of at most {_MOST_PIXELS} pixels", opened.size)
        if opened.mode.startswith(_DEEP):
            raise data_refusal(source, "mode", "one of 8 bits a channel", opened.mode)
        if shape is not None:
            _check_shape(source, (channels, height, width), shape)
        pixels = np.asarray(opened.convert("L" if channels == 1 else "RGB"))
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def _check_shape(source: Source, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if found != wanted:
        raise data_refusal(source, "shape (C, H, W)", f"{wanted} like the images before it", found)

"""Read image files (PNG, JPEG, BMP) of one size into one array."""

from __future__ import annotations

import io

import numpy as np

from snn.core.arrays import ByteArray
from snn.datasets.errors import DataError
from snn.datasets.formats.locate import Source

__all__ = ["IMAGE_ENDINGS", "read_images"]

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp")


def read_images(sources: tuple[Source, ...], shape: tuple[int, ...] | None = None) -> ByteArray:
    """Read and check images.

    Args:
        sources: The files, at least one.
        shape: What each must be, (C, H, W); None takes that of the first.

    Returns:
        Brightness, 0 to 255, [B, C, H, W]; C is 1 (grey) or 3.

    Raises:
        OSError: A file cannot be read.
        DataError: A file is damaged or of another size; the message names it.
    """
    from PIL import Image, UnidentifiedImageError  # slow to import, and needed only here

    found: ByteArray | None = None
    for i, source in enumerate(sources):
        try:
            with Image.open(io.BytesIO(source.read().getvalue())) as opened:
                pixels = np.asarray(opened.convert("L" if opened.mode in ("1", "L") else "RGB"))
        except (UnidentifiedImageError, OSError, SyntaxError) as error:
            raise DataError(f"{source} is cut short or no image: {error}") from error
        planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
        if found is None:
            found = np.empty((len(sources), *(shape or planes.shape)), dtype=np.uint8)
        if planes.shape != found.shape[1:]:
            rule = f"{found.shape[1:]} like the images before it"
            raise DataError(f"{source}: shape (C, H, W) must be {rule}, got {planes.shape}")
        found[i] = planes
    assert found is not None
    return found

"""Variations of images in time for training: moved a few pixels, mirrored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from snn.datasets.spike_set import Batch

__all__ = ["AugmentedImages", "ImageAugment"]


class _Images(Protocol):
    def __len__(self) -> int: ...

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Batch]: ...


@dataclass(frozen=True, slots=True)
class ImageAugment:
    """Say how far images may be varied; each sample draws its own values, the same for all its steps.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    pixels: int = 0
    """Move by up to this many pixels along both axes; what comes in from the edge is 0."""
    mirror: bool = False
    """Swap left and right of every second image, on average."""

    def __post_init__(self) -> None:
        if isinstance(self.pixels, bool) or not isinstance(self.pixels, int) or self.pixels < 0:
            raise ValueError(f"shift must be a whole number of pixels >= 0, got {self.pixels!r}")

    def __bool__(self) -> bool:
        """Tell whether anything is varied."""
        return bool(self.pixels or self.mirror)

    def __call__(self, x: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """Vary images in time [T, B, C, H, W]."""
        batch, (height, width) = x.shape[1], x.shape[3:]
        pad = self.pixels
        edge = ((0, 0), (0, 0), (0, 0), (pad, pad), (pad, pad))
        padded = np.pad(x, edge)
        ends = [[2 * pad + 1], [2 * pad + 1], [1 + self.mirror]]
        rows, columns, flip = rng.integers(0, ends, (3, batch))
        moved = np.empty_like(x)
        for b in range(batch):
            part = padded[:, b, :, rows[b] : rows[b] + height, columns[b] : columns[b] + width]
            moved[:, b] = part[..., ::-1] if flip[b] else part
        return moved


class AugmentedImages:
    """A training set of images whose batches are varied anew in every epoch, decided by the seed of the batches."""

    def __init__(self, base: _Images, shift: ImageAugment) -> None:
        """Vary `base` by `shift`."""
        self.base, self.shift = base, shift

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.base)

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Batch]:
        """Give batches as the set does, varied."""
        rng = np.random.default_rng(None if seed is None else (*np.atleast_1d(seed).tolist(), 2))
        for batch in self.base.batches(batch_size, seed=seed, min_batch=min_batch):
            yield batch._replace(x=self.shift(batch.x, rng))

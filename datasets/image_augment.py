"""Variations of images in time for training: moved a few pixels, mirrored."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from snn.core.arrays import Float32Array
from snn.core.checks import flag, refusal, shown, whole
from snn.core.memory import check as check_memory
from snn.datasets.samples import augment_rng
from snn.datasets.spike_set import Batch

__all__ = ["AugmentedImages", "ImageAugment"]

_MOST_SHIFT = 2**31 - 1


class _Images(Protocol):
    def __len__(self) -> int: ...

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Batch]: ...


@dataclass(frozen=True, slots=True)
class ImageAugment:
    """Say how far images may be varied; each sample draws its own values, the same for all its steps.

    Attributes:
        shift: Move by up to this many pixels along both axes, 0 to 2^31 - 1; what comes in from the edge is 0.
        mirror: Swap left and right of every second image, on average.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    shift: int = 0
    mirror: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "shift", whole("shift", self.shift, low=0))
        if self.shift > _MOST_SHIFT:
            raise refusal("shift", f"at most {_MOST_SHIFT}", self.shift)
        object.__setattr__(self, "mirror", flag("mirror", self.mirror))

    def __bool__(self) -> bool:
        """Tell whether anything is varied."""
        return bool(self.shift or self.mirror)

    def __call__(self, x: Float32Array, rng: np.random.Generator) -> Float32Array:
        """Vary images in time [T, B, C, H, W].

        Raises:
            ValueError: They are of another shape.
            MemoryError: So large a shift takes more than is free.
        """
        if np.ndim(x) != 5:
            raise refusal("x", "images in time, of shape [T, B, C, H, W]", x)
        batch, (height, width) = x.shape[1], x.shape[3:]
        pad = self.shift
        need = x.dtype.itemsize * math.prod((*x.shape[:3], height + 2 * pad, width + 2 * pad))
        check_memory(need, f"images moved by up to {pad:,} pixels")
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

    def __init__(self, base: _Images, augment: ImageAugment) -> None:
        """Vary `base` by `augment`.

        Raises:
            TypeError: One of them is of another kind.
        """
        if not hasattr(base, "batches"):
            raise TypeError(f"base must be a set with batches, got {shown(base)}")
        if not isinstance(augment, ImageAugment):
            raise TypeError(f"augment must be an ImageAugment, got {shown(augment)}")
        self.base, self.augment = base, augment

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.base)

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Batch]:
        """Give batches as the set does, varied."""
        rng = augment_rng(seed)
        for batch in self.base.batches(batch_size, seed=seed, min_batch=min_batch):
            yield batch._replace(x=self.augment(batch.x, rng))

"""Labelled still images, shown as constant currents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from snn.core.arrays import ByteArray, Float32Array, Int64Array
from snn.datasets.spike_set import Batch, batch_indices, sample_index

__all__ = ["ImageSet"]


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Hold labelled images; a batch shows each of them unchanged for `n_steps` steps.

    Attributes:
        name: What the data really are, to be printed with every result.
        pixels: Brightness, 0 to 255, [B, C, H, W].
        labels: Class of each image, [B].
        classes: Names of the classes.
        n_steps: Steps that an image is shown.
    """

    name: str
    pixels: ByteArray
    labels: Int64Array
    classes: tuple[str, ...]
    n_steps: int

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.pixels)

    def __getitem__(self, index: SupportsIndex) -> tuple[Float32Array, int]:
        """Give one image as currents [T, C, H, W] in 0..1, and its label.

        Raises:
            IndexError: There is no such image.
            TypeError: The index is no integer.
        """
        i = sample_index(index, len(self))
        return self._shown(self.pixels[i]), int(self.labels[i])

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
            yield Batch(
                self._shown(self.pixels[index]), np.full(len(index), self.n_steps), self.labels[index], index
            )

    def _shown(self, pixels: ByteArray) -> Float32Array:
        """Give the currents of one image or several, [T, ...]."""
        still = pixels.astype(np.float32) / np.float32(255)
        return np.repeat(still[None], self.n_steps, axis=0)

"""Labelled still images, shown as constant currents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from snn.core.arrays import ByteArray, Float32Array, Int64Array
from snn.core.checks import keep, number, refusal, whole
from snn.core.memory import check as check_memory
from snn.core.units import MOST_STEPS
from snn.datasets.samples import batch_indices, check_classes, chosen_samples, one_per_sample, sample_index
from snn.datasets.spike_set import Batch

__all__ = ["ImageSet"]


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Hold labelled images; a batch shows each of them unchanged for `n_steps` steps, in 0..1 or normalised.

    Attributes:
        name: What the data really are, to be printed with every result.
        pixels: Brightness, 0 to 255, [B, C, H, W].
        labels: Class of each image, from 0, [B].
        classes: Names of the classes.
        n_steps: Steps that an image is shown, 1 to 2^53.
        mean: Taken from the brightness in 0..1.
        deviation: What the rest is divided by, > 0.

    Raises:
        ValueError: Pixels are no bytes [B, C, H, W], labels are not one class for each image, `n_steps` is
            below 1, `mean` is not finite or `deviation` not above 0.
    """

    name: str
    pixels: ByteArray
    labels: Int64Array
    classes: tuple[str, ...]
    n_steps: int
    mean: float = 0.0
    deviation: float = 1.0

    def __post_init__(self) -> None:
        pixels, classes = self.pixels, check_classes(self.classes)
        if (
            not isinstance(pixels, np.ndarray)
            or pixels.dtype != np.uint8
            or pixels.ndim != 4
            or 0 in pixels.shape[1:]
        ):
            raise refusal("pixels", "an array of uint8, [B, C, H, W]", pixels)
        labels = one_per_sample("labels", self.labels, len(pixels), high=len(classes) - 1)
        n_steps = whole("n_steps", self.n_steps, low=1, high=MOST_STEPS)
        for name, value in (("labels", labels), ("classes", classes), ("n_steps", n_steps)):
            object.__setattr__(self, name, value)
        keep(self, number, "mean")
        keep(self, number, "deviation", above=0)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.pixels)

    def __getitem__(self, index: SupportsIndex) -> tuple[Float32Array, int]:
        """Give one image as currents [T, C, H, W], and its label.

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
        """Take images in the order given: by index, or those marked in truth values [B].

        Raises:
            ValueError: The indices are no whole numbers.
            IndexError: An index is out of range.
        """
        chosen = chosen_samples(indices, len(self))
        return replace(self, pixels=self.pixels[chosen], labels=self.labels[chosen])

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Batch]:
        """Give batches of currents [T, B, C, H, W], the same in all steps, cut as by `batch_indices`.

        Raises:
            ValueError: The set is empty, batch_size or min_batch is below 1, or a seed is no whole number >= 0.
            MemoryError: A batch is larger than the memory that is free.
        """
        for index in batch_indices(len(self), batch_size, seed, min_batch, self.name):
            yield Batch(
                self._shown(self.pixels[index]), np.full(len(index), self.n_steps), self.labels[index], index
            )

    def _shown(self, pixels: ByteArray) -> Float32Array:
        """Give the currents of one image or several, [T, ...]."""
        check_memory(8 * pixels.size * self.n_steps, f"images of {self.n_steps:,} steps")
        still = pixels.astype(np.float32) / np.float32(255)
        if (self.mean, self.deviation) != (0.0, 1.0):
            still = (still - np.float32(self.mean)) / np.float32(self.deviation)
        return np.repeat(still[None], self.n_steps, axis=0)

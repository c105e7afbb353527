"""Training data made of other training data: pixels permuted or turned, classes renamed, sets mixed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.sparse import csr_array
from torch import Tensor

from snn.continual.samples import together
from snn.core.arrays import Int64Array
from snn.core.checks import number, refusal, whole, wholes
from snn.train.batches import Data
from snn.train.data_loaders import GivenBatch
from snn.train.losses import IGNORED

__all__ = ["Mixed", "Permuted", "Relabelled", "Rotated", "rotation"]


@dataclass(frozen=True, slots=True)
class _Derived(ABC):
    """Give what is made of each batch of a data set.

    Attributes:
        base: The data set.
    """

    base: Data

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.base)

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[GivenBatch]:
        """Give batches as the set does, changed.

        Raises:
            ValueError: A sample does not fit the change; its class says how.
        """
        for batch in self.base.batches(batch_size, seed=seed, min_batch=min_batch):
            yield self._made(batch)

    @abstractmethod
    def _made(self, batch: Any) -> GivenBatch:
        """Change a batch."""


@dataclass(frozen=True, slots=True)
class Permuted(_Derived):
    """Give the inputs of a data set in another order, the same in all steps.

    Attributes:
        base: The data set.
        order: Which input comes where, [N]: a permutation; inputs with several axes are numbered row by row. A
            sample with another number of inputs is refused.
    """

    order: Int64Array

    def _made(self, batch: Any) -> GivenBatch:
        return GivenBatch(_each_step(self._moved, batch.x), batch.lengths, batch.label)

    def _moved(self, x: Tensor) -> Tensor:
        flat = x.flatten(2)
        if flat.shape[2] != len(self.order):
            raise refusal("x", f"of {len(self.order)} inputs a step", x)
        return flat.index_select(2, torch.from_numpy(self.order)).reshape(x.shape)


@dataclass(frozen=True, slots=True)
class Rotated(_Derived):
    """Give the images [..., H, W] of a data set turned by an angle, the same in all steps.

    Attributes:
        base: The data set.
        weights: What makes the turned pixels of the given ones, [H W, H W], from `rotation`.
    """

    weights: csr_array

    def _made(self, batch: Any) -> GivenBatch:
        return GivenBatch(_each_step(self._turned, batch.x), batch.lengths, batch.label)

    def _turned(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, self.weights.shape[1])
        turned = torch.from_numpy((self.weights @ flat.numpy().T).T)
        return turned.to(x.dtype if x.is_floating_point() else torch.float32).reshape(x.shape)


def _each_step(function: Callable[[Tensor], Tensor], x: ArrayLike) -> Tensor:
    """Apply a function of inputs [T, B, ...] to x; once for all steps where they are the same."""
    given = torch.as_tensor(x)
    if len(given) > 1 and torch.equal(given[0], given[-1]) and bool((given[1:] == given[:1]).all()):
        return function(given[:1]).expand(given.shape)
    return function(given)


def rotation(height: int, width: int, degrees: float) -> csr_array:
    """Give the matrix [H W, H W] that turns an image about its middle, anticlockwise, interpolating linearly.

    What comes from outside the image is 0.

    Args:
        height: Rows of the image, >= 1.
        width: Columns, >= 1.
        degrees: The angle; multiples of 90 on a square move pixels exactly.

    Raises:
        ValueError: A size is below 1, or the angle no finite number.
    """
    height, width = whole("height", height, low=1), whole("width", width, low=1)
    angle = np.deg2rad(number("degrees", degrees))
    cosine, sine = (round(float(f(angle)), 15) for f in (np.cos, np.sin))  # exact at multiples of 90
    row, column = (axis.ravel() for axis in np.indices((height, width)))
    y, x = row - (height - 1) / 2, column - (width - 1) / 2
    from_y = cosine * y + sine * x + (height - 1) / 2
    from_x = cosine * x - sine * y + (width - 1) / 2
    below, right = np.floor(from_y).astype(np.int64), np.floor(from_x).astype(np.int64)
    share_y, share_x = from_y - below, from_x - right
    made = csr_array((height * width, height * width), dtype=np.float64)
    for dy, weight_y in ((0, 1 - share_y), (1, share_y)):
        for dx, weight_x in ((0, 1 - share_x), (1, share_x)):
            r, c, weight = below + dy, right + dx, weight_y * weight_x
            kept = (r >= 0) & (r < height) & (c >= 0) & (c < width) & (weight > 0)
            places = (np.flatnonzero(kept), r[kept] * width + c[kept])
            made = made + csr_array((weight[kept], places), shape=made.shape)
    return made.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Relabelled(_Derived):
    """Give the samples of a data set with other class numbers; -100, "no label", stays.

    Attributes:
        base: The data set.
        old: The class numbers that it has, ascending, [K].
        new: What they become, [K]. A label that is no class number is refused.
    """

    old: Int64Array
    new: Int64Array

    def _made(self, batch: Any) -> GivenBatch:
        return GivenBatch(batch.x, batch.lengths, self._renamed(batch.label))

    def _renamed(self, label: ArrayLike) -> Tensor:
        given = wholes("label", label)
        place = np.searchsorted(self.old, given).clip(max=len(self.old) - 1)
        known = self.old[place] == given
        if not (known | (given == IGNORED)).all():
            raise refusal("label", f"one of {self.old.tolist()}", given[~known].flat[0])
        return torch.from_numpy(np.where(known, self.new[place], given))


@dataclass(frozen=True, slots=True)
class Mixed:
    """Give batches to which every one of several data sets adds its share.

    Attributes:
        parts: The data sets; an epoch goes through all of them.
    """

    parts: tuple[Data, ...]

    def __len__(self) -> int:
        """Return the number of samples."""
        return sum(map(len, self.parts))

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[GivenBatch]:
        """Give batches of samples of all parts, in shares that go with their sizes.

        Raises:
            ValueError: A batch has fewer samples than there are parts.
        """
        size = whole("batch_size", batch_size, low=1)
        if size < len(self.parts):
            raise refusal("batch_size", f">= {len(self.parts)}, the data sets that are mixed", size)
        shares = self._shares(size)
        each = [
            part.batches(share, seed=seed if seed is None else (*np.ravel(seed).tolist(), i))
            for i, (part, share) in enumerate(zip(self.parts, shares, strict=True))
        ]
        while found := [batch for one in each if (batch := next(one, None)) is not None]:
            made = together([GivenBatch(batch.x, batch.lengths, batch.label) for batch in found])
            if len(made.lengths) >= min_batch:
                yield made

    def _shares(self, size: int) -> list[int]:
        """Give each part's samples in a batch: at least one, and what is left over to the largest remainders."""
        exact = np.array([len(part) for part in self.parts]) * size / len(self)
        shares = np.maximum(np.floor(exact).astype(int), 1)
        while shares.sum() > size:
            shares[int(np.argmax(shares - exact))] -= 1
        for i in np.argsort(shares - exact, kind="stable")[: size - shares.sum()]:
            shares[i] += 1
        return [int(share) for share in shares]

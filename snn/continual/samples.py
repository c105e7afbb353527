"""Samples held in memory, as training data: what a replay keeps, and what a loader gives made into a data set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from snn.core.arrays import Int64Array
from snn.core.checks import refusal, whole, wholes
from snn.train.batches import Data
from snn.train.data_loaders import GivenBatch, as_data, check_not_empty

__all__ = ["Samples", "collect", "together"]


@dataclass(frozen=True, slots=True)
class Samples:
    """Hold samples as tensors; a data set of `snn.train`.

    Attributes:
        x: Input, [T, B, ...].
        lengths: Valid steps of each sample, [B].
        label: Class of each sample, [B].

    Raises:
        ValueError: They are not as many of each, or not tensors of these axes.
    """

    x: Tensor
    lengths: Tensor
    label: Tensor

    def __post_init__(self) -> None:
        for name, axes in (("x", "[T, B, ...]"), ("lengths", "[B]"), ("label", "[B]")):
            value = getattr(self, name)
            fits = isinstance(value, Tensor) and (value.dim() >= 2 if name == "x" else value.dim() == 1)
            if not fits or (name != "x" and (value.is_floating_point() or len(value) != self.x.shape[1])):
                raise refusal(name, f"a tensor {axes}", value)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.label)

    @property
    def labels(self) -> Int64Array:
        """Class of each sample, [B]."""
        labels: Int64Array = self.label.numpy().astype(np.int64)
        return labels

    def subset(self, indices: ArrayLike) -> Samples:
        """Take samples in the order given, by index.

        Raises:
            ValueError: An index is no whole number from 0 to the number of samples - 1.
        """
        index = torch.from_numpy(wholes("indices", indices, low=0, high=len(self) - 1))
        return Samples(self.x[:, index], self.lengths[index], self.label[index])

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[GivenBatch]:
        """Give batches, in order without a seed; a last one smaller than `min_batch` is left out.

        Raises:
            ValueError: `batch_size` is below 1.
        """
        size, n = whole("batch_size", batch_size, low=1), len(self)
        order = np.arange(n) if seed is None else np.random.default_rng(seed).permutation(n)
        for start in range(0, n, size):
            index = torch.from_numpy(order[start : start + size])
            if len(index) >= min_batch:
                yield GivenBatch(self.x[:, index], self.lengths[index], self.label[index])


def collect(data: Data | Iterable[Any], per_class: int | None = None, seed: Any = None) -> Samples:
    """Hold the samples of a data set or loader in memory.

    Args:
        data: A data set, or batches as `snn.train.fit` takes them.
        per_class: Keep so many of every class, the first that come; None keeps all.
        seed: Decides the order in which a data set gives them; None: its own.

    Raises:
        ValueError: There are none, labels are no classes [B], or `per_class` is below 1.
    """
    given = as_data("data", data)
    check_not_empty("data", given)
    per_class = None if per_class is None else whole("per_class", per_class, low=1)
    seen: dict[int, int] = {}
    parts: list[GivenBatch] = []
    for batch in given.batches(256, seed=seed):
        x, lengths, label = (torch.as_tensor(part) for part in (batch.x, batch.lengths, batch.label))
        if label.dim() != 1 or label.is_floating_point():
            raise refusal("label", "a class for each sample, [B]", label)
        if per_class is None:
            parts.append(GivenBatch(x, lengths, label))
            continue
        chosen = torch.tensor([_count(seen, int(one)) <= per_class for one in label])
        if bool(chosen.any()):
            parts.append(GivenBatch(x[:, chosen], lengths[chosen], label[chosen]))
    joined = together(parts)
    return Samples(joined.x, joined.lengths, joined.label)


def together(parts: list[GivenBatch]) -> GivenBatch:
    """Put batches side by side; shorter ones get silent steps, which their lengths leave out."""
    steps = max(len(part.x) for part in parts)
    x = [_longer(torch.as_tensor(part.x), steps) for part in parts]
    lengths, label = (
        torch.cat([torch.as_tensor(getattr(part, name)) for part in parts]) for name in ("lengths", "label")
    )
    return GivenBatch(torch.cat(x, 1), lengths, label)


def _longer(x: Tensor, steps: int) -> Tensor:
    return x if len(x) == steps else torch.cat([x, x.new_zeros((steps - len(x), *x.shape[1:]))])


def _count(seen: dict[int, int], label: int) -> int:
    """Count a sample of a class, and say which of its class it is, from 1."""
    seen[label] = seen.get(label, 0) + 1
    return seen[label]

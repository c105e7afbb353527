"""Samples of a set: their labels, which are chosen, and in what batches they come."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from snn.core.arrays import Int64Array
from snn.core.checks import refusal, shown, whole, wholes

__all__ = [
    "augment_rng",
    "batch_indices",
    "check_classes",
    "chosen_samples",
    "one_per_sample",
    "sample_index",
    "seeds",
]


def one_per_sample(
    name: str, values: Any, samples: int | None = None, *, low: int = 0, high: int | None = None
) -> Int64Array:
    """Return one whole number for each sample, [B]: their classes, say.

    Raises:
        ValueError: It is no list of whole numbers within the limits, or not as many as there are samples.
    """
    array = _whole_list(name, values, low, high)
    if samples is not None and samples != len(array):
        raise refusal(name, f"of shape [{samples}], one for each sample", array)
    return array


def _whole_list(name: str, values: Any, low: int | None, high: int | None) -> Int64Array:
    array = wholes(name, values, low=low, high=high)
    if array.ndim != 1:
        raise refusal(name, "a list of whole numbers", values)
    return array


def check_classes(classes: Any) -> tuple[str, ...]:
    """Return names of classes.

    Raises:
        ValueError: They are no texts.
    """
    if not isinstance(classes, tuple | list) or not all(isinstance(name, str) for name in classes):
        raise refusal("classes", "names, a tuple of texts", classes)
    return tuple(classes)


def sample_index(index: SupportsIndex, samples: int) -> int:
    """Give the place of one sample, from 0; a negative index counts from the end.

    Raises:
        IndexError: There is no such sample.
        TypeError: It is no integer.
    """
    try:
        given = operator.index(index)
    except (TypeError, ValueError):  # torch raises the second
        raise TypeError(f"index must be an integer (subset takes several), got {shown(index)}") from None
    if str(getattr(index, "dtype", "")) in ("bool", "torch.bool") or isinstance(index, bool):
        raise TypeError(f"index must be an integer (subset takes several), got {shown(index)}")
    if not -samples <= given < samples:
        raise IndexError(f"index must be from {-samples} to {samples - 1}, got {given}")
    return given % samples


def chosen_samples(indices: ArrayLike, samples: int) -> Int64Array:
    """Give the places of several samples, from 0; negative indices count from the end.

    Args:
        indices: Whole numbers, [n], or truth values, [B], that mark the samples.
        samples: B.

    Raises:
        ValueError: They are neither.
        IndexError: There is no such sample.
    """
    given = np.asarray(indices) if _marks(indices) else None
    if given is not None:
        if given.shape != (samples,):
            raise refusal("indices", f"of shape [{samples}], a truth value for each sample", given)
        return np.flatnonzero(given)
    chosen = _whole_list("indices", indices, None, None)
    bad = (chosen < -samples) | (chosen >= samples)
    if bad.any():
        i = int(bad.argmax())
        raise IndexError(f"indices[{i}] must be from {-samples} to {samples - 1}, got {chosen[i]}")
    return np.where(chosen < 0, chosen + samples, chosen)


def _marks(indices: Any) -> bool:
    """Tell whether all of them are truth values."""
    if isinstance(indices, list | tuple):
        return bool(indices) and all(isinstance(one, bool | np.bool_) for one in indices)
    return str(getattr(indices, "dtype", "")) in ("bool", "torch.bool")


def seeds(seed: Any) -> list[int]:
    """Return a seed as integers: one, or several.

    Raises:
        ValueError: One is no whole number >= 0.
    """
    several = isinstance(seed, tuple | list | range) or (isinstance(seed, np.ndarray) and seed.ndim == 1)
    return (
        [whole(f"seed[{i}]", one, low=0) for i, one in enumerate(seed)]
        if several
        else [whole("seed", seed, low=0)]
    )


def batch_indices(
    samples: int, batch_size: int, seed: Any = None, min_batch: int = 1, name: str = "the set"
) -> Iterator[Int64Array]:
    """Cut `samples` into batches of indices, the last one smaller; fewer than `min_batch` are left out.

    Args:
        samples: Samples of the set.
        batch_size: Samples in a batch, >= 1.
        seed: Decides the order (an integer or several); None keeps that of the set.
        min_batch: A last batch smaller than this is left out, >= 1.
        name: What the message calls the set.

    Raises:
        ValueError: There are no samples, batch_size or min_batch is below 1, or a seed is no whole number >= 0.
    """
    batch_size, min_batch = whole("batch_size", batch_size, low=1), whole("min_batch", min_batch, low=1)
    if samples < 1:
        raise ValueError(f"{name} must hold at least one sample, got none")
    order = np.arange(samples) if seed is None else np.random.default_rng(seeds(seed)).permutation(samples)
    for start in range(0, samples, batch_size):
        index = order[start : start + batch_size]
        if len(index) >= min_batch:
            yield index


def augment_rng(seed: Any) -> np.random.Generator:
    """Make the generator by which batches are varied, apart from the one that orders them.

    Args:
        seed: Seed of the batches (an integer or several); None draws one.

    Raises:
        ValueError: A seed is no whole number >= 0.
    """
    return np.random.default_rng(None if seed is None else (*seeds(seed), 2))

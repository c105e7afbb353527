"""Split samples evenly over the classes: a part held out, or folds of a cross-validation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from snn.core.arrays import BoolArray, Int64Array
from snn.core.checks import number, refusal, whole
from snn.datasets.samples import one_per_sample

__all__ = ["folds", "hold_out", "mark_held_out"]


def mark_held_out(
    labels: ArrayLike, valid_fraction: float, seed: int, *, at_least: int = 0, name: str = "valid_fraction"
) -> BoolArray:
    """Draw samples to validate on, the same share of every class: True for those held out, [B].

    Args:
        labels: Class of each sample, from 0, [B].
        valid_fraction: Share to hold out, in (0, 1).
        seed: Decides which, >= 0.
        at_least: Samples to hold out of every class that has two or more, however small the share.
        name: What messages call the share.

    Raises:
        ValueError: `valid_fraction` is outside (0, 1) or leaves one part empty, or labels are no whole numbers
            >= 0.
    """
    valid_fraction = number(name, valid_fraction, above=0, below=1)
    classes = one_per_sample("labels", labels)
    rng = np.random.default_rng((whole("seed", seed, low=0), 1))
    marked = np.zeros(len(classes), dtype=bool)
    for label in np.unique(classes):
        own = rng.permutation(np.flatnonzero(classes == label))
        share = max(round(valid_fraction * len(own)), at_least if len(own) > 1 else 0)
        marked[own[:share]] = True
    if not marked.any() or marked.all():
        raise ValueError(f"{name} {valid_fraction!r} of {len(marked)} samples leaves a split empty")
    return marked


def hold_out(
    labels: ArrayLike, valid_fraction: float, seed: int = 0, *, name: str = "valid_fraction"
) -> tuple[Int64Array, Int64Array]:
    """Draw samples to validate on: the same share of every class, at least one where it has two.

    Args:
        labels: Class of each sample, from 0, [B].
        valid_fraction: Share to hold out, in (0, 1).
        seed: Decides which, >= 0.
        name: What messages call the share.

    Returns:
        Indices of the others, and of those held out, both ascending.

    Raises:
        ValueError: `valid_fraction` is outside (0, 1) or leaves one part empty, or labels are no whole numbers
            >= 0.
    """
    marked = mark_held_out(labels, valid_fraction, seed, at_least=1, name=name)
    return np.flatnonzero(~marked), np.flatnonzero(marked)


def folds(labels: ArrayLike, k: int, seed: int = 0) -> tuple[Int64Array, ...]:
    """Cut samples into k folds, each class spread evenly over them, none of them far larger than another.

    Args:
        labels: Class of each sample, from 0, [B].
        k: Number of folds, 2 to B.
        seed: Decides which sample goes where.

    Returns:
        Indices of each fold, ascending; every sample is in one.

    Raises:
        ValueError: k is not a whole number from 2 to the number of samples, or labels are no whole numbers >= 0.
    """
    classes = one_per_sample("labels", labels)
    if len(classes) < 2:
        raise refusal("labels", "of at least 2 samples", classes)
    k = whole("k", k, low=2, high=len(classes))
    shuffled = np.random.default_rng((whole("seed", seed, low=0), 3)).permutation(len(classes))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]  # dealt out in turn, class after class
    return tuple(np.sort(by_class[i::k]) for i in range(k))

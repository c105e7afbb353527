"""Split samples evenly over the classes: a part held out, or folds of a cross-validation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["draw_by_label", "folds", "hold_out"]


def draw_by_label(
    labels: NDArray[np.int64], fraction: float, rng: np.random.Generator, at_least: int = 0
) -> NDArray[np.bool_]:
    """Mark a `fraction` of every class, drawn at random: bool [B]; `at_least` so many where it has two or more."""
    marked = np.zeros(len(labels), dtype=bool)
    for label in range(int(labels.max(initial=-1)) + 1):
        own = rng.permutation(np.flatnonzero(labels == label))
        share = max(round(fraction * len(own)), at_least if len(own) > 1 else 0)
        marked[own[:share]] = True
    return marked


def hold_out(
    labels: ArrayLike, fraction: float, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw samples to validate on: the same share of every class, at least one where it has two.

    Args:
        labels: Class of each sample, [B].
        fraction: Share to hold out, in (0, 1).
        seed: Decides which.

    Returns:
        Indices of the others, and of those held out, both ascending.

    Raises:
        ValueError: `fraction` is outside (0, 1), or leaves one part empty.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"valid_fraction must be in (0, 1), got {fraction!r}")
    rng = np.random.default_rng((seed, 1))
    marked = draw_by_label(np.asarray(labels, dtype=np.int64), fraction, rng, at_least=1)
    if not marked.any() or marked.all():
        raise ValueError(f"valid_fraction {fraction!r} of {len(marked)} samples leaves a split empty")
    return np.flatnonzero(~marked), np.flatnonzero(marked)


def folds(labels: ArrayLike, k: int, seed: int = 0) -> tuple[NDArray[np.int64], ...]:
    """Cut samples into k folds, each class spread evenly over them, none of them far larger than another.

    Args:
        labels: Class of each sample, [B].
        k: Number of folds, 2 to B.
        seed: Decides which sample goes where.

    Returns:
        Indices of each fold, ascending; every sample is in one.

    Raises:
        ValueError: k is not a whole number from 2 to the number of samples.
    """
    classes = np.asarray(labels, dtype=np.int64)
    if isinstance(k, bool) or int(k) != k or not 2 <= k <= len(classes):
        raise ValueError(f"k must be a whole number from 2 to {len(classes)} (the samples), got {k!r}")
    shuffled = np.random.default_rng((seed, 3)).permutation(len(classes))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]  # dealt out in turn, class after class
    return tuple(np.sort(by_class[i::k]) for i in range(k))

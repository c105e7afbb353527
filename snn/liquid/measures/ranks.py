"""How far a liquid takes inputs apart: distances of features, and how many directions they span."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from snn.core.arrays import Float64Array
from snn.core.checks import finite, number, real_array, refusal

__all__ = ["generalisation_rank", "kernel_rank", "separation"]


def separation(a: ArrayLike, b: ArrayLike) -> float:
    """Give the mean Euclidean distance between features of pairs of inputs: row i of `a` from row i of `b`.

    It is in the unit of the features and grows with their number; compare liquids of one size.

    Args:
        a: Features of the first input of each pair, [B, F], B >= 1.
        b: Those of the second, of the same shape.

    Raises:
        ValueError: They are no finite numbers [B, F], or of two shapes.
    Source: Maass, Natschlaeger & Markram, Neural Computation 14 (2002), 2531.
    """
    first, second = _features("a", a), _features("b", b)
    if first.shape != second.shape:
        raise refusal("b", f"of shape {list(first.shape)}, as a", second)
    return float(np.linalg.norm(first - second, axis=1).mean())


def kernel_rank(features: ArrayLike, tol: float | None = None) -> int:
    """Count the directions that a liquid's features of different inputs span: at most B or F, the more the better.

    A linear readout can give as many different inputs any labels at all.

    Args:
        features: Those of B different inputs, [B, F], B >= 1.
        tol: Singular values above it count, >= 0. None: those above rounding, max(B, F) eps times the largest one,
            with eps that of the features' own type: float32 features are not full of rank by their last bit.

    Raises:
        ValueError: The features are no finite numbers [B, F], or `tol` is negative.
    Source: Legenstein & Maass, Neural Networks 20 (2007), 323.
    """
    return _rank(features, tol)


def generalisation_rank(features: ArrayLike, tol: float | None = None) -> int:
    """Count the directions that features of variants of one input span: at most B or F, the fewer the better.

    The number is that of `kernel_rank`; what differs is what goes in. Variants that a readout should take for the
    same, such as one word with jittered spikes, ought to span few directions: a liquid whose two ranks are equal
    tells noise apart as well as it does inputs. Their difference is what its authors compare liquids by.

    Args:
        features: Those of B variants of one input, [B, F], B >= 1.
        tol: As in `kernel_rank`.

    Raises:
        ValueError: As `kernel_rank`.
    Source: Legenstein & Maass, Neural Networks 20 (2007), 323.
    """
    return _rank(features, tol)


def _rank(features: ArrayLike, tol: float | None) -> int:
    """Count singular values above a tolerance."""
    given = _features("features", features)
    sizes = np.linalg.svd(given, compute_uv=False)
    if tol is None:
        own = np.asarray(features).dtype
        eps = np.finfo(own if own.kind == "f" else np.float64).eps
        least = float(sizes[0]) * max(given.shape) * float(eps)
    else:
        least = number("tol", tol, low=0)
    return int((sizes > least).sum())


def _features(name: str, values: ArrayLike) -> Float64Array:
    """Give features as float64 [B, F], neither empty."""
    array = real_array(name, values, "features [B, F]")
    if array.ndim != 2 or not array.size:
        raise refusal(name, "features [B, F], none empty", array)
    return finite(name, array)

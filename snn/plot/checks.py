"""Check what a figure is given, where `snn.core.checks` has no word for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from snn.core import Events
from snn.core.arrays import RealArray
from snn.core.checks import refusal, whole

__all__ = ["checked_sample", "shaped"]


def shaped(name: str, values: ArrayLike, axes: Sequence[str | int]) -> RealArray:
    """Return `values` as an array of real numbers with these axes.

    Args:
        name: Name in the message.
        values: Anything that numpy takes as an array.
        axes: The name of each axis, or its length where only one is allowed.

    Raises:
        ValueError: They are no real numbers, or the axes are others.
    """
    array: RealArray = np.asarray(values)
    fits = array.ndim == len(axes) and all(
        isinstance(axis, str) or axis == size for axis, size in zip(axes, array.shape, strict=True)
    )
    if not fits or array.dtype.kind not in "iufb":
        raise refusal(name, f"real numbers [{', '.join(map(str, axes))}]", array)
    return array


def checked_sample(events: Events, sample: int) -> int:
    """Return the number of one of the samples.

    Raises:
        ValueError: There is no such sample.
    """
    return whole("sample", sample, low=0, high=len(events) - 1)

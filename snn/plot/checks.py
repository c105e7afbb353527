"""Check what a figure is given, where `snn.core.checks` has no word for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike

from snn.core import Events
from snn.core.arrays import RealArray
from snn.core.checks import as_array, instance, refusal, whole

__all__ = ["by_name", "checked_sample", "labels", "shaped"]


def shaped(name: str, values: ArrayLike, axes: Sequence[str | int]) -> RealArray:
    """Return `values` as an array of real numbers with these axes.

    Args:
        name: Name in the message.
        values: Anything that numpy takes as an array.
        axes: The name of each axis, or its length where only one is allowed.

    Raises:
        ValueError: They are no real numbers, or the axes are others.
    """
    array: RealArray = as_array(name, values)
    fits = array.ndim == len(axes) and all(
        isinstance(axis, str) or axis == size for axis, size in zip(axes, array.shape, strict=True)
    )
    if not fits or array.dtype.kind not in "iufb":
        raise refusal(name, f"real numbers [{', '.join(map(str, axes))}]", array)
    return array


def labels(name: str, values: Sequence[str]) -> list[str]:
    """Return names to be drawn as a list.

    Raises:
        ValueError: They are no list of texts.
    """
    if not isinstance(values, Sequence):
        raise refusal(name, "a list of names", values)
    for place, value in enumerate(values):
        if not isinstance(value, str):
            raise refusal(f"{name}[{place}]", "text", value)
    return list(values)


def by_name(name: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is drawn by name.

    Raises:
        ValueError: It is no mapping from names, or empty.
    """
    if not isinstance(values, Mapping) or not values or not all(isinstance(key, str) for key in values):
        raise refusal(name, "values by name, at least one", values)
    return values


def checked_sample(events: Events, sample: int) -> int:
    """Return the number of one of the samples.

    Raises:
        ValueError: They are no events, or there is no such sample.
    """
    instance("events", events, Events)
    return whole("sample", sample, low=0, high=len(events) - 1)

"""Check fields of frozen configs for which `snn.core.checks` has no word."""

from __future__ import annotations

from typing import Any

from snn.core.checks import finite, refusal

__all__ = ["ascending_pair", "number_pair", "number_row"]


def number_row(name: str, values: Any) -> tuple[float, ...]:
    """Return finite numbers, any number of them, as a tuple of floats.

    Raises:
        ValueError: They are not a row of finite numbers.
    """
    array = finite(name, values)
    if array.ndim != 1:
        raise refusal(name, "a row of numbers", values)
    return tuple(array.tolist())


def number_pair(name: str, values: Any) -> tuple[float, ...]:
    """Return two finite numbers as a tuple of floats.

    Raises:
        ValueError: They are not two finite numbers.
    """
    row = number_row(name, values)
    if len(row) != 2:
        raise refusal(name, "two numbers", values)
    return row


def ascending_pair(name: str, values: Any) -> tuple[float, ...]:
    """Return the two ends of a range, the lower one first, as a tuple of floats.

    Raises:
        ValueError: They are not two finite numbers, or the second is below the first.
    """
    pair = number_pair(name, values)
    if pair[0] > pair[1]:
        raise refusal(name, "a pair (low, high)", values)
    return pair

"""Decide from the values that a layer was given whether each is an add or a multiply."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn.core.arrays import Int64Array

__all__ = ["settle", "whole"]

_DECLARED = ("binary", "levels", "real")
_MULTIPLES, _CLOSE = 255, 1e-6


def settle(
    name: str, levels: NDArray[Any], known: int, entries: Int64Array, reach: Int64Array, declared: str | None
) -> tuple[str, dict[str, Int64Array]]:
    """Turn counts by magnitude into spikes, events, adds and multiplies.

    One magnitude is ``"binary"``: it folds into the weights, and each entry is one add (a sign is a subtraction).
    Several that are whole multiples (up to 255) of a unit are ``"levels"``: the unit is one add, a multiple m is m
    spikes and one multiply. Anything else is ``"real"``: each entry is one event and one multiply.

    Args:
        name: Layer, for errors.
        levels: Magnitudes, the first `known` hold one.
        known: Number of magnitudes, more than `levels` holds if there were more.
        entries: Nonzero entries per row and magnitude, [rows, LEVELS + 1].
        reach: Their fan-out.
        declared: What the input is said to be; None decides by the values.

    Returns:
        The kind, and per row: input_spikes, synaptic_events, active_inputs, macs.

    Raises:
        ValueError: `declared` is unknown, or the values contradict it.
    """
    if declared is not None and declared not in _DECLARED:
        raise ValueError(f"inputs[{name!r}] is {declared!r}; allowed: {', '.join(_DECLARED)}")
    multiples = None if known > len(levels) else _multiples(levels[:known])
    measured = "real" if multiples is None else ("silent", "binary")[known] if known < 2 else "levels"
    kind = measured if declared is None else declared
    if (declared == "binary" and measured not in ("silent", "binary")) or (
        declared == "levels" and measured == "real"
    ):
        raise ValueError(f"inputs[{name!r}] is {declared!r}, but its values are {measured}")
    active = reach.sum(1)
    if kind == "real" or multiples is None:
        return kind, {
            "input_spikes": entries.sum(1),
            "synaptic_events": active,
            "active_inputs": active,
            "macs": active,
        }
    return kind, _weighed(multiples, entries, reach)


def whole(
    rows: NDArray[Any],
    fan_out: Int64Array,
    levels: NDArray[Any],
    known: int,
    entries: Int64Array,
    reach: Int64Array,
) -> dict[str, Int64Array]:
    """Turn counts by magnitude of whole numbers of spikes into spikes, events, adds and multiplies.

    A count n is n spikes, and one multiply where n > 1.

    Args:
        rows: The numbers, [rows, n]: read again where there were more magnitudes than `levels` holds.
        fan_out: Outputs that each input reaches, [n].
        levels: Magnitudes, the first `known` hold one.
        known: Number of magnitudes.
        entries: Nonzero entries per row and magnitude, [rows, LEVELS + 1].
        reach: Their fan-out.
    """
    if known <= len(levels):
        return _weighed(np.rint(levels[:known]).astype(np.int64), entries, reach)
    spikes = np.rint(rows).astype(np.int64)
    return {
        "input_spikes": spikes.sum(1),
        "synaptic_events": spikes @ fan_out,
        "active_inputs": reach.sum(1),
        "macs": (spikes > 1) @ fan_out,
    }


def _weighed(multiples: Int64Array, entries: Int64Array, reach: Int64Array) -> dict[str, Int64Array]:
    known = len(multiples)
    return {
        "input_spikes": entries[:, :known] @ multiples,
        "synaptic_events": reach[:, :known] @ multiples,
        "active_inputs": reach.sum(1),
        "macs": reach[:, :known] @ (multiples > 1).astype(np.int64),
    }


def _multiples(levels: NDArray[Any]) -> Int64Array | None:
    """Write magnitudes as whole multiples of the largest unit that fits, None where none does."""
    if not levels.size:
        return np.zeros(0, dtype=np.int64)
    if not np.isfinite(levels).all():
        return None
    for parts in range(1, _MULTIPLES + 1):
        ratio = levels * (parts / levels.min())
        whole = np.rint(ratio)
        if whole.max() > _MULTIPLES:
            return None
        if (np.abs(ratio - whole) <= _CLOSE * whole).all():
            multiples: Int64Array = whole.astype(np.int64)
            return multiples
    return None

"""Sort what a window holds by time, where equal times stay in their order."""

from __future__ import annotations

from typing import Any

import numpy as np

from snn.core.arrays import Float64Array
from snn.core.compiled import lean_apart, lean_inlined

_FEW = 16
"""Length of the runs that are sorted by insertion before they are merged."""


@lean_inlined
def is_sorted(time_ms: Float64Array, first: int, end: int) -> bool:
    """Tell whether the times from `first` to `end` ascend."""
    for i in range(first + 1, end):
        if time_ms[np.uint64(i)] < time_ms[np.uint64(i - 1)]:
            return False
    return True


@lean_apart
def sort_by_time(table: Any, spare: Any, first: int, end: int) -> None:
    """Sort the rows from `first` to `end` of three columns, the first of which is time; `spare` is scratch."""
    time, second, third = table
    for low in range(first, end, _FEW):
        for i in range(low + 1, min(low + _FEW, end)):
            row, before = np.uint64(i), np.uint64(i - 1)
            t, a, b = time[row], second[row], third[row]
            while i > low and time[before] > t:
                time[row], second[row], third[row] = time[before], second[before], third[before]
                i -= 1
                row, before = before, np.uint64(i - 1)
            time[row], second[row], third[row] = t, a, b
    width = _FEW
    while width < end - first:
        for low in range(first, end - width, 2 * width):
            _merge(table, spare, low, low + width, min(low + 2 * width, end))
        width *= 2


@lean_apart
def _merge(table: Any, spare: Any, low: int, middle: int, high: int) -> None:
    """Merge the sorted rows from `low` to `middle` with those from there to `high`."""
    time, second, third = table
    early, a, b = spare
    if time[middle - 1] <= time[middle]:
        return
    for i in range(low, middle):
        early[i - low], a[i - low], b[i - low] = time[i], second[i], third[i]
    i, k = 0, middle
    for row in range(low, high):
        if i == middle - low:
            return
        if k < high and time[k] < early[i]:
            time[row], second[row], third[row] = time[k], second[k], third[k]
            k += 1
        else:
            time[row], second[row], third[row] = early[i], a[i], b[i]
            i += 1

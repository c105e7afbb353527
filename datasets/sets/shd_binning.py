"""Turn spike times into steps, in the ways that published results used."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from snn.core import event_steps
from snn.datasets.formats.shd_file import Words

__all__ = ["BINNINGS", "Binning", "to_steps"]

Binning = Literal["fixed", "first_spike", "restart"]
BINNINGS: tuple[str, ...] = get_args(Binning)


def to_steps(words: Words, dt_ms: float, binning: Binning = "fixed") -> NDArray[np.int64]:
    """Place every spike in a step of its word.

    Args:
        words: The words.
        dt_ms: Length of a step, ms.
        binning: "fixed": step k covers [k dt, (k + 1) dt) from the start of the recording. "first_spike": the
            same from the word's first spike (SpikingJelly since March 2024). "restart": a step opens at the next
            spike and takes all spikes up to dt after it, so silence vanishes (SpikingJelly before that).

    Returns:
        Step of each spike, [E].
    Source: SpikingJelly issue #507 and its fix 01823bed.
    """
    time_ms = words.time_s.astype(np.float64) * 1000.0
    if binning == "fixed":
        return event_steps(time_ms, dt_ms)
    sizes = np.diff(words.offsets)
    if binning == "first_spike":
        return event_steps(time_ms - np.repeat(time_ms[words.offsets[:-1]], sizes), dt_ms)
    steps = np.empty(time_ms.size, dtype=np.int64)
    for start, stop in zip(words.offsets[:-1], words.offsets[1:], strict=True):
        steps[start:stop] = _restart(time_ms[start:stop], dt_ms)
    return steps


def _restart(time_ms: NDArray[np.float64], dt_ms: float) -> NDArray[np.int64]:
    steps = np.empty(time_ms.size, dtype=np.int64)
    left, step = 0, 0
    while left < time_ms.size:
        right = left + int(np.searchsorted(time_ms[left:] - time_ms[left], dt_ms, side="right"))
        steps[left:right] = step
        left, step = right, step + 1
    return steps

"""What every reader of an event camera's files gives: one column for each property of an event."""

from __future__ import annotations

from typing import NamedTuple

from snn.core.arrays import Int64Array

__all__ = ["CameraEvents"]


class CameraEvents(NamedTuple):
    """Hold the events of one recording, in order of time.

    Attributes:
        time_us: Microseconds from the start of the recording, [E].
        x: Column of the pixel, [E].
        y: Row of the pixel, [E].
        polarity: 1 where light rose, 0 where it fell, [E].
    """

    time_us: Int64Array
    x: Int64Array
    y: Int64Array
    polarity: Int64Array

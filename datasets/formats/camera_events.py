"""What every reader of an event camera's files gives: one column for each property of an event."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snn.core.arrays import Int64Array
from snn.datasets.errors import data_refusal

__all__ = ["UNKNOWN", "CameraEvents", "check_events", "from_first_event", "unwrapped"]

UNKNOWN = 255
"""Events that a word of an unknown type stands for, in tables of such numbers."""


class CameraEvents(NamedTuple):
    """Hold the events of one recording, in order of time.

    Attributes:
        time_us: Microseconds from the start of the recording, or by the clock of its file, [E].
        x: Column of the pixel, from the left, [E].
        y: Row of the pixel, from the top, [E].
        polarity: 1 where light rose, 0 where it fell, [E].
    """

    time_us: Int64Array
    x: Int64Array
    y: Int64Array
    polarity: Int64Array


def check_events(
    where: object, seen: CameraEvents, sensor: tuple[int, int] | None = None, *, sort: bool = False
) -> CameraEvents:
    """Return events whose pixels lie on the sensor and whose time never runs back.

    Args:
        where: The file.
        seen: Its events.
        sensor: Rows and columns of the camera; None: the file does not say.
        sort: Put events in order of time where they are not; those of one microsecond keep theirs.

    Raises:
        DataError: A pixel lies off the sensor, a polarity is neither 0 nor 1, or time runs back and `sort` is
            False; the message names the file and the event.
    """
    rows, columns = sensor or (None, None)
    for name, values, size in (("x", seen.x, columns), ("y", seen.y, rows), ("polarity", seen.polarity, 2)):
        if (
            size is not None and values.size and values.view(np.uint64).max() >= size
        ):  # a negative one is huge
            event = int(((values < 0) | (values >= size)).argmax())
            raise data_refusal(where, f"{name} of event {event}", f"0 to {size - 1}", values[event])
    time_us = seen.time_us
    back = time_us[1:] < time_us[:-1]
    if not back.any():
        return seen
    if sort:
        order = np.argsort(time_us, kind="stable")
        return CameraEvents(*(column[order] for column in seen))
    event = int(back.argmax()) + 1
    rule = f">= {time_us[event - 1]} us, that of the event before it"
    raise data_refusal(where, f"time of event {event}", rule, time_us[event])


def unwrapped(count: Int64Array, period: int) -> Int64Array:
    """Count on where a counter starts again from 0: it does where it falls by half of its period or more.

    Args:
        count: What the counter shows, 0 to period - 1, in the order in which it was read, [E].
        period: What it starts again after.
    """
    fallen = np.diff(count, prepend=count[:1]) <= -(period // 2)
    return count + period * np.cumsum(fallen) if fallen.any() else count


def from_first_event(seen: CameraEvents) -> CameraEvents:
    """Count time from the first event: clocks of cameras and computers start anywhere."""
    return seen._replace(time_us=seen.time_us - seen.time_us[:1]) if seen.time_us.size else seen

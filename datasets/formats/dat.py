"""Recordings of Prophesee's cameras in DAT, as of N-Cars: a time and a word of 32 bits for each event.

Source: Prophesee, "DAT file format" (Metavision SDK).
"""

from __future__ import annotations

import numpy as np

from snn.datasets.errors import DataError, data_refusal
from snn.datasets.formats.camera_events import CameraEvents, check_events, unwrapped
from snn.datasets.formats.locate import Source
from snn.datasets.formats.text_header import header_lines, header_sensor, header_value

__all__ = ["read_dat"]

_KINDS, _BYTES = (0, 12), 8


def read_dat(source: Source, *, sort: bool = False) -> CameraEvents:
    """Read a .dat file of events of pixels; times of 32 bits count on where they start again.

    Args:
        source: The file.
        sort: Put events in order of time where they are not.

    Raises:
        OSError: It cannot be read.
        DataError: It is of another version or kind, cut short, a pixel lies off the sensor that the header names, a
            polarity is neither 0 nor 1, or time runs back.
    """
    data = source.read().getbuffer()
    lines, start = header_lines(data, b"%")
    version = header_value(lines, r"^% *Version (\d+)")
    if version != "2":
        raise data_refusal(source, "Version in the header", "2", version)
    kind, size = bytes(data[start : start + 2]).ljust(2, b"\xff")
    if kind not in _KINDS or size != _BYTES:
        rule = f"type {' or '.join(map(str, _KINDS))} (of pixels) and {_BYTES} bytes"
        raise DataError(f"{source}: events must be of {rule}, got type {kind} and {size} bytes")
    start += 2
    if (len(data) - start) % _BYTES:
        rule = f"a multiple of {_BYTES}, as in a file that is whole"
        raise data_refusal(source, "bytes of events", rule, len(data) - start)
    time, word = np.frombuffer(data, "<u4", offset=start).reshape(-1, 2).astype(np.int64).T
    seen = CameraEvents(unwrapped(time, 1 << 32), word & 0x3FFF, word >> 14 & 0x3FFF, word >> 28)
    return check_events(source, seen, header_sensor(lines), sort=sort)

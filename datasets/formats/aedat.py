"""Recordings in AEDAT 2.0, the format of jAER: addresses and times, 32 bits each, big-endian.

The address is that of the chip; those of DVS128 and of the DAVIS cameras are known here. jAER counts rows from the
bottom and columns from the right; both are turned round.
Source: Inivation, "AEDAT file formats"; the classes DVS128 and DavisBaseCamera of jAER.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from snn.core.arrays import Int64Array
from snn.datasets.errors import data_refusal
from snn.datasets.formats.camera_events import CameraEvents, check_events, unwrapped
from snn.datasets.formats.locate import Source
from snn.datasets.formats.text_header import header_lines, header_value

__all__ = ["DVS128", "read_aedat2"]

DVS128 = (128, 128)
"""Rows and columns of the camera DVS128."""
_DAVIS = {"davis240": (180, 240), "davis346": (260, 346)}
_CHIP = r"^#\s*AEChip:\s*(.*)$"


def read_aedat2(source: Source, *, sort: bool = False) -> CameraEvents:
    """Read a recording of a DVS128, DAVIS240 or DAVIS346.

    The header names the chip; without that name it is a DVS128, if every address has 16 bits as there. What is no
    event of a pixel (frames, motion, signals from outside) is left out. Times are 32 bits wide and count on where
    they start again.

    Args:
        source: The file.
        sort: Put events in order of time where they are not.

    Raises:
        OSError: It cannot be read.
        DataError: It is no AEDAT 2.0, cut short, of another chip, a pixel lies off the sensor, or time runs back.
    """
    data = source.read().getbuffer()
    lines, start = header_lines(data, b"#")
    version = header_value(lines[:1], r"^#!AER-DAT(.*)$")
    if version != "2.0":
        raise data_refusal(source, "first line", "#!AER-DAT2.0", lines[0] if lines else bytes(data[:12]))
    if (len(data) - start) % 8:
        raise data_refusal(
            source, "bytes of events", "a multiple of 8, as in a file that is whole", len(data) - start
        )
    address, time_us = np.frombuffer(data, ">u4", offset=start).reshape(-1, 2).astype(np.int64).T
    decode, sensor = _decoder(source, header_value(lines, _CHIP), address)
    own, x, y, polarity = decode(address, *sensor)
    time_us = unwrapped(time_us, 1 << 32)
    seen = CameraEvents(*(column[own] for column in (time_us, x, y, polarity)))
    return check_events(source, seen, sensor, sort=sort)


_Columns = tuple[Int64Array, Int64Array, Int64Array, Int64Array]


def _decoder(
    source: Source, chip: str | None, address: Int64Array
) -> tuple[Callable[[Int64Array, int, int], _Columns], tuple[int, int]]:
    name = (chip or "").lower()
    for davis, sensor in _DAVIS.items():
        if davis in name:
            return _davis, sensor
    rule = "that of a DVS128, DAVIS240 or DAVIS346"
    if chip is not None and "dvs128" not in name:
        raise data_refusal(source, "AEChip", rule, chip)
    if chip is None and address.size and address.max() >> 16:
        event = int((address >> 16).argmax())
        raise data_refusal(source, "AEChip", f"{rule}, as address {event} has more than 16 bits", None)
    return _dvs128, DVS128


def _dvs128(address: Int64Array, rows: int, columns: int) -> _Columns:
    """Bit 15: no pixel; 8 to 14: row; 1 to 7: column; 0: light fell."""
    own = address >> 15 == 0
    return own, columns - 1 - (address >> 1 & 127), rows - 1 - (address >> 8 & 127), 1 - (address & 1)


def _davis(address: Int64Array, rows: int, columns: int) -> _Columns:
    """Bit 31: a frame or motion; 22 to 30: row; 12 to 21: column; 11: light rose; 10: a signal from outside."""
    own = (address >> 31 == 0) & (address >> 10 & 1 == 0)
    return own, columns - 1 - (address >> 12 & 1023), rows - 1 - (address >> 22 & 511), address >> 11 & 1

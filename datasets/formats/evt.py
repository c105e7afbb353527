"""Recordings of Prophesee's cameras in EVT 2.0 and EVT 3.0 (.raw): words of 32 or 16 bits, each of one type.

Source: Prophesee, "EVT 2.0 format" and "EVT 3.0 format" (Metavision SDK).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from snn.core.arrays import ByteArray
from snn.datasets.errors import data_refusal
from snn.datasets.formats.camera_events import UNKNOWN, CameraEvents, check_events
from snn.datasets.formats.locate import Source
from snn.datasets.formats.text_header import header_lines, header_sensor, header_value

__all__ = ["read_evt"]


class _Coding(NamedTuple):
    """Hold how a version writes events.

    Attributes:
        word: Type of a word in numpy.
        types: The types of words, which the upper 4 bits tell.
        shift: Lower bits that do not say how many events a word stands for.
        events: How many that are, by the other bits.
    """

    word: str
    types: tuple[int, ...]
    shift: int
    events: ByteArray


def _table(bits: int, types: tuple[int, ...], events: dict[int, ByteArray | int]) -> ByteArray:
    """Give the number of events by the upper `bits` of a word: 0 of most types."""
    table = np.full((16, 1 << bits - 4), UNKNOWN, dtype=np.uint8)
    table[list(types)] = 0
    for kind, count in events.items():
        table[kind] = count
    return table.reshape(-1)


_TYPES2, _TYPES3 = (0, 1, 8, 10, 14, 15), (0, 2, 3, 4, 5, 6, 7, 8, 10, 14, 15)
_PIXELS = np.arange(4096)
_CODINGS = {
    "2.0": _Coding("<u4", _TYPES2, 28, _table(4, _TYPES2, {0: 1, 1: 1})),
    "3.0": _Coding(
        "<u2",
        _TYPES3,
        0,
        _table(16, _TYPES3, {2: 1, 4: np.bitwise_count(_PIXELS), 5: np.bitwise_count(_PIXELS & 0xFF)}),
    ),
}


def read_evt(source: Source, *, sort: bool = False) -> CameraEvents:
    """Read a .raw file of EVT 2.0 or EVT 3.0; signals from outside and words of the vendor are left out.

    Events before the first word of time have none, and are left out, as are those before the first row in EVT 3.0.
    Times of 34 bits (EVT 2.0) and 24 bits (EVT 3.0: 16.8 s) count on where they start again.

    Args:
        source: The file.
        sort: Put events in order of time where they are not.

    Raises:
        OSError: It cannot be read.
        DataError: It is of another version or byte order, cut short, a word is of no known type, a pixel lies off
            the sensor that the header names, or time runs back.
    """
    from snn.datasets.formats.event_loops import decode_evt2, decode_evt3, measure  # loads numba

    data = source.read().getbuffer()
    lines, start = header_lines(data, b"% ")
    version = header_value(lines, r"^% evt (.*)$") or header_value(lines, r"^% format EVT([\d.]*)")
    version = f"{version}.0" if version in ("2", "3") else version
    if version not in _CODINGS:
        raise data_refusal(source, "version in the header", "EVT 2.0 or 3.0", version and f"EVT {version}")
    order = header_value(lines, r"^% endianness (.*)$")
    if order not in (None, "little"):
        raise data_refusal(source, "endianness in the header", "little", order)
    coding = _CODINGS[version]
    size = np.dtype(coding.word).itemsize
    if (len(data) - start) % size:
        rule = f"a multiple of {size}, as in a file that is whole"
        raise data_refusal(source, "bytes of events", rule, len(data) - start)
    word: Any = np.frombuffer(data, coding.word, offset=start)
    room = measure(word, coding.shift, coding.events)
    if room < 0:
        kind = int(word[-1 - room]) >> 8 * size - 4
        rule = f"one of {', '.join(map(str, coding.types))}"
        raise data_refusal(source, f"type of word {-1 - room}", rule, kind)
    columns = np.empty((4, room), dtype=np.int64)
    found = (decode_evt2 if version == "2.0" else decode_evt3)(word, *columns)
    return check_events(source, CameraEvents(*columns[:, :found]), header_sensor(lines), sort=sort)

"""Recordings in AEDAT 4.0, the format of DV: packets of one stream each, packed by LZ4, in Flatbuffers.

Source: Inivation, "AEDAT file formats", version 4.0; Google, "Flatbuffers: binary wire format".
"""

from __future__ import annotations

import struct
from typing import Any
from xml.etree import ElementTree

import numpy as np

from snn.datasets.errors import DataError, data_refusal, reading
from snn.datasets.formats.camera_events import CameraEvents, check_events
from snn.datasets.formats.locate import Source
from snn.datasets.formats.lz4 import unpack_lz4

__all__ = ["read_aedat4"]

_FIRST_LINE = b"#!AER-DAT4.0\r\n"
_EVENT = np.dtype({"names": ["t", "x", "y", "p"], "formats": ["<i8", "<i2", "<i2", "u1"], "itemsize": 16})
_UNPACKED, _UNPACKED_RATIO = 64 << 20, 20
_PLAIN, _LZ4 = (0,), (1, 2)


def read_aedat4(source: Source, *, sort: bool = False) -> CameraEvents:
    """Read the events of a recording, by the clock of its computer; frames, motion and signals are passed over.

    Args:
        source: The file.
        sort: Put events in order of time where they are not.

    Raises:
        OSError: It cannot be read.
        DataError: It is no AEDAT 4.0 with one stream of events, packed otherwise than by LZ4, cut short or damaged,
            a pixel lies off the sensor, or time runs back.
    """
    data = source.read().getbuffer()
    if bytes(data[: len(_FIRST_LINE)]) != _FIRST_LINE:
        raise data_refusal(source, "first line", "#!AER-DAT4.0", bytes(data[: len(_FIRST_LINE)]))
    with reading(source):
        start = len(_FIRST_LINE)
        size = _read(data, start, "<I")
        table = _Table(data[start + 4 : start + 4 + size])
        packing, stop = table.number(0, "<i", 0), table.number(1, "<q", -1)
        stream, sensor = _stream(source, bytes(table.vector(2, 1)))
        if packing not in (*_PLAIN, *_LZ4):
            raise data_refusal(
                source, "compression", "none or LZ4", {3: "ZSTD", 4: "ZSTD"}.get(packing, packing)
            )
        packets = _packets(source, data, start + 4 + size, len(data) if stop < 0 else stop, stream)
        most = _UNPACKED + _UNPACKED_RATIO * len(data)
        events = [np.empty(0, _EVENT)]
        for packed in packets:
            plain = unpack_lz4(packed, most) if packing in _LZ4 else packed
            events.append(_events(plain))
            most -= len(plain)
    column = np.concatenate(events)
    seen = CameraEvents(*(column[name].astype(np.int64) for name in _EVENT.names or ()))
    return check_events(source, seen, sensor, sort=sort)


def _stream(source: Source, header: bytes) -> tuple[int, tuple[int, int]]:
    """Give the number of the stream of events, and rows and columns of its sensor, from the header's XML."""
    if b"<!" in header:
        raise DataError(f"{source}: the header must declare no entities of XML")
    found = []
    for node in ElementTree.fromstring(header.decode("utf-8")).iterfind("./node[@name='outInfo']/node"):
        if node.findtext("attr[@key='typeIdentifier']") == "EVTS":
            width, height = (node.findtext(f"node[@name='info']/attr[@key='size{axis}']") for axis in "XY")
            found.append((int(node.attrib["name"]), (int(height or ""), int(width or ""))))
    if len(found) != 1:
        raise data_refusal(source, "streams of events", "one", [number for number, _ in found])
    return found[0]


def _packets(source: Source, data: memoryview, place: int, stop: int, stream: int) -> list[memoryview]:
    """Give the packets of one stream, as they are stored."""
    if not place <= stop <= len(data):
        raise data_refusal(source, "start of the table", f"{place} to {len(data)}, in the file", stop)
    found = []
    while place < stop:
        number, size = _read(data, place, "<i"), _read(data, place + 4, "<i")
        end = place + 8 + size
        if size < 0 or end > stop:
            rule = f"0 to {stop - place - 8}, up to the end of the packets"
            raise data_refusal(source, f"size of the packet at byte {place}", rule, size)
        if number == stream:
            found.append(data[place + 8 : end])
        place = end
    return found


def _events(data: memoryview) -> Any:
    """Give the events of an unpacked packet, [E] of `_EVENT`."""
    size = _read(data, 0, "<I")
    if size + 4 != len(data) or bytes(data[8:12]) != b"EVTS":
        raise ValueError("a packet that is no packet of events, or of another size than it says")
    return np.frombuffer(_Table(data[4:]).vector(0, _EVENT.itemsize), _EVENT)


class _Table:
    """Read fields of the root table of a Flatbuffer; what points outside it raises."""

    def __init__(self, data: memoryview) -> None:
        self._data, self._place = data, _read(data, 0, "<I")
        self._fields = self._place - _read(data, self._place, "<i")

    def _field(self, number: int) -> int | None:
        """Give where a field is; None where it has its default."""
        here = 4 + 2 * number
        inside = here < _read(self._data, self._fields, "<H")
        offset = _read(self._data, self._fields + here, "<H") if inside else 0
        return self._place + offset if offset else None

    def number(self, number: int, kind: str, default: int) -> int:
        """Give a field that is a number."""
        place = self._field(number)
        return default if place is None else _read(self._data, place, kind)

    def vector(self, number: int, size: int) -> memoryview:
        """Give the bytes of a field that is text or a vector of values of so many bytes; none where it has none."""
        place = self._field(number)
        if place is None:
            return self._data[:0]
        start = place + _read(self._data, place, "<I")
        length = size * _read(self._data, start, "<I")
        if start + 4 + length > len(self._data):
            raise ValueError("a vector that ends outside its packet")
        return self._data[start + 4 : start + 4 + length]


def _read(data: memoryview, place: int, kind: str) -> int:
    if place < 0:
        raise ValueError("a place before the start of its packet")
    return int(struct.unpack_from(kind, data, place)[0])

"""Recordings in AEDAT 3.1, the format of cAER: packets of one kind of event each, little-endian.

Source: Inivation, "AEDAT file formats", version 3.1.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn.core.arrays import Int64Array
from snn.datasets.errors import DataError, data_refusal
from snn.datasets.formats.camera_events import CameraEvents, check_events
from snn.datasets.formats.locate import Source
from snn.datasets.formats.text_header import header_lines, header_value

__all__ = ["Packets", "after_header", "find_packets", "packed_words", "read_aedat3", "valid_events"]

_HEAD = struct.Struct("<hhiiiiii")
_POLARITY, _EVENT_BYTES = 1, 8


class Packets(NamedTuple):
    """Say where the events of pixels lie in a file.

    Attributes:
        start: First byte of the events of each packet, [P].
        stop: Byte after each packet, [P].
        number: Events of each packet, [P].
        overflow: How often the clock of 31 bits had started again, [P].
    """

    start: Int64Array
    stop: Int64Array
    number: Int64Array
    overflow: Int64Array

    def bytes_of(self, first: int, last: int) -> tuple[int, int]:
        """Give the first byte of the packets that hold events `first` to `last`, and the byte after them."""
        ends = np.cumsum(self.number)
        one, other = np.searchsorted(ends, (first, last), side="right")
        return int(self.start[one]) - _HEAD.size, int(self.stop[other])


def read_aedat3(source: Source, *, sort: bool = False) -> CameraEvents:
    """Read a recording; what is marked as invalid, and packets of frames, motion or signals, are left out.

    Args:
        source: The file.
        sort: Put events in order of time where they are not.

    Raises:
        OSError: It cannot be read.
        DataError: It is no AEDAT 3.1 of raw events, a packet is cut short or damaged, or time runs back.
    """
    data = source.read().getbuffer()
    packets = find_packets(source, data, after_header(source, data))
    return check_events(source, valid_events(*packed_words(data, packets)), sort=sort)


def after_header(source: Source, data: memoryview) -> int:
    """Give the first byte after the header.

    Raises:
        DataError: It is no header of AEDAT 3.1, or events are coded otherwise than raw.
    """
    lines, start = header_lines(data, b"#")
    if header_value(lines[:1], r"^#!AER-DAT(.*)$") != "3.1":
        raise data_refusal(source, "first line", "#!AER-DAT3.1", lines[0] if lines else bytes(data[:12]))
    coding = header_value(lines, r"^#Format: *(.*)$")
    if coding not in (None, "RAW"):
        raise data_refusal(source, "Format", "RAW", coding)
    return start


def find_packets(source: Source, data: memoryview, place: int) -> Packets:
    """Find the packets of events of pixels.

    Args:
        source: What messages name.
        data: The file, or packets of it.
        place: The first byte of a packet.

    Raises:
        DataError: A packet is cut short or of impossible sizes.
    """
    found = []
    while place < len(data):
        if len(data) - place < _HEAD.size:
            raise DataError(f"{source} is cut short within the head of a packet, at byte {place}")
        kind, _, size, _, overflow, capacity, number, _ = _HEAD.unpack_from(data, place)
        start, packet = place + _HEAD.size, f"of the packet at byte {place}"
        if min(size, overflow, capacity) < 0:
            raise data_refusal(source, f"sizes {packet}", ">= 0", (size, overflow, capacity))
        if not 0 <= number <= capacity:
            raise data_refusal(source, f"number {packet}", f"0 to {capacity}, its capacity", number)
        place = start + size * capacity
        if place > len(data):
            raise data_refusal(source, f"end {packet}", f"at most {len(data)}, the end of the file", place)
        if kind == _POLARITY:
            if size != _EVENT_BYTES:
                raise data_refusal(source, f"size of events {packet}", f"{_EVENT_BYTES} bytes", size)
            found.append((start, place, number, overflow))
    return Packets(*np.array(found, dtype=np.int64).reshape(-1, 4).T)


def packed_words(data: memoryview, packets: Packets) -> tuple[Int64Array, NDArray[np.uint32]]:
    """Give the time, us, and the word of each event of packets, in their order, also of those marked as invalid."""
    pieces = [
        np.frombuffer(data, "<u4", 2 * number, start)
        for start, number in zip(packets.start.tolist(), packets.number.tolist(), strict=True)
    ]
    word, time = np.concatenate([np.empty(0, "<u4"), *pieces]).reshape(-1, 2).T
    return (np.repeat(packets.overflow, packets.number) << 31) + time, word


def valid_events(time_us: Int64Array, word: NDArray[np.uint32]) -> CameraEvents:
    """Decode words: bits 17 to 31, column; 2 to 16, row; 1, polarity; 0, whether the event is valid."""
    valid = word & 1 == 1
    if not valid.all():
        time_us, word = time_us[valid], word[valid]
    x, y, polarity = (
        (word >> low & most).astype(np.int64) for low, most in ((17, 0x7FFF), (2, 0x7FFF), (1, 1))
    )
    return CameraEvents(time_us, x, y, polarity)

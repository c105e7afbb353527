"""Unpack LZ4 frames.

Source: Collet, "LZ4 block format" and "LZ4 frame format".
"""

from __future__ import annotations

import struct

import numpy as np

__all__ = ["unpack_lz4"]

_MAGIC = 0x184D2204
_DICTIONARY, _CONTENT_SUM, _CONTENT_SIZE, _BLOCK_SUM = 1, 4, 8, 16
_PLAIN = 1 << 31


def unpack_lz4(data: memoryview, most: int) -> memoryview:
    """Unpack one frame; checksums inside it are not compared.

    Args:
        data: The frame.
        most: Bytes that it may have, unpacked.

    Raises:
        ValueError: It is no such frame, cut short, damaged, too large, or needs a dictionary.
    """
    from snn.datasets.formats.event_loops import unpack_block  # loads numba

    if len(data) < 7 or struct.unpack_from("<I", data)[0] != _MAGIC or data[4] >> 6 != 1:
        raise ValueError("no frame of LZ4")
    flags, largest = data[4], 1 << 8 + 2 * (data[5] >> 4 & 7)
    if flags & _DICTIONARY or largest < 1 << 16:
        raise ValueError("a frame of LZ4 with a dictionary, or blocks of no known size")
    place = 7 + (8 if flags & _CONTENT_SIZE else 0)
    packed, unpacked = np.frombuffer(data, np.uint8), np.empty(largest, np.uint8)
    end = 0
    while size := _word(data, place):
        start, place = place + 4, place + 4 + (size & ~_PLAIN)
        if place > len(data):
            raise ValueError("a frame of LZ4 that is cut short")
        if end + largest > len(unpacked):
            unpacked = np.concatenate([unpacked, np.empty(len(unpacked), np.uint8)])
        block = packed[start:place]
        if size & _PLAIN:
            unpacked[end : end + len(block)] = block[:largest]
            end += min(len(block), largest)
        else:
            end = unpack_block(block, unpacked, end, end + largest)
        if not 0 <= end <= most:
            raise ValueError(f"a frame of LZ4 that is damaged, or larger than {most} bytes")
        place += 4 if flags & _BLOCK_SUM else 0
    if len(data) != place + 4 + (4 if flags & _CONTENT_SUM else 0):
        raise ValueError("a frame of LZ4 that does not end with its packet")
    return unpacked[:end].data


def _word(data: memoryview, place: int) -> int:
    if place + 4 > len(data):
        raise ValueError("a frame of LZ4 that is cut short")
    return int.from_bytes(data[place : place + 4], "little")

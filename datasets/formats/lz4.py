"""Unpack LZ4 frames.

Source: Collet, "LZ4 block format" and "LZ4 frame format".
"""

from __future__ import annotations

import struct

import numpy as np

from snn.core.arrays import ByteArray
from snn.core.compiled import compiled

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
            end = _unpack_block(block, unpacked, end, end + largest)
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


@compiled
def _unpack_block(packed: ByteArray, unpacked: ByteArray, end: int, most: int) -> int:
    """Unpack a block behind the bytes that are there already, to which it may refer.

    A sequence is a token, whose halves are the sizes of what follows; literal bytes; and a match, a place some
    bytes back from which bytes are repeated. The last sequence has no match.

    Args:
        packed: The block.
        unpacked: What was unpacked before, and room.
        end: The first free byte of it.
        most: The last one that this block may reach, and one more.

    Returns:
        The first free byte; -1 where the block is damaged.
    """
    place, size = 0, len(packed)
    while place < size:
        token = packed[place]
        place += 1
        literals, matched = int(token >> 4), int(token & 15)
        if literals == 15:
            more = 255
            while more == 255:
                if place >= size:
                    return -1
                more = int(packed[place])
                place += 1
                literals += more
        if place + literals > size or end + literals > most:
            return -1
        for _ in range(literals):
            unpacked[end] = packed[place]
            place += 1
            end += 1
        if place == size:
            return end
        if place + 2 > size:
            return -1
        back = int(packed[place]) | int(packed[place + 1]) << 8
        place += 2
        if matched == 15:
            more = 255
            while more == 255:
                if place >= size:
                    return -1
                more = int(packed[place])
                place += 1
                matched += more
        matched += 4
        if back == 0 or back > end or end + matched > most:
            return -1
        for _ in range(matched):
            unpacked[end] = unpacked[end - back]
            end += 1
    return -1

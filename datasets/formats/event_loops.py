"""The loops over the bytes and words of event files."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from snn.core.arrays import ByteArray, Int64Array, Uint16Array, Uint32Array
from snn.core.compiled import compiled, part
from snn.datasets.formats.camera_events import UNKNOWN

__all__ = ["decode_bin", "decode_evt2", "decode_evt3", "measure", "unpack_block"]

_RESTART, _RESTART_US = 240, 8192


@compiled
def decode_bin(
    row: ByteArray, time_us: Int64Array, x: Int64Array, y: Int64Array, polarity: Int64Array
) -> int:
    """Write the events of rows of 5 bytes, [E, 5], into columns, [E] each; see `atis_bin`.

    Returns:
        Number of events; the rows that say that the clock has started again are none.
    """
    found, added = 0, 0
    for i in range(len(row)):
        high = int(row[i, 2])
        if row[i, 1] == _RESTART:
            added += _RESTART_US
        else:
            time_us[found] = added + ((high & 127) << 16 | int(row[i, 3]) << 8 | int(row[i, 4]))
            x[found], y[found], polarity[found] = row[i, 0], row[i, 1], high >> 7
            found += 1
    return found


@compiled
def measure(word: NDArray[Any], shift: int, events: ByteArray) -> int:
    """Count the events of a recording, or give -1 - i for a word i of an unknown type.

    Args:
        word: The words, [W].
        shift: Lower bits of a word that do not tell.
        events: How many events a word stands for, by its other bits.
    """
    room = 0
    for i in range(len(word)):
        here = events[word[i] >> shift]
        if here == UNKNOWN:
            return -1 - i
        room += here
    return room


@compiled
def decode_evt2(
    word: Uint32Array, time_us: Int64Array, x: Int64Array, y: Int64Array, polarity: Int64Array
) -> int:
    """Write the events of a recording into columns, [E] each.

    Type 8 tells the time without its lower 6 bits, which every event (types 0 and 1, its polarity) has. A time that
    falls by half of its range or more has started again.

    Returns:
        Number of events; those before the first time are left out.
    """
    found, high, turns, base = 0, -1, 0, 0
    for i in range(len(word)):
        kind, value = word[i] >> 28, int(word[i] & 0xFFFFFFF)
        if kind <= 1:
            if high >= 0:
                time_us[found], x[found] = base | value >> 22, value >> 11 & 2047
                y[found], polarity[found] = value & 2047, kind
                found += 1
        elif kind == 8:
            if high - value >= 1 << 27:
                turns += 1
            high = value
            base = (turns << 28 | high) << 6
    return found


@compiled
def decode_evt3(
    word: Uint16Array, time_us: Int64Array, x: Int64Array, y: Int64Array, polarity: Int64Array
) -> int:
    """Write the events of a recording into columns, [E] each.

    The upper 4 bits of a word are its type, the lower ones its value. Row (0), first column and polarity of vectors
    (3), lower (6) and upper (8) half of the time are kept; one event (2) and vectors of 12 (4) and 8 (5) pixels use
    them. An upper half that falls by half of its range or more has started again; where it changes, the lower half
    is 0 until it is told. A lower half that falls has not: cameras correct one at once.

    Returns:
        Number of events; those before the first upper half and row are left out.
    """
    found, high, turns, row, base, rose = 0, -1, 0, -1, 0, 0
    now = 0
    for i in range(len(word)):
        kind, value = word[i] >> 12, int(word[i] & 0xFFF)
        if kind == 0:
            row = value & 2047
        elif kind == 6:
            now = now >> 12 << 12 | value
        elif kind == 8:
            if value != high:
                turns += high - value >= 2048
                high = value
                now = (turns << 12 | high) << 12
        elif kind == 3:
            base, rose = value & 2047, value >> 11
        elif kind == 2:
            if high >= 0 and row >= 0:
                time_us[found], x[found], y[found], polarity[found] = now, value & 2047, row, value >> 11
                found += 1
        elif kind == 4 or kind == 5:
            mask = value if kind == 4 else value & 0xFF
            column = base
            base += 12 if kind == 4 else 8
            while mask and high >= 0 and row >= 0:
                if mask & 1:
                    time_us[found], x[found], y[found], polarity[found] = now, column, row, rose
                    found += 1
                mask >>= 1
                column += 1
    return found


@part
def _longer(packed: ByteArray, place: int, length: int) -> tuple[int, int]:
    """Add to a length the bytes that go on with it, up to one that is not 255; a place of -1 where they are cut."""
    more = 255
    while more == 255:
        if place >= len(packed):
            return -1, length
        more = int(packed[place])
        place += 1
        length += more
    return place, length


@compiled
def unpack_block(packed: ByteArray, unpacked: ByteArray, end: int, most: int) -> int:
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
            place, literals = _longer(packed, place, literals)
        if place < 0 or place + literals > size or end + literals > most:
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
            place, matched = _longer(packed, place, matched)
        matched += 4
        if place < 0 or back == 0 or back > end or end + matched > most:
            return -1
        for _ in range(matched):
            unpacked[end] = unpacked[end - back]
            end += 1
    return -1

"""Lay out the synapses of a dense projection as bitmaps: a row of bits per sender, a bit per receiver.

Where all synapses weigh the same and take equally long, arrivals are only counted. One operation on
words of bits then handles 64 possible synapses, or eight times as many with vectors, and
`snn.core.grid.bit_rows` adds whole rows like the columns of a written sum.

A row is cut into pieces of `WORDS_AT_ONCE` words. In a piece of n words, receiver i is bit `i // (4 n)` of
16-bit field `i % (4 n)`, four fields to a word: shifting all words alike by b and masking the lowest
bit of every field unpacks 4 n receivers in a row to 16-bit counts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snn.core.arrays import IndexArray, Int64Array, Uint64Array
from snn.core.compiled import compiled
from snn.core.synapses import Synapses

DENSE = 0.05
"""Share of connected pairs from which bitmaps are used: as fast as lists with one sender that spikes, twice
as fast with a hundred, and not much larger."""
FEW = 1024
"""Receivers as which fewer count: short rows must be denser to pay."""
WORDS_AT_ONCE = 256
"""Words of a row added up together: with their sums they stay in the first-level cache."""
SUM_DIGITS = 6
"""Binary digits of a sum of rows."""
ROWS_AT_ONCE = 7
"""Rows added in one go."""
_LINE = 8
"""Words in a cache line; rows are whole lines."""


class Bitmap(NamedTuple):
    """Hold the synapses of one projection.

    Attributes:
        words: Words in a row.
        bits: Rows, [pre * words].
        bounds: Bounds of the rows of `surplus`, [pre + 1].
        surplus: Receivers of the synapses that repeat a pair, which a bit cannot say, by sender.
    """

    words: int
    bits: Uint64Array
    bounds: Int64Array
    surplus: IndexArray


def bitmap_of(rows: Synapses, size: int, share: float) -> Bitmap | None:
    """Set the bits of synapses with `size` receivers.

    None where they are not alike, or do not join at least `share` of all pairs (see `FEW`): lists are better then.
    """
    if rows.one_weight is None or rows.one_delay is None:
        return None
    least = share * (rows.indptr.size - 1) * max(size, FEW)
    if rows.indices.size < least:
        return None
    repeated = _repeated(rows.indptr, rows.indices)
    return None if rows.indices.size - repeated < least else _build(rows, size, repeated)


def _build(rows: Synapses, size: int, repeated: int) -> Bitmap:
    words = -(-size // (64 * _LINE)) * _LINE
    receiver = np.arange(size)
    first = receiver // (64 * WORDS_AT_ONCE) * WORDS_AT_ONCE
    fields = 4 * np.minimum(WORDS_AT_ONCE, words - first)
    place, field = np.divmod(receiver - 64 * first, fields)
    word, bit = first + field // 4, 16 * (field % 4) + place
    bits = np.zeros((rows.indptr.size - 1) * words, dtype=np.uint64)
    surplus = np.zeros(repeated, dtype=rows.indices.dtype)
    bounds = _set(rows.indptr, rows.indices, word, np.uint64(1) << bit.astype(np.uint64), bits, surplus)
    return Bitmap(words, bits, bounds, surplus)


@compiled
def _repeated(indptr: Int64Array, post: IndexArray) -> int:
    """Count the synapses that repeat the one before: rows ascend."""
    found = 0
    for i in range(indptr.size - 1):
        for s in range(indptr[i] + 1, indptr[i + 1]):
            found += post[s] == post[s - 1]
    return found


@compiled
def _set(
    indptr: Int64Array,
    post: IndexArray,
    word: Int64Array,
    mask: Uint64Array,
    bits: Uint64Array,
    surplus: IndexArray,
) -> Int64Array:
    """Set the bit of every synapse, or list it where it is set already; return the bounds of the lists."""
    bounds, found, words = np.zeros_like(indptr), 0, bits.size // (indptr.size - 1)
    for i in range(indptr.size - 1):
        for s in range(indptr[i], indptr[i + 1]):
            at, bit = i * words + word[post[s]], mask[post[s]]
            if bits[at] & bit:
                surplus[found] = post[s]
                found += 1
            bits[at] |= bit
        bounds[i + 1] = found
    return bounds

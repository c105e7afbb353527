"""The compiled loops that count rows of bits (`snn.core.layout.bitmaps` says how synapses become bits)."""

from __future__ import annotations

from typing import Any

import numpy as np

from snn.core.compiled import lean, lean_inlined
from snn.core.grid.bundles import Sample
from snn.core.grid.synapse_lists import SynapseList, add_counts
from snn.core.layout.bitmaps import ROWS_AT_ONCE, SUM_DIGITS, WORDS_AT_ONCE

_MOST_ROWS = (1 << SUM_DIGITS) - 1
"""Rows whose sums still fit: a multiple of `ROWS_AT_ONCE`."""


@lean_inlined
def count_bit_rows(s: Sample, q: int, k: int) -> bool:
    """Count in cells what rows of bits, and the lists beside them, bring; tell whether a sender had spiked."""
    projections, arrivals, log, narrow = s.projections, s.arrivals, s.log, s.arrivals.narrow[q]
    pre, words, rows = projections.pre[q], np.uint64(projections.words[q]), 0
    first = s.neurons.first[pre]
    synapses = SynapseList(
        projections.post16,
        projections.post32,
        projections.wide[q],
        projections.weight,
        projections.weight_shift[q],
    )
    counts, sums = arrivals.cells.counts, arrivals.cells.sums
    count_words, starts = arrivals.count_words, arrivals.row_starts
    row = projections.horizon + k - projections.delay[projections.delay_first[q]]
    place = row * s.neurons.slot.size + pre
    low, high = log.bounds[place], log.bounds[place + 1]
    for e in range(low, high):
        sender, spikes = log.unit[e] - first, log.spikes[e]
        at = np.uint64(projections.bits_first[q]) + np.uint64(sender) * words
        t = projections.table_first[q] + sender
        i, j = projections.table[t], projections.table[t + 1]
        if narrow:
            add_counts(counts, synapses, i, j, np.uint16(spikes))
            if spikes == 1:
                starts[rows] = at
                rows += 1
            else:
                _add_row_to_counts(projections.bits, at, words, count_words, np.uint64(spikes))
        else:
            amount = sums.dtype.type(spikes)
            _add_row_to_sums(projections.bits, at, words, sums, amount)
            add_counts(sums, synapses, i, j, amount)
    if rows > 0:
        _add_rows(projections.bits, starts, rows, words, arrivals.digits, count_words)
    return bool(high > low)


@lean
def _add_rows(bits: Any, rows: Any, n: int, words: Any, digits: Any, fields: Any) -> None:
    """Add the counts of `n` rows of bits to the 16-bit fields, a piece of the rows after the other."""
    for r in range(n, n + ROWS_AT_ONCE - 1):
        rows[r] = np.uint64(bits.size) - words  # an empty row
    for start in range(0, words, WORDS_AT_ONCE):
        size = min(words - np.uint64(start), np.uint64(WORDS_AT_ONCE))
        for low in range(0, n, _MOST_ROWS):
            high, used = min(n, low + _MOST_ROWS), 0
            while (high - low) >> used:
                used += 1
            for d in range(np.uint64(used * WORDS_AT_ONCE)):
                digits[d] = 0
            for r in range(low, high, ROWS_AT_ONCE):
                _add_seven_rows(bits, rows, r, np.uint64(start), size, digits)
            for d in range(used):
                first, weight = np.uint64(d * WORDS_AT_ONCE), np.uint64(1) << np.uint64(d)
                _unpack(digits, first, size, fields, np.uint64(16 * start), weight)


@lean_inlined
def _add_seven_rows(bits: Any, rows: Any, r: int, start: Any, size: Any, digits: Any) -> None:
    """Add seven rows of bits to a piece of sums: a tree of full adders, one for every bit of a word."""
    r0, r1, r2, r3 = rows[r] + start, rows[r + 1] + start, rows[r + 2] + start, rows[r + 3] + start
    r4, r5, r6 = rows[r + 4] + start, rows[r + 5] + start, rows[r + 6] + start
    one, two, three = np.uint64(WORDS_AT_ONCE), np.uint64(2 * WORDS_AT_ONCE), np.uint64(3 * WORDS_AT_ONCE)
    four, five = np.uint64(4 * WORDS_AT_ONCE), np.uint64(5 * WORDS_AT_ONCE)
    for w in range(size):
        x, y, z = bits[r0 + w], bits[r1 + w], bits[r2 + w]
        half = x ^ y
        sum_a, carry_a = half ^ z, (x & y) | (half & z)
        x, y, z = bits[r3 + w], bits[r4 + w], bits[r5 + w]
        half = x ^ y
        sum_b, carry_b = half ^ z, (x & y) | (half & z)
        half, z = sum_a ^ sum_b, bits[r6 + w]
        sum_c, carry_c = half ^ z, (sum_a & sum_b) | (half & z)
        digit = digits[w]
        digits[w], carry_d = sum_c ^ digit, sum_c & digit
        half = carry_a ^ carry_b
        sum_e, carry_e = half ^ carry_c, (carry_a & carry_b) | (half & carry_c)
        half, digit = sum_e ^ carry_d, digits[one + w]
        digits[one + w], carry_f = half ^ digit, (sum_e & carry_d) | (half & digit)
        half, digit = carry_e ^ carry_f, digits[two + w]
        digits[two + w], carry = half ^ digit, (carry_e & carry_f) | (half & digit)
        digit = digits[three + w]
        digits[three + w], carry = digit ^ carry, digit & carry
        digit = digits[four + w]
        digits[four + w], carry = digit ^ carry, digit & carry
        digits[five + w] ^= carry


@lean
def _add_row_to_counts(bits: Any, at: Any, words: Any, fields: Any, spikes: Any) -> None:
    """Add `spikes` to the 16-bit field of every receiver of a row of bits."""
    for start in range(0, words, WORDS_AT_ONCE):
        size, first = min(words - np.uint64(start), np.uint64(WORDS_AT_ONCE)), np.uint64(16 * start)
        _unpack(bits, at + np.uint64(start), size, fields, first, spikes)


@lean_inlined
def _unpack(bits: Any, at: Any, size: Any, fields: Any, first: Any, amount: Any) -> None:
    """Add `amount` to the 16-bit field of every bit that is set in a piece of a row."""
    lowest = np.uint64(0x0001000100010001)
    for b in range(np.uint64(16)):
        f = first + b * size
        for w in range(size):
            fields[f + w] += ((bits[at + w] >> b) & lowest) * amount


@lean
def _add_row_to_sums(bits: Any, at: Any, words: Any, cells: Any, amount: Any) -> None:
    """Add `amount` to the cell of every receiver of a row of bits, whatever its size."""
    n = 0
    for start in range(0, words, WORDS_AT_ONCE):
        fields = 4 * np.int64(min(WORDS_AT_ONCE, words - np.uint64(start)))
        for place in range(16):
            for field in range(fields):
                word = bits[at + np.uint64(start + field // 4)]
                if (word >> np.uint64(16 * (field % 4) + place)) & np.uint64(1):
                    cells[n] += amount
                n += 1

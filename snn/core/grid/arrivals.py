"""The compiled loops that bring spikes and noise to the currents of a step (`snn.core.grid.event` drives them).

Loops over neurons use unsigned indices, without which numba tests for wrap-around and nothing
vectorises. Functions call only those of this file: numba's cache looks at no other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from snn.core.compiled import lean, lean_inlined
from snn.core.grid.buffers import Sample
from snn.core.layout.bitmaps import CHUNK, DIGITS, ROWS
from snn.core.layout.neuron_arrays import BLOCK, STRIDE
from snn.core.random import FIRST, GOLDEN, SECOND

_AT_ONCE = (1 << DIGITS) - 1
"""Rows whose sums still fit: a multiple of `ROWS`."""


@lean
def take_up(s: Sample) -> None:
    """Decay the currents for the first step."""
    for a in range(s.work.current.size if s.given.n_steps > 0 else 0):
        s.work.current[a] *= s.plan.syn_decay[a]


@lean_inlined
def receive(s: Sample, p: int, q: int, k: int) -> None:
    """Add to the currents of population p what projection q brings in step k."""
    plan, routes, work, narrow = s.plan, s.routes, s.work, s.given.narrow[q]
    a, u, scale, cell = routes.target[q], plan.first[p], routes.scale[q], 0
    counts, sums, bits, size = work.counts, work.sums, work.sums_bits, routes.size[q]
    if routes.depth[q] > 0:
        if k > work.due[q]:
            return
        cell = work.ring_first[q] + (k % routes.depth[q]) * size
        counts, sums, bits = work.ring_counts, work.ring_sums, work.ring_bits
    elif routes.words[q] > 0:
        if not _pile(s, q, k):
            return
    elif not _follow(s, p, q, k):
        return
    if narrow:
        touched = _sweep_counts(counts, cell, work.current, a, size, scale, work.stamp, u, k)
    else:
        touched = _sweep_sums(sums, bits, work.mark, cell, work.current, a, size, scale, work.stamp, u, k)
    work.touched[p] += touched
    for b in range(plan.block[p], plan.block[p + 1]):
        work.hot[b] = 1


@lean_inlined
def _follow(s: Sample, p: int, q: int, k: int) -> bool:
    """Deliver from the log of spikes, oldest first; tell whether a sweep has to collect the cells."""
    plan, routes, work, log, narrow = s.plan, s.routes, s.work, s.log, s.given.narrow[q]
    low, high = routes.delay_first[q], routes.delay_first[q + 1]
    pre, populations, row, wide = routes.pre[q], plan.slot.size, routes.horizon + k, routes.wide[q]
    base, events = routes.table_first[q] - plan.first[pre] * (high - low) - low, 0
    for d in range(high - 1, low - 1, -1):
        place = (row - routes.delay[d]) * populations + pre
        for e in range(log.bounds[place], log.bounds[place + 1]):
            t = base + log.unit[e] * (high - low) + d
            i, j, spikes = routes.table[t], routes.table[t + 1], log.spikes[e]
            events += j - i
            if narrow:
                _count(work.counts, routes.post16, routes.post32, wide, i, j, np.uint16(spikes))
            elif routes.counted[q]:
                _count(work.sums, routes.post16, routes.post32, wide, i, j, work.sums.dtype.type(spikes))
            else:
                weight, shift, amount = routes.weight, routes.weight_shift[q], work.sums.dtype.type(spikes)
                _sum(work.sums, routes.post16, routes.post32, wide, i, j, weight, shift, amount)
    if events == 0 or events >= s.given.sparse * routes.size[q]:
        return events > 0
    places = (routes.target[q], plan.first[p], plan.block[p])
    nothing, scale, touched = -work.sums.dtype.type(0.0), routes.scale[q], 0
    for d in range(high - 1, low - 1, -1):
        place = (row - routes.delay[d]) * populations + pre
        for e in range(log.bounds[place], log.bounds[place + 1]):
            t = base + log.unit[e] * (high - low) + d
            for i in range(routes.table[t], routes.table[t + 1]):
                n = np.int64(routes.post32[i]) if wide else np.int64(routes.post16[i])
                if narrow:
                    came = work.sums.dtype.type(work.counts[n])
                    work.counts[n] = 0
                else:
                    came = work.sums[n]
                    work.sums[n] = nothing  # a receiver named again adds nothing
                touched += _land(came, n, places, scale, work.current, work.stamp, work.hot, k)
    work.touched[p] += touched
    return False


@lean_inlined
def _pile(s: Sample, q: int, k: int) -> bool:
    """Add up rows of bits, and what they do not say, to the cells; tell whether a sender had spiked."""
    plan, routes, work, log, narrow = s.plan, s.routes, s.work, s.log, s.given.narrow[q]
    pre, words, wide, rows = routes.pre[q], np.uint64(routes.words[q]), routes.wide[q], 0
    place = (routes.horizon + k - routes.delay[routes.delay_first[q]]) * plan.slot.size + pre
    low, high = log.bounds[place], log.bounds[place + 1]
    for e in range(low, high):
        sender, spikes = log.unit[e] - plan.first[pre], log.spikes[e]
        at = np.uint64(routes.bits_first[q]) + np.uint64(sender) * words
        t = routes.table_first[q] + sender
        i, j = routes.table[t], routes.table[t + 1]
        if narrow:
            _count(work.counts, routes.post16, routes.post32, wide, i, j, np.uint16(spikes))
            if spikes == 1:
                work.rows[rows] = at
                rows += 1
            else:
                _unpack_row(routes.bits, at, words, work.fields, np.uint64(spikes))
        else:
            amount = work.sums.dtype.type(spikes)
            _sum_row(routes.bits, at, words, work.sums, amount)
            _count(work.sums, routes.post16, routes.post32, wide, i, j, amount)
    if rows > 0:
        _add_rows(routes.bits, work.rows, rows, words, work.digits, work.fields)
    return bool(high > low)


@lean
def _add_rows(bits: Any, rows: Any, n: int, words: Any, digits: Any, fields: Any) -> None:
    """Add the counts of `n` rows of bits to the 16-bit fields, a chunk of words after the other."""
    for r in range(n, n + ROWS - 1):
        rows[r] = np.uint64(bits.size) - words  # an empty row
    for start in range(0, words, CHUNK):
        size = min(words - np.uint64(start), np.uint64(CHUNK))
        for low in range(0, n, _AT_ONCE):
            high, used = min(n, low + _AT_ONCE), 0
            while (high - low) >> used:
                used += 1
            for d in range(np.uint64(used * CHUNK)):
                digits[d] = 0
            for r in range(low, high, ROWS):
                _add_seven(bits, rows, r, np.uint64(start), size, digits)
            for d in range(used):
                first, weight = np.uint64(d * CHUNK), np.uint64(1) << np.uint64(d)
                _unpack(digits, first, size, fields, np.uint64(16 * start), weight)


@lean_inlined
def _add_seven(bits: Any, rows: Any, r: int, start: Any, size: Any, digits: Any) -> None:
    """Add seven rows of bits to a chunk of sums: a tree of full adders, one for every bit of a word."""
    r0, r1, r2, r3 = rows[r] + start, rows[r + 1] + start, rows[r + 2] + start, rows[r + 3] + start
    r4, r5, r6 = rows[r + 4] + start, rows[r + 5] + start, rows[r + 6] + start
    one, two, three = np.uint64(CHUNK), np.uint64(2 * CHUNK), np.uint64(3 * CHUNK)
    four, five = np.uint64(4 * CHUNK), np.uint64(5 * CHUNK)
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
def _unpack_row(bits: Any, at: Any, words: Any, fields: Any, spikes: Any) -> None:
    """Add `spikes` to the 16-bit field of every receiver of a row of bits."""
    for start in range(0, words, CHUNK):
        size, first = min(words - np.uint64(start), np.uint64(CHUNK)), np.uint64(16 * start)
        _unpack(bits, at + np.uint64(start), size, fields, first, spikes)


@lean_inlined
def _unpack(bits: Any, at: Any, size: Any, fields: Any, first: Any, amount: Any) -> None:
    """Add `amount` to the 16-bit field of every bit that is set in a chunk."""
    lowest = np.uint64(0x0001000100010001)
    for b in range(np.uint64(16)):
        f = first + b * size
        for w in range(size):
            fields[f + w] += ((bits[at + w] >> b) & lowest) * amount


@lean
def _sum_row(bits: Any, at: Any, words: Any, cells: Any, amount: Any) -> None:
    """Add `amount` to the cell of every receiver of a row of bits, whatever its size."""
    n = 0
    for start in range(0, words, CHUNK):
        fields = 4 * np.int64(min(CHUNK, words - np.uint64(start)))
        for place in range(16):
            for field in range(fields):
                word = bits[at + np.uint64(start + field // 4)]
                if (word >> np.uint64(16 * (field % 4) + place)) & np.uint64(1):
                    cells[n] += amount
                n += 1


@lean_inlined
def _land(
    came: Any, n: Any, places: tuple[int, int, int], scale: Any, current: Any, stamp: Any, hot: Any, k: int
) -> int:
    """Add what came to receiver n; return 1 if it is the first of this step."""
    a, u, b = places
    current[a + n] += scale * came
    if stamp[u + n] == k:
        return 0
    stamp[u + n] = k
    hot[b + n // BLOCK] = 1
    return 1


@lean_inlined
def _count(cells: Any, post16: Any, post32: Any, wide: bool, low: int, high: int, amount: Any) -> None:
    """Add `amount` to the cell of every receiver of a row."""
    if wide:
        for i in range(low, high):
            cells[post32[i]] += amount
    else:
        for i in range(low, high):
            cells[post16[i]] += amount


@lean_inlined
def _sum(
    cells: Any,
    post16: Any,
    post32: Any,
    wide: bool,
    low: int,
    high: int,
    weight: Any,
    shift: int,
    amount: Any,
) -> None:
    """Add each synapse's weight times `amount` to the cell of its receiver."""
    if wide:
        for i in range(low, high):
            cells[post32[i]] += weight[i + shift] * amount
    else:
        for i in range(low, high):
            cells[post16[i]] += weight[i + shift] * amount


@lean
def _sweep_counts(
    cells: Any, cell: int, current: Any, a: Any, size: int, scale: Any, stamp: Any, u: Any, k: int
) -> int:
    """Move `size` counts to the currents; return how many receivers are touched first."""
    c, a, u, now, touched = np.uint64(cell), np.uint64(a), np.uint64(u), np.int32(k), 0
    for j in range(np.uint64(size)):
        count = cells[c + j]
        cells[c + j] = 0
        current[a + j] += scale * current.dtype.type(count)
        old = stamp[u + j]
        touched += (count != 0) & (old != now)
        stamp[u + j] = now if count != 0 else old
    return touched


@lean
def _sweep_sums(
    cells: Any,
    bits: Any,
    mark: Any,
    cell: int,
    current: Any,
    a: Any,
    size: int,
    scale: Any,
    stamp: Any,
    u: Any,
    k: int,
) -> int:
    """Move `size` sums to the currents; return how many receivers are touched first."""
    c, a, u, now, touched = np.uint64(cell), np.uint64(a), np.uint64(u), np.int32(k), 0
    for j in range(np.uint64(size)):
        came = bits[c + j] != mark
        current[a + j] += scale * cells[c + j]
        bits[c + j] = mark
        old = stamp[u + j]
        touched += came & (old != now)
        stamp[u + j] = now if came else old
    return touched


@lean_inlined
def draw(s: Sample, p: int, m: int, k: int) -> None:
    """Add the Poisson spikes of noise input m to the neurons of population p."""
    plan, given, work, scratch = s.plan, s.given, s.work, s.scratch
    key = given.noise_key[m] + GOLDEN * (np.uint64(given.born + k) + np.uint64(1))
    key = (key ^ (key >> np.uint64(30))) * FIRST
    key = (key ^ (key >> np.uint64(27))) * SECOND
    key ^= key >> np.uint64(31)
    size, words, draws, drawn = plan.first[p + 1] - plan.first[p], scratch.words, scratch.draws, scratch.drawn
    current, stamp, now = work.current, work.stamp, np.int32(k)
    weight, least = plan.noise_weight[m], np.uint32(plan.noise_least[m])
    touched, total = 0, np.int64(0)
    for start in range(0, size, STRIDE):
        n = np.uint64(min(STRIDE, size - start))
        a, u = np.uint64(plan.noise_slot[m] + start), np.uint64(plan.first[p] + start)
        w = np.uint64(start // 2)
        for j in range((n + np.uint64(1)) // np.uint64(2)):
            z = key + GOLDEN * (w + j)
            z = (z ^ (z >> np.uint64(30))) * FIRST
            z = (z ^ (z >> np.uint64(27))) * SECOND
            words[j] = z ^ (z >> np.uint64(31))
        for j in range(n):
            drawn[j] = least
        for c in range(plan.noise_cut_first[m], plan.noise_cut_first[m + 1], 4):
            c0, c1, c2, c3 = (
                plan.noise_cut[c],
                plan.noise_cut[c + 1],
                plan.noise_cut[c + 2],
                plan.noise_cut[c + 3],
            )
            for j in range(n):
                r = draws[j]
                drawn[j] += np.uint32(r > c0) + np.uint32(r > c1) + np.uint32(r > c2) + np.uint32(r > c3)
        for j in range(n):
            count = drawn[j]
            current[a + j] += weight * current.dtype.type(count)
            old = stamp[u + j]
            touched += (count != 0) & (old != now)
            stamp[u + j] = now if count != 0 else old
            total += np.int64(count)
    work.touched[p] += touched
    work.noise_events[p] += total

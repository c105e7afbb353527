"""The compiled loops that write coming arrivals to rings, a block of steps at a time.

A ring holds the sums of one block of steps, small enough for the cache however long the delays are.
When a block begins, the log of spikes is gone through for what arrives within it, oldest first; a spike
within the block adds its own part at once. So every sum runs in the order of `snn.core.layout.projection_arrays`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from snn.core.compiled import lean, lean_inlined, prefetch
from snn.core.grid.bundles import Sample


@lean
def fill_block(s: Sample, q: int, k: int) -> None:
    """Write to the ring of projection q what is on its way at step k and arrives in the block from k on."""
    now, populations, pre = s.projections.horizon + k, s.neurons.slot.size, s.projections.pre[q]
    for row in range(max(now - s.projections.reach[q], 0), now):
        place = row * populations + pre
        _write(s, q, s.log.bounds[place], s.log.bounds[place + 1], now - row, k)


@lean
def write_ahead(s: Sample, q: int, low: int, high: int, k: int) -> None:
    """Write to the ring of projection q what log entries `low` to `high` of step k bring in its block."""
    into = k % s.projections.depth[q]
    _write(s, q, low, high, -into, k - into)


@lean_inlined
def _write(s: Sample, q: int, low: int, high: int, age: int, k: int) -> None:
    """Write what log entries `low` to `high` bring in the block from k on, which began `age` steps after them."""
    projections, arrivals, unit, spikes = s.projections, s.arrivals, s.log.unit, s.log.spikes
    post, table = projections.post32, projections.table
    size, depth = projections.size[q], projections.depth[q]
    counts, sums, starts = arrivals.ring_cells.counts, arrivals.ring_cells.sums, arrivals.row_starts
    weight, shift = projections.weight, np.uint64(projections.weight_shift[q])
    narrow, counted = arrivals.narrow[q], projections.counted[q]
    cuts = np.uint64(projections.delay_first[q + 1] - projections.delay_first[q])
    base = np.uint64(projections.table_first[q]) - np.uint64(s.neurons.first[projections.pre[q]]) * cuts
    from_cut = np.uint64(max(age, 0) // projections.cut[q])
    to_cut = min(cuts, np.uint64((age + depth - 1) // projections.cut[q] + 1))
    # What arrives outside of the block goes to a spare cell at its end; so does what arrives before it, for the
    # unsigned difference then wraps around to a large number.
    first, beyond, cell = np.uint64(age * size), np.uint64(depth * size), np.uint64(arrivals.ring_first[q])
    for e in range(low, high):
        i = np.uint64(table[base + np.uint64(unit[e]) * cuts + from_cut])
        starts[e - low] = i
        prefetch(post, i)
    for e in range(low, high):
        i, end = starts[e - low], np.uint64(table[base + np.uint64(unit[e]) * cuts + to_cut])
        if narrow:
            _add_counts(counts, cell, post, i, end, first, beyond, np.uint16(spikes[e]))
        elif counted:
            _add_counts(sums, cell, post, i, end, first, beyond, sums.dtype.type(spikes[e]))
        else:
            amount = sums.dtype.type(spikes[e])
            for n in range(i, end):
                ahead = min(np.uint64(post[n]) - first, beyond)
                sums[cell + ahead] += weight[n + shift] * amount
    if high > low:
        arrivals.ring_due[q] = max(arrivals.ring_due[q], min(k + depth - 1, k - age + projections.reach[q]))


@lean_inlined
def _add_counts(
    cells: Any, cell: Any, post: Any, low: Any, high: Any, first: Any, beyond: Any, amount: Any
) -> None:
    """Add `amount` to the cell of every synapse."""
    for n in range(low, high):
        cells[cell + min(np.uint64(post[n]) - first, beyond)] += amount

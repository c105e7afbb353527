"""The compiled loops that bring spikes to the currents of a step (`snn.core.grid.event` drives them).

Loops over neurons use unsigned indices, without which numba tests for wrap-around and nothing
vectorises.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from snn.core.compiled import lean, lean_inlined
from snn.core.grid.bit_rows import count_bit_rows
from snn.core.grid.bundles import Cells, Receivers, Sample
from snn.core.grid.full_rows import add_full_rows
from snn.core.grid.synapse_lists import SynapseList, add_counts, add_weights
from snn.core.layout.neuron_arrays import SLEEP_GROUP


@lean
def decay_for_first_step(s: Sample) -> None:
    """Decay the currents for the first step."""
    for a in range(s.state.current.size if s.cursor[0].stop > 0 else 0):
        s.state.current[a] *= s.neurons.syn_decay[a]


@lean_inlined
def deliver(s: Sample, p: int, q: int, k: int) -> None:
    """Add to the currents of population p what projection q brings in step k."""
    neurons, projections, arrivals = s.neurons, s.projections, s.arrivals
    to = Receivers(
        s.state.current,
        s.counted.last_arrival,
        s.sleep.awake,
        projections.target[q],
        neurons.first[p],
        neurons.sleep_group[p],
        projections.size[q],
        projections.scale[q],
        k,
    )
    cells, first = arrivals.cells, 0
    if projections.depth[q] > 0:
        if k > arrivals.ring_due[q]:
            return
        first = arrivals.ring_first[q] + (k % projections.depth[q]) * to.size
        cells = arrivals.ring_cells
    elif projections.words[q] > 0:
        if not count_bit_rows(s, q, k):
            return
    elif projections.full[q]:
        if not add_full_rows(s, q, k):
            return
    elif not _deliver_from_log(s, p, q, k, to):
        return
    if arrivals.narrow[q]:
        touched = _sweep_counts(cells.counts, first, to)
    else:
        touched = _sweep_sums(cells, first, to)
    s.counted.touched[p] += touched
    for group in range(neurons.sleep_group[p], neurons.sleep_group[p + 1]):
        s.sleep.awake[group] = 1


@lean_inlined
def _deliver_from_log(s: Sample, p: int, q: int, k: int, to: Receivers) -> bool:
    """Collect in cells what the log brings, oldest first; tell whether a sweep has to move it to the currents.

    Where little arrived, the cells of its receivers alone are moved at once.
    """
    neurons, projections, log = s.neurons, s.projections, s.log
    cells, narrow = s.arrivals.cells, s.arrivals.narrow[q]
    low, high = projections.delay_first[q], projections.delay_first[q + 1]
    pre, populations, row = projections.pre[q], neurons.slot.size, projections.horizon + k
    base, events = projections.table_first[q] - neurons.first[pre] * (high - low) - low, 0
    wide, real = projections.wide[q], cells.sums.dtype.type
    synapses = SynapseList(
        projections.post16, projections.post32, wide, projections.weight, projections.weight_shift[q]
    )
    for d in range(high - 1, low - 1, -1):
        place = (row - projections.delay[d]) * populations + pre
        for e in range(log.bounds[place], log.bounds[place + 1]):
            t = base + log.unit[e] * (high - low) + d
            i, j, spikes = projections.table[t], projections.table[t + 1], log.spikes[e]
            events += j - i
            if narrow:
                add_counts(cells.counts, synapses, i, j, np.uint16(spikes))
            elif projections.counted[q]:
                add_counts(cells.sums, synapses, i, j, real(spikes))
            else:
                add_weights(cells.sums, synapses, i, j, real(spikes))
    if events == 0 or events >= s.arrivals.sparse * to.size:
        return events > 0
    nothing, touched = -real(0.0), 0
    for d in range(high - 1, low - 1, -1):
        place = (row - projections.delay[d]) * populations + pre
        for e in range(log.bounds[place], log.bounds[place + 1]):
            t = base + log.unit[e] * (high - low) + d
            for i in range(projections.table[t], projections.table[t + 1]):
                n = np.int64(projections.post32[i]) if wide else np.int64(projections.post16[i])
                # Several synapses may lead to one receiver. Its cell holds what all of them brought, so the first
                # visit moves that and empties the cell, and later visits find nothing to add a second time.
                if narrow:
                    came = real(cells.counts[n])
                    cells.counts[n] = 0
                else:
                    came = cells.sums[n]
                    cells.sums[n] = nothing
                touched += _move_to_current(came, n, to)
    s.counted.touched[p] += touched
    return False


@lean_inlined
def _move_to_current(came: Any, n: Any, to: Receivers) -> int:
    """Add what came to receiver n; return 1 if it is the first of this step."""
    to.current[to.slot + n] += to.scale * came
    if to.last_arrival[to.unit + n] == to.step:
        return 0
    to.last_arrival[to.unit + n] = to.step
    to.awake[to.group + n // SLEEP_GROUP] = 1
    return 1


@lean_inlined
def _sweep_counts(counts: Any, first: int, to: Receivers) -> int:
    """Move the counts from `first` on to the currents; return how many receivers are touched first."""
    current, last_arrival, scale, now, touched = to.current, to.last_arrival, to.scale, np.int32(to.step), 0
    c, a, u = np.uint64(first), np.uint64(to.slot), np.uint64(to.unit)
    for j in range(np.uint64(to.size)):
        count = counts[c + j]
        counts[c + j] = 0
        current[a + j] += scale * current.dtype.type(count)
        old = last_arrival[u + j]
        touched += (count != 0) & (old != now)
        last_arrival[u + j] = now if count != 0 else old
    return touched


@lean_inlined
def _sweep_sums(cells: Cells, first: int, to: Receivers) -> int:
    """Move the sums from `first` on to the currents; return how many receivers are touched first."""
    current, last_arrival, scale, now, touched = to.current, to.last_arrival, to.scale, np.int32(to.step), 0
    c, a, u = np.uint64(first), np.uint64(to.slot), np.uint64(to.unit)
    sums, sum_bits, empty = cells.sums, cells.sum_bits, cells.empty
    for j in range(np.uint64(to.size)):
        came = sum_bits[c + j] != empty
        current[a + j] += scale * sums[c + j]
        sum_bits[c + j] = empty
        old = last_arrival[u + j]
        touched += came & (old != now)
        last_arrival[u + j] = now if came else old
    return touched

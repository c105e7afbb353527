"""The compiled loops that add full rows of weights: projections of every sender to every receiver."""

from __future__ import annotations

import numpy as np

from snn.core.compiled import lean_inlined
from snn.core.grid.bundles import Sample


@lean_inlined
def add_full_rows(s: Sample, q: int, k: int) -> bool:
    """Add to the cells the weights of the senders of projection q that arrive in step k; tell whether any do.

    Four senders at a time, in their order: the sums, which are those of a list, are loaded and stored less often.
    """
    projections, log, sums, weight = s.projections, s.log, s.arrivals.cells.sums, s.projections.weight
    pre, size, real = projections.pre[q], np.uint64(projections.size[q]), weight.dtype.type
    row = projections.horizon + k - projections.delay[projections.delay_first[q]]
    place = row * s.neurons.slot.size + pre
    low, high = log.bounds[place], log.bounds[place + 1]
    rows = np.uint64(projections.table[projections.table_first[q]] + projections.weight_shift[q])
    first, e = s.neurons.first[pre], low
    while e + 4 <= high:
        a, x = rows + np.uint64(log.unit[e] - first) * size, real(log.spikes[e])
        b, y = rows + np.uint64(log.unit[e + 1] - first) * size, real(log.spikes[e + 1])
        c, z = rows + np.uint64(log.unit[e + 2] - first) * size, real(log.spikes[e + 2])
        d, w = rows + np.uint64(log.unit[e + 3] - first) * size, real(log.spikes[e + 3])
        for n in range(size):
            pair = (sums[n] + weight[a + n] * x) + weight[b + n] * y
            sums[n] = (pair + weight[c + n] * z) + weight[d + n] * w
        e += 4
    while e < high:
        a, x = rows + np.uint64(log.unit[e] - first) * size, real(log.spikes[e])
        for n in range(size):
            sums[n] += weight[a + n] * x
        e += 1
    return bool(high > low)

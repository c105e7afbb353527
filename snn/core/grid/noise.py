"""The compiled loop that draws Poisson input (`snn.core.random` has the numbers, `snn.core.poisson` the cuts)."""

from __future__ import annotations

import numpy as np

from snn.core.compiled import lean_inlined
from snn.core.grid.bundles import Sample
from snn.core.layout.neuron_arrays import UPDATE_GROUP
from snn.core.random import FIRST, GOLDEN, SECOND


@lean_inlined
def draw_noise(s: Sample, p: int, m: int, k: int) -> None:
    """Add the Poisson spikes of noise input m to the neurons of population p."""
    neurons, inputs, scratch = s.neurons, s.inputs, s.scratch
    key = inputs.noise_key[m] + GOLDEN * (
        np.uint64(inputs.steps_before + s.cursor[0].rewound + k) + np.uint64(1)
    )
    key = (key ^ (key >> np.uint64(30))) * FIRST
    key = (key ^ (key >> np.uint64(27))) * SECOND
    key ^= key >> np.uint64(31)
    size, drawn = neurons.first[p + 1] - neurons.first[p], scratch.drawn
    words, halves = scratch.random_words, scratch.random_halves
    current, last_arrival, now = s.state.current, s.counted.last_arrival, np.int32(k)
    weight, least = neurons.noise_weight[m], np.uint32(neurons.noise_least[m])
    touched, total = 0, np.int64(0)
    for start in range(0, size, UPDATE_GROUP):
        n = np.uint64(min(UPDATE_GROUP, size - start))
        a, u = np.uint64(neurons.noise_slot[m] + start), np.uint64(neurons.first[p] + start)
        w = np.uint64(start // 2)
        for j in range((n + np.uint64(1)) // np.uint64(2)):
            z = key + GOLDEN * (w + j)
            z = (z ^ (z >> np.uint64(30))) * FIRST
            z = (z ^ (z >> np.uint64(27))) * SECOND
            words[j] = z ^ (z >> np.uint64(31))
        for j in range(n):
            drawn[j] = least
        for c in range(neurons.noise_cut_first[m], neurons.noise_cut_first[m + 1], 4):
            c0, c1 = neurons.noise_cut[c], neurons.noise_cut[c + 1]
            c2, c3 = neurons.noise_cut[c + 2], neurons.noise_cut[c + 3]
            for j in range(n):
                r = halves[j]
                drawn[j] += np.uint32(r > c0) + np.uint32(r > c1) + np.uint32(r > c2) + np.uint32(r > c3)
        for j in range(n):
            count = drawn[j]
            current[a + j] += weight * current.dtype.type(count)
            old = last_arrival[u + j]
            touched += (count != 0) & (old != now)
            last_arrival[u + j] = now if count != 0 else old
            total += np.int64(count)
    s.counted.touched[p] += touched
    s.counted.noise_events[p] += total

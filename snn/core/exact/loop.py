"""The compiled loop of engine="exact" over one sample: what is due, in the order of time."""

from __future__ import annotations

from heapq import heappush

import numpy as np

from snn.core.arrays import Float64Array, Int64Array
from snn.core.compiled import compiled_entry
from snn.core.exact.layout import ExactArrays
from snn.core.exact.sample import SOURCE_SPIKE, HeapEntry, SampleInput, SampleState
from snn.core.exact.step import advance, emit, predict, process, state_at


@compiled_entry
def run_sample(
    arrays: ExactArrays, state: SampleState, given: SampleInput, trace: Float64Array, traced: Int64Array
) -> tuple[Float64Array, Int64Array]:
    """Run a sample; return the time and unit of every spike, inputs included.

    Args:
        arrays: The network.
        state: Where it stands at 0; where it stands at the end afterwards.
        given: What comes in.
        trace: Where membranes go, [T, R].
        traced: Units of its columns, [R].
    """
    heap = [HeapEntry(0.0, 0, 0, 0.0, 0, 0) for _ in range(0)]
    log = [(0.0, 0) for _ in range(0)]
    dt, end = given.dt_ms, given.n_steps * given.dt_ms
    units = arrays.tau.size
    population = np.searchsorted(arrays.first, np.arange(units), side="right") - 1
    for e in range(given.earlier_ms.size):
        u = given.earlier_unit[e]
        emit(arrays, population[u], u, given.earlier_ms[e], heap)
    for e in range(given.time_ms.size):
        u = given.unit[e]
        heappush(heap, HeapEntry(given.time_ms[e], population[u], SOURCE_SPIKE, 0.0, u, 0))
    changes = given.drive.shape[0] > 1
    state.driven_until_ms[:] = end
    if changes:
        state.driven_until_ms[given.driven] = 0.0
    else:
        state.drive[given.driven] += given.drive[0]
    bias = state.drive.copy()
    for u in range(units):
        predict(arrays, state, population[u], u, heap)
    for k in range(given.n_steps if changes or traced.size > 0 else 0):
        if changes:
            for column, u in enumerate(given.driven):
                advance(arrays, state, u, k * dt)
                state.drive[u] = bias[u] + given.drive[k, column]
                state.driven_until_ms[u] = (k + 1) * dt
                predict(arrays, state, population[u], u, heap)
        process(arrays, state, k * dt, True, heap, log)
        for column, u in enumerate(traced):
            trace[k, column] = state_at(arrays, state, u, k * dt)[0]
        process(arrays, state, (k + 1) * dt, False, heap, log)
    process(arrays, state, end, False, heap, log)
    for u in range(units):
        advance(arrays, state, u, end)
    times, spiking = np.empty(len(log)), np.empty(len(log), dtype=np.int64)
    for e, (t, u) in enumerate(log):
        times[e], spiking[e] = t, u
    return times, spiking

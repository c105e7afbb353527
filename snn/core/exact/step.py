"""What happens at one time of engine="exact": units flow there, arrivals come in, spikes go out.

All that is to come waits in one heap of `HeapEntry`, earliest first; within a time, populations come
in the order of a step (`Network.order`), so that a spike over a delay of 0 reaches a later population at
the same time. One group is all that is due to one population at one time (`process`).
"""

from __future__ import annotations

import math
from heapq import heappop, heappush
from typing import Any

from snn.core.compiled import part
from snn.core.exact.crossing import first_crossing
from snn.core.exact.flow import Trajectory, height_after
from snn.core.exact.layout import ExactArrays
from snn.core.exact.sample import CROSSING, SOURCE_SPIKE, HeapEntry, SampleState
from snn.core.neurons import HARD, SOFT

MOST_PER_STEP = 100_000
"""Spikes of a neuron within the length of a step."""


@part
def state_at(arrays: ExactArrays, state: SampleState, u: int, t: float) -> tuple[float, float, float]:
    """Return membrane and currents of unit u at time t, not before its state."""
    v, current_0, current_1 = state.v[u], state.current[0, u], state.current[1, u]
    tau_0, tau_1 = arrays.tau_syn[0, u], arrays.tau_syn[1, u]
    free = t - max(state.as_of_ms[u], state.held_until_ms[u])
    held = min(t, state.held_until_ms[u]) - state.as_of_ms[u]
    if held > 0.0:  # refractory: the membrane stands, currents run on
        current_0, current_1 = current_0 * math.exp(-held / tau_0), current_1 * math.exp(-held / tau_1)
    if free > 0.0:
        gain = arrays.gain[u]
        steady = arrays.v_rest[u] + gain * state.drive[u]
        path = Trajectory(v - steady, gain * current_0, gain * current_1, arrays.tau[u], tau_0, tau_1)
        v = steady + height_after(path, free)
        current_0, current_1 = current_0 * math.exp(-free / tau_0), current_1 * math.exp(-free / tau_1)
    return v, current_0, current_1


@part
def advance(arrays: ExactArrays, state: SampleState, u: int, t: float) -> None:
    """Bring unit u to time t."""
    if t > state.as_of_ms[u]:
        state.v[u], state.current[0, u], state.current[1, u] = state_at(arrays, state, u, t)
        state.as_of_ms[u] = t


@part
def predict(arrays: ExactArrays, state: SampleState, p: int, u: int, heap: Any) -> None:
    """Put the next crossing of unit u of population p on the heap; an earlier prediction no longer counts."""
    state.prediction[u] += 1
    start, until = max(state.as_of_ms[u], state.held_until_ms[u]), state.driven_until_ms[u]
    v_th = arrays.v_th[u]
    if start >= until or v_th == math.inf:
        return
    v, current_0, current_1 = state_at(arrays, state, u, start)
    gain = arrays.gain[u]
    steady = arrays.v_rest[u] + gain * state.drive[u]
    if v == v_th and not arrays.strict[p]:
        t = start
    elif v < v_th and max(v, steady) + gain * (max(current_0, 0.0) + max(current_1, 0.0)) < v_th:
        return  # out of reach: a current lifts the membrane by less than gain times itself
    else:
        tau, tau_0, tau_1 = arrays.tau[u], arrays.tau_syn[0, u], arrays.tau_syn[1, u]
        path = Trajectory(v - steady, gain * current_0, gain * current_1, tau, tau_0, tau_1)
        t = start + first_crossing(path, v_th - steady, until - start)
    if t < until:
        heappush(heap, HeapEntry(t, p, CROSSING, 0.0, u, state.prediction[u]))


@part
def emit(arrays: ExactArrays, p: int, u: int, t: float, heap: Any) -> None:
    """Send a spike of unit u of population p: per projection, the shortest delay that is not yet over.

    A spike before time 0, of an earlier run, has delivered over its shorter delays already.
    """
    for e in range(arrays.out_first[p], arrays.out_first[p + 1]):
        q = arrays.out[e]
        row = arrays.row_first[q] + u - arrays.first[p]
        s, end = arrays.row[row], arrays.row[row + 1]
        while s < end and t + arrays.delay[s] < 0.0:
            s += 1
        if s < end:
            heappush(heap, HeapEntry(t + arrays.delay[s], arrays.post_population[q], q, t, u, s))


@part
def deliver(arrays: ExactArrays, state: SampleState, entry: HeapEntry, units: Any, heap: Any) -> None:
    """Add what a spike brings over one delay, and put its next longer delay on the heap."""
    q, s, delay = entry.projection, entry.number, arrays.delay[entry.number]
    first, receptor = arrays.first[entry.population], arrays.receptor[q]
    end = arrays.row[arrays.row_first[q] + entry.unit - arrays.first[arrays.pre[q]] + 1]
    while s < end and arrays.delay[s] == delay:
        n = first + arrays.post[s]
        state.arrivals[receptor, n] += arrays.weight[s]
        state.delay_reads[q] += arrays.delayed[s]
        if not state.reached[n]:
            state.reached[n] = True
            units.append(n)
        s += 1
    if s < end:
        due = entry.emitted_ms + arrays.delay[s]
        heappush(heap, HeapEntry(due, entry.population, q, entry.emitted_ms, entry.unit, s))


@part
def count_burst(state: SampleState, u: int, t: float, spikes: int) -> None:
    """Count the spikes of unit u within a step's length; more than time could tell apart would never end."""
    if t - state.burst_ms[u] > state.dt_ms:
        state.burst_ms[u], state.burst[u] = t, 0
    state.burst[u] += spikes
    if state.burst[u] > MOST_PER_STEP:
        raise ValueError(
            "a neuron must spike at most 100 000 times within a step of dt_ms with engine='exact': weights, "
            "currents, bias, reset_by or time constants drive one faster"
        )


@part
def update(arrays: ExactArrays, state: SampleState, p: int, u: int, t: float) -> int:
    """Take unit u of population p through time t, arrivals first, then the threshold; return its spikes."""
    advance(arrays, state, u, t)
    jumps, held = arrays.receptors[p] == 0, t <= state.held_until_ms[u]
    if not jumps:
        state.current[:, u] += state.arrivals[:, u]
    elif not held:
        state.v[u] += arrays.jump[u] * state.arrivals[0, u]
    v_th = arrays.v_th[u]
    if state.crosses[u] and not state.reached[u] and jumps:
        state.v[u] = max(v_th, state.v[u])  # the crossing is the threshold, whatever the rounding
    above = state.v[u] > v_th if arrays.strict[p] else state.v[u] >= v_th
    spikes = 0
    if state.crosses[u] or (jumps and not held and above):
        spikes = 1
        if arrays.reset[p] == HARD:
            state.v[u] = arrays.v_reset[u]
        elif arrays.reset[p] == SOFT:
            state.v[u] -= arrays.reset_by[u]
            while arrays.t_ref[u] == 0.0 and state.v[u] >= v_th and spikes <= MOST_PER_STEP:
                state.v[u] -= arrays.reset_by[u]
                spikes += 1
        count_burst(state, u, t, spikes)
        if arrays.t_ref[u] > 0.0:
            state.held_until_ms[u] = t + arrays.t_ref[u]
    state.touched[p] += state.reached[u]
    state.arrivals[:, u] = 0.0
    state.reached[u] = False
    state.crosses[u] = False
    return spikes


@part
def process(
    arrays: ExactArrays, state: SampleState, limit: float, inclusive: bool, heap: Any, log: Any
) -> None:
    """Take all that is due before `limit` (and at it, if inclusive) off the heap, group by group.

    In a group all arrivals are summed before any threshold is tested. Spikes go to `log` as (time, unit).
    """
    while len(heap) > 0 and (heap[0].time_ms < limit or (inclusive and heap[0].time_ms == limit)):
        t, p = heap[0].time_ms, heap[0].population
        units = [0 for _ in range(0)]
        while len(heap) > 0 and heap[0].time_ms == t and heap[0].population == p:
            entry = heappop(heap)
            u = entry.unit
            if entry.projection == CROSSING:
                if entry.number == state.prediction[u]:
                    state.crosses[u] = True
                    if not state.reached[u]:
                        units.append(u)
            elif entry.projection == SOURCE_SPIKE:
                log.append((t, u))
                emit(arrays, p, u, t, heap)
            else:
                deliver(arrays, state, entry, units, heap)
        units.sort()
        before = -1
        for u in units:
            if u != before:  # a unit may be listed twice: it crosses, and an arrival reached it
                for _ in range(update(arrays, state, p, u, t)):
                    log.append((t, u))
                    emit(arrays, p, u, t, heap)
                predict(arrays, state, p, u, heap)
            before = u

"""Unit by unit through a window: nothing that the window brings forth can reach a unit before it is over."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from snn.core.arrays import Float64Array, Int64Array
from snn.core.compiled import lean, lean_apart, lean_inlined, part
from snn.core.exact.by_time import is_sorted, sort_by_time
from snn.core.exact.dealing import Dealt
from snn.core.exact.layout import ExactArrays
from snn.core.exact.sample import SampleState, Trace
from snn.core.exact.unit import (
    MOST_PER_STEP,
    Standing,
    Unit,
    flow_to,
    is_calm,
    look_for_crossing,
    meet,
    soonest,
    unit_of,
)


class Log(NamedTuple):
    """Hold what fired, in the order of windows, populations, units and times; L is the room.

    Attributes:
        time_ms: When, [L], ms.
        unit: Which unit, [L].
        spikes: How many at once, [L].
        used: How many rows are taken, [1].
    """

    time_ms: Float64Array
    unit: Int64Array
    spikes: Int64Array
    used: Int64Array


@part
def empty_log(rows: int) -> Log:
    """Make room for some rows."""
    return Log(
        np.empty(rows), np.empty(rows, np.int64), np.empty(rows, np.int64), np.zeros(1, dtype=np.int64)
    )


@part
def longer(log: Log) -> Log:
    """Return the log with twice the room."""
    new = empty_log(2 * log.unit.size)
    for row in range(log.used[0]):
        new.time_ms[row], new.unit[row], new.spikes[row] = log.time_ms[row], log.unit[row], log.spikes[row]
    new.used[0] = log.used[0]
    return new


@lean_inlined
def stand(state: SampleState, u: int) -> Standing:
    """Take up where unit u stands."""
    return Standing(
        state.v[u], state.current[0, u], state.current[1, u], state.as_of_ms[u], state.held_until_ms[u]
    )


@lean_inlined
def set_down(state: SampleState, u: int, at: Standing) -> None:
    """Write down where unit u stands."""
    state.v[u], state.current[0, u], state.current[1, u] = at.v, at.current_0, at.current_1
    state.as_of_ms[u], state.held_until_ms[u] = at.as_of_ms, at.held_until_ms


@lean_apart
def draw(unit: Unit, at: Standing, u: int, t: float, dt: float, trace: Trace) -> None:
    """Record the membrane of unit u at all steps before time t that are not recorded yet."""
    column = trace.column[u]
    if column < 0:
        return
    k = trace.drawn[column]
    while k < trace.v.shape[0] and k * dt < t:
        trace.v[k, column] = flow_to(unit, at, k * dt).v
        k += 1
    trace.drawn[column] = k


@lean
def walk_all(
    arrays: ExactArrays,
    state: SampleState,
    p: int,
    until: float,
    dealt: Dealt,
    n: int,
    first: int,
    trace: Trace,
    log: Log,
) -> tuple[int, int]:
    """Take the units of population p to `until`, as long as the log has room.

    Args:
        arrays: The network.
        state: The sample.
        p: The population.
        until: End of the window, ms.
        dealt: Arrivals of the window.
        n: Unit within the population to start from.
        first: Arrival to start from.
        trace: Where membranes go.
        log: Where spikes go.

    Returns:
        Where to go on.
    """
    while n < arrays.first[p + 1] - arrays.first[p]:
        end = dealt.ends[np.uint64(n)]
        if first < end or state.soonest_ms[np.uint64(arrays.first[p] + n)] < until:
            if not is_sorted(dealt.hand.time_ms, first, end):
                sort_by_time(dealt.hand, dealt.spare, first, end)
            first = _walk(arrays, state, p, n, until, dealt, first, trace, log)
            if log.used[0] == log.unit.size:
                return n, first
        n += 1
    return n, first


@lean_inlined
def _walk(
    arrays: ExactArrays,
    state: SampleState,
    p: int,
    n: int,
    until: float,
    dealt: Dealt,
    first: int,
    trace: Trace,
    log: Log,
) -> int:
    """Take unit n of population p to `until`, through its arrivals from `first` on; return where it came to.

    Arrivals of one time are added up before the threshold is tested. A crossing is looked for only where the
    membrane can rise that far before the next arrival.
    """
    u: Any = np.uint64(arrays.first[p] + n)
    hand, end = dealt.hand, dealt.ends[np.uint64(n)]
    unit, at, crossing = unit_of(arrays, p, u, state.drive[u]), stand(state, u), -math.inf
    drawn, groups = trace.column[u] >= 0, 0
    while log.used[0] < log.unit.size:
        t = hand.time_ms[np.uint64(first)] if first < end else until
        if not is_calm(unit, at, t):
            crossing = look_for_crossing(unit, at, t, state.driven_until_ms[u])
        crosses = -math.inf < crossing <= t
        if first == end and (not crosses or crossing == until):
            break
        reached, t = first < end and (not crosses or t == crossing), crossing if crosses else t
        sum_0, sum_1 = 0.0, 0.0
        while first < end and hand.time_ms[np.uint64(first)] == t:
            if hand.receptor[np.uint64(first)] == 0:
                sum_0 += hand.weight[np.uint64(first)]
            else:
                sum_1 += hand.weight[np.uint64(first)]
            first += 1
        if drawn:
            draw(unit, at, u, t, state.dt_ms, trace)
        at, spikes = meet(unit, at, t, sum_0, sum_1, reached, crosses)
        groups += reached
        if spikes > 0:
            _note(state, u, t, spikes, log)
        crossing = -math.inf
    state.touched[p] += groups
    state.soonest_ms[u] = max(crossing, soonest(unit, at))
    set_down(state, u, at)
    return first


@lean_apart
def _note(state: SampleState, u: int, t: float, spikes: int, log: Log) -> None:
    """Log spikes of unit u, which may not be more in a step's length than time could tell apart."""
    if t - state.burst_ms[u] > state.dt_ms:
        state.burst_ms[u], state.burst[u] = t, 0
    state.burst[u] += spikes
    if state.burst[u] > MOST_PER_STEP:
        raise ValueError(
            "a neuron must spike at most 100 000 times within a step of dt_ms with engine='exact': weights, "
            "currents, bias, reset_by or time constants drive one faster"
        )
    row = log.used[0]
    log.time_ms[row], log.unit[row], log.spikes[row] = t, u, spikes
    log.used[0] = row + 1

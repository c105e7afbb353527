"""The compiled loop of engine="exact" over one sample: window by window.

A window is no longer than the shortest delay over which a population can reach itself or an earlier one, in the
order of a step. So each population, in that order, has all its arrivals when its turn comes, also over a delay
of 0, and its units go through the window one after another, each alone.
"""

from __future__ import annotations

import math

import numpy as np

from snn.core.arrays import Float64Array
from snn.core.compiled import compiled_entry, lean, part
from snn.core.exact.by_time import sort_by_time
from snn.core.exact.dealing import begin, deal, room_for
from snn.core.exact.layout import ExactArrays
from snn.core.exact.sample import SampleInput, SampleState, Trace
from snn.core.exact.streams import Streams, come_near, count, let_in, next_arrival, no_spikes, send, with_room
from snn.core.exact.unit import flow_to, soonest, unit_of
from snn.core.exact.walk import Log, draw, empty_log, longer, set_down, stand, walk_all

_MOST_STEPS = 16
"""Longest window, steps: so that memory holds what arrives within one."""
_MANY = 1 << 20
"""Arrivals of a window after which the next ones become shorter."""


@compiled_entry
def run_sample(arrays: ExactArrays, state: SampleState, given: SampleInput, trace: Trace) -> Log:
    """Run a sample; return what its neurons fired.

    Args:
        arrays: The network.
        state: Where it stands at 0; where it stands at the end afterwards.
        given: What comes in.
        trace: Where membranes go.
    """
    dt, changes, bias = given.dt_ms, given.drive.shape[0] > 1, state.drive.copy()
    end, longest, now, step = given.n_steps * dt, _MOST_STEPS * dt, 0.0, 0
    _start(arrays, state, given)
    streams, ends = _earlier(arrays, given), np.zeros(arrays.tau.size, dtype=np.uint32)
    dealt, log = room_for(1 << 12, ends), empty_log(1 << 10)
    while now < end:
        if changes and now == step * dt:
            _drive(arrays, state, given, step, bias, trace)
            step += 1
        stop = step * dt if changes else end
        until = min(stop, now + min(longest, arrays.window_ms))
        arrived, fired = 0, log.used[0]
        for p in range(arrays.reset.size):
            size = arrays.first[p + 1] - arrays.first[p]
            ends[:size] = 0
            for e in range(arrays.in_first[p], arrays.in_first[p + 1]):
                q = arrays.into[e]
                near = come_near(arrays, q, given, now, until, streams)
                streams = with_room(streams, q, near - streams.seen[q])
                count(arrays, q, until, streams, ends)
                let_in(arrays, q, given, now, until, near, streams, ends)
            mine, before = begin(ends, size), log.used[0]
            if mine > dealt.hand.weight.size:
                dealt = room_for(2 * mine, ends)
            deal(arrays, state, p, until, streams, dealt)
            n, place = 0, 0
            while n < size:
                if log.used[0] == log.unit.size:
                    log = longer(log)
                n, place = walk_all(arrays, state, p, until, dealt, n, place, trace, log)
            if log.used[0] > before:
                streams = _send_all(arrays, p, log, before, streams)
            arrived += mine
        if arrived > _MANY:
            longest = max(0.5 * longest, dt)
        if arrived == 0 and log.used[0] == fired:
            until = max(until, min(stop, _next(arrays, state, given, until, streams)))
        now = until
    _finish(arrays, state, end, trace)
    return log


@lean
def _start(arrays: ExactArrays, state: SampleState, given: SampleInput) -> None:
    """Set the drive and look ahead in every unit."""
    state.driven_until_ms[:] = given.n_steps * given.dt_ms
    if given.drive.shape[0] == 1:
        for column, u in enumerate(given.driven):
            state.drive[u] += given.drive[0, column]
    for p in range(arrays.reset.size):
        for u in range(arrays.first[p], arrays.first[p + 1]):
            state.soonest_ms[u] = soonest(unit_of(arrays, p, u, state.drive[u]), stand(state, u))


@part
def _earlier(arrays: ExactArrays, given: SampleInput) -> Streams:
    """Send what earlier runs left on its way."""
    streams = no_spikes(arrays, given)
    for q in range(arrays.pre.size):
        streams = with_room(streams, q, given.earlier_ms.size)
        first, end = arrays.first[arrays.pre[q]], arrays.first[arrays.pre[q] + 1]
        for e in range(given.earlier_ms.size):
            if first <= given.earlier_unit[e] < end:
                send(arrays, q, given.earlier_unit[e], given.earlier_ms[e], streams)
    return streams


@lean
def _drive(
    arrays: ExactArrays, state: SampleState, given: SampleInput, step: int, bias: Float64Array, trace: Trace
) -> None:
    """Change the drive of the driven units to that of a step."""
    t = step * given.dt_ms
    for column, u in enumerate(given.driven):
        p = np.searchsorted(arrays.first, u, side="right") - 1
        unit, at = unit_of(arrays, p, u, state.drive[u]), stand(state, u)
        draw(unit, at, u, t, given.dt_ms, trace)
        at = flow_to(unit, at, t)
        set_down(state, u, at)
        state.drive[u] = bias[u] + given.drive[step, column]
        state.driven_until_ms[u] = (step + 1) * given.dt_ms
        state.soonest_ms[u] = soonest(unit_of(arrays, p, u, state.drive[u]), at)


@part
def _send_all(arrays: ExactArrays, p: int, log: Log, before: int, streams: Streams) -> Streams:
    """Send what population p has fired in a window, `log` from `before` on, in the order of time."""
    spikes = 0
    for row in range(before, log.used[0]):
        spikes += log.spikes[row]
    fired = (log.time_ms, log.unit, log.spikes)
    sort_by_time(fired, empty_log(log.used[0] - before)[:3], before, log.used[0])
    for e in range(arrays.out_first[p], arrays.out_first[p + 1]):
        streams = with_room(streams, arrays.out[e], spikes)
        for row in range(before, log.used[0]):
            for _ in range(log.spikes[row]):
                send(arrays, arrays.out[e], log.unit[row], log.time_ms[row], streams)
    return streams


@lean
def _next(arrays: ExactArrays, state: SampleState, given: SampleInput, now: float, streams: Streams) -> float:
    """Give a time before which nothing happens, ms, from `now` on; infinite if nothing is to come."""
    found = math.inf
    for u in range(state.soonest_ms.size):
        found = min(found, state.soonest_ms[u])
    for q in range(arrays.pre.size):
        found = min(found, next_arrival(arrays, q, given, now, streams))
    return found


@lean
def _finish(arrays: ExactArrays, state: SampleState, end: float, trace: Trace) -> None:
    """Bring every unit to the end."""
    for p in range(arrays.reset.size):
        for u in range(arrays.first[p], arrays.first[p + 1]):
            unit, at = unit_of(arrays, p, u, state.drive[u]), stand(state, u)
            draw(unit, at, u, end, state.dt_ms, trace)
            set_down(state, u, flow_to(unit, at, end))

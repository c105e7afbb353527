"""The compiled loops of both engines: one sample at a time, float64, strict IEEE arithmetic.

All of it is in one file because numba's cache looks only at the file of the function it compiles:
a change to a shared step in another file would leave the engines as they were.

A sample runs through the log of its spikes. The log lists (unit, count) in the order of emission;
`bounds[s * P + p]` is where population p starts in row s. Rows 0 .. horizon - 1 are the steps before
this run (what is still on its way from an earlier one), step k of this run is row horizon + k.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np

from snn.core.neurons import HARD, HARD_NEXT_STEP, SOFT
from snn.core.plan import Plan
from snn.core.units import Int64Array
from snn.core.work import Given, Log, Work

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile with numba: cached on disk, without the interpreter lock, no fastmath."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


@compiled
def advance(
    v: float,
    hold: int,
    x: float,
    decay: float,
    scale: float,
    decay_input: bool,
    v_th: float,
    v_reset: float,
    reset_by: float,
    v_rest: float,
    reset: int,
    strict: bool,
    refractory: int,
) -> tuple[float, int, bool]:
    """Take one neuron through one step (equation in `snn.core.neurons`): v, hold, spiked."""
    if reset == HARD_NEXT_STEP and (v > v_th if strict else v >= v_th):
        v = v_reset
    if hold > 0:
        return v, hold - 1, False
    if decay_input:
        v = v + (x - (v - v_rest)) * scale
    else:
        v = v_rest + (v - v_rest) * decay + x * scale
    spiked = v > v_th if strict else v >= v_th
    if spiked:
        hold = refractory
        if reset == HARD:
            v = v_reset
        elif reset == SOFT:
            v = v - reset_by
    return v, hold, spiked


@compiled
def _deliver(plan: Plan, work: Work, p: int, q: int, slot: int, count: int, delay: int, k: int) -> None:
    """Add the synapses of one (sender, delay) to the arrivals; wake the units they reach."""
    low, high = plan.table[slot], plan.table[slot + 1]
    if delay > 0:
        work.reads[q] += count * (high - low)
    first, target = plan.first[p], plan.target[q]
    post, weight = plan.post, plan.weight
    arrivals, stamp, awake = work.arrivals, work.stamp, work.awake
    for s in range(low, high):
        n = post[s]
        arrivals[target + n] += weight[s] * count
        u = first + n
        if stamp[u] != k:
            stamp[u] = k
            work.touched[p] += 1
            if not awake[u]:
                awake[u] = True
                work.members[first + work.n_members[p]] = u
                work.n_members[p] += 1


@compiled
def _update(
    plan: Plan, given: Given, work: Work, p: int, k: int, unit: Int64Array, count: Int64Array, used: int
) -> int:
    """Take the members of population p through step k; return the end of the log."""
    first = plan.first[p]
    size = plan.first[p + 1] - first
    column = given.drive_column[p]
    row = k if given.drive.shape[0] > 1 else 0
    for m in range(first, first + work.n_members[p]):
        u = work.members[m]
        n = u - first
        x = 0.0
        if plan.receptors[p] == 0:
            x = work.arrivals[plan.slot[p] + n]
            work.arrivals[plan.slot[p] + n] = 0.0
        for r in range(plan.receptors[p]):
            a = plan.slot[p] + r * size + n
            work.current[a] = work.current[a] * plan.syn_decay[a] + work.arrivals[a]
            work.arrivals[a] = 0.0
            x += work.current[a]
        drive = plan.bias[u]
        if column >= 0:
            drive += given.drive[row, column + n]
        work.v[u], work.refractory[u], spiked = advance(
            work.v[u],
            work.refractory[u],
            x + drive,
            plan.decay[u],
            plan.input_scale[u],
            plan.decay_input[p],
            plan.v_th[u],
            plan.v_reset[u],
            plan.reset_by[u],
            plan.v_rest[u],
            plan.reset[p],
            plan.strict[p],
            plan.refractory[u],
        )
        if spiked:
            unit[used] = u
            count[used] = 1
            used += 1
    column = work.trace_column[p]
    if column >= 0:
        work.trace[k, column : column + size] = work.v[first : first + size]
    return used


@compiled
def _catch_up(plan: Plan, work: Work, p: int, start: int, stop: int, k: int) -> None:
    """Repeat for `members[start:stop]` the steps that they slept through, up to step k."""
    for m in range(start, stop):
        u = work.members[m]
        for _ in range(work.done[u], k):
            v, hold = work.v[u], work.refractory[u]
            work.v[u], work.refractory[u], _spiked = advance(
                v,
                hold,
                0.0 + plan.bias[u],
                plan.decay[u],
                plan.input_scale[u],
                plan.decay_input[p],
                plan.v_th[u],
                plan.v_reset[u],
                plan.reset_by[u],
                plan.v_rest[u],
                plan.reset[p],
                plan.strict[p],
                plan.refractory[u],
            )
            if hold == 0 and work.v[u] == v:  # a fixed point: all later steps are this one
                break


@compiled
def _settle(plan: Plan, given: Given, work: Work, p: int, k: int) -> None:
    """Keep as members of population p the units that could spike without an arrival."""
    first = plan.first[p]
    kept = first
    for m in range(first, first + work.n_members[p]):
        u = work.members[m]
        if work.v[u] < given.sleep_below[u]:
            work.awake[u] = False
            work.done[u] = k
        else:
            work.members[kept] = u
            kept += 1
    work.n_members[p] = kept - first


@compiled
def _reserve(values: Int64Array, used: int, extra: int) -> Int64Array:
    """Return `values` with room for `extra` entries after the first `used`."""
    if used + extra <= values.size:
        return values
    larger = np.empty(2 * (used + extra), dtype=np.int64)
    larger[:used] = values[:used]
    return larger


@compiled
def _take_inputs(
    plan: Plan, given: Given, p: int, k: int, cursor: int, unit: Int64Array, count: Int64Array, used: int
) -> tuple[int, int]:
    """Copy the inputs of source p in step k to the log; return the next input, the log's end."""
    while cursor < given.step.size and given.step[cursor] == k and given.unit[cursor] < plan.first[p + 1]:
        unit[used] = given.unit[cursor]
        count[used] = given.spikes[cursor]
        cursor += 1
        used += 1
    return cursor, used


@compiled
def run_clock(plan: Plan, given: Given, work: Work, log: Log) -> tuple[Int64Array, Int64Array]:
    """Run a sample on a clock: all neurons in all steps, all senders looked at for all delays.

    Returns:
        Unit and count of the log's entries; `log.bounds` and `work` are filled in place.
    """
    populations, units, horizon = plan.slot.size, plan.decay.size, plan.horizon
    unit, count, used = log.unit, log.spikes, log.unit.size
    ring = np.zeros((horizon + 1, units), dtype=np.int64)  # spikes of every unit in the last rows
    for row in range(horizon):
        for e in range(log.bounds[row * populations], log.bounds[(row + 1) * populations]):
            ring[row, unit[e]] = count[e]
    cursor = 0
    for k in range(given.n_steps):
        unit, count = _reserve(unit, used, units), _reserve(count, used, units)
        now = (horizon + k) % (horizon + 1)
        ring[now] = 0
        for p in range(populations):
            begin = used
            if plan.source[p]:
                cursor, used = _take_inputs(plan, given, p, k, cursor, unit, count, used)
            else:
                for q in range(plan.incoming[p], plan.incoming[p + 1]):
                    _scan(plan, work, p, q, k, ring)
                used = _update(plan, given, work, p, k, unit, count, used)
            for e in range(begin, used):
                ring[now, unit[e]] = count[e]
            log.bounds[(horizon + k) * populations + p + 1] = used
    return unit[:used], count[:used]


@compiled
def _scan(plan: Plan, work: Work, p: int, q: int, k: int, ring: Int64Array) -> None:
    """Deliver what projection q brings in step k, oldest first, looking at every sender."""
    low, high = plan.delay_first[q], plan.delay_first[q + 1]
    start, stop = plan.first[plan.pre[q]], plan.first[plan.pre[q] + 1]
    for d in range(high - 1, low - 1, -1):
        row = (plan.horizon + k - plan.delay[d]) % (plan.horizon + 1)
        for u in range(start, stop):
            if ring[row, u] > 0:
                slot = plan.table_first[q] + (u - start) * (high - low) + d - low
                _deliver(plan, work, p, q, slot, ring[row, u], plan.delay[d], k)


@compiled
def run_event(plan: Plan, given: Given, work: Work, log: Log) -> tuple[Int64Array, Int64Array]:
    """Run a sample by events: only units that a spike reaches, or that their drive may fire.

    Returns:
        Unit and count of the log's entries; `log.bounds` and `work` are filled in place.
    """
    populations, units, horizon = plan.slot.size, plan.decay.size, plan.horizon
    unit, count, used = log.unit, log.spikes, log.unit.size
    for p in range(populations):
        _settle(plan, given, work, p, 0)
    cursor = 0
    for k in range(given.n_steps):
        unit, count = _reserve(unit, used, units), _reserve(count, used, units)
        for p in range(populations):
            if plan.source[p]:
                cursor, used = _take_inputs(plan, given, p, k, cursor, unit, count, used)
            else:
                first, awake, begin = plan.first[p], work.n_members[p], used
                for q in range(plan.incoming[p], plan.incoming[p + 1]):
                    _follow(plan, work, p, q, k, log.bounds, unit, count)
                _catch_up(plan, work, p, first + awake, first + work.n_members[p], k)
                used = _update(plan, given, work, p, k, unit, count, used)
                _settle(plan, given, work, p, k + 1)
                unit[begin:used].sort()  # members are in the order in which they woke
            log.bounds[(horizon + k) * populations + p + 1] = used
    for p in range(populations):
        for u in range(plan.first[p], plan.first[p + 1]):
            if not (plan.source[p] or work.awake[u]):
                work.members[plan.first[p]] = u
                _catch_up(plan, work, p, plan.first[p], plan.first[p] + 1, given.n_steps)
    return unit[:used], count[:used]


@compiled
def _follow(
    plan: Plan, work: Work, p: int, q: int, k: int, bounds: Int64Array, unit: Int64Array, count: Int64Array
) -> None:
    """Deliver what projection q brings in step k, oldest first, from the log of spikes."""
    low, high = plan.delay_first[q], plan.delay_first[q + 1]
    pre, start = plan.pre[q], plan.first[plan.pre[q]]
    for d in range(high - 1, low - 1, -1):
        place = (plan.horizon + k - plan.delay[d]) * plan.slot.size + pre
        for e in range(bounds[place], bounds[place + 1]):
            slot = plan.table_first[q] + (unit[e] - start) * (high - low) + d - low
            _deliver(plan, work, p, q, slot, count[e], plan.delay[d], k)

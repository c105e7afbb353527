"""The compiled loop of engine="clock": every neuron in every step, every sender for every delay.

It is the plain reading of the semantics against which the event loop is tested bit for bit, and
shares only the plan and the log (`snn.core.grid.event`) with it: synapses come as lists, without rings and
bitmaps. As there, numba's cache wants one file.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from snn.core.compiled import compiled, compiled_over
from snn.core.grid import plasticity_step
from snn.core.grid.buffers import Given, Sample, Work
from snn.core.grid.plasticity_step import learn
from snn.core.layout.neuron_arrays import NeuronArrays
from snn.core.layout.plasticity_arrays import PlasticityArrays
from snn.core.layout.projection_arrays import ProjectionArrays
from snn.core.neurons import HARD, HARD_NEXT_STEP, SOFT
from snn.core.random import FIRST, GOLDEN, SECOND


@compiled_over(plasticity_step)
def run_clock(s: Sample, learning: PlasticityArrays) -> None:
    """Run a sample on a clock.

    Begins (`s.at[0]` is -1) or goes on at step `s.at[0]`, and stops before the end when the log has
    no room for another step.
    """
    plan, routes, given, log, horizon = s.plan, s.routes, s.given, s.log, s.routes.horizon
    populations, units, used, cursor = plan.slot.size, plan.decay.size, s.at[1], s.at[2]
    start = max(s.at[0], 0)
    ring = np.zeros((horizon + 1, units), dtype=np.int64)  # spikes of every unit in the last rows
    for row in range(start, start + horizon):
        for e in range(log.bounds[row * populations], log.bounds[(row + 1) * populations]):
            ring[row % (horizon + 1), log.unit[e]] = log.spikes[e]
    for k in range(start, given.n_steps):
        s.at[0], s.at[1], s.at[2] = k, used, cursor
        if used + units > log.unit.size:
            return
        now = (horizon + k) % (horizon + 1)
        ring[now] = 0
        for p in range(populations):
            begin, end = used, plan.first[p + 1]
            if plan.source[p]:
                while cursor < given.step.size and given.step[cursor] == k and given.unit[cursor] < end:
                    log.unit[used], log.spikes[used] = given.unit[cursor], given.spikes[cursor]
                    cursor, used = cursor + 1, used + 1
            else:
                _arrive(plan, routes, given, s.work, p, k, ring)
                for u in range(plan.first[p], end):
                    if _advance(plan, given, s.work, p, u, k):
                        log.unit[used], log.spikes[used] = u, 1
                        used += 1
            for e in range(begin, used):
                ring[now, log.unit[e]] = log.spikes[e]
            log.bounds[(horizon + k) * populations + p + 1] = used
        learn(learning, log.bounds, log.unit, log.spikes, (horizon + k) * populations, k)
    s.at[0], s.at[1], s.at[2] = given.n_steps, used, cursor


@compiled
def _arrive(
    plan: NeuronArrays, routes: ProjectionArrays, given: Given, work: Work, p: int, k: int, ring: Any
) -> None:
    """Decay the currents of population p, and add what every projection and noise input brings."""
    size = plan.first[p + 1] - plan.first[p]
    for a in range(plan.slot[p], plan.slot[p] + plan.rows[p] * size):
        work.current[a] *= plan.syn_decay[a]
    touched = np.zeros(size, dtype=np.bool_)
    for q in range(routes.incoming[p], routes.incoming[p + 1]):
        came, total = np.zeros(size, dtype=np.bool_), np.zeros(size, dtype=work.v.dtype)
        for delay in range(routes.horizon, -1, -1):  # oldest first
            row = (routes.horizon + k - delay) % (routes.horizon + 1)
            for i in range(plan.first[routes.pre[q] + 1] - plan.first[routes.pre[q]]):
                spikes = ring[row, plan.first[routes.pre[q]] + i]
                if spikes > 0:
                    _deliver(routes, q, i, delay, total.dtype.type(spikes), total, came)
        for n in range(size):
            if came[n]:
                work.current[routes.target[q] + n] += routes.scale[q] * total[n]
                touched[n] = True
    for m in range(plan.noise_first[p], plan.noise_first[p + 1]):
        for n in range(size):
            spikes = _poisson(plan, given.noise_key[m], given.born + k, m, n)
            work.noise_events[p] += spikes
            if spikes > 0:
                work.current[plan.noise_slot[m] + n] += plan.noise_weight[m] * work.v.dtype.type(spikes)
                touched[n] = True
    work.touched[p] += touched.sum()


@compiled
def _deliver(
    routes: ProjectionArrays, q: int, i: int, delay: int, spikes: Any, total: Any, came: Any
) -> None:
    """Add the synapses of sender i with that delay: their weights, or their number if all weigh the same."""
    shift, first, end = routes.weight_shift[q], routes.delay_first[q], routes.delay_first[q + 1]
    d = first + np.searchsorted(routes.delay[first:end], delay)
    if d == end or routes.delay[d] != delay:
        return
    t = routes.table_first[q] + i * (end - first) + d - first
    for s in range(routes.table[t], routes.table[t + 1]):
        n = np.int64(routes.post32[s]) if routes.wide[q] else np.int64(routes.post16[s])
        came[n] = True
        total[n] += spikes if routes.counted[q] else routes.weight[s + shift] * spikes


@compiled
def _poisson(plan: NeuronArrays, key: Any, step: int, m: int, n: int) -> Any:
    """Draw the Poisson number of neuron n in a step: half a word of two SplitMix64 streams in a row."""
    word = _mix(_mix(key + GOLDEN * (np.uint64(step) + np.uint64(1))) + GOLDEN * np.uint64(n // 2))
    half = np.uint32(word >> np.uint64(32)) if n % 2 else np.uint32(word & np.uint64(0xFFFFFFFF))
    drawn = plan.noise_least[m]
    for c in range(plan.noise_cut_first[m], plan.noise_cut_first[m + 1]):
        drawn += half > plan.noise_cut[c]
    return drawn


@compiled
def _mix(z: Any) -> Any:
    z = (z ^ (z >> np.uint64(30))) * FIRST
    z = (z ^ (z >> np.uint64(27))) * SECOND
    return z ^ (z >> np.uint64(31))


@compiled
def _advance(plan: NeuronArrays, given: Given, work: Work, p: int, u: int, k: int) -> bool:
    """Take neuron u through step k (equation in `snn.core.neurons`); tell whether it spiked."""
    size, n = plan.first[p + 1] - plan.first[p], u - plan.first[p]
    x = work.v.dtype.type(0.0)
    for r in range(plan.rows[p]):
        x += work.current[plan.slot[p] + r * size + n]
    drive = plan.bias[u]
    if given.drive_column[p] >= 0:
        drive += given.drive[k if given.drive.shape[0] > 1 else 0, given.drive_column[p] + n]
    work.theta[u] *= plan.adapt_decay[u]
    threshold, v = plan.v_th[u] + work.theta[u], work.v[u]
    if plan.reset[p] == HARD_NEXT_STEP and (v > threshold if plan.strict[p] else v >= threshold):
        v = plan.v_reset[u]
    spiked = False
    if work.hold[u] > 0:
        work.hold[u] -= 1
    else:
        if plan.decay_input[p]:
            v = v + ((x + drive) - (v - plan.v_rest[u])) * plan.input_scale[u]
        else:
            v = plan.v_rest[u] + (v - plan.v_rest[u]) * plan.decay[u] + (x + drive) * plan.input_scale[u]
        spiked = v > threshold if plan.strict[p] else v >= threshold
    if spiked:
        work.hold[u] = plan.refractory[u]
        work.theta[u] += plan.adapt_by[u]
        if plan.reset[p] == HARD:
            v = plan.v_reset[u]
        elif plan.reset[p] == SOFT:
            v = v - plan.reset_by[u]
    work.v[u] = v
    if work.trace_column[p] >= 0:
        work.trace[k, work.trace_column[p] + n] = v
    return spiked

"""The compiled loops that take neurons through a step (`snn.core.grid.event` drives them).

Neurons are updated in groups that stay in the first-level cache; loops over them use unsigned
indices, without which numba tests for wrap-around and nothing vectorises.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from snn.core.compiled import lean, lean_inlined
from snn.core.grid.bundles import Sample
from snn.core.layout.neuron_arrays import SLEEP_GROUP, UPDATE_GROUP
from snn.core.neurons import HARD, HARD_NEXT_STEP, MOST_SPIKES, SOFT

DECIDE_EVERY = 64
"""Steps after which the choice between all neurons and few is made again."""
_PAUSE = 1024
"""Steps for which all neurons stay awake once they were needed."""


@lean
def decide_whether_to_sleep(s: Sample, p: int, k: int) -> None:
    """Decide from the steps before step k whether population p goes on with the groups alone that are awake."""
    sleep, touched = s.sleep, s.counted.touched[p]
    low, high = s.neurons.sleep_group[p], s.neurons.sleep_group[p + 1]
    updates, arrivals = sleep.updates[p], touched - sleep.touched_before[p]
    sleep.updates[p], sleep.touched_before[p] = 0, touched
    if sleep.lazy[p] and 2 * updates > (high - low) * DECIDE_EVERY:
        for group in range(low, high):
            replay_slept_steps(s, p, group, k)
        sleep.lazy[p], sleep.retry[p] = False, k + _PAUSE
    elif not sleep.lazy[p] and 4 * arrivals < (high - low) * DECIDE_EVERY and k >= sleep.retry[p]:
        for group in range(low, high):
            sleep.awake[group], sleep.next_step[group] = 1, k
        sleep.lazy[p] = True


@lean_inlined
def step_population(s: Sample, p: int, k: int, used: int) -> int:
    """Take population p through step k, all of it or what is awake; return the end of the log."""
    neurons, state, sleep, lazy, first = s.neurons, s.state, s.sleep, s.sleep.lazy[p], s.neurons.first[p]
    size, width = neurons.first[p + 1] - first, SLEEP_GROUP if lazy else UPDATE_GROUP
    for start in range(0, size, width):
        group, n = neurons.sleep_group[p] + start // SLEEP_GROUP, min(width, size - start)
        if lazy:
            if not sleep.awake[group]:
                continue
            sleep.updates[p] += 1
            if sleep.next_step[group] < k:
                replay_slept_steps(s, p, group, k)
        if neurons.plain[p] and s.inputs.drive_column[p] < 0:
            _step_plain(s, p, start, n, k)
        else:
            _step(s, p, start, n, k)
        used = _emit_spikes(s, p, start, n, k, used)
        if lazy:
            restless, u = 0, np.uint64(first + start)
            c, free = np.uint64(first) if neurons.uniform[p] else u, np.int32(k + 1)
            for j in range(np.uint64(n)):
                restless += (not (state.v[u + j] < neurons.sleep_below[c + j])) | (state.hold[u + j] > free)
            sleep.awake[group], sleep.next_step[group] = restless > 0, k + 1
    column = s.counted.trace_column[p]
    if column >= 0:
        for n in range(size):
            s.counted.trace[k, column + n] = state.v[first + n]
    return used


@lean
def replay_slept_steps(s: Sample, p: int, group: int, k: int) -> None:
    """Repeat for a group the steps that it slept through, up to step k."""
    neurons, v, theta, none = s.neurons, s.state.v, s.state.theta, s.state.v.dtype.type(0.0)
    start = (group - neurons.sleep_group[p]) * SLEEP_GROUP
    u = np.uint64(neurons.first[p] + start)
    n = np.uint64(min(SLEEP_GROUP, neurons.first[p + 1] - neurons.first[p] - start))
    c = np.uint64(neurons.first[p]) if neurons.uniform[p] else u
    for _ in range(s.sleep.next_step[group], k):
        moved = 0
        for j in range(n):
            old, rest, x = v[u + j], neurons.v_rest[c + j], none + neurons.bias[c + j]
            if neurons.decay_input[p]:
                new = old + (x - (old - rest)) * neurons.input_scale[c + j]
            else:
                new = rest + (old - rest) * neurons.decay[c + j] + x * neurons.input_scale[c + j]
            moved += new != old
            v[u + j] = new
        if neurons.adapts[p]:
            for j in range(n):
                old = theta[u + j]
                theta[u + j] = old * neurons.adapt_decay[c + j]
                moved += old != none
        if moved == 0:  # a fixed point: all later steps are this one
            break
    s.sleep.next_step[group] = k


@lean_inlined
def _step_plain(s: Sample, p: int, start: int, n: int, k: int) -> None:
    """Do what `_step` does in one pass: one constant for all neurons, and at most two currents."""
    neurons, state, fired = s.neurons, s.state, s.scratch.fired
    first, count, now = neurons.first[p], np.uint64(n), np.int32(k)
    size = neurons.first[p + 1] - first
    v, hold, current, one = state.v, state.hold, state.current, state.v.dtype.type(1.0)
    u, a = np.uint64(first + start), np.uint64(neurons.slot[p] + start)
    fade = k + 1 < s.cursor[0].stop or neurons.receptors[p] == 0
    f = neurons.syn_decay[neurons.slot[p]] if fade else one
    bias, level, rest = neurons.bias[first], neurons.level[first], neurons.v_rest[first]
    decay, scale, whole = neurons.decay[first], neurons.input_scale[first], neurons.decay_input[p]
    if neurons.slot_rows[p] == 1:
        for j in range(count):
            x, old, free = current[a + j], v[u + j], hold[u + j] <= now
            current[a + j] = x * f
            new = _moved(old, x + bias, rest, decay, scale, whole)
            v[u + j] = new if free else old
            fired[j] = free & (new >= level)
        return
    b = np.uint64(neurons.slot[p] + size + start)
    g = neurons.syn_decay[neurons.slot[p] + size] if fade else one
    for j in range(count):
        x, y, old, free = current[a + j], current[b + j], v[u + j], hold[u + j] <= now
        current[a + j] = x * f
        current[b + j] = y * g
        new = _moved(old, (x + y) + bias, rest, decay, scale, whole)
        v[u + j] = new if free else old
        fired[j] = free & (new >= level)


@lean_inlined
def _moved(old: Any, x: Any, rest: Any, decay: Any, scale: Any, whole: bool) -> Any:
    """Take one membrane through a step with input x."""
    if whole:
        return old + (x - (old - rest)) * scale
    return rest + (old - rest) * decay + x * scale


@lean_inlined
def _step(s: Sample, p: int, start: int, n: int, k: int) -> None:
    """Take `n` neurons from `start` on through step k up to the threshold; `snn.core.neurons` says how."""
    neurons, inputs, state, scratch = s.neurons, s.inputs, s.state, s.scratch
    size, count = neurons.first[p + 1] - neurons.first[p], np.uint64(n)
    u, x, v, current = np.uint64(neurons.first[p] + start), scratch.x, state.v, state.current
    c = np.uint64(neurons.first[p]) if neurons.uniform[p] else u  # one copy of equal constants stays cached
    for r in range(neurons.slot_rows[p]):
        a = np.uint64(neurons.slot[p] + r * size + start)
        if neurons.syn_biased[p]:
            for j in range(count):
                current[a + j] += neurons.syn_bias[a + j]
        f = np.uint64(neurons.slot[p] + r * size) if neurons.uniform[p] else a
        fade = k + 1 < s.cursor[0].stop or neurons.receptors[p] == 0
        _read_currents(current, a, neurons.syn_decay, f, x, count, r == 0, fade)
    drive, d = neurons.bias, c
    column = inputs.drive_column[p]
    if column >= 0:
        row, g = k if inputs.drive.shape[0] > 1 else 0, np.uint64(column + start)
        for j in range(count):
            scratch.drive[j] = neurons.bias[c + j] + inputs.drive[row, g + j]
        drive, d = scratch.drive, np.uint64(0)
    level, h = neurons.level, c
    if neurons.adapts[p]:
        for j in range(count):
            state.theta[u + j] *= neurons.adapt_decay[c + j]
            scratch.level[j] = neurons.v_th[c + j] + state.theta[u + j]
        if neurons.strict[p]:
            for j in range(count):
                scratch.level[j] = np.nextafter(scratch.level[j], v.dtype.type(np.inf))
        level, h = scratch.level, np.uint64(0)
    if neurons.reset[p] == HARD_NEXT_STEP:
        for j in range(count):
            v[u + j] = neurons.v_reset[c + j] if v[u + j] >= level[h + j] else v[u + j]
    now, hold, fired = np.int32(k), state.hold, scratch.fired
    decay, scale, v_rest = neurons.decay, neurons.input_scale, neurons.v_rest
    if neurons.decay_input[p]:
        for j in range(count):
            old, free = v[u + j], hold[u + j] <= now
            new = old + ((x[j] + drive[d + j]) - (old - v_rest[c + j])) * scale[c + j]
            v[u + j] = new if free else old
            fired[j] = free & (new >= level[h + j])
    else:
        for j in range(count):
            old, free, rest = v[u + j], hold[u + j] <= now, v_rest[c + j]
            new = rest + (old - rest) * decay[c + j] + (x[j] + drive[d + j]) * scale[c + j]
            v[u + j] = new if free else old
            fired[j] = free & (new >= level[h + j])


@lean_inlined
def _read_currents(
    current: Any, a: Any, factor: Any, f: Any, x: Any, n: Any, fresh: bool, fade: bool
) -> None:
    """Read one row of currents to `x`, or add it, and decay it for the next step."""
    if fresh:
        for j in range(n):
            x[j] = current[a + j]
    else:
        for j in range(n):
            x[j] += current[a + j]
    if fade:
        for j in range(n):
            current[a + j] *= factor[f + j]


@lean_inlined
def _emit_spikes(s: Sample, p: int, start: int, n: int, k: int, used: int) -> int:
    """Log and reset what fired among `n` neurons from `start` on; return the end of the log."""
    neurons, state, fired, log = s.neurons, s.state, s.scratch.fired, s.log
    for j in range(n, (n + 7) // 8 * 8):
        fired[j] = 0
    for w in range((n + 7) // 8):
        if s.scratch.fired_words[w] == 0:
            continue
        for j in range(8 * w, 8 * w + 8):
            if fired[j]:
                u = neurons.first[p] + start + j
                spikes = count_spikes(s, p, u) if neurons.multiple[p] else 1
                log.unit[used], log.spikes[used] = u, spikes
                used += 1
                state.hold[u] = k + 1 + neurons.refractory[u]
                if neurons.multiple[p]:
                    state.theta[u] += neurons.adapt_by[u] * state.v.dtype.type(spikes)
                    state.v[u] -= neurons.reset_by[u] * state.v.dtype.type(spikes)
                    continue
                state.theta[u] += neurons.adapt_by[u]
                if neurons.reset[p] == HARD:
                    state.v[u] = neurons.v_reset[u]
                elif neurons.reset[p] == SOFT:
                    state.v[u] -= neurons.reset_by[u]
    return used


@lean
def count_spikes(s: Sample, p: int, u: int) -> int:
    """Count the spikes of unit u, whose membrane has reached its threshold, where it may spike several times."""
    neurons, state, real = s.neurons, s.state, s.state.v.dtype
    parts = (state.v[u] - (neurons.v_th[u] + state.theta[u])) / neurons.reset_by[u]
    count = np.ceil(parts) if neurons.strict[p] else np.floor(parts) + real.type(1.0)
    return int(min(count, real.type(MOST_SPIKES)))

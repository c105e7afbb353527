"""The compiled loops that take neurons through a step (`snn.core.grid.event` drives them).

Neurons are updated in strides that stay in the first-level cache; loops over them use unsigned
indices, without which numba tests for wrap-around and nothing vectorises. Functions call only those
of this file: numba's cache looks at no other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from snn.core.compiled import lean, lean_inlined
from snn.core.grid.buffers import Sample
from snn.core.layout.neuron_arrays import BLOCK, STRIDE
from snn.core.neurons import HARD, HARD_NEXT_STEP, SOFT

WINDOW = 64
"""Steps after which the choice between all neurons and few is made again."""
_PAUSE = 1024
"""Steps for which it rests once all neurons were needed."""


@lean
def choose(s: Sample, p: int, k: int) -> None:
    """Decide from the window before step k whether population p goes on with hot blocks only."""
    work, low, high = s.work, s.plan.block[p], s.plan.block[p + 1]
    visits, arrivals = work.visits[p], work.touched[p] - work.seen[p]
    work.visits[p], work.seen[p] = 0, work.touched[p]
    if work.lazy[p] and 2 * visits > (high - low) * WINDOW:
        for b in range(low, high):
            catch_up(s, p, b, k)
        work.lazy[p], work.retry[p] = False, k + _PAUSE
    elif not work.lazy[p] and 4 * arrivals < (high - low) * WINDOW and k >= work.retry[p]:
        for b in range(low, high):
            work.hot[b], work.done[b] = 1, k
        work.lazy[p] = True


@lean_inlined
def update(s: Sample, p: int, k: int, used: int) -> int:
    """Take population p through step k, all of it or its hot blocks; return the end of the log."""
    plan, given, work, lazy, first = s.plan, s.given, s.work, s.work.lazy[p], s.plan.first[p]
    size, width = plan.first[p + 1] - first, BLOCK if lazy else STRIDE
    for start in range(0, size, width):
        b, n = plan.block[p] + start // BLOCK, min(width, size - start)
        if lazy:
            if not work.hot[b]:
                continue
            work.visits[p] += 1
            if work.done[b] < k:
                catch_up(s, p, b, k)
        if plan.plain[p] and given.drive_column[p] < 0:
            _step_plain(s, p, start, n, k)
        else:
            _step(s, p, start, n, k)
        used = _emit(s, p, start, n, k, used)
        if lazy:
            restless, u = 0, np.uint64(first + start)
            c, free = np.uint64(first) if plan.uniform[p] else u, np.int32(k + 1)
            for j in range(np.uint64(n)):
                restless += (not (work.v[u + j] < plan.sleep_below[c + j])) | (work.hold[u + j] > free)
            work.hot[b], work.done[b] = restless > 0, k + 1
    column = work.trace_column[p]
    if column >= 0:
        for n in range(size):
            work.trace[k, column + n] = work.v[first + n]
    return used


@lean
def catch_up(s: Sample, p: int, b: int, k: int) -> None:
    """Repeat for a block the steps that it slept through, up to step k."""
    plan, work = s.plan, s.work
    start = (b - plan.block[p]) * BLOCK
    u, n = np.uint64(plan.first[p] + start), np.uint64(min(BLOCK, plan.first[p + 1] - plan.first[p] - start))
    c, v, none = np.uint64(plan.first[p]) if plan.uniform[p] else u, work.v, work.v.dtype.type(0.0)
    for _ in range(work.done[b], k):
        moved = 0
        for j in range(n):
            old, rest, x = v[u + j], plan.v_rest[c + j], none + plan.bias[c + j]
            if plan.decay_input[p]:
                new = old + (x - (old - rest)) * plan.input_scale[c + j]
            else:
                new = rest + (old - rest) * plan.decay[c + j] + x * plan.input_scale[c + j]
            moved += new != old
            v[u + j] = new
        if plan.adapts[p]:
            for j in range(n):
                old = work.theta[u + j]
                work.theta[u + j] = old * plan.adapt_decay[c + j]
                moved += old != none
        if moved == 0:  # a fixed point: all later steps are this one
            break
    work.done[b] = k


@lean_inlined
def _step_plain(s: Sample, p: int, start: int, n: int, k: int) -> None:
    """Do what `_step` does in one pass: one constant for all neurons, and at most two currents."""
    plan, work, fired = s.plan, s.work, s.scratch.fired
    first, size, count, now = plan.first[p], plan.first[p + 1] - plan.first[p], np.uint64(n), np.int32(k)
    v, hold, current, one = work.v, work.hold, work.current, work.v.dtype.type(1.0)
    u, a = np.uint64(first + start), np.uint64(plan.slot[p] + start)
    fade = k + 1 < s.given.n_steps or plan.receptors[p] == 0
    f = plan.syn_decay[plan.slot[p]] if fade else one
    bias, level, rest = plan.bias[first], plan.level[first], plan.v_rest[first]
    decay, scale, whole = plan.decay[first], plan.input_scale[first], plan.decay_input[p]
    if plan.rows[p] == 1:
        for j in range(count):
            x, old, free = current[a + j], v[u + j], hold[u + j] <= now
            current[a + j] = x * f
            new = _moved(old, x + bias, rest, decay, scale, whole)
            v[u + j] = new if free else old
            fired[j] = free & (new >= level)
        return
    b = np.uint64(plan.slot[p] + size + start)
    g = plan.syn_decay[plan.slot[p] + size] if fade else one
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
    plan, given, work, scratch = s.plan, s.given, s.work, s.scratch
    size, count = plan.first[p + 1] - plan.first[p], np.uint64(n)
    u, x, v, current = np.uint64(plan.first[p] + start), scratch.x, work.v, work.current
    c = np.uint64(plan.first[p]) if plan.uniform[p] else u  # one copy of equal constants stays cached
    for r in range(plan.rows[p]):
        a = np.uint64(plan.slot[p] + r * size + start)
        f = np.uint64(plan.slot[p] + r * size) if plan.uniform[p] else a
        fade = k + 1 < given.n_steps or plan.receptors[p] == 0
        _take(current, a, plan.syn_decay, f, x, count, r == 0, fade)
    drive, d = plan.bias, c
    column = given.drive_column[p]
    if column >= 0:
        row, g = k if given.drive.shape[0] > 1 else 0, np.uint64(column + start)
        for j in range(count):
            scratch.drive[j] = plan.bias[c + j] + given.drive[row, g + j]
        drive, d = scratch.drive, np.uint64(0)
    level, h = plan.level, c
    if plan.adapts[p]:
        for j in range(count):
            work.theta[u + j] *= plan.adapt_decay[c + j]
            scratch.level[j] = plan.v_th[c + j] + work.theta[u + j]
        if plan.strict[p]:
            for j in range(count):
                scratch.level[j] = np.nextafter(scratch.level[j], v.dtype.type(np.inf))
        level, h = scratch.level, np.uint64(0)
    if plan.reset[p] == HARD_NEXT_STEP:
        for j in range(count):
            v[u + j] = plan.v_reset[c + j] if v[u + j] >= level[h + j] else v[u + j]
    now, hold, fired = np.int32(k), work.hold, scratch.fired
    decay, scale, v_rest = plan.decay, plan.input_scale, plan.v_rest
    if plan.decay_input[p]:
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
def _take(current: Any, a: Any, factor: Any, f: Any, x: Any, n: Any, fresh: bool, fade: bool) -> None:
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
def _emit(s: Sample, p: int, start: int, n: int, k: int, used: int) -> int:
    """Log and reset what fired among `n` neurons from `start` on; return the end of the log."""
    plan, work, scratch, log = s.plan, s.work, s.scratch, s.log
    for j in range(n, (n + 7) // 8 * 8):
        scratch.fired[j] = 0
    for w in range((n + 7) // 8):
        if scratch.fired8[w] == 0:
            continue
        for j in range(8 * w, 8 * w + 8):
            if scratch.fired[j]:
                u = plan.first[p] + start + j
                log.unit[used], log.spikes[used] = u, 1
                used += 1
                work.hold[u] = k + 1 + plan.refractory[u]
                work.theta[u] += plan.adapt_by[u]
                if plan.reset[p] == HARD:
                    work.v[u] = plan.v_reset[u]
                elif plan.reset[p] == SOFT:
                    work.v[u] -= plan.reset_by[u]
    return used

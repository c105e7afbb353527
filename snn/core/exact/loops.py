"""The compiled loops of engine="exact": flow between events, next crossing, jump, emission.

With y = v - E, where E = v_rest + gain * drive is the steady value, a neuron between events obeys::

    tau dy/dt = -y + gain * (i_0 + i_1),     di_r/dt = -i_r / tau_r

The crossing search leans on two facts. The slope p = dy/dt times exp(t / tau) has the derivative
-(gain / tau) * exp(t / tau) * (i_0 / tau_0 + i_1 / tau_1), whose bracket vanishes at most once, at a
time in closed form. So p changes sign at most once on either side of that time, and the membrane
has at most one maximum there: no crossing can hide between the points looked at.
"""

from __future__ import annotations

import math
from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np

from snn.core.arrays import BoolArray, Float64Array, Int64Array
from snn.core.compiled import compiled
from snn.core.exact.layout import ExactArrays
from snn.core.neurons import HARD, SOFT


class Cells(NamedTuple):
    """The state of one sample's units, and scratch; written in place."""

    v: Float64Array
    """Membranes, [U], as of `at`."""
    current: Float64Array
    """Synaptic currents, [2, U], as of `at`."""
    at: Float64Array
    """Time of each unit's state, [U], ms."""
    hold: Float64Array
    """End of each unit's refractory time, [U], ms; -inf before its first spike."""
    drive: Float64Array
    """Drive of each unit now, bias included, [U]."""
    until: Float64Array
    """Time up to which that drive holds, [U], ms."""
    version: Int64Array
    """Number of each unit's latest prediction, [U]."""
    arrivals: Float64Array
    """Sums of what arrives now, [2, U]; zero between groups."""
    reached: BoolArray
    """Whether an arrival reached the unit now, [U]."""
    due: BoolArray
    """Whether the unit was predicted to cross now, [U]."""
    touched: Int64Array
    """Neuron-times with an arrival, [P]."""
    reads: Int64Array
    """Delayed synaptic events that arrived, [Q]."""


@compiled
def kernel(t: float, tau: float, tau_syn: float) -> float:
    """Response of the membrane to a unit current: stable also where both constants meet."""
    x = t * (1.0 / tau - 1.0 / tau_syn)
    if abs(x) < 1e-8:
        return math.exp(-t / tau) * t / tau * (1.0 + 0.5 * x)
    if abs(x) < 1.0:
        return math.exp(-t / tau) * t / tau * (math.expm1(x) / x)
    return (math.exp(-t / tau_syn) - math.exp(-t / tau)) * (tau_syn / (tau_syn - tau))


@compiled
def height(t: float, y: float, a: float, b: float, tau: float, tau_a: float, tau_b: float) -> float:
    """Compute v - E after t, from y = v - E and the currents a, b times gain."""
    return y * math.exp(-t / tau) + a * kernel(t, tau, tau_a) + b * kernel(t, tau, tau_b)


@compiled
def slope(t: float, y: float, a: float, b: float, tau: float, tau_a: float, tau_b: float) -> float:
    """Compute dv/dt after t; arguments as in `height`."""
    rest = a / tau_a * kernel(t, tau, tau_a) + b / tau_b * kernel(t, tau, tau_b)
    return (a + b - y) / tau * math.exp(-t / tau) - rest


@compiled
def _root(
    of_slope: bool,
    low: float,
    high: float,
    level: float,
    y: float,
    a: float,
    b: float,
    tau: float,
    tau_a: float,
    tau_b: float,
) -> float:
    """Find where the height (or the slope) passes `level` once in [low, high], by safe Newton steps."""
    rising = not of_slope  # a height is sought on its way up, a slope on its way down
    t = 0.5 * (low + high)
    for _ in range(200):
        p = slope(t, y, a, b, tau, tau_a, tau_b)
        if of_slope:
            value = p
            bend = a * math.exp(-t / tau_a) / tau_a + b * math.exp(-t / tau_b) / tau_b
            rate = -(p + bend) / tau
        else:
            value = height(t, y, a, b, tau, tau_a, tau_b) - level
            rate = p
        if (value >= 0.0) == rising:
            high = t
        else:
            low = t
        step = t - value / rate if rate != 0.0 else low
        if not low < step < high:
            step = 0.5 * (low + high)
        if step == t or high - low <= 1e-15 * high:
            break
        t = step
    return t


@compiled
def first_crossing(
    y: float, a: float, b: float, tau: float, tau_a: float, tau_b: float, level: float, limit: float
) -> float:
    """Find the first time in [0, limit] at which the height reaches `level`; infinite if none.

    Args:
        y: Membrane above its steady value E, v - E, at 0.
        a: First synaptic current at 0, times gain; `b` the second.
        b: As said.
        tau: Membrane time constant, ms; `tau_a` and `tau_b` those of the currents.
        tau_a: As said.
        tau_b: As said.
        level: Threshold above E, v_th - E.
        limit: Time up to which to look, ms.
    """
    if y > level:
        return 0.0
    if a == 0.0 and b == 0.0:  # y exp(-t / tau) = level
        t = tau * math.log(y / level) if y <= level < 0.0 else math.inf
        return t if t <= limit else math.inf
    if b == 0.0 and tau == 2.0 * tau_a and y < level:
        return _two_to_one(y, a, tau, level, limit)
    turn = limit  # where the bracket of the module's text vanishes
    first, second = a / tau_a, b / tau_b
    if first * second < 0.0 and tau_a != tau_b:
        at = math.log(-first / second) / (1.0 / tau_a - 1.0 / tau_b)
        if 0.0 < at < limit:
            turn = at
    low, high = 0.0, turn
    for _ in range(2):
        if slope(low, y, a, b, tau, tau_a, tau_b) > 0.0 >= slope(high, y, a, b, tau, tau_a, tau_b):
            top = _root(True, low, high, 0.0, y, a, b, tau, tau_a, tau_b)
        else:
            top = high
        if height(top, y, a, b, tau, tau_a, tau_b) >= level:
            return _root(False, low, top, level, y, a, b, tau, tau_a, tau_b)
        if high == limit:
            break
        low, high = high, limit
    return math.inf


@compiled
def _two_to_one(y: float, a: float, tau: float, level: float, limit: float) -> float:
    """Solve tau = 2 tau_syn in closed form: with x = exp(-t / tau), y x + a (x - x^2) = level."""
    middle = y + a
    inside = middle * middle - 4.0 * a * level
    if inside < 0.0:
        return math.inf
    q = 0.5 * (middle + math.copysign(math.sqrt(inside), middle))
    best = 0.0
    for x in (q / a, level / q if q != 0.0 else 0.0):
        if best < x < 1.0:
            best = x
    t = -tau * math.log(best) if best > 0.0 else math.inf
    return t if t <= limit else math.inf


@compiled
def _look(plan: ExactArrays, cells: Cells, u: int, t: float) -> tuple[float, float, float]:
    """Return membrane and currents of unit u at time t, later than its state."""
    v, a, b = cells.v[u], cells.current[0, u], cells.current[1, u]
    tau_a, tau_b = plan.tau_syn[0, u], plan.tau_syn[1, u]
    free = t - max(cells.at[u], cells.hold[u])
    held = min(t, cells.hold[u]) - cells.at[u]
    if held > 0.0:  # refractory: the membrane stands, currents run on
        a, b = a * math.exp(-held / tau_a), b * math.exp(-held / tau_b)
    if free > 0.0:
        tau, gain = plan.tau[u], plan.gain[u]
        steady = plan.v_rest[u] + gain * cells.drive[u]
        v = steady + height(free, v - steady, gain * a, gain * b, tau, tau_a, tau_b)
        a, b = a * math.exp(-free / tau_a), b * math.exp(-free / tau_b)
    return v, a, b


@compiled
def _advance(plan: ExactArrays, cells: Cells, u: int, t: float) -> None:
    """Bring unit u to time t."""
    if t > cells.at[u]:
        cells.v[u], cells.current[0, u], cells.current[1, u] = _look(plan, cells, u, t)
        cells.at[u] = t


@compiled
def _predict(plan: ExactArrays, cells: Cells, p: int, u: int, heap: Any) -> None:
    """Book the next crossing of unit u, which outdates the one booked before."""
    cells.version[u] += 1
    start, until = max(cells.at[u], cells.hold[u]), cells.until[u]
    if start >= until or plan.v_th[u] == math.inf:
        return
    v, a, b = _look(plan, cells, u, start)
    gain = plan.gain[u]
    steady = plan.v_rest[u] + gain * cells.drive[u]
    level = plan.v_th[u] - steady
    if v == plan.v_th[u] and not plan.strict[p]:
        t = start
    elif (v < plan.v_th[u]) and max(v, steady) + gain * (max(a, 0.0) + max(b, 0.0)) < plan.v_th[u]:
        return  # out of reach: a current lifts the membrane by less than gain times itself
    else:
        t = start + first_crossing(
            v - steady,
            gain * a,
            gain * b,
            plan.tau[u],
            plan.tau_syn[0, u],
            plan.tau_syn[1, u],
            level,
            until - start,
        )
    if t < until:
        heappush(heap, (t, p, plan.rank_post.size, 0.0, u, cells.version[u]))


@compiled
def _emit(plan: ExactArrays, t: float, u: int, p: int, heap: Any) -> None:
    """Send a spike on its way: per projection, the first delay that has not yet passed."""
    for e in range(plan.out_first[p], plan.out_first[p + 1]):
        q = plan.out[e]
        row = plan.row_first[q] + u - plan.first[p]
        s, end = plan.row[row], plan.row[row + 1]
        while s < end and t + plan.delay[s] < 0.0:  # arrived before the run was cut
            s += 1
        if s < end:
            heappush(heap, (t + plan.delay[s], plan.rank_post[q], q, t, s, u))


@compiled
def _deliver(plan: ExactArrays, cells: Cells, entry: Any, units: Any, heap: Any) -> None:
    """Add what a spike brings over one delay, and book its next delay."""
    _time, p, q, emitted, s, u = entry
    first, receptor = plan.first[p], plan.receptor[q]
    row = plan.row_first[q] + u - plan.first[plan.pre[q]]
    end, delay = plan.row[row + 1], plan.delay[s]
    while s < end and plan.delay[s] == delay:
        n = first + plan.post[s]
        cells.arrivals[receptor, n] += plan.weight[s]
        cells.reads[q] += plan.delayed[s]
        if not cells.reached[n]:
            cells.reached[n] = True
            units.append(n)
        s += 1
    if s < end:
        heappush(heap, (emitted + plan.delay[s], p, q, emitted, s, u))


@compiled
def _meet(plan: ExactArrays, cells: Cells, p: int, u: int, t: float) -> int:
    """Take unit u through time t, arrivals first, then the threshold; return its spikes."""
    _advance(plan, cells, u, t)
    held = t <= cells.hold[u]
    if plan.receptors[p] > 0:
        cells.current[:, u] += cells.arrivals[:, u]
    elif not held:
        cells.v[u] += plan.jump[u] * cells.arrivals[0, u]
    th = plan.v_th[u]
    if cells.due[u] and not cells.reached[u] and plan.receptors[p] == 0:
        cells.v[u] = max(th, cells.v[u])  # the crossing is the threshold, whatever the rounding
    jumped = not held and plan.receptors[p] == 0
    above = cells.v[u] > th if plan.strict[p] else cells.v[u] >= th
    spikes = 0
    if cells.due[u] or (jumped and above):
        spikes = 1
        if plan.reset[p] == HARD:
            cells.v[u] = plan.v_reset[u]
        elif plan.reset[p] == SOFT:
            cells.v[u] -= plan.reset_by[u]
            while plan.t_ref[u] == 0.0 and cells.v[u] >= th:
                cells.v[u] -= plan.reset_by[u]
                spikes += 1
        if plan.t_ref[u] > 0.0:
            cells.hold[u] = t + plan.t_ref[u]
    cells.touched[p] += cells.reached[u]
    cells.arrivals[:, u] = 0.0
    cells.reached[u] = False
    cells.due[u] = False
    return spikes


@compiled
def _run(plan: ExactArrays, cells: Cells, limit: float, closed: bool, heap: Any, log: Any) -> None:
    """Live through all that is booked before `limit` (up to it, if closed), group by group."""
    projections = plan.rank_post.size
    while len(heap) > 0 and (heap[0][0] < limit or (closed and heap[0][0] == limit)):
        t, p = heap[0][0], heap[0][1]
        units = [0 for _ in range(0)]
        while len(heap) > 0 and heap[0][0] == t and heap[0][1] == p:
            entry = heappop(heap)
            if entry[2] == projections:
                u = entry[4]
                if entry[5] == cells.version[u]:
                    cells.due[u] = True
                    if not cells.reached[u]:
                        units.append(u)
            elif entry[2] < 0:  # a spike of a source
                log.append((t, entry[4]))
                _emit(plan, t, entry[4], p, heap)
            else:
                _deliver(plan, cells, entry, units, heap)
        units.sort()
        before = -1
        for u in units:
            if u != before:
                for _ in range(_meet(plan, cells, p, u, t)):
                    log.append((t, u))
                    _emit(plan, t, u, p, heap)
                _predict(plan, cells, p, u, heap)
            before = u


@compiled
def run_exact(
    plan: ExactArrays,
    cells: Cells,
    given: tuple[Float64Array, Int64Array, Float64Array, Int64Array],
    drive: Float64Array,
    driven: Int64Array,
    n_steps: int,
    dt: float,
    trace: Float64Array,
    traced: Int64Array,
) -> tuple[Float64Array, Int64Array]:
    """Run a sample; return the time and unit of every spike, inputs included.

    Args:
        plan: The network.
        cells: Where it stands at 0; where it stands at `n_steps * dt` afterwards.
        given: Times and units of the inputs, then of the earlier spikes still on their way.
        drive: Drive on top of the bias, [T or 1, M].
        driven: Units of its columns, [M].
        n_steps: Length, steps.
        dt: Step, ms: drive may change and membranes are kept at its multiples.
        trace: Where membranes go, [T, R].
        traced: Units of its columns, [R].
    """
    heap = [(0.0, 0, 0, 0.0, 0, 0) for _ in range(0)]
    log = [(0.0, 0) for _ in range(0)]
    end = n_steps * dt
    rank = np.searchsorted(plan.first, np.arange(plan.tau.size), side="right") - 1
    for e in range(given[2].size):
        _emit(plan, given[2][e], given[3][e], rank[given[3][e]], heap)
    for e in range(given[0].size):
        u = given[1][e]
        heappush(heap, (given[0][e], rank[u], -1, 0.0, u, 0))
    cells.until[:] = end
    if drive.shape[0] > 1:
        cells.until[driven] = 0.0
    else:
        cells.drive[driven] += drive[0]
    bias = cells.drive.copy()
    for u in range(plan.tau.size):
        _predict(plan, cells, rank[u], u, heap)
    for k in range(n_steps if drive.shape[0] > 1 or traced.size > 0 else 0):
        if drive.shape[0] > 1:
            for column, u in enumerate(driven):
                _advance(plan, cells, u, k * dt)
                cells.drive[u] = bias[u] + drive[k, column]
                cells.until[u] = (k + 1) * dt
                _predict(plan, cells, rank[u], u, heap)
        _run(plan, cells, k * dt, True, heap, log)
        for column, u in enumerate(traced):
            trace[k, column] = _look(plan, cells, u, k * dt)[0]
        _run(plan, cells, (k + 1) * dt, False, heap, log)
    _run(plan, cells, end, False, heap, log)
    for u in range(plan.tau.size):
        _advance(plan, cells, u, end)
    times, units = np.empty(len(log)), np.empty(len(log), dtype=np.int64)
    for e, (t, u) in enumerate(log):
        times[e], units[e] = t, u
    return times, units

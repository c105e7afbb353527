"""One unit off the grid: its constants, where it stands, and what time, arrivals and its threshold do to it."""

from __future__ import annotations

import math
from typing import NamedTuple

from snn.core.compiled import lean_apart, lean_inlined
from snn.core.exact.crossing import first_crossing, soonest_crossing, stayed_below, stays_below
from snn.core.exact.flow import Trajectory, decay, height_from
from snn.core.exact.layout import ExactArrays
from snn.core.neurons import HARD, SOFT

MOST_PER_STEP = 100_000
"""Spikes of a neuron within the length of a step."""


class Unit(NamedTuple):
    """Hold the constants of one unit, as `ExactArrays` has them; `steady` is where its drive leads the membrane."""

    jumps: bool
    strict: bool
    reset: int
    tau: float
    tau_0: float
    tau_1: float
    gain: float
    jump: float
    steady: float
    v_th: float
    v_reset: float
    reset_by: float
    t_ref: float


class Standing(NamedTuple):
    """Hold where a unit stands.

    Attributes:
        v: Membrane at `as_of_ms`.
        current_0: First synaptic current at that time.
        current_1: Second synaptic current at that time.
        as_of_ms: Time of its last event, ms.
        held_until_ms: End of its refractory time, ms.
    """

    v: float
    current_0: float
    current_1: float
    as_of_ms: float
    held_until_ms: float


@lean_inlined
def unit_of(arrays: ExactArrays, p: int, u: int, drive: float) -> Unit:
    """Collect the constants of unit u of population p under `drive`."""
    return Unit(
        arrays.receptors[p] == 0,
        arrays.strict[p],
        arrays.reset[p],
        arrays.tau[u],
        arrays.tau_syn[0, u],
        arrays.tau_syn[1, u],
        arrays.gain[u],
        arrays.jump[u],
        arrays.v_rest[u] + arrays.gain[u] * drive,
        arrays.v_th[u],
        arrays.v_reset[u],
        arrays.reset_by[u],
        arrays.t_ref[u],
    )


@lean_inlined
def flow_to(unit: Unit, at: Standing, t: float) -> Standing:
    """Let the unit flow to time t; it stays where it is if t is not later."""
    if t <= at.as_of_ms:
        return at
    v, current_0, current_1 = at.v, at.current_0, at.current_1
    free = t - max(at.as_of_ms, at.held_until_ms)
    held = min(t, at.held_until_ms) - at.as_of_ms
    if held > 0.0:  # refractory: the membrane stands, currents run on
        current_0 *= decay(held, unit.tau_0, current_0)
        current_1 *= decay(held, unit.tau_1, current_1)
    if free > 0.0:
        path = _path(unit, v, current_0, current_1)
        first, second = decay(free, unit.tau_0, current_0), decay(free, unit.tau_1, current_1)
        v = unit.steady + height_from(path, free, math.exp(-free / unit.tau), first, second)
        current_0, current_1 = current_0 * first, current_1 * second
    return Standing(v, current_0, current_1, t, at.held_until_ms)


@lean_apart
def crossing_time(unit: Unit, at: Standing, until: float) -> float:
    """Find when the membrane meets the threshold if nothing arrives, before `until`, ms; infinite if not."""
    start = max(at.as_of_ms, at.held_until_ms)
    if start >= until or unit.v_th == math.inf:
        return math.inf
    free = flow_to(unit, at, start)
    if free.v == unit.v_th and not unit.strict:
        return start
    path = _path(unit, free.v, free.current_0, free.current_1)
    t = start + first_crossing(path, unit.v_th - unit.steady, until - start)
    return t if t < until else math.inf


@lean_inlined
def soonest(unit: Unit, at: Standing) -> float:
    """Give a time before which `crossing_time` finds nothing, for a division, ms; infinite for never."""
    if unit.v_th == math.inf:
        return math.inf
    path = _path(unit, at.v, at.current_0, at.current_1)  # held, its currents decay, and lift less later
    return max(at.as_of_ms, at.held_until_ms) + soonest_crossing(path, unit.v_th - unit.steady)


@lean_inlined
def is_calm(unit: Unit, at: Standing, t: float) -> bool:
    """Tell cheaply, for most units at most times, that `crossing_time` is after time t if nothing arrives."""
    if unit.v_th == math.inf:
        return True
    path = _path(unit, at.v, at.current_0, at.current_1)
    return stays_below(path, unit.v_th - unit.steady, t - max(at.as_of_ms, at.held_until_ms))


@lean_apart
def look_for_crossing(unit: Unit, at: Standing, t: float, until: float) -> float:
    """Give `crossing_time` if it is not after time t, else a time before which it is not: it may search or not."""
    if at.held_until_ms <= at.as_of_ms:
        later = flow_to(unit, at, t)
        path = _path(unit, at.v, at.current_0, at.current_1)
        ahead = _path(unit, later.v, later.current_0, later.current_1)
        if stayed_below(path, ahead, unit.v_th - unit.steady):
            return math.nextafter(t, math.inf)
    return crossing_time(unit, at, until)


@lean_inlined
def meet(
    unit: Unit, at: Standing, t: float, sum_0: float, sum_1: float, reached: bool, crosses: bool
) -> tuple[Standing, int]:
    """Take the unit through time t: arrivals first, then the threshold; return it and its spikes.

    Args:
        unit: The unit.
        at: Where it stood.
        t: The time, ms.
        sum_0: Sum of the weights that arrive at the first receptor, or at the membrane.
        sum_1: Sum of those that arrive at the second one.
        reached: Whether anything arrives.
        crosses: Whether the membrane meets its threshold then, arrivals aside.
    """
    at = flow_to(unit, at, t)
    held = t <= at.held_until_ms
    v, current_0, current_1 = at.v, at.current_0, at.current_1
    if not unit.jumps:
        current_0, current_1 = current_0 + sum_0, current_1 + sum_1
    elif not held:
        v += unit.jump * sum_0
    if crosses and not reached and unit.jumps:
        v = max(unit.v_th, v)  # the crossing is the threshold, whatever the rounding
    above = v > unit.v_th if unit.strict else v >= unit.v_th
    if not crosses and not (unit.jumps and not held and above):
        return Standing(v, current_0, current_1, t, at.held_until_ms), 0
    spikes = 1
    if unit.reset == HARD:
        v = unit.v_reset
    elif unit.reset == SOFT:
        v -= unit.reset_by
        while unit.t_ref == 0.0 and v >= unit.v_th and spikes <= MOST_PER_STEP:
            v -= unit.reset_by
            spikes += 1
    held_until = t + unit.t_ref if unit.t_ref > 0.0 else at.held_until_ms
    return Standing(v, current_0, current_1, t, held_until), spikes


@lean_inlined
def _path(unit: Unit, v: float, current_0: float, current_1: float) -> Trajectory:
    height = v - unit.steady
    return Trajectory(height, unit.gain * current_0, unit.gain * current_1, unit.tau, unit.tau_0, unit.tau_1)

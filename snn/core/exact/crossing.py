"""The first time at which a membrane meets its threshold, between two events.

No crossing is missed: the slope p = dv/dt times exp(t / tau) has the derivative
-(1 / tau) * exp(t / tau) * (i_0 / tau_0 + i_1 / tau_1), with the currents times gain, and the bracket
vanishes at most once, at a time in closed form (`_turning_time`). So p changes sign at most once before
that time and at most once after it: each of the two intervals holds at most one maximum of the membrane,
and a crossing on the way up lies before it.
"""

from __future__ import annotations

import math

from snn.core.compiled import compiled, compiled_entry, lean_inlined, part
from snn.core.exact.flow import Trajectory, height_after, slope_after

_MOST_ITERATIONS = 200
_ROUNDING = 1e-12
"""What heights may be off, as a part of their terms."""


@compiled_entry
def first_crossing(path: Trajectory, level: float, limit: float) -> float:
    """Find the first time in [0, limit] at which the height reaches `level`, ms; infinite if none.

    Args:
        path: Course of the membrane from time 0 on.
        level: Threshold above the steady membrane, v_th - E.
        limit: Time up to which to look, ms.
    """
    if path.height > level:
        return 0.0
    if path.current_0 == 0.0 and path.current_1 == 0.0:
        return _without_currents(path, level, limit)
    if path.current_1 == 0.0 and path.tau == 2.0 * path.tau_0 and path.height < level:
        return _two_to_one(path, level, limit)
    low, high = 0.0, _turning_time(path, limit)
    for _ in range(2):
        if slope_after(path, low) > 0.0 >= slope_after(path, high):
            top = _peak(path, low, high)
        else:
            top = high
        if height_after(path, top) >= level:
            return _rise_through(path, level, low, top)
        if high == limit:
            break
        low, high = high, limit
    return math.inf


@lean_inlined
def soonest_crossing(path: Trajectory, level: float) -> float:
    """Give a time before which `first_crossing` finds none, without an exponential, ms; infinite if it never does.

    The currents that lift sum up to c and only decay, so that the height stays below
    height + (c - height) * (1 - exp(-t / tau)), thus below height + (c - height) * t / tau.
    """
    room, pull = _room(path, level), _pull(path)
    if room <= 0.0:
        return 0.0
    return path.tau * room / pull if pull > room else math.inf


@lean_inlined
def stays_below(path: Trajectory, level: float, t: float) -> bool:
    """Tell whether t ms are before `soonest_crossing`, without its division."""
    room, pull = _room(path, level), _pull(path)
    return room > 0.0 and (pull <= room or pull * t < room * path.tau)


@lean_inlined
def stayed_below(path: Trajectory, later: Trajectory, level: float) -> bool:
    """Tell from both ends of a time whether the height was below `level` all along; False if that takes a search.

    Currents of one sign give the slope one change of sign at most: then a height that is below at both ends was
    above in between only if it rose at first and falls at last. `later` is the same path, from that end on.
    """
    if path.current_0 * path.current_1 < 0.0 or not (_room(path, level) > 0.0 and _room(later, level) > 0.0):
        return False
    return not (_pulled(path) > 0.0 > _pulled(later))


@lean_inlined
def _room(path: Trajectory, level: float) -> float:
    """Compute how far the height is below `level`, less than which roundings may be."""
    scale = abs(path.height) + abs(path.current_0) + abs(path.current_1) + abs(level)
    return level - path.height - _ROUNDING * scale


@lean_inlined
def _pull(path: Trajectory) -> float:
    """Compute the steepest slope from here on, times tau."""
    return max(path.current_0, 0.0) + max(path.current_1, 0.0) - path.height


@lean_inlined
def _pulled(path: Trajectory) -> float:
    """Compute the slope here, times tau."""
    return path.current_0 + path.current_1 - path.height


@compiled
def _without_currents(path: Trajectory, level: float, limit: float) -> float:
    """Solve height * exp(-t / tau) = level."""
    if not path.height <= level < 0.0:
        return math.inf
    t = path.tau * math.log(path.height / level)
    return t if t <= limit else math.inf


@compiled
def _two_to_one(path: Trajectory, level: float, limit: float) -> float:
    """Solve tau = 2 tau_0, with x = exp(-t / tau): height * x + current_0 * (x - x^2) = level."""
    middle = path.height + path.current_0
    inside = middle * middle - 4.0 * path.current_0 * level
    if inside < 0.0:
        return math.inf
    q = 0.5 * (middle + math.copysign(math.sqrt(inside), middle))
    best = 0.0  # the larger x is the earlier time
    for x in (q / path.current_0, level / q if q != 0.0 else 0.0):
        if best < x < 1.0:
            best = x
    t = -path.tau * math.log(best) if best > 0.0 else math.inf
    return t if t <= limit else math.inf


@compiled
def _turning_time(path: Trajectory, limit: float) -> float:
    """Find where current_0 / tau_0 + current_1 / tau_1 vanishes, within (0, limit); `limit` if nowhere."""
    first, second = path.current_0 / path.tau_0, path.current_1 / path.tau_1
    if first * second < 0.0 and path.tau_0 != path.tau_1:
        turn = math.log(-first / second) / (1.0 / path.tau_0 - 1.0 / path.tau_1)
        if 0.0 < turn < limit:
            return turn
    return limit


@part
def _peak(path: Trajectory, low: float, high: float) -> float:
    """Find where the slope falls through 0, once in [low, high]."""
    t = 0.5 * (low + high)
    for _ in range(_MOST_ITERATIONS):
        slope = slope_after(path, t)
        if slope >= 0.0:
            low = t
        else:
            high = t
        bend = (
            path.current_0 * math.exp(-t / path.tau_0) / path.tau_0
            + path.current_1 * math.exp(-t / path.tau_1) / path.tau_1
        )
        following = _newton_step(t, slope, -(slope + bend) / path.tau, low, high)
        if following == t or high - low <= 1e-15 * high:
            break
        t = following
    return t


@part
def _rise_through(path: Trajectory, level: float, low: float, high: float) -> float:
    """Find where the height rises through `level`, once in [low, high]."""
    t = 0.5 * (low + high)
    for _ in range(_MOST_ITERATIONS):
        above = height_after(path, t) - level
        if above >= 0.0:
            high = t
        else:
            low = t
        following = _newton_step(t, above, slope_after(path, t), low, high)
        if following == t or high - low <= 1e-15 * high:
            break
        t = following
    return t


@compiled
def _newton_step(t: float, value: float, derivative: float, low: float, high: float) -> float:
    """Improve the root `t` by Newton's step, or halve the interval where that would leave it."""
    improved = t - value / derivative if derivative != 0.0 else low
    return improved if low < improved < high else 0.5 * (low + high)

"""The exact flow of a membrane and its currents between two events, in closed form.

Between events a neuron obeys, with the constant drive I and the steady membrane E = v_rest + gain * I::

    tau dv/dt = -(v - E) + gain * (i_0 + i_1),     di_r/dt = -i_r / tau_r

These are sums of exponentials, so membrane and slope are known at every later time without any step.
Source: Rotter & Diesmann, "Exact digital simulation of time-invariant linear systems", 1999.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from snn.core.compiled import compiled, lean_inlined

_APART = 0.1
"""Difference of two time constants, as a part of one, from which a difference of exponentials keeps its digits."""


class Trajectory(NamedTuple):
    """Hold what decides the course of a membrane until its next event; time counts from here.

    Attributes:
        height: Membrane above its steady value, v - E.
        current_0: First synaptic current, times gain.
        current_1: Second synaptic current, times gain.
        tau: Membrane time constant, ms.
        tau_0: Time constant of the first current, ms.
        tau_1: Time constant of the second current, ms.
    """

    height: float
    current_0: float
    current_1: float
    tau: float
    tau_0: float
    tau_1: float


@lean_inlined
def psp_kernel(t: float, tau: float, tau_syn: float, membrane: float, current: float) -> float:
    """Compute the response of a membrane to a unit current (the postsynaptic potential), after t ms.

    The plain formula divides by tau_syn - tau; where the constants are close, or equal, a form that keeps
    its digits takes over. What the membrane and the current decay to by then is given: exponentials are dear.
    """
    if abs(tau_syn - tau) > _APART * tau_syn:
        return (current - membrane) * (tau_syn / (tau_syn - tau))
    x = t * (1.0 / tau - 1.0 / tau_syn)
    if abs(x) < 1e-8:
        return membrane * t / tau * (1.0 + 0.5 * x)
    if abs(x) < 1.0:
        return membrane * t / tau * (math.expm1(x) / x)
    return (current - membrane) * (tau_syn / (tau_syn - tau))


@lean_inlined
def decay(t: float, tau: float, current: float) -> float:
    """Compute what a current decays to from 1 in t ms; most units lack one, which costs nothing."""
    return math.exp(-t / tau) if current != 0.0 else 0.0


@lean_inlined
def height_from(path: Trajectory, t: float, membrane: float, first: float, second: float) -> float:
    """Compute the membrane above its steady value, v - E, after t ms, from what decays to what by then."""
    height = path.height * membrane
    if path.current_0 != 0.0:
        height += path.current_0 * psp_kernel(t, path.tau, path.tau_0, membrane, first)
    if path.current_1 != 0.0:
        height += path.current_1 * psp_kernel(t, path.tau, path.tau_1, membrane, second)
    return height


@compiled
def height_after(path: Trajectory, t: float) -> float:
    """Compute the membrane above its steady value, v - E, after t ms."""
    first, second = decay(t, path.tau_0, path.current_0), decay(t, path.tau_1, path.current_1)
    return height_from(path, t, math.exp(-t / path.tau), first, second)


@compiled
def slope_after(path: Trajectory, t: float) -> float:
    """Compute dv/dt after t ms."""
    membrane = math.exp(-t / path.tau)
    slope = (path.current_0 + path.current_1 - path.height) / path.tau * membrane
    if path.current_0 != 0.0:
        first = psp_kernel(t, path.tau, path.tau_0, membrane, decay(t, path.tau_0, path.current_0))
        slope -= path.current_0 / path.tau_0 * first
    if path.current_1 != 0.0:
        second = psp_kernel(t, path.tau, path.tau_1, membrane, decay(t, path.tau_1, path.current_1))
        slope -= path.current_1 / path.tau_1 * second
    return slope

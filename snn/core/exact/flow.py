"""The exact flow of a membrane and its currents between two events, in closed form.

Between events a neuron obeys, with the constant drive I and the steady membrane E = v_rest + gain * I::

    tau dv/dt = -(v - E) + gain * (i_0 + i_1),     di_r/dt = -i_r / tau_r

These are sums of exponentials, so membrane and slope are known at every later time without any step.
Source: Rotter & Diesmann, "Exact digital simulation of time-invariant linear systems", 1999.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from snn.core.compiled import compiled


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


@compiled
def psp_kernel(t: float, tau: float, tau_syn: float) -> float:
    """Compute the response of a membrane to a unit current (the postsynaptic potential), after t ms.

    The plain formula divides by tau_syn - tau; where the constants are close, or equal, a form that keeps
    its digits takes over.
    """
    x = t * (1.0 / tau - 1.0 / tau_syn)
    if abs(x) < 1e-8:
        return math.exp(-t / tau) * t / tau * (1.0 + 0.5 * x)
    if abs(x) < 1.0:
        return math.exp(-t / tau) * t / tau * (math.expm1(x) / x)
    return (math.exp(-t / tau_syn) - math.exp(-t / tau)) * (tau_syn / (tau_syn - tau))


@compiled
def height_after(path: Trajectory, t: float) -> float:
    """Compute the membrane above its steady value, v - E, after t ms."""
    return (
        path.height * math.exp(-t / path.tau)
        + path.current_0 * psp_kernel(t, path.tau, path.tau_0)
        + path.current_1 * psp_kernel(t, path.tau, path.tau_1)
    )


@compiled
def slope_after(path: Trajectory, t: float) -> float:
    """Compute dv/dt after t ms."""
    fed = (path.current_0 + path.current_1 - path.height) / path.tau * math.exp(-t / path.tau)
    decayed_0 = path.current_0 / path.tau_0 * psp_kernel(t, path.tau, path.tau_0)
    decayed_1 = path.current_1 / path.tau_1 * psp_kernel(t, path.tau, path.tau_1)
    return fed - (decayed_0 + decayed_1)

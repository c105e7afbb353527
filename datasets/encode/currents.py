"""Currents to spikes: one integrate-and-fire neuron for each channel."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from snn.core import Events, LIFParams
from snn.core.checks import finite, instance, refusal
from snn.core.units import check_dt

__all__ = ["integrate_and_fire"]


def integrate_and_fire(currents: ArrayLike, neuron: LIFParams, *, dt_ms: float = 1.0) -> Events:
    """Let each channel drive a neuron of its own: the engine's own neurons, `snn.core.neurons` has the equation.

    A neuron that integrates without leak, ``LIFParams(decay=1.0, reset="soft")``, has spiked floor(charge /
    threshold) times after a charge >= 0 that brings no more than a threshold in a step.

    Args:
        currents: What every step adds to a membrane, before `input_scale`, [T, B, N]; in the unit of `v_th`.
        neuron: The neurons, one set of numbers for all or one per channel.
        dt_ms: Length of a step, ms.

    Returns:
        Events of N units and T steps.

    Raises:
        ValueError: A current is not finite, or an argument is impossible; the message names it.
        MemoryError: The run does not fit.
    """
    drive = finite("currents", currents)
    if drive.ndim != 3 or not drive.size:
        raise refusal("currents", "of shape [T, B, N], of at least one step, sample and channel", drive)
    instance("neuron", neuron, LIFParams)
    from snn.core import Network, Population, Record, simulate  # bring numba in

    net = Network(check_dt(dt_ms), [Population("out", drive.shape[2], neuron)])
    given: dict[str, Any] = {"out": drive}
    run = simulate(net, n_steps=len(drive), currents=given, record=Record(spikes=["out"]))
    return run.spikes["out"]

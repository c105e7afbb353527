"""Weights in a user's units: of a wanted rise of the membrane, or of a wanted charge.

A weight is what an arrival adds in one step, so it belongs to a length of step: halve `dt_ms`, and a synaptic
current of the same weights drives the membrane twice as often. These functions give the weight for a `dt_ms`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snn.core.arrays import Float64Array
from snn.core.checks import finite, instance, number, refusal
from snn.core.neurons.dynamics import Dynamics
from snn.core.neurons.params import LIFParams, LIParams, NeuronParams


class _Response(NamedTuple):
    """What the membrane does after an arrival of 1: v_n = scale * sum over j <= n of leak^(n - j) * fade^j.

    Attributes:
        scale: Factor of the input, [N].
        leak: Factor of the membrane per step, [N], in [0, 1].
        fade: Factor of the current per step, [N], in [0, 1]; 0 where a spike jumps the membrane.
    """

    scale: Float64Array
    leak: Float64Array
    fade: Float64Array


def psp_weight(
    neuron: NeuronParams, psp_mv: float | Float64Array, dt_ms: float, receptor: str | None = None
) -> float | Float64Array:
    """Give the weight with which one spike moves the membrane at rest by `psp_mv` at the peak.

    The peak is the largest value that the membrane has in a step, exactly; where it does not leak, or the current
    does not decay, it is the value that it tends to. Refractory time and thresholds are left out.

    Args:
        neuron: The receiver.
        psp_mv: Height of the peak over rest, in the unit of the membrane; negative for inhibition. One, or [N].
        dt_ms: Length of a step, ms.
        receptor: Which of the neuron's named synaptic currents the spike feeds; None for its only one, or for none.

    Returns:
        The weight for `Projection`: a number, or [N] where `psp_mv` or a value of the neuron is one per neuron.

    Raises:
        ValueError: There is no such receptor, the membrane would rise without end, or a value is impossible.

    Source: the step equations of `snn.core.neurons`, solved.
    """
    wanted = _checked("psp_mv", psp_mv)
    response = _response(neuron, wanted.size, dt_ms, receptor)
    return _as_given(wanted / (response.scale * _peak(response.leak, response.fade)), psp_mv)


def charge_weight(
    neuron: NeuronParams, charge_mv: float | Float64Array, dt_ms: float, receptor: str | None = None
) -> float | Float64Array:
    """Give the weight with which one spike adds `charge_mv` to the membrane in all steps together, leak aside.

    A charge Q into a capacitance C is Q / C in mV (pC / nF, or fC / pF). Networks whose weights are of equal charge
    have, for short steps, the same mean drive whatever the length of the step.

    Args:
        neuron: The receiver.
        charge_mv: Charge over capacitance, in the unit of the membrane; negative for inhibition. One, or [N].
        dt_ms: Length of a step, ms.
        receptor: Which of the neuron's named synaptic currents the spike feeds; None for its only one, or for none.

    Returns:
        The weight for `Projection`: a number, or [N] where `charge_mv` or a value of the neuron is one per neuron.

    Raises:
        ValueError: There is no such receptor, its current does not decay, or a value is impossible.
    """
    wanted = _checked("charge_mv", charge_mv)
    response = _response(neuron, wanted.size, dt_ms, receptor)
    if (response.fade >= 1.0).any():
        raise refusal("syn_decay", "< 1, so that a spike brings a finite charge", float(response.fade.max()))
    return _as_given(wanted * (1.0 - response.fade) / response.scale, charge_mv)


def _checked(name: str, value: float | Float64Array) -> Float64Array:
    """Give the wanted values as an array, [N] or [1]."""
    return np.atleast_1d(finite(name, value))


def _as_given(weight: Float64Array, wanted: float | Float64Array) -> float | Float64Array:
    """Give a number where one was asked of neurons that are alike."""
    return float(weight[0]) if np.ndim(wanted) == 0 and (weight == weight[0]).all() else weight


def _size(neuron: NeuronParams, wanted: int) -> int:
    """Give the number of neurons that the values speak of: 1 where all are alike."""
    found = {wanted}
    for name in neuron.__dataclass_fields__:
        value = getattr(neuron, name)
        parts = value.values() if hasattr(value, "values") else (value,)
        found |= {np.size(part) for part in parts if np.ndim(part) == 1}
    sizes = sorted(found - {1})
    if len(sizes) > 1:
        raise refusal("neurons", "one value for all or one per neuron, of one number of neurons", sizes)
    return sizes[0] if sizes else 1


def _response(neuron: NeuronParams, wanted: int, dt_ms: float, receptor: str | None) -> _Response:
    """Read the receiver's constants for one receptor."""
    instance("neuron", neuron, (LIFParams, LIParams))
    dt_ms = number("dt_ms", dt_ms, above=0)
    names = neuron.receptors
    if receptor not in (names or (None,)):
        allowed = " or ".join(map(repr, names or (None,)))
        raise refusal("receptor", f"one of the neuron's, {allowed}", receptor)
    size = _size(neuron, wanted)
    step: Dynamics = neuron.dynamics(size, dt_ms)
    leak = 1.0 - step.input_scale if step.decay_input else step.decay
    if (step.input_scale == 0.0).any():
        raise refusal("input_scale", "other than 0, so that a spike moves the membrane", 0.0)
    if (leak < 0.0).any() or (leak > 1.0).any():
        raise refusal("input_scale", "in (0, 1] with decay_input", float(step.input_scale.max()))
    fade = step.syn_decay[names.index(receptor)] if names else np.zeros(size)
    return _Response(step.input_scale, leak, fade)


def _peak(leak: Float64Array, fade: Float64Array) -> Float64Array:
    """Give the largest of sum over j <= n of leak^(n - j) * fade^j over all n >= 0."""
    slow, fast = (
        np.maximum(leak, fade),
        np.minimum(leak, fade),
    )  # the sum does not change when they change places
    if (fast >= 1.0).any():
        raise refusal(
            "decay", "< 1 where the current does not decay either: the membrane rises without end", 1.0
        )
    peak = np.ones_like(slow)
    endless = slow >= 1.0
    peak[endless] = 1.0 / (1.0 - fast[endless])
    both = ~endless & (fast > 0.0)  # otherwise the first step is the highest
    peak[both] = _highest(slow[both], fast[both])
    return peak


def _highest(slow: Float64Array, fast: Float64Array) -> Float64Array:
    """Find the peak for 0 < fast <= slow < 1.

    A step n is higher than the one before while (slow / fast)^n < (1 - fast) / (1 - slow); rounding may miss that
    step by one, so its neighbours are looked at.
    """
    gap = np.log1p((fast - slow) / slow)  # log(fast / slow), exact where they nearly agree
    with np.errstate(divide="ignore", invalid="ignore"):
        last = np.where(gap < 0.0, np.log((1.0 - slow) / (1.0 - fast)) / gap, slow / (1.0 - slow))
    near = np.maximum(np.floor(last) + np.arange(-1, 3)[:, None], 0.0)
    ratio = np.where(
        gap < 0.0, np.expm1((near + 1.0) * gap) / np.where(gap < 0.0, np.expm1(gap), 1.0), near + 1.0
    )
    return np.asarray((slow**near * ratio).max(axis=0))

"""The constants of a neuron's step, computed from its parameters: `LIFParams` or `LIParams`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from snn.core.arrays import Float64Array, Int64Array
from snn.core.neurons.values import per_neuron

HARD, SOFT, HARD_NEXT_STEP = 0, 1, 2
RESETS: dict[str, int] = {"hard": HARD, "soft": SOFT, "hard_next_step": HARD_NEXT_STEP}


class Dynamics(NamedTuple):
    """The constants of one population's step, as the compiled loops read them.

    Attributes:
        decay: Factor of the membrane per step, [N], in [0, 1].
        input_scale: Factor of the input, [N].
        decay_input: Which of the two membrane equations holds (the module has them).
        v_th: Threshold, [N]; infinite for a neuron that never spikes.
        v_reset: Value after a hard reset, [N].
        reset_by: Fall of a soft reset, [N].
        v_rest: Value towards which the membrane decays, [N].
        reset: One of HARD, SOFT, HARD_NEXT_STEP.
        strict: Whether a spike needs v > v_th rather than v >= v_th.
        refractory: Steps held after a spike, [N], >= 0.
        bias: Constant drive, [N].
        syn_decay: Factor of each receptor's current per step, [R, N]; R = 0 where spikes jump the membrane.
        adapt_by: Rise of the threshold at a spike, [N]; 0 for all where it does not adapt.
        adapt_decay: Factor of that rise per step, [N].
        syn_bias: Constant arrival at each receptor, [R, N].
        multiple: Whether a neuron may spike several times in a step.
    """

    decay: Float64Array
    input_scale: Float64Array
    decay_input: bool
    v_th: Float64Array
    v_reset: Float64Array
    reset_by: Float64Array
    v_rest: Float64Array
    reset: int
    strict: bool
    refractory: Int64Array
    bias: Float64Array
    syn_decay: Float64Array
    adapt_by: Float64Array
    adapt_decay: Float64Array
    syn_bias: Float64Array
    multiple: bool


def decay_factor(name: str, tau_ms: Any, size: int, dt_ms: float) -> Float64Array:
    """Compute the factor exp(-dt / tau) of each neuron, [size]."""
    with np.errstate(over="ignore"):  # a time constant close to 0: the factor is 0
        return np.asarray(np.exp(-dt_ms / per_neuron(name, tau_ms, size)))


def membrane_dynamics(params: Any, size: int, dt_ms: float) -> Dynamics:
    """Fill in what both kinds of neuron share; the threshold is out of reach."""
    if params.tau_mem_ms is not None:
        decay = decay_factor("tau_mem_ms", params.tau_mem_ms, size, dt_ms)
    else:
        decay = per_neuron("decay", params.decay, size)
    if params.input_scale is not None:
        scale = per_neuron("input_scale", params.input_scale, size)
    else:
        scale = 1.0 - decay if params.decay_input else np.ones(size)
    return Dynamics(
        decay=decay,
        input_scale=scale,
        decay_input=params.decay_input,
        v_th=np.full(size, np.inf),
        v_reset=np.zeros(size),
        reset_by=np.zeros(size),
        v_rest=per_neuron("v_rest", params.v_rest, size),
        reset=HARD,
        strict=True,
        refractory=np.zeros(size, dtype=np.int64),
        bias=per_neuron("bias", params.bias, size),
        syn_decay=_syn_decay(params, size, dt_ms),
        adapt_by=np.zeros(size),
        adapt_decay=np.zeros(size),
        syn_bias=_syn_bias(params, size),
        multiple=False,
    )


def _syn_decay(params: Any, size: int, dt_ms: float) -> Float64Array:
    """Compute the factor of each receptor's current per step, [R, size]."""
    name = "tau_syn_ms" if params.syn_decay is None else "syn_decay"
    given = getattr(params, name)
    found = np.empty((len(params.receptors), size))
    for row, receptor in enumerate(params.receptors):
        label = name if receptor is None else f"{name}[{receptor!r}]"
        value = given if receptor is None else given[receptor]
        if name == "tau_syn_ms":
            found[row] = decay_factor(label, value, size, dt_ms)
        else:
            found[row] = per_neuron(label, value, size)
    return found


def _syn_bias(params: Any, size: int) -> Float64Array:
    """Spread what arrives at each receptor in every step, [R, size]."""
    given = params.syn_bias
    return np.array(
        [
            per_neuron(f"syn_bias[{name!r}]", given.get(str(name), 0.0), size)
            if isinstance(given, Mapping)
            else per_neuron("syn_bias", given, size)
            for name in params.receptors
        ]
    ).reshape(len(params.receptors), size)


def adapt_factor(params: Any, size: int, dt_ms: float) -> Float64Array:
    """Compute the factor of the threshold's rise per step, [size]; 0 where it does not adapt."""
    if params.tau_adapt_ms is not None:
        return decay_factor("tau_adapt_ms", params.tau_adapt_ms, size, dt_ms)
    return per_neuron("adapt_decay", 0.0 if params.adapt_decay is None else params.adapt_decay, size)

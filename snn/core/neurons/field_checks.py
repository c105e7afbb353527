"""What the fields of neuron parameters must be, alone and together; `params` are `LIFParams` or `LIParams`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from snn.core.checks import choice, flag, refusal, shown
from snn.core.neurons.values import Spikes, per_neuron, receptors_of, set_number, set_per_receptor


def check_size(params: Any, size: int | None = None) -> None:
    """Refuse values per neuron that are not `size`; None: as many as the first field has that holds some.

    Raises:
        ValueError: As said above; the message names the field.
    """
    values: dict[str, Any] = {}
    for field in fields(params):
        given = getattr(params, field.name)
        parts = given.items() if isinstance(given, Mapping) else ()
        values |= {field.name: given, **{f"{field.name}[{key!r}]": part for key, part in parts}}
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            size = value.size if size is None else size
            per_neuron(name, value, size)


def check_membrane(params: Any) -> None:
    """Check what both kinds of neuron share.

    Raises:
        ValueError: A value is impossible; the message names it.
    """
    if (params.tau_mem_ms is None) == (params.decay is None):
        got = "neither" if params.decay is None else "both"
        raise ValueError(f"exactly one of tau_mem_ms and decay must be given, got {got}")
    if params.input_scale is not None and params.decay is None:
        raise refusal("input_scale", "None without decay", params.input_scale)
    object.__setattr__(params, "decay_input", flag("decay_input", params.decay_input))
    set_number(params, "tau_mem_ms", above=0.0, infinite=True)
    set_number(params, "decay", low=0.0, high=1.0)
    set_number(params, "input_scale")
    set_number(params, "v_rest")
    set_number(params, "bias")
    if params.decay_input and params.input_scale is not None:
        check_size(params)
        gap = np.asarray(params.decay) + np.asarray(params.input_scale) - 1.0
        if (np.abs(gap) > 1e-9).any():
            rule = f"1 - decay with decay_input=True and decay {shown(params.decay)}"
            raise refusal("input_scale", rule, params.input_scale)
    check_receptors(params)


def check_receptors(params: Any) -> None:
    """Check what is said of each receptor, and whether it is said of the same."""
    set_per_receptor(params, "tau_syn_ms", above=0.0)
    set_per_receptor(params, "syn_decay", low=0.0, high=1.0)
    set_per_receptor(params, "syn_bias")
    if params.tau_syn_ms is not None and params.syn_decay is not None:
        raise refusal("syn_decay", "None with tau_syn_ms", params.syn_decay)
    bias, receptors = params.syn_bias, receptors_of(params)
    if isinstance(bias, Mapping):
        for name in bias:
            if name not in receptors:
                raise refusal("syn_bias", f"by names of receptors, {list(receptors)}", name)
    elif np.any(np.asarray(bias) != 0.0) and not receptors:
        raise refusal("syn_bias", "0 without tau_syn_ms or syn_decay: bias drives the membrane itself", bias)


def check_adaptation(params: Any) -> None:
    """Check the rise of the threshold.

    Raises:
        ValueError: A value is impossible; the message names it.
    """
    set_number(params, "adapt_by", low=0.0)
    set_number(params, "tau_adapt_ms", above=0.0)
    set_number(params, "adapt_decay", low=0.0, high=1.0)
    if params.tau_adapt_ms is not None and params.adapt_decay is not None:
        raise refusal("adapt_decay", "None with tau_adapt_ms", params.adapt_decay)
    rises = bool(np.any(np.asarray(params.adapt_by) > 0.0))
    if rises and not params.adapts:
        raise refusal("tau_adapt_ms", f"given with adapt_by {shown(params.adapt_by)}", None)
    if params.adapts and not rises:
        name = "tau_adapt_ms" if params.adapt_decay is None else "adapt_decay"
        raise refusal("adapt_by", f"> 0 with {name}", params.adapt_by)
    if rises and params.reset == "hard_next_step":
        raise refusal("reset", "'hard' or 'soft' with adapt_by", params.reset)


def check_spikes(params: Any) -> None:
    """Check how often a neuron may spike in a step.

    Raises:
        ValueError: A value is impossible; the message names it.
    """
    if choice("spikes", params.spikes, Spikes) == "multiple":
        if params.reset != "soft":
            raise refusal("reset", "'soft' with spikes='multiple'", params.reset)
        if np.any(np.asarray(params.t_ref_ms) > 0.0):
            raise refusal("t_ref_ms", "0 with spikes='multiple': they are of one step", params.t_ref_ms)

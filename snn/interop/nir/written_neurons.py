"""What the neurons of a network become in NIR, and what they lose there."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from snn.core import LIFParams, LIParams, Network, Population
from snn.core.arrays import Float64Array
from snn.core.checks import refusal
from snn.core.neurons import Dynamics

__all__ = ["Style", "WrittenNeuron", "style_of", "write_neuron"]


class Style(NamedTuple):
    """How all neurons of a graph are to be read; it stands in the graph's metadata.

    Attributes:
        integrate: "exact" where all time constants are given in ms, else "euler".
        reset: What a spike does.
        fires: Whether a spike needs v > threshold (">") or v >= threshold (">=").
    """

    integrate: str
    reset: str
    fires: str


class WrittenNeuron(NamedTuple):
    """The node of a population.

    Attributes:
        kind: Its type in NIR.
        fields: Its parameters, each [N] float64; "metadata" holds the constants of a step, to the bit.
        bias: What an Affine before it must add, [N], or None.
        lost: What NIR cannot say of it: the field, what it must be, and what it is.
    """

    kind: str
    fields: dict[str, Any]
    bias: Float64Array | None
    lost: tuple[tuple[str, str, Any], ...]


def style_of(net: Network) -> Style:
    """Give the style that all neurons of a network share.

    Raises:
        ValueError: They reset or spike in different ways.
    """
    found: dict[str, dict[Any, str]] = {"reset": {}, "fires": {}}
    exact = True
    for population in net.populations:
        neuron = population.neuron
        if neuron is None:
            continue
        exact &= neuron.tau_mem_ms is not None and neuron.syn_decay is None
        if isinstance(neuron, LIFParams):
            found["reset"].setdefault(_reset(neuron), population.name)
            found["fires"].setdefault(neuron.fires, population.name)
    for name, ways in found.items():
        if len(ways) > 1:
            raise refusal(name, "the same for all populations, as NIR has one for a graph", ways)
    return Style(
        "exact" if exact else "euler", next(iter(found["reset"]), "hard"), next(iter(found["fires"]), ">")
    )


def _reset(neuron: LIFParams) -> str:
    return "soft_multiple" if neuron.spikes == "multiple" else neuron.reset


def write_neuron(population: Population, dt_ms: float, style: Style) -> WrittenNeuron:
    """Give the node of a population of neurons.

    Raises:
        ValueError: NIR has no such neuron; the message names the field.
    """
    neuron = population.neuron
    assert neuron is not None  # sources are inputs
    where = f" of {population.name!r}"
    step = neuron.dynamics(population.size, dt_ms)
    if len(neuron.receptors) > 1:
        raise refusal(
            f"tau_syn_ms{where}", "one synaptic current, as NIR has no more", list(neuron.receptors)
        )
    fields: dict[str, Any] = {} if not neuron.receptors else _current(where, step, dt_ms, style)
    kind, membrane = _membrane(where, step, dt_ms, style, bool(fields))
    fields |= membrane | {"metadata": _constants(step)}
    if neuron.receptors and step.bias.any():
        raise refusal(
            f"bias{where}", "0 beside a synaptic current (NIR filters biases: syn_bias)", neuron.bias
        )
    bias = step.syn_bias[0] if neuron.receptors else step.bias
    if isinstance(neuron, LIParams):
        return WrittenNeuron(kind, fields, bias if bias.any() else None, ())
    if neuron.reset == "soft" and (step.reset_by != step.v_th).any():
        raise refusal(f"reset_by{where}", "the threshold", neuron.reset_by)
    fields |= {"v_threshold": _threshold(step.v_th, style), "v_reset": step.v_reset}
    return WrittenNeuron(f"{kind}F", fields, bias if bias.any() else None, _lost(neuron, step, style))


def _lost(neuron: LIFParams, step: Dynamics, style: Style) -> tuple[tuple[str, str, Any], ...]:
    """Give what NIR cannot say of neurons that spike."""
    found: list[tuple[str, str, Any]] = []
    if style.reset != "hard":
        found.append(("reset", "'hard'", neuron.reset))
    if style.fires != ">":
        found.append(("fires", "'>'", neuron.fires))
    if step.refractory.any():
        found.append(("t_ref_ms", "0", neuron.t_ref_ms))
    if neuron.adapts:
        found.append(("adapt_by", "0", neuron.adapt_by))
    return tuple(found)


def _threshold(v_th: Float64Array, style: Style) -> Float64Array:
    """Give the threshold that v must be above; for ">=" the number before it, in the float32 of other readers."""
    if style.fires == ">":
        return v_th
    return np.nextafter(v_th.astype(np.float32), np.float32(-np.inf)).astype(np.float64)


def _membrane(
    where: str, step: Dynamics, dt_ms: float, style: Style, cuba: bool
) -> tuple[str, dict[str, Any]]:
    """Give the constants of a membrane: "LI", "CubaLI", or "I" where it does not leak."""
    share = step.input_scale if step.decay_input else 1.0 - step.decay
    if (share == 0.0).all() and not cuba:
        if step.v_rest.any():
            raise refusal(f"v_rest{where}", "0 without leak, as NIR has none then", step.v_rest.tolist())
        return "I", {"r": step.input_scale * 1000.0 / dt_ms}
    if (share <= 0.0).any():
        raise refusal(f"decay{where}", "below 1 for all neurons, or 1 for all without a current", 1.0)
    r = np.ones_like(share) if step.decay_input else step.input_scale / share
    tau = _tau(share, dt_ms, style)
    return ("CubaLI" if cuba else "LI"), {"tau_mem" if cuba else "tau": tau, "r": r, "v_leak": step.v_rest}


def _current(where: str, step: Dynamics, dt_ms: float, style: Style) -> dict[str, Float64Array]:
    """Give the constants of a synaptic current that takes weights as they are."""
    share = 1.0 - step.syn_decay[0]
    if (share <= 0.0).any():
        raise refusal(f"syn_decay{where}", "below 1", float(step.syn_decay.max()))
    return {"tau_syn": _tau(share, dt_ms, style), "w_in": 1.0 / share}


def _tau(share: Float64Array, dt_ms: float, style: Style) -> Float64Array:
    """Give the time constant, s, of which a step takes this share."""
    if style.integrate == "exact":
        return -dt_ms / 1000.0 / np.log1p(-share)
    return dt_ms / 1000.0 / share


def _constants(step: Dynamics) -> dict[str, Any]:
    """Give what a step uses, to the bit: time constants give it back to a rounding only."""
    found = {"decay": step.decay, "input_scale": step.input_scale, "decay_input": int(step.decay_input)}
    return found | ({"syn_decay": step.syn_decay[0]} if len(step.syn_decay) else {})

"""Take a trained model into the event engines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from snn.core import LIFParams, LIParams, Network, Population, Projection
from snn.nn.layer import Layer
from snn.nn.neurons import LIF, LeakyReadout
from snn.nn.stages import Folded, Stage, fold, split

__all__ = ["to_network"]


def to_network(model: Layer, dt_ms: float, *, folded: Callable[[Stage], Folded] = fold) -> Network:
    """Write a model, as it evaluates, as a `Network`: delays rounded, BatchNorm folded, float64.

    Args:
        model: Stages of connection, optional BatchNorm and neurons (see `snn.nn.stages`).
        dt_ms: Length of a step, ms.
        folded: Gives the projections and the bias of a stage; another one takes weights from elsewhere.

    Returns:
        Populations and projections named as in `snn.nn.stages`. Run it on the input with
        `model.tail_steps` silent steps appended, and it spikes as the model does.

    Raises:
        ValueError: The layers are not such stages, or dt_ms is not above 0.
    """
    stages = split(model)
    populations = [Population("in", stages[0].connection.in_features)]
    projections = []
    for stage in stages:
        parts = folded(stage)
        neuron = _parameters(stage.neuron, parts.bias.numpy())
        populations.append(Population(stage.post, stage.connection.out_features, neuron))
        for wires in parts.wires:
            weight, delay_ms = wires.weight.numpy(), wires.delay_steps.numpy() * float(dt_ms)
            projections.append(Projection(wires.pre, stage.post, weight, delay_ms, name=wires.name))
    return Network(dt_ms, populations, projections)


def _parameters(neuron: LIF | LeakyReadout, bias: NDArray[np.float64]) -> LIFParams | LIParams:
    o = neuron.options
    scale = 1.0 / o.tau if o.decay_input else 1.0
    if isinstance(neuron, LeakyReadout):
        return LIParams(decay=o.decay, input_scale=scale, decay_input=o.decay_input, bias=bias)
    return LIFParams(
        decay=o.decay,
        input_scale=scale,
        decay_input=o.decay_input,
        v_th=o.v_th,
        v_reset=o.v_reset,
        v_rest=o.v_reset,
        reset=o.reset,
        fires=o.fires,
        bias=bias,
    )

"""Take a trained model into the event engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from snn.core import LIFParams, LIParams, Network, Population, Projection
from snn.nn.layer import Layer
from snn.nn.neurons import LIF, LeakyReadout
from snn.nn.stages import Folded, Stage, flatten, fold, split
from snn.nn.unroll import Synapses, takes_images

__all__ = ["to_network"]


def to_network(
    model: Layer,
    dt_ms: float,
    *,
    shape: Sequence[int] | None = None,
    folded: Callable[[Stage], Folded] = fold,
) -> Network:
    """Write a model, as it evaluates, as a `Network`: delays rounded, BatchNorm folded, float64.

    Convolutions, average pooling and what follows up to the next neurons become one projection, each place with its
    own synapses.

    Args:
        model: Stages of connection, optional BatchNorm and neurons (see `snn.nn.stages`); over images, a stage may
            have several layers that sum.
        dt_ms: Length of a step, ms.
        shape: Axes of a step's input (C, H, W), for a model over images.
        folded: Gives the projections and the bias of a stage; another one takes weights from elsewhere. Not for
            models over images.

    Returns:
        Populations and projections named as in `snn.nn.stages`. Run it on the input with
        `model.tail_steps` silent steps appended, and it spikes as the model does.

    Raises:
        ValueError: The layers are not such stages (maxima and residual blocks are not), dt_ms is not above 0, or
            `shape` is missing.
    """
    if takes_images(model):
        if folded is not fold:
            raise ValueError("folded takes stages of rows; this model is over images")
        return _of_images(model, dt_ms, shape)
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


def _of_images(model: Layer, dt_ms: float, shape: Sequence[int] | None) -> Network:
    """Write a model over images as a network, stage by stage."""
    if shape is None:
        raise ValueError("a model over images needs shape=(C, H, W), that of its input")
    layers = list(flatten(model))
    ends = [i for i, layer in enumerate(layers) if isinstance(layer, LIF | LeakyReadout)]
    names = ["in", *(f"hid{i}" for i in range(1, len(ends))), "out"]
    populations = [Population("in", int(np.prod(shape)))]
    projections: list[Projection] = []
    synapses = Synapses(shape)
    for i, layer in enumerate(layers):
        if isinstance(layer, LIF | LeakyReadout) and type(layer) in (LIF, LeakyReadout):
            if synapses.weight is None:
                raise ValueError(f"layer {i} of the model: {type(layer).__name__} with no connection ahead")
            pre, post = names[len(projections)], names[len(projections) + 1]
            populations.append(Population(post, synapses.weight.shape[1], _parameters(layer, synapses.bias)))
            projections.append(Projection(pre, post, synapses.weight, name=f"{pre}-{post}"))
            synapses = Synapses(synapses.shape)
        elif not synapses.append(layer):
            raise ValueError(
                f"layer {i} of the model: {type(layer).__name__} is no weighted sum of spikes "
                "and cannot be run by events"
            )
    if not ends or ends[-1] != len(layers) - 1:
        raise ValueError(f"the model must end in LIF or LeakyReadout, got {type(layers[-1]).__name__}")
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

"""Take a trained model into the event engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from snn.core import LIFParams, LIParams, Network, Population, Projection
from snn.core.arrays import Float64Array
from snn.core.checks import refusal
from snn.nn import populations
from snn.nn.layer import Layer, runs_as
from snn.nn.neurons import LIF, LeakyReadout
from snn.nn.populations import ConnectedPopulation, FoldedPopulation
from snn.nn.unrolled import UnrolledWeights, takes_images

__all__ = ["to_network"]


def to_network(
    model: Layer,
    dt_ms: float,
    *,
    shape: Sequence[int] | None = None,
    fold: Callable[[ConnectedPopulation], FoldedPopulation] = populations.fold,
) -> Network:
    """Write a model, as it evaluates, as a `Network`: delays rounded, BatchNorm folded, float64.

    Convolutions, average pooling and what follows up to the next neurons become one projection, each place with its
    own synapses.

    Args:
        model: Populations of connection, optional BatchNorm and neurons (see `snn.nn.populations`); over images,
            several layers that sum may lead to a population.
        dt_ms: Length of a step, ms.
        shape: Axes of a step's input (C, H, W), for a model over images.
        fold: Gives the projections and the bias of a population; another one takes weights from elsewhere. Not for
            models over images.

    Returns:
        Populations and projections named as in `snn.nn.populations`. Run it on the input with
        `model.tail_steps` silent steps appended, and it spikes as the model does.

    Raises:
        ValueError: The layers are not such populations (maxima, residual blocks, and layers of your own without
            `stages` are not), one layer stands at two places, dt_ms is not above 0, or `shape` is missing.
    """
    populations.check_layers_differ(model)
    if takes_images(model):
        if fold is not populations.fold:
            raise ValueError("fold must be left out for a model over images, got a function")
        return _of_images(model, dt_ms, shape)
    parts = populations.split(model)
    found = [Population("in", parts[0].connection.in_features)]
    projections = []
    for part in parts:
        folded = fold(part)
        neuron = _neuron(part.neuron, folded.bias.numpy())
        found.append(Population(part.post, part.connection.out_features, neuron))
        for one in folded.projections:
            weight, delay_ms = one.weight.numpy(), one.delay_steps.numpy() * float(dt_ms)
            projections.append(Projection(one.pre, part.post, weight, delay_ms, name=one.name))
    return Network(dt_ms, found, projections)


def _of_images(model: Layer, dt_ms: float, shape: Sequence[int] | None) -> Network:
    """Write a model over images as a network, population by population."""
    if shape is None:
        raise refusal("shape", "(C, H, W), that of the input, for a model over images", shape)
    layers = list(populations.sequence(model))
    ends = [i for i, layer in enumerate(layers) if isinstance(layer, LIF | LeakyReadout)]
    names = populations.population_names(len(ends))
    found = [Population("in", int(np.prod(shape)))]
    projections: list[Projection] = []
    unrolled = UnrolledWeights(shape)
    for i, layer in enumerate(layers):
        place = f"layer {i} of the model"
        if isinstance(layer, LIF | LeakyReadout) and runs_as(layer, LIF, LeakyReadout):
            if unrolled.weight is None:
                raise ValueError(f"{place} must be a weighted sum of spikes, got {type(layer).__name__}")
            pre, post = names[len(projections)], names[len(projections) + 1]
            found.append(Population(post, unrolled.weight.shape[1], _neuron(layer, unrolled.bias)))
            summed = unrolled.summing_layers()
            projections.append(Projection(pre, post, unrolled.weight, name=f"{pre}-{post}", layers=summed))
            unrolled = UnrolledWeights(unrolled.shape)
        elif not unrolled.append(layer):
            raise ValueError(
                f"{place} must be a weighted sum of spikes to be run by events, got {type(layer).__name__}"
            )
    if not ends or ends[-1] != len(layers) - 1:
        raise ValueError(f"the model must end in LIF or LeakyReadout, got {type(layers[-1]).__name__}")
    return Network(dt_ms, found, projections)


def _neuron(neuron: LIF | LeakyReadout, bias: Float64Array) -> LIFParams | LIParams:
    """Give the parameters of neurons for the engines, with the bias of each."""
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
        v_rest=o.v_reset,  # as in SpikingJelly, the membrane of nn.LIF leaks towards v_reset
        reset=o.reset,
        fires=o.fires,
        bias=bias,
    )

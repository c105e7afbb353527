"""Take a trained model into the event engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from snn.core import LIFParams, LIParams, Network, Population, Projection
from snn.core.arrays import Float64Array
from snn.core.checks import refusal, shown, wholes
from snn.core.units import check_dt
from snn.nn import populations
from snn.nn.batch_norm import BatchNorm
from snn.nn.connections import DelayLinear, Linear
from snn.nn.conv import Flatten
from snn.nn.copies import refresh_weights
from snn.nn.layer import Layer, runs_as
from snn.nn.neurons import LIF, LeakyReadout
from snn.nn.populations import ConnectedPopulation, FoldedPopulation, FoldedProjection
from snn.nn.recurrent import RecurrentLIF
from snn.nn.residual import Residual
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

    Layers that sum (linear ones, convolutions, average pooling, BatchNorm, several in a row) become one projection
    up to the next neurons, over images each place with its own synapses. A DelayLinear is given spikes as they are,
    flattened at most: behind other weights, paths of several delays would be one synapse.

    Args:
        model: Populations of layers that sum, and neurons (see `snn.nn.populations`).
        dt_ms: Length of a step, ms, > 0.
        shape: Axes of a step's input (C, H, W), for a model over images.
        fold: Gives the projections and the bias of a population; another one takes weights from elsewhere. Only for
            one connection, optional BatchNorm and neurons in turn.

    Returns:
        Populations and projections named as in `snn.nn.populations`. Run it on the input with
        `model.tail_steps` silent steps appended, and it spikes as the model does.

    Raises:
        TypeError: `model` is no layer.
        ValueError: The layers are not such populations (maxima, residual blocks, and layers of your own without
            `stages` are not), one layer stands at two places, dt_ms is not above 0, or `shape` is missing; the
            message names the layer.
    """
    if not isinstance(model, Layer):
        raise TypeError(f"model must be a layer of snn.nn, got {shown(model)}")
    dt_ms, axes = check_dt(dt_ms), None if shape is None else _axes(shape)
    if not callable(fold):
        raise refusal("fold", "a function of a ConnectedPopulation", fold)
    populations.check_layers_differ(model)
    refresh_weights(model)
    if takes_images(model) and fold is not populations.fold:
        raise ValueError("fold must be left out for a model over images, got a function")
    if fold is populations.fold and not _in_turn(model):
        return _of_sums(model, dt_ms, axes)
    parts = populations.split(model)
    written = _Written(dt_ms, parts[0].connection.in_features)
    for part in parts:
        written.add(part.post, part.connection.out_features, part.neuron, fold(part))
    return written.network()


def _in_turn(model: Layer) -> bool:
    """Tell whether a model is one connection, optional BatchNorm and neurons in turn."""
    try:
        populations.split(model)
    except ValueError:
        return False
    return True


class _Written:
    """Collect the populations and projections of a network."""

    def __init__(self, dt_ms: float, inputs: int) -> None:
        """Start with the source "in"."""
        self._dt_ms = dt_ms
        self._populations = [Population("in", inputs)]
        self._projections: list[Projection] = []

    def add(self, post: str, size: int, neuron: LIF | LeakyReadout, folded: FoldedPopulation) -> None:
        """Add a population of neurons, and what leads to it."""
        size = _neurons_of(post, size, neuron)
        self._populations.append(Population(post, size, _neuron(neuron, folded.bias.numpy(), self._dt_ms)))
        for one in folded.projections:
            self._project(post, one)

    def add_sum(self, pre: str, post: str, neuron: LIF | LeakyReadout, summed: UnrolledWeights) -> None:
        """Add a population of neurons, and the weighted sum without delays that leads to it."""
        receptors = _receptors(neuron)
        size = _neurons_of(post, summed.size, neuron)
        self._populations.append(Population(post, size, _neuron(neuron, summed.bias, self._dt_ms)))
        for place, receptor in enumerate(receptors):
            name = f"{pre}-{post}" if receptor is None else f"{pre}-{post}.{receptor}"
            weight = summed.weight
            if receptor is not None:
                weight = summed.weight[:, place * size : (place + 1) * size]
            layers = summed.summing_layers(place, len(receptors))
            self._projections.append(
                Projection(pre, post, weight, name=name, receptor=receptor, layers=layers)
            )
        if isinstance(neuron, RecurrentLIF):
            self._project(post, populations.recurrent_projection(neuron, post))

    def network(self) -> Network:
        """Give the network."""
        return Network(self._dt_ms, self._populations, self._projections)

    def _project(self, post: str, one: FoldedProjection) -> None:
        weight, delay_ms = one.weight.numpy(), one.delay_steps.numpy() * self._dt_ms
        self._projections.append(
            Projection(one.pre, post, weight, delay_ms, name=one.name, receptor=one.receptor)
        )


def _of_sums(model: Layer, dt_ms: float, shape: tuple[int, ...] | None) -> Network:
    """Write a model of layers that sum and neurons, population by population."""
    named = {layer: name.replace("layers.", "") for name, layer in model.named_modules()}
    layers = [(f"layer {named[layer] or 0} of the model", layer) for layer in populations.sequence(model)]
    ends = [i for i, (_, layer) in enumerate(layers) if isinstance(layer, LIF | LeakyReadout)]
    if not ends or ends[-1] != len(layers) - 1:
        got = type(layers[-1][1]).__name__ if layers else "no layer"
        raise ValueError(f"the model must end in LIF or LeakyReadout, got {got}")
    summed = UnrolledWeights(_input_shape(model, layers[0][1], shape))
    written = _Written(dt_ms, summed.size)
    names = populations.population_names(len(ends))
    for (pre, post), start, end in zip(pairwise(names), (0, *(i + 1 for i in ends)), ends, strict=False):
        place, neuron = layers[end]
        if not (isinstance(neuron, LIF | LeakyReadout) and runs_as(neuron, LIF, RecurrentLIF, LeakyReadout)):
            raise ValueError(f"{place} must run as LIF or LeakyReadout, got {type(neuron).__name__}")
        if start and isinstance(layers[start - 1][1], LeakyReadout):
            raise ValueError(f"{place} must follow neurons that spike, got LeakyReadout, which never spikes")
        delayed = _delayed(pre, post, layers[start:end], neuron)
        if delayed is not None:
            size = delayed.connection.out_features
            _check_fits(place, summed.size, delayed.connection)
            written.add(post, size, neuron, populations.fold(delayed))
            summed = UnrolledWeights((size // _parts(neuron),))
            continue
        for where, layer in layers[start:end]:
            if not summed.append(layer):
                why = ", which joins two branches" if isinstance(layer, Residual) else ""
                raise ValueError(
                    f"{where} must be a weighted sum of spikes to be run by events, "
                    f"got {type(layer).__name__}{why}"
                )
        if summed.weight is None:
            raise ValueError(f"{place} must be a weighted sum of spikes, got {type(neuron).__name__}")
        written.add_sum(pre, post, neuron, summed)
        first, *others = summed.shape
        summed = UnrolledWeights((first // _parts(neuron), *others))
    return written.network()


def _delayed(
    pre: str, post: str, layers: Sequence[tuple[str, Layer]], neuron: LIF | LeakyReadout
) -> ConnectedPopulation | None:
    """Give what leads to neurons through delays: a DelayLinear, flattening before it, BatchNorm behind; else None.

    Raises:
        ValueError: There are delays, and other weights before or behind them.
    """
    kinds = [layer for _, layer in layers if not runs_as(layer, Flatten)]
    if not any(runs_as(layer, DelayLinear) for layer in kinds):
        return None
    norm = kinds[1] if len(kinds) == 2 and runs_as(kinds[1], BatchNorm) else None
    if not runs_as(kinds[0], DelayLinear) or len(kinds) > 1 + (norm is not None):
        place, layer = next(p for p in layers if runs_as(p[1], DelayLinear))
        beside = next(o for o in kinds if o is not layer and not (o is kinds[-1] and runs_as(o, BatchNorm)))
        raise ValueError(
            f"{place} must stand alone between neurons, BatchNorm behind it at most, to be run by events: paths of "
            f"several delays would be one synapse; got {type(layer).__name__} beside {type(beside).__name__}"
        )
    assert isinstance(kinds[0], DelayLinear) and (norm is None or isinstance(norm, BatchNorm))
    return ConnectedPopulation(pre, post, kinds[0], norm, neuron)


def _check_fits(place: str, size: int, connection: Linear | DelayLinear) -> None:
    """Refuse weights that do not fit the population before them."""
    if connection.in_features != size:
        raise refusal(
            f"in_features before {place}", f"{size}, as many as come before", connection.in_features
        )


def _axes(shape: Sequence[int]) -> tuple[int, ...]:
    """Check the axes of a step's input."""
    axes = wholes("shape", shape, low=1)
    if axes.ndim != 1 or not axes.size:
        raise refusal("shape", "the axes of a step's input, (C, H, W)", shape)
    return tuple(axes.tolist())


def _input_shape(model: Layer, first: Layer, shape: tuple[int, ...] | None) -> tuple[int, ...]:
    """Give the axes of a step's input: as given, or as the first layer has them."""
    if shape is not None:
        return shape
    if takes_images(model):
        raise refusal("shape", "(C, H, W), that of the input, for a model over images", shape)
    sizes = [getattr(first, name, None) for name in ("in_features", "num_features", "features")]
    size = next((size for size in sizes if isinstance(size, int)), None)
    if size is None:
        raise ValueError(
            f"layer 0 of the model must be a weighted sum of spikes to be run by events, got {type(first).__name__}"
        )
    return (size,)


def _neuron(neuron: LIF | LeakyReadout, bias: Float64Array, dt_ms: float) -> LIFParams | LIParams:
    """Give the parameters of neurons for the engines, with the bias of each."""
    o = neuron.options
    shared: dict[str, Any] = {
        "decay": o.decay if o.leaks is None else o.leaks,
        "input_scale": 1.0 / o.tau if o.decay_input else 1.0,
        "decay_input": o.decay_input,
        "v_rest": o.rest,
        **_drive(neuron, bias),
    }
    if isinstance(neuron, LeakyReadout):
        return LIParams(**shared)
    return LIFParams(
        **shared,
        v_th=o.v_th,
        v_reset=o.v_reset,
        reset=o.reset,
        reset_by=o.reset_by,
        fires=o.fires,
        t_ref_ms=o.t_ref * dt_ms,
        adapt_by=o.adapt_by,
        adapt_decay=o.adapt_decay if o.adapt_by else None,
        spikes=o.spikes,
    )


def _drive(neuron: LIF | LeakyReadout, bias: Float64Array) -> dict[str, Any]:
    """Give what the membrane is driven by: a bias of its own, or one that arrives at the receptors."""
    if neuron.receptors is None:
        return {"bias": bias}
    decays, parts = neuron.receptors.decays, np.split(bias, len(neuron.receptors.decays))
    if neuron.receptors.names == (None,):
        return {"syn_decay": decays[0], "syn_bias": bias}
    names = _receptors(neuron)
    return {
        "syn_decay": dict(zip(names, decays, strict=True)),
        "syn_bias": dict(zip(names, parts, strict=True)),
    }


def _receptors(neuron: LIF | LeakyReadout) -> tuple[str | None, ...]:
    """Give the names of the receptors, (None,) where they have none."""
    return (None,) if neuron.receptors is None else neuron.receptors.names


def _neurons_of(post: str, size: int, neuron: LIF | LeakyReadout) -> int:
    """Give how many neurons so many features lead to: as many features for each receptor."""
    if size % _parts(neuron):
        raise refusal(f"features into {post}", f"a multiple of {_parts(neuron)}, its receptors", size)
    return size // _parts(neuron)


def _parts(neuron: LIF | LeakyReadout) -> int:
    """Count the parts of what arrives at neurons: one per receptor."""
    return len(_receptors(neuron))

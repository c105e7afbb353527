"""Read a model as populations: the neurons of each, and the connection that leads to them.

Export and the hardware ledger see a model this way, and share its names: populations "in", "hid1", "hid2", ...,
"out"; projections "in-hid1", "hid1-hid2", ..., "hid2-out". Further kernels of a connection are "in-hid1.2", ...;
recurrent synapses are "hid1-hid1".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from snn.nn.batch_norm import BatchNorm
from snn.nn.connections import DelayLinear, Linear
from snn.nn.conv import Flatten
from snn.nn.dropout import Dropout
from snn.nn.layer import Layer, flat_stages, runs_as
from snn.nn.neurons import LIF, LeakyReadout
from snn.nn.recurrent import RecurrentLIF
from snn.nn.residual import Residual

__all__ = [
    "ConnectedPopulation",
    "FoldedPopulation",
    "FoldedProjection",
    "by_receptor",
    "check_layers_differ",
    "fold",
    "population_names",
    "recurrent_projection",
    "sequence",
    "split",
    "trace",
]


@dataclass(frozen=True, slots=True)
class ConnectedPopulation:
    """Hold the layers of one population: the connection that leads to it, and its neurons.

    Attributes:
        pre: Name of the population that sends.
        post: Name of this population.
        connection: Weights and delays.
        norm: Normalisation of the input current, folded into weights and bias on export; None: none.
        neuron: The neurons.
    """

    pre: str
    post: str
    connection: Linear | DelayLinear
    norm: BatchNorm | None
    neuron: LIF | LeakyReadout

    @property
    def projection(self) -> str:
        """Name of the projection from `pre`."""
        return f"{self.pre}-{self.post}"


@dataclass(frozen=True, slots=True)
class FoldedProjection:
    """Hold a projection as the event engines run it, in evaluation.

    Attributes:
        name: Name of the projection.
        pre: Name of the population that sends.
        weight: Weights [in, N], float64, the normalisation's scale included.
        delay_steps: Delays [in, N], steps, int64.
        receptor: Receptor of the neurons that it feeds; None where receptors have no names.
    """

    name: str
    pre: str
    weight: Tensor
    delay_steps: Tensor
    receptor: str | None = None


@dataclass(frozen=True, slots=True)
class FoldedPopulation:
    """Hold what reaches a population as the event engines run it, in evaluation.

    Attributes:
        projections: The connection, one projection per kernel and receptor, then the recurrent synapses.
        bias: What arrives in every step, [R N], float64: N for each of the R receptors (see `LIF`).
    """

    projections: tuple[FoldedProjection, ...]
    bias: Tensor


def sequence(model: Layer) -> Iterator[Layer]:
    """Give the layers that a model is made of (`Layer.stages`) one after another; dropout is passed over."""
    return (layer for layer in flat_stages(model) if not runs_as(layer, Dropout))


def check_layers_differ(model: Layer) -> None:
    """Refuse a layer that runs at two places of a model: both would have one name, and one row of counts.

    What has no name there (normalisation, dropout, flattening) may stand at several.

    Raises:
        ValueError: One does; the message names the places.
    """
    places: dict[Layer, str] = {}
    todo = [(str(i), layer) for i, layer in enumerate(flat_stages(model))]
    while todo:
        place, layer = todo.pop(0)
        if isinstance(layer, Residual):
            for name in ("body", "shortcut"):
                branch = getattr(layer, name)
                inner = [] if branch is None else flat_stages(branch)
                todo += [(f"{place}.{name}.{i}", part) for i, part in enumerate(inner)]
        elif (
            not isinstance(layer, BatchNorm | Dropout | Flatten) and places.setdefault(layer, place) != place
        ):
            raise ValueError(
                f"stage {place} of the model must be a layer of its own, got the {type(layer).__name__} that is "
                f"stage {places[layer]} already"
            )


def population_names(count: int) -> tuple[str, ...]:
    """Name the input and the `count` populations behind it: "in", "hid1", ..., "out"."""
    return ("in", *(f"hid{i}" for i in range(1, count)), "out")


def split(model: Layer) -> tuple[ConnectedPopulation, ...]:
    """Cut a model into populations: connection, optional BatchNorm, neurons; dropout is passed over.

    Raises:
        ValueError: The layers do not follow that order; the message names the place.
    """
    found: list[tuple[Linear | DelayLinear, BatchNorm | None, LIF | LeakyReadout]] = []
    layers = list(sequence(model))
    if not layers:
        raise ValueError("model must have layers, got none")
    while layers:
        place = f"population {len(found) + 1} of the model"
        if found and isinstance(found[-1][2], LeakyReadout):
            raise ValueError(f"{place} must follow neurons that spike, got LeakyReadout, which never spikes")
        connection = layers.pop(0)
        if not (isinstance(connection, Linear | DelayLinear) and runs_as(connection, Linear, DelayLinear)):
            raise ValueError(
                f"{place} must begin with Linear or DelayLinear, got {type(connection).__name__}"
            )
        norm, neuron = None, layers.pop(0) if layers else None
        if isinstance(neuron, BatchNorm) and runs_as(neuron, BatchNorm):
            norm, neuron = neuron, layers.pop(0) if layers else None
        if not (isinstance(neuron, LIF | LeakyReadout) and runs_as(neuron, LIF, RecurrentLIF, LeakyReadout)):
            got = "the end of the model" if neuron is None else type(neuron).__name__
            raise ValueError(f"{place} must end in LIF or LeakyReadout, got {got}")
        found.append((connection, norm, neuron))
    names = population_names(len(found))
    return tuple(ConnectedPopulation(names[i], names[i + 1], *parts) for i, parts in enumerate(found))


def fold(population: ConnectedPopulation) -> FoldedPopulation:
    """Give a population's projections with rounded delays, and its bias, with BatchNorm folded in."""
    connection, neuron = population.connection, population.neuron
    weight = connection.weight_in_use().detach().double()
    bias = weight.new_zeros(weight.shape[-2])
    if isinstance(connection, Linear) and connection.bias is not None:
        bias = connection.bias.detach().double()
    if population.norm is not None:
        scale, offset = population.norm.scale_and_offset()
        weight, bias = weight * scale[:, None], bias * scale + offset
    if isinstance(connection, DelayLinear):
        delays = connection.delay_steps()
    else:
        delays = torch.zeros_like(weight, dtype=torch.int64)
    kernels = zip(*(a.reshape(-1, *weight.shape[-2:]) for a in (weight, delays)), strict=True)
    projections = [
        one
        for i, (w, d) in enumerate(kernels, start=1)
        for one in by_receptor(
            population.projection if i == 1 else f"{population.projection}.{i}", population.pre, w, d, neuron
        )
    ]
    if isinstance(neuron, RecurrentLIF):
        projections.append(recurrent_projection(neuron, population.post))
    return FoldedPopulation(tuple(projections), bias)


def recurrent_projection(neuron: RecurrentLIF, post: str) -> FoldedProjection:
    """Give the synapses of neurons with each other."""
    weight = neuron.weight_in_use().detach().double()
    return _projection(f"{post}-{post}", post, weight, neuron.delay_steps(), neuron.receptor)


def by_receptor(
    name: str, pre: str, weight: Tensor, delay_steps: Tensor, neuron: LIF | LeakyReadout
) -> list[FoldedProjection]:
    """Turn weights and delays [R N, in] into a projection to each receptor of the neurons.

    Those to receptors with names are called "in-hid1.exc", "in-hid1.inh", ....
    """
    names = (None,) if neuron.receptors is None else neuron.receptors.names
    parts = zip(names, weight.chunk(len(names)), delay_steps.chunk(len(names)), strict=True)
    return [_projection(name if r is None else f"{name}.{r}", pre, w, d, r) for r, w, d in parts]


def _projection(
    name: str, pre: str, weight: Tensor, delay_steps: Tensor, receptor: str | None
) -> FoldedProjection:
    """Turn weights and delays [N, in] into those of a projection, [in, N]."""
    return FoldedProjection(name, pre, weight.t().contiguous(), delay_steps.t().contiguous(), receptor)


@torch.no_grad()
def trace(model: Layer, x: Tensor, lengths: Tensor | None = None) -> list[tuple[Tensor, Tensor]]:
    """Run a model in evaluation and give what each population receives and what it sends.

    The model's mode is as before afterwards. No tail is appended.

    Args:
        model: The model.
        x: Input, [T, B, in].
        lengths: Valid steps of each sample [B]; None: all.

    Returns:
        For each population the output of the one before it [T, B, in] and its own [T, B, out], zero beyond a
        sample's length.

    Raises:
        ValueError: The model is not made of populations, see `split`.
    """
    mode = model.training
    model.eval()
    try:
        pairs = []
        for population in split(model):
            y, _ = population.connection(x, None, lengths)
            if population.norm is not None:
                y, _ = population.norm(y, None, lengths)
            y, _ = population.neuron(y, None, lengths)
            pairs.append((_zero_beyond(x, lengths), _zero_beyond(y, lengths)))
            x = y
        return pairs
    finally:
        model.train(mode)


def _zero_beyond(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Set x [T, B, N] to zero beyond each sample's length."""
    if lengths is None:
        return x
    steps = torch.arange(x.shape[0], device=x.device).reshape(-1, 1, 1)
    return torch.where(steps < lengths[None, :, None], x, 0.0)

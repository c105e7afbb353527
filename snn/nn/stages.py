"""Read a model as stages: one projection and the population behind it.

Export and the hardware ledger see a model this way, and share its names: populations "in", "hid1", "hid2", ...,
"out"; projections "in-hid1", "hid1-hid2", ..., "hid2-out". Further kernels of a connection are "in-hid1.2", ...;
recurrent synapses are "hid1-hid1".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from snn.nn.connections import DelayLinear, Linear
from snn.nn.layer import Layer
from snn.nn.neurons import LIF, LeakyReadout
from snn.nn.recurrent import RecurrentLIF
from snn.nn.regularise import BatchNorm, Dropout
from snn.nn.sequential import Sequential

__all__ = ["Folded", "Stage", "Wires", "flatten", "fold", "split", "trace"]


@dataclass(frozen=True, slots=True)
class Stage:
    """Hold the layers of one projection and the population behind it."""

    pre: str
    """Sending population."""
    post: str
    """Population fed."""
    connection: Linear | DelayLinear
    """Weights and delays."""
    norm: BatchNorm | None
    """Normalisation of the input current, folded into weights and bias on export."""
    neuron: LIF | LeakyReadout
    """The neurons."""

    @property
    def name(self) -> str:
        """Name of the projection."""
        return f"{self.pre}-{self.post}"


@dataclass(frozen=True, slots=True)
class Wires:
    """Hold a projection as the event engines run it, in evaluation, float64."""

    name: str
    """Name of the projection."""
    pre: str
    """Sending population."""
    weight: Tensor
    """[in, out], the normalisation's scale included."""
    delay_steps: Tensor
    """[in, out], int64."""


@dataclass(frozen=True, slots=True)
class Folded:
    """Hold a stage as the event engines run it, in evaluation, float64."""

    wires: tuple[Wires, ...]
    """The connection, one projection per kernel, then the recurrent synapses."""
    bias: Tensor
    """[out], in every step."""


def flatten(model: Layer) -> Iterator[Layer]:
    """Give the layers of nested sequences one after another; dropout is passed over."""
    for layer in model if isinstance(model, Sequential) else (model,):
        if isinstance(layer, Sequential):
            yield from flatten(layer)
        elif not isinstance(layer, Dropout):
            yield layer


def split(model: Layer) -> tuple[Stage, ...]:
    """Cut a model into stages: connection, optional BatchNorm, neurons; dropout is passed over.

    Raises:
        ValueError: The layers do not follow that order; the message names the place.
    """
    found: list[tuple[Linear | DelayLinear, BatchNorm | None, LIF | LeakyReadout]] = []
    layers = list(flatten(model))
    at = 0

    def refuse(expected: str) -> ValueError:
        got = type(layers[at]).__name__ if at < len(layers) else "the end"
        return ValueError(f"stage {len(found) + 1} of the model: expected {expected}, got {got}")

    while at < len(layers):
        connection = layers[at]
        if not isinstance(connection, Linear | DelayLinear):
            raise refuse("Linear or DelayLinear")
        at += 1
        norm = layers[at] if at < len(layers) else None
        at += isinstance(norm, BatchNorm)
        neuron = layers[at] if at < len(layers) else None
        if not isinstance(neuron, LIF | LeakyReadout):
            raise refuse("LIF or LeakyReadout")
        if found and isinstance(found[-1][2], LeakyReadout):
            raise ValueError(
                f"stage {len(found)} ends in LeakyReadout, which never spikes: it must be the last"
            )
        found.append((connection, norm if isinstance(norm, BatchNorm) else None, neuron))
        at += 1
    if not found:
        raise ValueError("the model has no layers")
    names = ["in", *(f"hid{i}" for i in range(1, len(found))), "out"]
    return tuple(Stage(names[i], names[i + 1], *parts) for i, parts in enumerate(found))


def fold(stage: Stage) -> Folded:
    """Give a stage's projections with rounded delays, and its bias, with BatchNorm folded in."""
    connection = stage.connection
    weight = connection.weight_in_use().detach().double()
    bias = weight.new_zeros(weight.shape[-2])
    if isinstance(connection, Linear) and connection.bias is not None:
        bias = connection.bias.detach().double()
    if stage.norm is not None:
        scale, offset = stage.norm.scale_and_offset()
        weight, bias = weight * scale[:, None], bias * scale + offset
    if isinstance(connection, DelayLinear):
        delays = connection.delay_steps()
    else:
        delays = torch.zeros_like(weight, dtype=torch.int64)
    kernels = zip(*(a.reshape(-1, *weight.shape[-2:]) for a in (weight, delays)), strict=True)
    wires = [
        Wires(
            stage.name if i == 0 else f"{stage.name}.{i + 1}",
            stage.pre,
            w.t().contiguous(),
            d.t().contiguous(),
        )
        for i, (w, d) in enumerate(kernels)
    ]
    if isinstance(stage.neuron, RecurrentLIF):
        w, d = stage.neuron.weight_in_use().detach().double(), stage.neuron.delay_steps()
        wires.append(Wires(f"{stage.post}-{stage.post}", stage.post, w.t().contiguous(), d.t().contiguous()))
    return Folded(tuple(wires), bias)


@torch.no_grad()
def trace(model: Layer, x: Tensor, lengths: Tensor | None = None) -> list[tuple[Tensor, Tensor]]:
    """Run a model in evaluation and give each stage's input and output, [T, B, in] and [T, B, out].

    The model's mode is as before afterwards. Rows beyond a sample's length are zero in both. No tail is appended.
    """
    mode = model.training
    model.eval()
    try:
        pairs = []
        for stage in split(model):
            y, _ = stage.connection(x, None, lengths)
            if stage.norm is not None:
                y, _ = stage.norm(y, None, lengths)
            y, _ = stage.neuron(y, None, lengths)
            pairs.append((_silence(x, lengths), _silence(y, lengths)))
            x = y
        return pairs
    finally:
        model.train(mode)


def _silence(x: Tensor, lengths: Tensor | None) -> Tensor:
    if lengths is None:
        return x
    steps = torch.arange(x.shape[0], device=x.device).reshape(-1, 1, 1)
    return torch.where(steps < lengths[None, :, None], x, 0.0)

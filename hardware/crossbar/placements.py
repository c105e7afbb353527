"""Say how each kind of layer lies on arrays: which matrices it has, and how it reads them step by step.

A placement is all that a new kind of layer needs to run on crossbars; one that is made of other layers
(`Layer.stages`) needs none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from snn import nn as ours
from snn.core.checks import shown
from snn.core.registry import ClassRegistry
from snn.hardware.ledger.layer_names import name_layers
from snn.nn import Layer
from snn.nn.delays import steps_before_end
from snn.nn.layer import check_kind, flat_stages

__all__ = [
    "Placement",
    "ReadArray",
    "layers_on_arrays",
    "placement_of",
    "register_placement",
    "rows_per_input",
]

ReadArray = Callable[..., Tensor]
"""Read an array of a layer: ``read(which, rows [T, n, in], first_step=0)`` gives [T, n, out].

Steps are counted within the call of the layer's forward pass.
"""


@dataclass(frozen=True)
class Placement:
    """Say how a layer with weights lies on arrays.

    Attributes:
        matrices: ``matrices(layer)``: the weights of each array, [out, in]. Wires are numbered by delay, if any.
        weight: ``weight(layer, matrices)``: the layer's weight as such arrays would make it; None where the layer
            cannot hold it (cells that should be empty conduct).
        forward: ``forward(layer, read, x, state, lengths)``: the layer's own forward pass through `read`.
    """

    matrices: Callable[[Any], list[Tensor]]
    weight: Callable[[Any, list[Tensor]], Tensor | None]
    forward: Callable[[Any, ReadArray, Tensor, Any, Tensor | None], tuple[Tensor, Any]]


_PLACEMENTS: ClassRegistry[Placement | None] = ClassRegistry("placement", method="forward")


def register_placement(kind: type[Layer], placement: Placement | None) -> None:
    """Say how a kind of layer lies on arrays, and with it every kind that inherits from it with its `forward`.

    A kind that has a `forward` of its own does something else: it is refused until it has a placement.

    Args:
        kind: Class of layers.
        placement: Its placement; None keeps the layer digital, with all that is in it.

    Raises:
        TypeError: `kind` is no class of layers, or `placement` is neither a `Placement` nor None.
        ValueError: The kind has a placement already.
    """
    check_kind(kind)
    if not (placement is None or isinstance(placement, Placement)):
        raise TypeError(f"placement must be a Placement or None, got {shown(placement)}")
    _PLACEMENTS.add(kind, placement)


def placement_of(layer: Layer, name: str) -> Placement:
    """Give the placement of a layer that lies on arrays: that of its class, or of the nearest it inherits from.

    Raises:
        ValueError: There is none, or the layer stays digital.
    """
    placement = _PLACEMENTS.find(name, layer)
    if placement is None:
        raise ValueError(
            f"{name} must be a layer with weights on arrays, got {type(layer).__name__}, which has none"
        )
    return placement


def layers_on_arrays(model: Layer) -> dict[Layer, str]:
    """Give the layers of a model that have weights on arrays, in the order of the model, with their names.

    Raises:
        ValueError: A layer has no placement.
    """
    names = name_layers(model)
    parts = [(layer, names.get(layer, "a layer")) for layer in _parts_of(model)]
    return {layer: name for layer, name in parts if _PLACEMENTS.find(name, layer) is not None}


def _parts_of(layer: Layer) -> list[Layer]:
    """Give the layers that a model is made of, those in both branches of residual blocks too."""
    stages = flat_stages(layer)
    if stages != [layer]:
        return [part for stage in stages for part in _parts_of(stage)]
    if isinstance(layer, ours.Residual):
        branches = (layer.body, layer.shortcut)
        return [part for branch in branches if branch is not None for part in _parts_of(branch)]
    return [layer]


# --- linear ---


def _linear_forward(
    layer: Any, read: ReadArray, x: Tensor, state: Any, lengths: Tensor | None
) -> tuple[Tensor, tuple[()]]:
    y = read(0, x)
    return (y if layer.bias is None else y + layer.bias), ()


# --- convolution: a row per place of the kernel, a read per place of the image ---


def _conv_matrices(layer: Any) -> list[Tensor]:
    return [group.flatten(1) for group in layer.weight_in_use().detach().chunk(layer.groups)]


def _conv_weight(layer: Any, matrices: list[Tensor]) -> Tensor:
    return torch.cat(matrices).reshape(layer.weight.shape)


def _conv_forward(
    layer: Any, read: ReadArray, x: Tensor, state: Any, lengths: Tensor | None
) -> tuple[Tensor, tuple[()]]:
    steps, batch = x.shape[:2]
    sizes = [
        (n + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1
        for n, pad, dilation, kernel, stride in zip(
            x.shape[3:], layer.padding, layer.dilation, layer.kernel_size, layer.stride, strict=True
        )
    ]
    parts = []
    for i, group in enumerate(x.flatten(0, 1).chunk(layer.groups, 1)):
        rows = functional.unfold(group, layer.kernel_size, layer.dilation, layer.padding, layer.stride)
        rows = rows.transpose(1, 2).reshape(steps, -1, rows.shape[1])  # [T, B x places, in]
        parts.append(read(i, rows).reshape(steps, batch, -1, layer.out_channels // layer.groups))
    y = torch.cat(parts, -1).transpose(2, 3).reshape(steps, batch, layer.out_channels, *sizes)
    return (y if layer.bias is None else y + layer.bias[:, None, None]), ()


# --- delays: a row per input and delay, as a convolution over time ---


def _delay_matrices(layer: Any) -> list[Tensor]:
    """Give the taps of all delays side by side, [out, K x in], the smallest delay first."""
    weight, delays = layer.weight_in_use().detach(), layer.delay_steps()
    weight, delays = (part.reshape(-1, *part.shape[-2:]) for part in (weight, delays))
    out, senders = weight.shape[-2:]
    first, taps = layer.min_delay, layer.delay_count
    made = weight.new_zeros(taps, out, senders)
    for w, d in zip(weight, delays, strict=True):
        made.scatter_add_(0, d[None] - first, w[None])
    return [made.transpose(0, 1).flatten(1)]


def _delay_weight(layer: Any, matrices: list[Tensor]) -> Tensor | None:
    if layer.weight.dim() > 2:
        return None  # two kernels may share a cell
    out, senders = layer.weight.shape
    taps = matrices[0].reshape(out, -1, senders).transpose(0, 1)
    at = layer.delay_steps()[None] - layer.min_delay
    weight = taps.gather(0, at)[0]
    rest = taps.scatter(0, at, 0.0)
    return None if bool((rest != 0).any()) else weight


def _delay_forward(
    layer: Any, read: ReadArray, x: Tensor, state: Any, lengths: Tensor | None
) -> tuple[Tensor, ours.DelayState]:
    before = x.new_zeros(layer.max_delay, *x.shape[1:]) if state is None else state.past
    seen = torch.cat([before, x])
    late = seen.unfold(0, layer.max_delay + 1, 1).flip(-1)  # [T, B, in, K], delay 0 first
    y = read(0, late.transpose(2, 3).flatten(2))
    return y, ours.DelayState(steps_before_end(seen, x.shape[0], lengths, layer.max_delay))


def rows_per_input(layer: Layer) -> int:
    """Give how many rows of an array an input of a layer has: with delays one per delay it may have, else one."""
    if isinstance(layer, ours.RecurrentLIF) and layer.sharing == "axonal":
        return 1
    return layer.delay_count if isinstance(layer, ours.DelayedLayer) else 1


def _recurrent_matrices(layer: Any) -> list[Tensor]:
    """Give a row per neuron where each sends all its spikes on after one delay: they wait in front of the row."""
    return [layer.weight_in_use().detach()] if layer.sharing == "axonal" else _delay_matrices(layer)


def _recurrent_weight(layer: Any, matrices: list[Tensor]) -> Tensor | None:
    return matrices[0] if layer.sharing == "axonal" else _delay_weight(layer, matrices)


def _recurrent_rows(layer: Any) -> Callable[[list[Tensor]], Tensor]:
    """Give what picks, from all spikes so far [B, N], what drives the rows now."""
    memory = layer.max_delay
    if layer.sharing == "synapse":
        return lambda spikes: torch.cat(spikes[: -memory - 1 : -1], -1)  # delay 1 first
    place = (memory - layer.delay_steps()[0]).expand(1, 1, -1)
    return lambda spikes: torch.stack(spikes[-memory:]).gather(0, place.expand(1, *spikes[-1].shape))[0]


def _recurrent_forward(
    layer: Any, read: ReadArray, x: Tensor, state: Any, lengths: Tensor | None
) -> tuple[Tensor, ours.RecurrentLIFState]:
    memory, rows_now = layer.max_delay, _recurrent_rows(layer)
    now = layer.at_rest(x) if state is None else state
    neurons = ours.LIFState(now.v, now.currents, now.refractory, now.adaptation)
    spikes = list(now.past.unbind(0))
    for t, drive in enumerate(x.unbind(0)):
        drive = drive + layer.at_receptor(read(0, rows_now(spikes)[None], first_step=t)[0])
        valid = None if lengths is None else (lengths > t).to(torch.int64)
        z, neurons = layer.run_neurons(drive[None], neurons, valid)
        spikes.append(z[0])
    seen = torch.stack(spikes)
    past = steps_before_end(seen, x.shape[0], lengths, memory)
    return seen[memory:], ours.RecurrentLIFState(neurons.v, past, *neurons[1:])


register_placement(
    ours.Linear,
    Placement(lambda layer: [layer.weight_in_use().detach()], lambda _, parts: parts[0], _linear_forward),
)
register_placement(ours.Conv2d, Placement(_conv_matrices, _conv_weight, _conv_forward))
register_placement(ours.DelayLinear, Placement(_delay_matrices, _delay_weight, _delay_forward))
register_placement(ours.RecurrentLIF, Placement(_recurrent_matrices, _recurrent_weight, _recurrent_forward))
for _kind in (
    ours.BatchNorm,
    ours.Dropout,
    ours.Flatten,
    ours.AvgPool2d,
    ours.MaxPool2d,
    ours.AdaptiveAvgPool2d,
    ours.LIF,
    ours.LeakyReadout,
    ours.ReLU,
    ours.Residual,
    ours.SteppedNeuron,
):
    register_placement(_kind, None)

"""Time-step reduction: a network without spikes becomes a spiking one, and needs fewer and fewer steps.

Train with `ReLU` neurons; `convert` folds BatchNorm, replaces the neurons and finds their thresholds;
`reduce_steps` trains the result at 5 steps, say, then 3, then 1, each time from the weights, thresholds and leaks
of the time before.
Source: Chowdhury, Rathi and Roy, "One Timestep is All You Need" (IIR-SNN), 2021.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from snn.core.arrays import PathLike
from snn.core.checks import number, refusal, shown, whole
from snn.nn import LIF, BatchNorm, Conv2d, Layer, Linear, ReLU, Residual, Sequential
from snn.nn.copies import copy_module, plain_twin
from snn.nn.layer import runs_as
from snn.train.batches import Data
from snn.train.config import TrainConfig
from snn.train.epoch import Progress
from snn.train.loop import FitResult, fit

__all__ = ["IIR_NEURON", "ReducedRun", "convert", "fold_batch_norm", "reduce_steps"]

IIR_NEURON: dict[str, Any] = {
    "leak": 1.0,
    "decay_input": False,
    "reset": "soft",
    "fires": ">",
    "detach_reset": True,
    "surrogate": "triangle",
    "surrogate_gain": 0.3,
    "learn_threshold": True,
    "learn_leak": True,
}
"""The paper's neuron: arguments of `LIF` beside the threshold."""

SILENT_THRESHOLD = 0.1
"""Threshold of a layer whose inputs are never above 0, as in the paper's code."""


def fold_batch_norm(model: Layer) -> Layer:
    """Give a copy of a model with every BatchNorm folded into the weights and bias before it, as it evaluates.

    A layer that is made of others (`Layer.stages`) becomes a `Sequential` of these.

    Raises:
        TypeError: `model` is no layer.
        ValueError: A BatchNorm does not follow a Linear or Conv2d, or stands in a layer that says nothing of its
            parts; the message names it.
    """
    if not isinstance(model, Layer):
        raise TypeError(f"model must be a layer of snn.nn, got {shown(model)}")
    return _without_norms(copy_module(model), "")


def _without_norms(model: Layer, place: str) -> Layer:
    """Fold the BatchNorm of a model that may be changed; `place` leads to it, with a dot at its end."""
    if isinstance(model, Residual) and runs_as(model, Residual):
        shortcut = None if model.shortcut is None else _without_norms(model.shortcut, f"{place}shortcut.")
        return Residual(_without_norms(model.body, f"{place}body."), shortcut, join=model.join)
    parts = list(model) if type(model) is Sequential else model.stages()
    if parts == [model]:
        if any(isinstance(part, BatchNorm) for part in model.modules()):
            kind = type(model).__name__
            where = f"layer {place[:-1]} ({kind})" if place else f"model ({kind})"
            rule = (
                "follow a Linear or Conv2d" if isinstance(model, BatchNorm) else "give its parts by stages()"
            )
            raise ValueError(f"{where} must {rule} for its BatchNorm to be folded, got it alone")
        return model
    layers: list[Layer] = []
    for i, layer in enumerate(parts):
        if not isinstance(layer, BatchNorm):
            layers.append(_without_norms(layer, f"{place}{i}."))
            continue
        folded = _folded(layers[-1], layer) if layers else None
        if folded is None:
            before = type(layers[-1]).__name__ if layers else "nothing"
            raise ValueError(
                f"layer {place}{i} (BatchNorm) must follow a Linear or Conv2d to be folded, got {before} before it"
            )
        layers[-1] = folded
    return Sequential(*layers)


@torch.no_grad()
def _folded(layer: Layer, norm: BatchNorm) -> Layer | None:
    """Give w' = w g / sqrt(var + eps) and b' = (b - mean) g / sqrt(var + eps) + beta; None where there is no w."""
    if isinstance(layer, Sequential) and len(layer):
        last = _folded(layer[-1], norm)
        return None if last is None else Sequential(*list(layer)[:-1], last)
    if not isinstance(layer, Linear | Conv2d) or not runs_as(layer, Linear, Conv2d):
        return None
    scale, offset = norm.scale_and_offset()
    new = plain_twin(layer, bias=True).to(layer.weight)
    assert new.bias is not None
    bias = 0.0 if layer.bias is None else layer.bias.double()
    new.weight.copy_(layer.weight.double() * scale.reshape(-1, *[1] * (layer.weight.dim() - 1)))
    new.bias.copy_(bias * scale + offset)
    return new


def convert(
    model: Layer,
    x: Tensor,
    *,
    steps: int = 100,
    percentile: float = 90.0,
    neuron: dict[str, Any] | None = None,
) -> Layer:
    """Give a spiking copy of a trained network: BatchNorm folded, every `ReLU` a `LIF` with a threshold of its own.

    Layer by layer from the input, x runs through what is converted so far for `steps` steps; the percentile of the
    layer's input current is taken in every step, and the largest becomes its threshold.

    Args:
        model: Layers of `snn.nn` with `ReLU` neurons, trained.
        x: A batch of still inputs [B, ...], each given in every step.
        steps: Steps to look at, >= 1; the paper takes 500 or more, after the largest has long been seen.
        percentile: In (0, 100].
        neuron: Arguments of the `LIF`, without v_th; None is `IIR_NEURON`.

    Raises:
        ValueError: No ReLU to convert, or a value is out of its range.
    """
    steps = whole("steps", steps, low=1)
    percentile = number("percentile", percentile, above=0, high=100)
    spiking = fold_batch_norm(model).eval()
    places = list(_rectifiers(spiking))
    if not places:
        raise ValueError("model must have ReLU neurons to convert, got none")
    for parent, name in places:
        currents = _currents(spiking, parent.get_submodule(name), x, steps)
        threshold = max(float(np.percentile(current, percentile)) for current in currents)
        arguments = IIR_NEURON if neuron is None else neuron
        new = LIF(v_th=threshold if threshold > 0 else SILENT_THRESHOLD, **arguments)
        setattr(parent, name, new.to(x.dtype))
    return spiking


def _rectifiers(model: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    """Find every ReLU in the order in which they run, with the module that holds it."""
    for name, child in model.named_children():
        if isinstance(child, ReLU):
            yield model, name
        else:
            yield from _rectifiers(child)


class _LayerReached(Exception):
    """End a pass at the layer whose input is wanted."""


@torch.no_grad()
def _currents(model: Layer, layer: nn.Module, x: Tensor, steps: int) -> Iterator[Any]:
    """Give a layer's input in every step, as the layers before it spike."""
    state: dict[nn.Module, Any] = {}
    found: list[Tensor] = []

    def keep_input(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        found.append(inputs[0])
        raise _LayerReached

    def give_state(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return (inputs[0], state.get(module), *inputs[2:])

    def keep_state(module: nn.Module, _: Any, output: tuple[Tensor, Any]) -> None:
        state[module] = output[1]

    spiking = [m for m in model.modules() if isinstance(m, LIF)]
    handles = [layer.register_forward_pre_hook(keep_input)]
    handles += [m.register_forward_pre_hook(give_state) for m in spiking]
    handles += [m.register_forward_hook(keep_state) for m in spiking]
    try:
        for _ in range(steps):
            try:
                model(x[None], None, None)
            except _LayerReached:
                yield found.pop().numpy(force=True)
    finally:
        for handle in handles:
            handle.remove()


class ReducedRun(NamedTuple):
    """What training at one number of steps left, in `reduce_steps`.

    Attributes:
        steps: Steps of the input.
        result: Metrics of its epochs.
        weights: The model's tensors after it.
    """

    steps: int
    result: FitResult
    weights: dict[str, Tensor]


def reduce_steps(
    model: Layer,
    data: Callable[[int], tuple[Data, Data]],
    config: TrainConfig,
    *,
    steps: Sequence[int] = (5, 3, 1),
    out: PathLike | None = None,
    resume: bool = False,
    callback: Callable[[Progress], None] | None = None,
) -> list[ReducedRun]:
    """Train a spiking model at falling numbers of steps, each run going on from the one before.

    Args:
        model: From `convert`, say; trained in place, and left as the last run has it.
        data: Gives training and validation data with so many steps.
        config: How each run trains.
        steps: Steps of each run, falling, >= 1.
        out: Folder; the run of 5 steps writes to `steps-5` in it, and so on.
        resume: Go on from the checkpoints in `out`.
        callback: Called after every batch and every epoch.

    Returns:
        What each run left, in their order.

    Raises:
        ValueError: `steps` do not fall, or one is below 1.
    """
    steps = [whole(f"steps[{i}]", n, low=1) for i, n in enumerate(steps)]
    if not steps or any(a <= b for a, b in pairwise(steps)):
        raise refusal("steps", "falling numbers of steps", steps)
    runs = []
    for n in steps:
        train, valid = data(n)
        folder = None if out is None else Path(out) / f"steps-{n}"
        result = fit(model, train, valid, config, out=folder, resume=resume, callback=callback)
        weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        runs.append(ReducedRun(n, result, weights))
    return runs

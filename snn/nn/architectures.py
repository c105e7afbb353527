"""Convolutional networks in the configurations of the papers: VGG and ResNet-18."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import nn

from snn.core.checks import choice, flag, number, refusal, whole
from snn.nn.batch_norm import BatchNorm, Over
from snn.nn.connections import Linear
from snn.nn.conv import LARGEST_IMAGE, AdaptiveAvgPool2d, AvgPool2d, Conv2d, Flatten, MaxPool2d, pair
from snn.nn.dropout import Dropout
from snn.nn.layer import Layer
from snn.nn.neurons import LIF
from snn.nn.residual import Join, Residual
from snn.nn.sequential import Sequential

__all__ = ["SLTT_NEURON", "VGG_PLANS", "Neurons", "resnet18", "vgg"]

Neurons = Callable[[], Layer]
"""Make a layer of neurons; called once per layer."""

VGG_PLANS: dict[str, tuple[int | Literal["A", "M"], ...]] = {
    "vgg11": (64, "A", 128, "A", 256, 256, "A", 512, 512, "A", 512, 512, "A"),
    "vgg16": (64, 64, "A", 128, 128, "A", 256, 256, 256, "A", 512, 512, 512, "A", 512, 512, 512),
}
"""Channels of each convolution, and where pooling stands: "vgg11" of SLTT, "vgg16" of IIR-SNN."""

SLTT_NEURON: dict[str, Any] = {
    "tau": 1.1,
    "decay_input": False,
    "reset": "soft",
    "surrogate": "triangle",
    "surrogate_alpha": 1.0,
}
"""The neuron of Meng et al., 2023 (SLTT): arguments of `LIF`."""


def _sltt() -> Layer:
    return LIF(**SLTT_NEURON)


def _plan(plan: Any) -> Sequence[int | str]:
    """Give the convolutions and poolings of a plan or of its name."""
    named = VGG_PLANS.get(plan) if isinstance(plan, str) else plan
    if not isinstance(named, Sequence) or isinstance(named, bytes):
        raise refusal("plan", f"channels of convolutions or one of {', '.join(map(repr, VGG_PLANS))}", plan)
    return named


def vgg(
    plan: str | Sequence[int | str],
    in_channels: int,
    classes: int,
    *,
    features: int | tuple[int, int] = 7,
    hidden: Sequence[int] = (),
    bias: bool = True,
    head_bias: bool = True,
    dropout: float = 0.0,
    over: Over = "step",
    neurons: Neurons = _sltt,
) -> Sequential:
    """Build convolutions of 3x3 with BatchNorm, neurons and dropout, pooling between them, and a linear head.

    The defaults with plan "vgg11" are SLTT's network for event cameras (9.5 M parameters); with "vgg16",
    features=2, hidden=(4096, 4096), bias=False, head_bias=False it is IIR-SNN's for CIFAR (39.9 M), but that there
    no dropout stands before a pooling. Convolutions start as in both papers' code; linear layers do not, which
    start there from a normal of deviation 0.01, here by Kaiming.

    Args:
        plan: A name in `VGG_PLANS`, or channels of each convolution with "A" (average) or "M" (maximum) where a
            pooling halves the image.
        in_channels: Channels of the input.
        classes: Outputs, one current per class and step; add a readout for a membrane.
        features: Size of the image that the head sees (adaptive average pooling).
        hidden: Sizes of hidden linear layers in the head, each with neurons and dropout.
        bias: Whether convolutions have a bias.
        head_bias: Whether linear layers have one.
        dropout: Share of neurons silenced in training, in [0, 1).
        over: What BatchNorm is over, see `BatchNorm`.
        neurons: Makes the neurons; by default those of SLTT.

    Raises:
        ValueError: An unknown plan, or a value out of its range.
    """
    named = _plan(plan)
    if not isinstance(hidden, Sequence) or isinstance(hidden, str | bytes):
        raise refusal("hidden", "a tuple of sizes", hidden)
    channels, classes = whole("in_channels", in_channels, low=1), whole("classes", classes, low=1)
    features = pair("features", features, high=LARGEST_IMAGE)
    bias, head_bias = flag("bias", bias), flag("head_bias", head_bias)
    dropout, over, neurons = _checked(dropout, over, neurons)
    layers: list[Layer] = []
    for i, part in enumerate(named):
        if isinstance(part, str):
            layers.append({"A": AvgPool2d, "M": MaxPool2d}[choice(f"plan[{i}]", part, ("A", "M"))](2))
            continue
        part = whole(f"plan[{i}]", part, low=1)
        layers += [Conv2d(channels, part, 3, padding=1, bias=bias), BatchNorm(part, over), neurons()]
        layers += _dropout(dropout)
        channels = part
    layers += [pool := AdaptiveAvgPool2d(features), Flatten()]
    width = channels * pool.output_size[0] * pool.output_size[1]
    for i, size in enumerate(hidden):
        size = whole(f"hidden[{i}]", size, low=1)
        layers += [Linear(width, size, bias=head_bias), neurons(), *_dropout(dropout)]
        width = size
    return _initialised(Sequential(*layers, Linear(width, classes, bias=head_bias)))


def resnet18(
    in_channels: int,
    classes: int,
    *,
    kind: Literal["preact", "sew"] = "preact",
    width: int = 64,
    join: Join = "add",
    dropout: float = 0.0,
    over: Over = "step",
    neurons: Neurons = _sltt,
) -> Sequential:
    """Build a ResNet-18 for small images: a 3x3 stem, four stages of two blocks, average pooling, a linear head.

    "preact" is SLTT's network for CIFAR (11.18 M parameters): BatchNorm and neurons before each convolution. The
    spikes of a block's first neurons go around it, as they are or through a convolution of 1x1 where the shape
    changes, and are added to the currents of its last convolution; convolutions of blocks have a bias. "sew" (Fang
    et al., 2021) joins spikes with spikes: convolution, BatchNorm, neurons, twice; its shortcuts are the same once.

    Args:
        in_channels: Channels of the input.
        classes: Outputs, one current per class and step; add a readout for a membrane.
        kind: "preact" or "sew".
        width: Channels of the first stage; the others have 2, 4 and 8 times as many.
        join: How "sew" joins, see `Residual`; "preact" adds.
        dropout: Share of neurons silenced in training, in [0, 1): in "preact" before each block's second
            convolution and the head, in "sew" before the head.
        over: What BatchNorm is over, see `BatchNorm`.
        neurons: Makes the neurons; by default those of SLTT.

    Raises:
        ValueError: An unknown kind, or a value out of its range.
    """
    choice("kind", kind, ("preact", "sew"))
    in_channels, classes = whole("in_channels", in_channels, low=1), whole("classes", classes, low=1)
    width, join = whole("width", width, low=1), choice("join", join, Join)
    dropout, over, neurons = _checked(dropout, over, neurons)
    layers: list[Layer] = [Conv2d(in_channels, width, 3, padding=1)]
    if kind == "sew":
        layers += [BatchNorm(width, over), neurons()]
    channels = width
    for stage in range(4):
        for block in range(2):
            out, stride = width * 2**stage, 2 if stage and not block else 1
            if kind == "preact":
                layers += _preactivation(channels, out, stride, dropout, over, neurons)
            else:
                layers.append(_spike_element_wise(channels, out, stride, join, over, neurons))
            channels = out
    if kind == "preact":
        layers += [BatchNorm(channels, over), neurons()]
    layers += [AdaptiveAvgPool2d(1), Flatten(), *_dropout(dropout), Linear(channels, classes, bias=True)]
    return _initialised(Sequential(*layers))


def _checked(dropout: float, over: Over, neurons: Neurons) -> tuple[float, Over, Neurons]:
    """Return what all networks take.

    Raises:
        ValueError: A value is out of its range; the message names it.
    """
    if not callable(neurons):
        raise refusal("neurons", "a function that makes a layer", neurons)
    return number("dropout", dropout, low=0.0, below=1.0), choice("over", over, Over), neurons


def _dropout(p: float) -> list[Layer]:
    return [Dropout(p)] if p else []


def _preactivation(
    channels: int, out: int, stride: int, dropout: float, over: Over, neurons: Neurons
) -> list[Layer]:
    """Give BatchNorm, neurons, convolution twice; the shortcut starts from the spikes of the first neurons."""
    body: list[Layer] = [Conv2d(channels, out, 3, stride, 1, bias=True), BatchNorm(out, over), neurons()]
    body += [*_dropout(dropout), Conv2d(out, out, 3, 1, 1, bias=True)]
    same = stride == 1 and channels == out
    shortcut = None if same else Conv2d(channels, out, 1, stride, bias=True)
    return [BatchNorm(channels, over), neurons(), Residual(Sequential(*body), shortcut)]


def _spike_element_wise(
    channels: int, out: int, stride: int, join: Join, over: Over, neurons: Neurons
) -> Layer:
    """Give a block of two convolutions, with a convolution as shortcut where the shape changes."""

    def unit(size: int, before: int, step: int) -> list[Layer]:
        return [Conv2d(before, out, size, step, size // 2), BatchNorm(out, over), neurons()]

    shortcut = None if stride == 1 and channels == out else Sequential(*unit(1, channels, stride))
    return Residual(Sequential(*unit(3, channels, stride), *unit(3, out, 1)), shortcut, join=join)


@torch.no_grad()
def _initialised(model: Sequential) -> Sequential:
    """Draw convolutions as in both papers' code: normal, by fan-out."""
    for layer in model.modules():
        if isinstance(layer, Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return model

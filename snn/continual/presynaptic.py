"""What a layer's weights multiply: vectors of its input, one for each place and group of a convolution."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from snn.nn import Conv2d, DelayLinear, Layer, Linear

__all__ = ["WITH_VECTORS", "image_size", "no_input", "places", "product", "vectors", "width"]

WITH_VECTORS = (Linear, Conv2d, DelayLinear)
"""Kinds of layers of which we know these vectors."""


def width(layer: Layer) -> int:
    """Give the length n of a layer's vectors: inputs, or entries of a patch of its group."""
    weight: Any = layer.weight
    return int(weight[0].numel()) if isinstance(layer, Conv2d) else int(weight.shape[-1])


def image_size(layer: Conv2d, x: Tensor) -> tuple[int, int]:
    """Give the rows and columns of a convolution's output for images x [..., H, W]."""
    windows = zip(x.shape[-2:], layer.kernel_size, layer.stride, layer.padding, layer.dilation, strict=True)
    rows, columns = (
        (size + 2 * pad - apart * (kernel - 1) - 1) // stride + 1
        for size, kernel, stride, pad, apart in windows
    )
    return rows, columns


def places(layer: Layer, x: Tensor) -> int:
    """Give how many vectors one sample of x [..., in] or [..., C, H, W] has in one step."""
    return math.prod(image_size(layer, x)) * layer.groups if isinstance(layer, Conv2d) else 1


def no_input(layer: Layer) -> Tensor:
    """Give no samples [0, ...] of a layer's input, images as small as can be."""
    if isinstance(layer, Conv2d):
        sides = zip(layer.kernel_size, layer.dilation, strict=True)
        return torch.zeros(0, layer.in_channels, *[apart * (size - 1) + 1 for size, apart in sides])
    return torch.zeros(0, width(layer))


def _patches(layer: Conv2d, x: Tensor) -> Tensor:
    """Give the patches of images x [R, C, H, W]: [R, groups, n, places]."""
    patches = functional.unfold(
        x, layer.kernel_size, dilation=layer.dilation, padding=layer.padding, stride=layer.stride
    )
    return patches.reshape(len(x), layer.groups, width(layer), -1)


def vectors(layer: Layer, x: Tensor) -> Tensor:
    """Give the vectors [R', n] of inputs x [R, in], or of images [R, C, H, W]: every patch that a kernel sees.

    A layer with delays sees each input through all of its taps: the vectors of every tap are the inputs.
    """
    if isinstance(layer, Conv2d):
        return _patches(layer, x).transpose(2, 3).flatten(0, 2)
    return x.flatten(0, -2)


def product(layer: Layer, part: Callable[[Tensor], Tensor], seen: Tensor, earlier: int = 0) -> Tensor:
    """Give a layer's output [T, B, ...] on its vectors with `part` applied to each, without its bias.

    Args:
        layer: The layer.
        part: Function of vectors [R, n].
        seen: Input [earlier + T, B, ...].
        earlier: Steps before this piece that a layer with delays still sees.
    """
    if isinstance(layer, DelayLinear):
        return layer.forward(_each(part, seen))[0][earlier:]
    weight = layer.weight_in_use()
    if not isinstance(layer, Conv2d):
        return _each(part, seen) @ weight.t()
    patches = _patches(layer, seen.flatten(0, 1)).transpose(2, 3)  # [R, groups, places, n]
    patches = part(patches.flatten(0, 2)).reshape(patches.shape)
    kernels = weight.reshape(layer.groups, -1, width(layer))
    return (kernels @ patches.transpose(2, 3)).reshape(*seen.shape[:2], -1, *image_size(layer, seen))


def _each(part: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return part(x.flatten(0, -2)).reshape(x.shape)

"""Find which windows of a pooling layer each input lies in."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from snn.core.arrays import Int64Array
from snn.nn import AdaptiveAvgPool2d, MaxPool2d

__all__ = ["pool_arrivals", "pool_fan_out", "pooled_spikes"]


def pool_fan_out(layer: Any, shape: tuple[int, ...]) -> Int64Array:
    """Count the windows that each input of [channels, H, W] lies in, flat; padding is in none.

    Args:
        layer: `AvgPool2d`, `MaxPool2d` or `AdaptiveAvgPool2d`.
        shape: Shape of one input of one step.
    """
    rows, columns = (_windows_of_each(layer, axis, size) for axis, size in enumerate(shape[1:]))
    fan_out: Int64Array = np.tile(np.outer(rows, columns).ravel(), shape[0])
    return fan_out


def pool_arrivals(layer: Any, arrived: Tensor) -> Tensor:
    """Find the windows in which something arrived: bool [T, B, C, H, W] to [T, B, C, H', W']."""
    steps = arrived.flatten(0, 1).float()
    if isinstance(layer, AdaptiveAvgPool2d):
        found = functional.adaptive_max_pool2d(steps, layer.output_size)
    else:
        found = functional.max_pool2d(steps, layer.kernel_size, layer.stride, layer.padding)
    return found.reshape(*arrived.shape[:2], *found.shape[1:]) > 0


def pooled_spikes(layer: Any, x: Tensor, spikes: Tensor, y: Tensor) -> Tensor:
    """Give how many spikes each output stands for: those of its window, or of the input that a maximum takes.

    Args:
        layer: `AvgPool2d`, `MaxPool2d` or `AdaptiveAvgPool2d`.
        x: Its input, [T, B, C, H, W].
        spikes: How many spikes each input stands for, of the same shape; x itself where it is these numbers.
        y: Its output, [T, B, C, H', W'].
    """
    if isinstance(layer, MaxPool2d):
        window = (layer.kernel_size, layer.stride, layer.padding)
        at = functional.max_pool2d(x.flatten(0, 1), *window, return_indices=True)[1]
        found = spikes.flatten(0, 1).flatten(2).gather(2, at.flatten(2))
        return found.reshape(*x.shape[:2], *at.shape[1:])
    if isinstance(layer, AdaptiveAvgPool2d):
        rows, columns = (_window_sizes(n, o) for n, o in zip(x.shape[3:], layer.output_size, strict=True))
        size: Tensor | int = (rows[:, None] * columns).to(spikes)
    else:
        size = layer.kernel_size[0] * layer.kernel_size[1]
    means = y if spikes is x else layer(spikes)[0]
    pooled: Tensor = (means * size).round()
    return pooled


def _window_sizes(size: int, outs: int) -> Tensor:
    """Give the lengths of the windows into which adaptive pooling cuts an axis, [outs]."""
    return torch.tensor([stop - start for start, stop in _adaptive_windows(size, outs)])


def _adaptive_windows(size: int, outs: int) -> list[tuple[int, int]]:
    return [(i * size // outs, -(-(i + 1) * size // outs)) for i in range(outs)]


def _windows_of_each(layer: Any, axis: int, size: int) -> Int64Array:
    """Count the windows along one axis that each of `size` places lies in."""
    counts = np.zeros(size, dtype=np.int64)
    if isinstance(layer, AdaptiveAvgPool2d):
        windows = _adaptive_windows(size, layer.output_size[axis])
    else:
        kernel, stride, pad = layer.kernel_size[axis], layer.stride[axis], layer.padding[axis]
        outs = (size + 2 * pad - kernel) // stride + 1
        windows = [(i * stride - pad, i * stride - pad + kernel) for i in range(outs)]
    for start, stop in windows:
        counts[max(start, 0) : stop] += 1
    return counts

"""Find which windows of a pooling layer each input lies in."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor
from torch.nn import functional

from snn.core.arrays import Int64Array
from snn.nn import AdaptiveAvgPool2d

__all__ = ["pool_arrivals", "pool_fan_out"]


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


def _windows_of_each(layer: Any, axis: int, size: int) -> Int64Array:
    """Count the windows along one axis that each of `size` places lies in."""
    counts = np.zeros(size, dtype=np.int64)
    if isinstance(layer, AdaptiveAvgPool2d):
        outs = layer.output_size[axis]
        windows = [(i * size // outs, -(-(i + 1) * size // outs)) for i in range(outs)]
    else:
        kernel, stride, pad = layer.kernel_size[axis], layer.stride[axis], layer.padding[axis]
        outs = (size + 2 * pad - kernel) // stride + 1
        windows = [(i * stride - pad, i * stride - pad + kernel) for i in range(outs)]
    for start, stop in windows:
        counts[max(start, 0) : stop] += 1
    return counts

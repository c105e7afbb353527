"""Causal linear maps with delays as a dense convolution: the definition that the fast forms are tested against."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from snn.core.checks import refusal, whole
from snn.kernels.checks import check_range, check_tensors

__all__ = ["check_product", "delayed_dense", "no_steps", "one_hot_kernel"]


def one_hot_kernel(weight: Tensor, delays: Tensor, taps: int) -> Tensor:
    """Put each weight on the tap of its whole delay.

    Args:
        weight: Weights [out, in].
        delays: Delays [out, in], int64, steps, in [0, taps - 1].
        taps: Number of taps K, >= 1.

    Returns:
        Kernel [K, out, in], tap d = delay d.

    Raises:
        ValueError: A tensor is of another shape or type, or a delay is beyond the taps.
    """
    check_tensors(weight=(weight, "out in"))
    taps = whole("taps", taps, low=1)
    if delays.dtype is not torch.int64 or delays.shape != weight.shape:
        raise refusal("delays", f"int64 of shape {list(weight.shape)}, as weight", delays)
    check_range("delays", delays, 0, taps - 1)
    return weight * (delays == torch.arange(taps, device=weight.device).reshape(-1, 1, 1))


def delayed_dense(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolve by a dense 1-d convolution: the reference of every other form.

    Args:
        x: Input [T, B, in].
        kernel: Taps [K, out, in], tap d = delay d.

    Returns:
        y[t] = sum over delays d of kernel[d] x[t - d], [T, B, out].

    Raises:
        ValueError: A tensor is of another shape, type or device.
    """
    check_product(x, kernel)
    if not x.numel():
        return no_steps(x, kernel[0])
    padded = F.pad(x.permute(1, 2, 0), (kernel.shape[0] - 1, 0))
    return F.conv1d(padded, kernel.flip(0).permute(1, 2, 0)).permute(2, 0, 1)


def check_product(x: Tensor, kernel: Tensor) -> None:
    """Refuse what is no input [T, B, in] with a kernel [K, out, in] of one tap or more.

    Raises:
        TypeError: One is no tensor.
        ValueError: A shape, type or device does not fit.
    """
    check_tensors(x=(x, "T B in"), kernel=(kernel, "K out in"))
    if not kernel.shape[0]:
        raise refusal("kernel", "of one tap or more", kernel)


def no_steps(x: Tensor, *weights: Tensor) -> Tensor:
    """Give the output [T, B, out] of an input [T, B, in] without steps or samples; gradients are zeros."""
    total = weights[0]
    for weight in weights[1:]:
        total = total + weight
    return (x.flatten(0, 1) @ total.t()).reshape(*x.shape[:2], total.shape[0])

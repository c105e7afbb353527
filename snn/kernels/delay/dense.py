"""Causal linear maps with delays as a dense convolution: the definition that the fast forms are tested against."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["delayed_dense", "one_hot_kernel"]


def one_hot_kernel(weight: Tensor, delays: Tensor, taps: int) -> Tensor:
    """Put each weight on the tap of its whole delay.

    Args:
        weight: Weights [out, in].
        delays: Delays [out, in], int64, steps, in [0, taps - 1].
        taps: Number of taps K.

    Returns:
        Kernel [K, out, in], tap d = delay d.
    """
    return weight * (delays == torch.arange(taps, device=weight.device).reshape(-1, 1, 1))


def delayed_dense(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolve by a dense 1-d convolution: the reference of every other form.

    Args:
        x: Input [T, B, in].
        kernel: Taps [K, out, in], tap d = delay d.

    Returns:
        y[t] = sum over delays d of kernel[d] x[t - d], [T, B, out].
    """
    padded = F.pad(x.permute(1, 2, 0), (kernel.shape[0] - 1, 0))
    return F.conv1d(padded, kernel.flip(0).permute(1, 2, 0)).permute(2, 0, 1)

"""Causal delayed linear maps: y[t] = sum over taps d of kernel[d] x[t - d], in the forms we use.

The Gauss kernel, the spectral product (training), the dense convolution (reference) and the shift by
rounded delays (evaluation). Delays count in steps; a tap d sees the input d steps ago.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = [
    "delayed_dense",
    "delayed_shift",
    "delayed_spectral",
    "gauss_kernel",
    "gauss_kernel_reference",
    "one_hot_kernel",
]

SIGMA_FLOOR, SUM_FLOOR = 0.27, 1e-7


def gauss_kernel_reference(weight: Tensor, position: Tensor, sigma: Tensor, taps: int) -> Tensor:
    """Spread each weight over the taps as a normalised Gauss bell at the delay c - position, c = taps // 2.

    Args:
        weight: Synaptic weights [out, in].
        position: Learned positions P [out, in], in [-c, c].
        sigma: Width parameter, 0-dimensional; the bell's deviation is |sigma| + 0.27 steps.
        taps: Number of taps K, odd.

    Returns:
        Kernel [K, out, in], tap d = delay d.
    Source: DCLS 0.1.1, version "gauss" (Hammouamri et al., 2023), in the order of delays.
    """
    d = torch.arange(taps, dtype=weight.dtype, device=weight.device).reshape(-1, 1, 1)
    u = (d - (taps // 2 - position)) / (sigma.abs() + SIGMA_FLOOR)
    bell = torch.exp(-0.5 * u * u)
    return weight * (bell / (bell.sum(0) + SUM_FLOOR))


class _GaussKernel(torch.autograd.Function):
    """The bell with its weight and position gradients by hand; keeps only the two parameters."""

    @staticmethod
    def _bell(position: Tensor, sigma: Tensor, taps: int) -> tuple[Tensor, Tensor, Tensor]:
        width = sigma.abs() + SIGMA_FLOOR
        d = torch.arange(taps, dtype=position.dtype, device=position.device).reshape(-1, 1, 1)
        u = (d - (taps // 2 - position)).div_(width)
        bell = (u * u).mul_(-0.5).exp_()
        return u, bell.div_(bell.sum(0).add_(SUM_FLOOR)), width

    @staticmethod
    def forward(ctx: Any, weight: Tensor, position: Tensor, sigma: Tensor, taps: int) -> Tensor:
        ctx.save_for_backward(weight, position, sigma)
        ctx.taps = taps
        return _GaussKernel._bell(position, sigma, taps)[1].mul_(weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor, None, None]:
        weight, position, sigma = ctx.saved_tensors
        u, bell, width = _GaussKernel._bell(position, sigma, ctx.taps)
        mean = (bell * u).sum(0)
        g_bell = bell.mul_(g)
        g_weight = g_bell.sum(0)
        # d bell / d position = -bell (u - mean) / width: the sum's own derivative is the mean
        g_position = (g_bell.mul_(u).sum(0) - g_weight * mean).mul_(weight).div_(-width)
        return g_weight, g_position, None, None


def gauss_kernel(weight: Tensor, position: Tensor, sigma: Tensor, taps: int) -> Tensor:
    """Give `gauss_kernel_reference`, with hand-written gradients of weight and position (none of sigma)."""
    return cast(Tensor, _GaussKernel.apply(weight, position, sigma, taps))  # type: ignore[no-untyped-call]


def one_hot_kernel(weight: Tensor, delays: Tensor, taps: int) -> Tensor:
    """Put each weight [out, in] on the tap of its delay [out, in] (int64): kernel [taps, out, in]."""
    return weight * (delays == torch.arange(taps, device=weight.device).reshape(-1, 1, 1))


def delayed_dense(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolve x [T, B, in] with kernel [K, out, in] as a dense 1-d convolution: the reference form."""
    taps = kernel.shape[0]
    padded = F.pad(x.permute(1, 2, 0), (taps - 1, 0))
    return F.conv1d(padded, kernel.flip(0).permute(1, 2, 0)).permute(2, 0, 1)


@lru_cache(maxsize=32)
def _transform(length: int, steps: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Give the odd-frequency Fourier matrix [length, steps]: cosines, then negated sines.

    Frequencies (k + 1/2) 2 pi / length, k < length / 2: all complex, so that every product is of one kind.
    They wrap with a sign; nothing wraps where the length holds the whole linear convolution.
    """
    k = torch.arange(length // 2, dtype=torch.float64).add_(0.5)
    # the angle is reduced as an exact integer first: sin and cos stay good to the last bit at any length
    turns = (2 * k[:, None] * torch.arange(steps, dtype=torch.float64)).remainder(2 * length)
    angle = turns * (math.pi / length)
    return torch.cat([angle.cos(), -angle.sin()]).to(device=device, dtype=dtype)


def _spectrum(signal: Tensor, length: int) -> Tensor:
    """Transform signal [T, ...] to real, imaginary and their sum: [3 length / 2, ...]."""
    steps, half = signal.shape[0], length // 2
    out = signal.new_empty(3 * half, *signal.shape[1:])
    matrix = _transform(length, steps, signal.dtype, signal.device)
    torch.mm(matrix, signal.reshape(steps, -1), out=out[:length].view(length, -1))
    torch.add(out[:half], out[half:length], out=out[length:])
    return out


def _signal(products: Tensor, length: int, steps: int, sign: int) -> Tensor:
    """Turn the three products of spectra back into a signal of so many steps.

    sign +1: convolution; -1: correlation (the first factor conjugated). With p = (rr, ii, (r+i)(r+i)):
    convolution has real rr - ii and imaginary p - rr - ii.
    """
    raise NotImplementedError

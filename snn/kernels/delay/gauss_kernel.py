"""The taps of DCLS: each synapse is a Gauss bell over the delays around its own."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.core.checks import refusal, whole
from snn.kernels.checks import check_range, check_tensors
from snn.kernels.dispatch import apply
from snn.kernels.memory import empty_aligned

__all__ = ["gauss_kernel", "gauss_kernel_reference"]

SIGMA_FLOOR, SUM_FLOOR = 0.27, 1e-7
"""Least deviation of a bell, steps, and what keeps its sum from 0, as in DCLS."""
LEAST_EXPONENT = -46.0
"""Exponent under which a tap is nothing: 1e-20 of the middle one."""


def gauss_kernel_reference(weight: Tensor, position: Tensor, sigma: Tensor, taps: int) -> Tensor:
    """Spread each weight over the taps as a normalised Gauss bell at the delay c - position, c = taps // 2.

    Args:
        weight: Synaptic weights [out, in].
        position: Learned positions P [out, in], in [-c, c].
        sigma: Width parameter, 0-dimensional; the bell's deviation is |sigma| + 0.27 steps.
        taps: Number of taps K, odd.

    Returns:
        Kernel [K, out, in], tap d = delay d.

    Raises:
        ValueError: A tensor is of another shape or type, a position is outside [-c, c], or taps is even.
    Source: DCLS 0.1.1, version "gauss" (Hammouamri et al., 2023), in the order of delays.
    """
    _check(weight, position, sigma, taps)
    d = torch.arange(taps, dtype=weight.dtype, device=weight.device).reshape(-1, 1, 1)
    u = (d - (taps // 2 - position)) / (sigma.abs() + SIGMA_FLOOR)
    bell = torch.exp(-0.5 * u * u)
    return weight * (bell / (bell.sum(0) + SUM_FLOOR))


def _check(weight: Tensor, position: Tensor, sigma: Tensor, taps: int) -> None:
    check_tensors(weight=(weight, "out in"), position=(position, "out in"), sigma=(sigma, ""))
    if whole("taps", taps, low=1) % 2 == 0:
        raise refusal("taps", "odd, so that there is a middle", taps)
    check_range("position", position, -(taps // 2), taps // 2)


class _GaussKernel(torch.autograd.Function):
    """The bell with its weight and position gradients by hand; keeps only the parameters."""

    @staticmethod
    def _bell(position: Tensor, sigma: Tensor, taps: int) -> tuple[Tensor, Tensor, Tensor]:
        width = sigma.abs() + SIGMA_FLOOR
        d = torch.arange(taps, dtype=position.dtype, device=position.device).reshape(-1, 1, 1)
        kernel = (taps, *position.shape)
        u = torch.sub(d, taps // 2 - position, out=empty_aligned(position, *kernel)).div_(width)
        # far below rounding a tap is 0: subnormal numbers would slow the exponential and every product after it
        bell = torch.mul(u, u, out=empty_aligned(u)).mul_(-0.5).clamp_(min=LEAST_EXPONENT - 1).exp_()
        torch.threshold_(bell, math.exp(LEAST_EXPONENT), 0.0)
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
        mean = torch.mul(bell, u, out=empty_aligned(u)).sum(0)
        g_bell = bell.mul_(g)
        g_weight = g_bell.sum(0)
        # position moves the bell to shorter delays: d bell / d position = -bell (u - mean) / width
        g_position = (g_bell.mul_(u).sum(0) - g_weight * mean).mul_(weight).div_(-width)
        return g_weight, g_position, None, None


def gauss_kernel(weight: Tensor, position: Tensor, sigma: Tensor, taps: int) -> Tensor:
    """Give `gauss_kernel_reference`, with hand-written gradients of weight and position (none of sigma)."""
    _check(weight, position, sigma, taps)
    return cast(Tensor, apply(_GaussKernel, weight, position, sigma, taps))

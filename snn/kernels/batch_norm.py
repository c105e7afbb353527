"""Batch normalisation over the valid steps of a batch: a readable torch reference and fused passes each way."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.core.arrays import Float64Array, Int64Array, RealArray
from snn.core.checks import refusal
from snn.core.compiled import fused
from snn.kernels.checks import check_compiled, check_lengths, check_tensors
from snn.kernels.dispatch import apply, fused_or_reference
from snn.kernels.memory import empty_aligned

__all__ = ["normalise", "normalise_fused", "normalise_reference"]

Normal = tuple[Tensor, Tensor, Tensor]


def normalise_reference(x: Tensor, lengths: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Normal:
    """Normalise each feature by its mean and variance over valid steps and samples.

    Args:
        x: Input [T, B, N].
        lengths: Valid steps of each sample [B], int64; at least one in all.
        weight: Scale [N].
        bias: Offset [N].
        eps: Added to the variance.

    Returns:
        y = weight (x - mean) / sqrt(var + eps) + bias, 0 beyond the lengths; the mean and the variance (of these
        values: no n - 1), [N], without gradient.

    Raises:
        TypeError: An argument that is to be a tensor is none.
        ValueError: One is of another shape, type or device, or lengths are outside 0..T or all 0.
    """
    _check(x, lengths, weight, bias)
    valid = torch.arange(x.shape[0])[:, None] < lengths
    rows = x[valid]
    mean, var = rows.mean(0), rows.var(0, correction=0)
    normal = weight * (rows - mean) * torch.rsqrt(var + eps) + bias
    return torch.zeros_like(x).masked_scatter(valid[:, :, None], normal), mean.detach(), var.detach()


@fused
def _moments(
    x: RealArray, lengths: Int64Array, sums: Float64Array, squares: Float64Array, shift: Float64Array
) -> None:
    """Add up x - shift and its square over the valid rows of x [T, B, N]."""
    for t in range(x.shape[0]):
        for b in range(x.shape[1]):
            if t < lengths[b]:
                row = x[t, b]
                for n in range(row.shape[0]):
                    d = row[n] - shift[n]
                    sums[n] += d
                    squares[n] += d * d


@fused
def _scale(x: RealArray, lengths: Int64Array, scale: RealArray, offset: RealArray, y: RealArray) -> None:
    """Set y to scale x + offset in valid rows, to 0 in the others."""
    for t in range(x.shape[0]):
        for b in range(x.shape[1]):
            row, out = x[t, b], y[t, b]
            if t < lengths[b]:
                for n in range(row.shape[0]):
                    out[n] = row[n] * scale[n] + offset[n]
            else:
                out[:] = 0


@fused
def _products(
    x: RealArray,
    g: RealArray,
    lengths: Int64Array,
    mean: RealArray,
    sums: Float64Array,
    products: Float64Array,
) -> None:
    """Add up g and g (x - mean) over valid rows."""
    for t in range(x.shape[0]):
        for b in range(x.shape[1]):
            if t < lengths[b]:
                row, up = x[t, b], g[t, b]
                for n in range(row.shape[0]):
                    sums[n] += up[n]
                    products[n] += up[n] * (row[n] - mean[n])


@fused
def _gradient(
    x: RealArray,
    g: RealArray,
    lengths: Int64Array,
    scale: RealArray,
    slope: RealArray,
    offset: RealArray,
    gx: RealArray,
) -> None:
    """Set gx to scale g - slope x + offset in valid rows, to 0 in the others."""
    for t in range(x.shape[0]):
        for b in range(x.shape[1]):
            row, up, out = x[t, b], g[t, b], gx[t, b]
            if t < lengths[b]:
                for n in range(row.shape[0]):
                    out[n] = up[n] * scale[n] - row[n] * slope[n] + offset[n]
            else:
                out[:] = 0


def _check(x: Tensor, lengths: Tensor, weight: Tensor, bias: Tensor) -> None:
    check_tensors(x=(x, "T B N"), weight=(weight, "N"), bias=(bias, "N"))
    check_lengths(x, lengths)
    if not bool((lengths > 0).any()):
        raise refusal("lengths", "above 0 for one sample at least", lengths)


class _Normalise(torch.autograd.Function):
    """Two compiled passes each way over what is valid; sums are made in double precision."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, lengths: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Normal:
        x, count = x.contiguous(), int(lengths.sum())
        first = x[0, int(lengths.argmax())].double()  # valid: sums of what differs from it lose no digits
        sums, squares = torch.zeros_like(first), torch.zeros_like(first)
        _moments(x.numpy(), lengths.numpy(), sums.numpy(), squares.numpy(), first.numpy())
        mean = first + sums / count
        var = (squares / count - (sums / count).square()).clamp_(min=0)
        rstd = torch.rsqrt(var + eps)
        scale = weight.double() * rstd
        y, offset = empty_aligned(x), bias.double() - mean * scale
        mean, var, rstd = (part.to(x.dtype) for part in (mean, var, rstd))
        _scale(x.numpy(), lengths.numpy(), scale.to(x.dtype).numpy(), offset.to(x.dtype).numpy(), y.numpy())
        ctx.save_for_backward(x, lengths, weight, mean, rstd)
        ctx.count = count
        ctx.mark_non_differentiable(mean, var)
        return y, mean, var

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor, *_: Tensor) -> tuple[Tensor, None, Tensor, Tensor, None]:
        x, lengths, weight, mean, rstd = ctx.saved_tensors
        g, sums = g.contiguous(), torch.zeros(2, x.shape[2], dtype=torch.float64)
        given = x.numpy(), g.numpy(), lengths.numpy()
        _products(*given, mean.numpy(), sums[0].numpy(), sums[1].numpy())
        total, met = sums[0], sums[1] * rstd
        scale = weight.double() * rstd
        slope = scale * rstd * met / ctx.count
        offset = mean * slope - scale * total / ctx.count
        gx = empty_aligned(x)
        scale, slope, offset = (part.to(x.dtype) for part in (scale, slope, offset))
        _gradient(*given, scale.numpy(), slope.numpy(), offset.numpy(), gx.numpy())
        return gx, None, met.to(x.dtype), total.to(x.dtype), None


def normalise_fused(x: Tensor, lengths: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Normal:
    """Give `normalise_reference` on the CPU in float32 or float64."""
    _check(x, lengths, weight, bias)
    check_compiled(x)
    return cast(Normal, apply(_Normalise, x, lengths.to(torch.int64), weight, bias, eps))


def normalise(x: Tensor, lengths: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Normal:
    """Normalise in the fastest form there is for where x lies; see `normalise_reference`."""
    form = fused_or_reference(normalise_fused, normalise_reference, x, weight)
    return form(x, lengths, weight, bias, eps)

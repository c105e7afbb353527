"""Mixtures of every step with the one before it, channel by channel: a torch reference and one pass each way."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.core.arrays import RealArray
from snn.core.compiled import compiled
from snn.kernels.checks import check_compiled, check_tensors
from snn.kernels.dispatch import apply, fused_or_reference
from snn.kernels.memory import empty_aligned

__all__ = ["token_shift", "token_shift_fused", "token_shift_reference"]


def token_shift_reference(x: Tensor, last: Tensor, mix: Tensor) -> tuple[Tensor, ...]:
    """Give m x[t] + (1 - m) x[t - 1] for each row m of `mix`: the definition that the fused form is tested against.

    Args:
        x: Steps [T, B, d].
        last: The step before the first [B, d].
        mix: Shares of the step itself, S rows [S, d].

    Returns:
        S mixtures [T, B, d].

    Raises:
        TypeError: One is no tensor.
        ValueError: One is of another shape, type or device.
    """
    check_tensors(x=(x, "T B d"), last=(last, "B d"), mix=(mix, "S d"))
    before = torch.cat([last[None], x[:-1]]) if len(x) else x
    return tuple(x * row + before * (1 - row) for row in mix.unbind(0))


@compiled
def _forward(x: RealArray, last: RealArray, mix: RealArray, mixed: tuple[RealArray, ...]) -> None:
    """Fill the mixtures."""
    one = x.dtype.type(1)
    for t in range(x.shape[0]):
        for b in range(x.shape[1]):
            xs, bs = x[t, b], x[t - 1, b] if t else last[b]
            for s in range(len(mixed)):
                ms, ys = mix[s], mixed[s][t, b]
                for c in range(xs.shape[0]):
                    ys[c] = xs[c] * ms[c] + bs[c] * (one - ms[c])


@compiled
def _backward(
    g: tuple[RealArray, ...],
    x: RealArray,
    last: RealArray,
    mix: RealArray,
    gx: RealArray,
    glast: RealArray,
    gmix: RealArray,
) -> None:
    """Fill the gradients of steps and of `last`, and add that of the mixes to `gmix`, in float64.

    The mixes' gradient is summed over the samples of a step first, then over steps: many small numbers lose less.
    """
    one, part = x.dtype.type(1), np.empty(mix.shape, x.dtype)
    glast[:] = 0
    for t in range(x.shape[0]):
        part[:] = 0
        for b in range(x.shape[1]):
            xs, bs = x[t, b], x[t - 1, b] if t else last[b]
            gs, before = gx[t, b], gx[t - 1, b] if t else glast[b]
            gs[:] = 0
            for s in range(len(g)):
                ms, ps, ys = mix[s], part[s], g[s][t, b]
                for c in range(xs.shape[0]):
                    gs[c] += ys[c] * ms[c]
                    before[c] += ys[c] * (one - ms[c])
                    ps[c] += ys[c] * (xs[c] - bs[c])
        for s in range(gmix.shape[0]):
            for c in range(gmix.shape[1]):
                gmix[s, c] += part[s, c]


class _TokenShift(torch.autograd.Function):
    """One compiled pass each way; keeps only what it was given."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, last: Tensor, mix: Tensor) -> tuple[Tensor, ...]:
        x, last, mix = x.contiguous(), last.contiguous(), mix.contiguous()
        ctx.save_for_backward(x, last, mix)
        mixed = tuple(empty_aligned(x) for _ in range(len(mix)))
        _forward(x.numpy(), last.numpy(), mix.numpy(), tuple(y.numpy() for y in mixed))
        return mixed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, last, mix = ctx.saved_tensors
        gx, glast = empty_aligned(x), torch.empty_like(last)
        gmix = torch.zeros(mix.shape, dtype=torch.float64)
        given = tuple(one.contiguous().numpy() for one in g)
        _backward(
            given, x.numpy(), last.numpy(), mix.numpy(), gx.numpy(), glast.numpy(), gmix.numpy(),
        )  # fmt: skip
        return gx, glast, gmix.to(mix.dtype)


def token_shift_fused(x: Tensor, last: Tensor, mix: Tensor) -> tuple[Tensor, ...]:
    """Do what `token_shift_reference` does in one compiled pass each way, on the CPU in float32 or float64."""
    check_tensors(x=(x, "T B d"), last=(last, "B d"), mix=(mix, "S d"))
    check_compiled(x)
    return cast(tuple[Tensor, ...], apply(_TokenShift, x, last, mix))


def token_shift(x: Tensor, last: Tensor, mix: Tensor) -> tuple[Tensor, ...]:
    """Mix steps with the ones before, in the fastest form there is; the arguments are as in the reference."""
    return fused_or_reference(token_shift_fused, token_shift_reference, x)(x, last, mix)

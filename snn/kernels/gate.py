"""A gate, sigmoid(r) y: a torch reference and one compiled pass each way."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.core.arrays import RealArray
from snn.core.compiled import fused_entry
from snn.kernels.checks import check_compiled, check_tensors
from snn.kernels.dispatch import apply, fused_or_reference
from snn.kernels.memory import empty_aligned
from snn.kernels.wkv_loops import exponential

__all__ = ["gate", "gate_fused", "gate_reference"]


def gate_reference(r: Tensor, y: Tensor) -> Tensor:
    """Give sigmoid(r) y, for r and y [...]: the definition that the fused form is tested against.

    Raises:
        TypeError: One is no tensor.
        ValueError: y is of another shape, type or device than r.
    """
    check_tensors(r=(r, "..."), y=(y, "..."))
    return torch.sigmoid(r) * y


@fused_entry
def _forward(r: RealArray, y: RealArray, out: RealArray) -> None:
    one, zero = r.dtype.type(1), r.dtype.type(0)
    for i in range(r.shape[0]):
        small = exponential(-abs(r[i]), r)
        out[i] = (small if r[i] < zero else one) / (one + small) * y[i]


@fused_entry
def _backward(g: RealArray, r: RealArray, y: RealArray, gr: RealArray, gy: RealArray) -> None:
    one, zero = r.dtype.type(1), r.dtype.type(0)
    for i in range(r.shape[0]):
        small = exponential(-abs(r[i]), r)
        rest = one / (one + small)
        share = small * rest if r[i] < zero else rest
        gy[i] = g[i] * share
        gr[i] = g[i] * (small * rest * rest) * y[i]  # the derivative is even


class _Gate(torch.autograd.Function):
    """Keeps what it was given, which products ahead have made anyway."""

    @staticmethod
    def forward(ctx: Any, r: Tensor, y: Tensor) -> Tensor:
        r, y = r.contiguous(), y.contiguous()
        ctx.save_for_backward(r, y)
        out = empty_aligned(r)
        _forward(*(part.reshape(-1).numpy() for part in (r, y, out)))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor]:
        r, y = ctx.saved_tensors
        gr, gy = empty_aligned(r), empty_aligned(r)
        _backward(*(part.reshape(-1).numpy() for part in (g.contiguous(), r, y, gr, gy)))
        return gr, gy


def gate_fused(r: Tensor, y: Tensor) -> Tensor:
    """Do what `gate_reference` does in one compiled pass each way, on the CPU in float32 or float64."""
    check_tensors(r=(r, "..."), y=(y, "..."))
    check_compiled(r)
    return cast(Tensor, apply(_Gate, r, y))


def gate(r: Tensor, y: Tensor) -> Tensor:
    """Let a share sigmoid(r) of y pass, in the fastest form there is; the arguments are as in the reference."""
    return fused_or_reference(gate_fused, gate_reference, r)(r, y)

"""The square of a rectifier: a torch reference and one compiled pass each way."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.core.arrays import RealArray
from snn.core.compiled import compiled
from snn.kernels.checks import check_compiled, check_tensors
from snn.kernels.dispatch import apply, fused_or_reference
from snn.kernels.memory import empty_aligned

__all__ = ["squared_relu", "squared_relu_fused", "squared_relu_reference"]


def squared_relu_reference(x: Tensor) -> Tensor:
    """Give max(x, 0)^2, for x [...]: the definition that the fused form is tested against.

    Raises:
        TypeError: x is no tensor.
        ValueError: It is not of real numbers.
    """
    check_tensors(x=(x, "..."))
    return x.relu().square()


@compiled
def _squared_relu(x: RealArray, y: RealArray) -> None:
    zero = x.dtype.type(0)
    for i in range(x.shape[0]):
        a = x[i]
        y[i] = zero if a < zero else a * a  # NaN stays


@compiled
def _squared_relu_backward(g: RealArray, x: RealArray, gx: RealArray) -> None:
    zero = x.dtype.type(0)
    for i in range(x.shape[0]):
        a = x[i]
        gx[i] = zero if a < zero else g[i] * (a + a)


class _SquaredReLU(torch.autograd.Function):
    """Keeps x, which a product ahead has made anyway."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x = x.contiguous()
        ctx.save_for_backward(x)
        y = empty_aligned(x)
        _squared_relu(x.reshape(-1).numpy(), y.reshape(-1).numpy())
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        gx = empty_aligned(x)
        _squared_relu_backward(
            g.contiguous().reshape(-1).numpy(), x.reshape(-1).numpy(), gx.reshape(-1).numpy()
        )
        return gx


def squared_relu_fused(x: Tensor) -> Tensor:
    """Do what `squared_relu_reference` does in one compiled pass each way, on the CPU in float32 or float64."""
    check_tensors(x=(x, "..."))
    check_compiled(x)
    return cast(Tensor, apply(_SquaredReLU, x))


def squared_relu(x: Tensor) -> Tensor:
    """Square what of x is above 0, in the fastest form there is; the argument is as in the reference."""
    return fused_or_reference(squared_relu_fused, squared_relu_reference, x)(x)

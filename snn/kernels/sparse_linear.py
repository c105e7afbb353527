"""Linear maps of sparse input: work per nonzero input, not per synapse."""

from __future__ import annotations

from typing import Any, cast

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["sparse_linear", "sparse_linear_reference"]

EVENTS_BELOW = 0.12
"""Share of nonzero inputs under which work per event is less than a dense product."""

Floats = NDArray[np.floating[Any]]
# contract: multiply and add in one instruction
_fused = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})


@_fused
def _forward(x: Floats, rows: Floats, y: Floats) -> None:
    """Set y [R, out] to the sums of `rows` [in, out] over the nonzero x [R, in]."""
    for r in range(x.shape[0]):
        xs, ys = x[r], y[r]
        ys[:] = 0
        for i in range(xs.shape[0]):
            value = xs[i]
            if value != 0:
                row = rows[i]
                for j in range(ys.shape[0]):
                    ys[j] += row[j] * value


@_fused
def _weight_gradient(x: Floats, g: Floats, rows: Floats) -> None:
    """Add g [R, out] to `rows` [in, out] where x [R, in] is not zero."""
    for r in range(x.shape[0]):
        xs, gs = x[r], g[r]
        for i in range(xs.shape[0]):
            value = xs[i]
            if value != 0:
                row = rows[i]
                for j in range(gs.shape[0]):
                    row[j] += gs[j] * value


def sparse_linear_reference(x: Tensor, weight: Tensor) -> Tensor:
    """Map x [..., in] by a weight [out, in] to [..., out]: the dense product."""
    return x @ weight.t()


class _SparseLinear(torch.autograd.Function):
    """Events forward and for the weights; the input's gradient is a dense product."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        x = x.contiguous()
        ctx.save_for_backward(x, weight)
        y = x.new_empty(*x.shape[:-1], weight.shape[0])
        rows = weight.t().contiguous()
        _forward(x.view(-1, x.shape[-1]).numpy(), rows.numpy(), y.view(-1, y.shape[-1]).numpy())
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        gx = g @ weight if ctx.needs_input_grad[0] else None
        if not ctx.needs_input_grad[1]:
            return gx, None
        rows = weight.new_zeros(weight.shape[1], weight.shape[0])
        flat = g.contiguous().view(-1, g.shape[-1])
        _weight_gradient(x.view(-1, x.shape[-1]).numpy(), flat.numpy(), rows.numpy())
        return gx, rows.t()


def sparse_linear(x: Tensor, weight: Tensor) -> Tensor:
    """Give `sparse_linear_reference` in the form that is fastest for x: by events if sparse, else dense."""
    able = x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64) and x.dtype == weight.dtype
    if able and x.dim() > 1 and float(x.detach().count_nonzero()) < EVENTS_BELOW * x.numel():
        return cast(Tensor, _SparseLinear.apply(x, weight))  # type: ignore[no-untyped-call]
    return sparse_linear_reference(x, weight)

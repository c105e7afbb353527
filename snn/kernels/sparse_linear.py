"""Linear maps of sparse input: work per nonzero input, not per synapse."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.core.arrays import IndexArray, Int64Array, RealArray
from snn.core.checks import refusal
from snn.core.compiled import fused, fused_entry
from snn.kernels.dispatch import apply, runs_fused
from snn.kernels.lif_loops import all_zero
from snn.kernels.memory import empty_aligned
from snn.kernels.nonzero import NonzeroList, list_nonzero
from snn.kernels.step_local import check_learning_steps, gather_steps, scatter_steps, takes_sparse_gradient

__all__ = ["EVENTS_BELOW", "sparse_linear", "sparse_linear_reference", "sum_rows"]

EVENTS_BELOW = 0.25
"""Share of nonzero inputs under which work per event is less than a dense product."""


@fused
def sum_rows(bounds: Int64Array, sender: IndexArray, value: RealArray, rows: RealArray, y: RealArray) -> None:
    """Set y [R, out] to the sums of `rows` [in, out] over each row's events."""
    for r in range(y.shape[0]):
        ys = y[r]
        ys[:] = 0
        e, end = bounds[r], bounds[r + 1]
        while e + 8 <= end:  # eight at a time: the sums are touched less
            s, a = sender[e : e + 8], value[e : e + 8]
            r0, r1, r2, r3 = rows[s[0]], rows[s[1]], rows[s[2]], rows[s[3]]
            r4, r5, r6, r7 = rows[s[4]], rows[s[5]], rows[s[6]], rows[s[7]]
            a0, a1, a2, a3, a4, a5, a6, a7 = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
            for j in range(ys.shape[0]):
                near = a0 * r0[j] + a1 * r1[j] + a2 * r2[j] + a3 * r3[j]
                ys[j] += near + (a4 * r4[j] + a5 * r5[j] + a6 * r6[j] + a7 * r7[j])
            e += 8
        while e + 2 <= end:
            r0, r1, a0, a1 = rows[sender[e]], rows[sender[e + 1]], value[e], value[e + 1]
            for j in range(ys.shape[0]):
                ys[j] += a0 * r0[j] + a1 * r1[j]
            e += 2
        if e < end:
            r0, a0 = rows[sender[e]], value[e]
            for j in range(ys.shape[0]):
                ys[j] += a0 * r0[j]


@fused_entry
def _live_rows(g: RealArray, live: Int64Array) -> int:
    """List in `live` the rows of g [R, out] that are not all zero; return how many."""
    found = 0
    for r in range(g.shape[0]):
        live[found] = r
        found += not all_zero(g[r])
    return found


@fused
def _weight_gradient(
    bounds: Int64Array, sender: IndexArray, value: RealArray, live: Int64Array, g: RealArray, rows: RealArray
) -> None:
    """Add g [live, out], of the rows `live`, to `rows` [in, out], for each of their events."""
    for k in range(live.shape[0]):
        r, gs = live[k], g[k]
        e, end = bounds[r], bounds[r + 1]
        while e + 2 <= end:  # two at a time: the gradient is read less
            r0, r1, a0, a1 = rows[sender[e]], rows[sender[e + 1]], value[e], value[e + 1]
            for j in range(gs.shape[0]):
                r0[j] += gs[j] * a0
                r1[j] += gs[j] * a1
            e += 2
        if e < end:
            r0, a0 = rows[sender[e]], value[e]
            for j in range(gs.shape[0]):
                r0[j] += gs[j] * a0


def sparse_linear_reference(x: Tensor, weight: Tensor) -> Tensor:
    """Map x [..., in] by a weight [out, in] to [..., out]: the dense product."""
    return x @ weight.t()


class _SparseLinear(torch.autograd.Function):
    """Events forward and for the weights; the input's gradient is a dense product. Only the events are kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, events: NonzeroList, learns: Tensor | None) -> Tensor:
        ctx.save_for_backward(weight, *events)
        ctx.shape, ctx.steps = x.shape, None if learns is None else learns.nonzero()[:, 0]
        ctx.takes_sparse_gradient = learns is not None
        ctx.sparse = ctx.takes_sparse_gradient and takes_sparse_gradient(x)
        y = empty_aligned(x, *x.shape[:-1], weight.shape[0])
        bounds, sender, value = (part.numpy() for part in events)
        sum_rows(bounds, sender, value, weight.t().contiguous().numpy(), y.reshape(-1, y.shape[-1]).numpy())
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        weight, *events = ctx.saved_tensors
        g, kept = (g, ctx.steps) if ctx.steps is not None else _live(g)
        size, each = g.shape[:2]  # places of which some are kept, and the rows of each
        g, gx, gw = gather_steps(g, kept), None, None
        if ctx.needs_input_grad[0]:
            gx = empty_aligned(g, kept.shape[0], each, weight.shape[1])
            torch.mm(g.flatten(0, 1), weight, out=gx.flatten(0, 1))
            gx = scatter_steps(gx, kept, size, sparse=ctx.sparse)
            gx = gx if gx.is_sparse else gx.reshape(ctx.shape)
        if ctx.needs_input_grad[1]:
            gw = empty_aligned(weight, weight.shape[1], weight.shape[0]).zero_()
            rows = (kept[:, None] * each + torch.arange(each)).flatten()
            bounds, sender, value = (part.numpy() for part in events)
            _weight_gradient(bounds, sender, value, rows.numpy(), g.flatten(0, 1).numpy(), gw.numpy())
            gw = gw.t()
        return gx, gw, None, None


def _live(g: Tensor) -> tuple[Tensor, Tensor]:
    """Give g as rows [R, 1, out], and which of them are not all zero: beyond a sample's length, they are."""
    g = g.contiguous().reshape(-1, 1, g.shape[-1])
    live = torch.empty(g.shape[0], dtype=torch.int64)
    return g, live[: _live_rows(g[:, 0].numpy(), live.numpy())]


def sparse_linear(x: Tensor, weight: Tensor, learns: Tensor | None = None) -> Tensor:
    """Give `sparse_linear_reference` in the form that is fastest for x: by events if sparse, else dense.

    `learns`, bool [T], marks steps of x [T, B, in]: the caller promises that the gradient of the others is zero.

    Raises:
        ValueError: The last axis of x is not the inputs of the weight, or `learns` is no mark of steps.
    """
    if weight.dim() != 2 or x.shape[-1:] != weight.shape[1:]:
        raise refusal("weight", f"of shape [out, {x.shape[-1]}], as the last axis of x", weight)
    check_learning_steps(x, learns)
    events = list_nonzero(x.reshape(-1, x.shape[-1]), EVENTS_BELOW) if runs_fused(x, weight) else None
    if events is None:
        return sparse_linear_reference(x, weight).to(x.dtype)  # autocast gives half precision
    return cast(Tensor, apply(_SparseLinear, x, weight, events, learns))

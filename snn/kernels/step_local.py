"""Gradients that stay inside a time step: what online methods ask of every operation that looks back in time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import torch
from torch import Tensor

from snn.core.checks import refusal
from snn.kernels.dispatch import apply

__all__ = [
    "check_learning_steps",
    "gather_steps",
    "is_local",
    "learning_steps",
    "local_in_time",
    "pass_gradient",
    "scatter_steps",
    "takes_sparse_gradient",
]

_LOCAL: ContextVar[bool] = ContextVar("local_in_time", default=False)
_LEARNS: ContextVar[Tensor | None] = ContextVar("learning_steps", default=None)


@contextmanager
def local_in_time(learns: Tensor | None = None) -> Iterator[None]:
    """Cut every path of the gradient from a step to an earlier one, while the block runs; values stay the same.

    Then what is computed for some steps at once has the gradient of the same steps one by one. `learns`, bool [T],
    marks the steps whose outputs the loss is made of, None all of them: layers that ask keep nothing of the others
    (LIF, BatchNorm over steps), and between spikes and products gradients are sparse tensors.

    Raises:
        ValueError: `learns` is of another type or shape.
    """
    if learns is not None and not (learns.dtype is torch.bool and learns.dim() == 1):
        raise refusal("learns", "None or bool [T], a mark for each step", learns)
    local, steps = _LOCAL.set(True), _LEARNS.set(learns)
    try:
        yield
    finally:
        _LOCAL.reset(local)
        _LEARNS.reset(steps)


def is_local() -> bool:
    """Tell whether gradients are to stay inside a step."""
    return _LOCAL.get()


def learning_steps(steps: int) -> Tensor | None:
    """Give the mark [T] of the steps that have a gradient; None: all may have, or the block has not so many."""
    learns = _LEARNS.get()
    return learns if learns is not None and len(learns) == steps else None


def check_learning_steps(x: Tensor, learns: Tensor | None) -> None:
    """Check the mask of the steps that learn.

    Raises:
        ValueError: It has not one mark for each step of x [T, B, ...].
    """
    if learns is not None and (x.dim() < 3 or learns.shape != x.shape[:1] or learns.dtype is not torch.bool):
        raise ValueError(
            f"learns must mark the steps of x [T, B, ...] {list(x.shape)}, got {learns.dtype} {list(learns.shape)}"
        )


def takes_sparse_gradient(x: Tensor) -> bool:
    """Tell whether the operation that made x takes its gradient as a sparse tensor too; see `scatter_steps`."""
    return getattr(x.grad_fn, "takes_sparse_gradient", False)


def scatter_steps(g: Tensor, kept: Tensor, size: int, *, sparse: bool = False) -> Tensor:
    """Write the gradient of some steps among zeros for the others.

    Args:
        g: Gradient [K, ...] of the steps `kept`.
        kept: The steps [K], in order.
        size: Steps in all.
        sparse: Give a sparse tensor. Where few steps learn, writing zeros and reading them again takes long.

    Returns:
        Gradient [size, ...].
    """
    if kept.shape[0] == size:
        return g
    shape = (size, *g.shape[1:])
    if sparse:
        return torch.sparse_coo_tensor(kept[None], g, shape, is_coalesced=True, check_invariants=False)
    return g.new_zeros(shape).index_copy_(0, kept, g)


def gather_steps(g: Tensor, kept: Tensor) -> Tensor:
    """Undo `scatter_steps`: take the steps `kept` [K] of a gradient, dense or sparse, contiguous."""
    if g.is_sparse:
        g = g.coalesce()
        if torch.equal(g.indices()[0], kept):
            return g.values().contiguous()
        g = g.to_dense()
    return g.contiguous() if kept.shape[0] == g.shape[0] else g.index_select(0, kept)


class _PassGradient(torch.autograd.Function):
    """y forward; backward also the gradient that x would have if y were x times the weight."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        return y.view_as(y)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor, None]:
        (weight,) = ctx.saved_tensors
        return g, g @ weight, None


def pass_gradient(y: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Give y [T, B, out] as it is, with the gradient to x [T, B, in] of x times weight [out, in]."""
    return cast(Tensor, apply(_PassGradient, y, x, weight.detach()))

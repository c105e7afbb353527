"""Gradients that stay inside a time step: what online methods ask of every operation that looks back in time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import torch
from torch import Tensor

__all__ = ["is_local", "local_in_time", "pass_gradient"]

_LOCAL: ContextVar[bool] = ContextVar("local_in_time", default=False)


@contextmanager
def local_in_time() -> Iterator[None]:
    """Cut every path of the gradient from a step to an earlier one, while the block runs; values stay the same.

    Then what is computed for some steps at once has the gradient of the same steps one by one.
    """
    token = _LOCAL.set(True)
    try:
        yield
    finally:
        _LOCAL.reset(token)


def is_local() -> bool:
    """Tell whether gradients are to stay inside a step."""
    return _LOCAL.get()


class _PassGradient(torch.autograd.Function):
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
    return cast(Tensor, _PassGradient.apply(y, x, weight.detach()))  # type: ignore[no-untyped-call]

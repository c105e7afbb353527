"""Causal delayed linear maps of sparse input: all taps of a kernel, but only where an input is not zero."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.kernels.delay.forms import delayed_spectral, spectral_input_gradient
from snn.kernels.delay.loops import gather_taps, scatter_taps
from snn.kernels.memory import room
from snn.kernels.nonzero import Rows, by_sender, list_rows

__all__ = ["delayed", "delayed_sparse"]

WIDTH = 32
"""Receivers in a block."""
EVENTS_BELOW = 0.05
"""Share of nonzero inputs under which work per event is less than one product per frequency."""


def _to_blocks(kernel: Tensor) -> Tensor:
    """Lay a kernel [K, out, in] out as [blocks, in, K x WIDTH], the last block filled up with zeros."""
    taps, out, senders = kernel.shape
    parts = F.pad(kernel, (0, 0, 0, -out % WIDTH)).reshape(taps, -1, WIDTH, senders)
    return parts.permute(1, 3, 0, 2).reshape(-1, senders, taps * WIDTH).contiguous()


def _from_blocks(blocks: Tensor, taps: int, out: int) -> Tensor:
    """Undo `_to_blocks`."""
    parts = blocks.reshape(blocks.shape[0], blocks.shape[1], taps, WIDTH).permute(2, 0, 3, 1)
    return parts.reshape(taps, -1, blocks.shape[1])[:, :out]


class _SparseProduct(torch.autograd.Function):
    """Events forward and for the kernel's gradient; the input's gradient is dense, and goes by frequencies."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor, events: Rows) -> Tensor:
        ctx.save_for_backward(kernel, *events)
        y = room(x, *x.shape[:2], kernel.shape[1])
        scatter_taps(events.arrays(), _to_blocks(kernel).numpy(), y.numpy(), WIDTH)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        kernel, *events = ctx.saved_tensors
        taps, out, senders = kernel.shape
        gx, gk = None, None
        if ctx.needs_input_grad[0]:
            gx = spectral_input_gradient(g, kernel)
        if ctx.needs_input_grad[1]:
            blocks = room(g, -(-out // WIDTH), senders, taps * WIDTH).zero_()
            trains = by_sender(Rows(*events), g.shape[1], senders)
            gather_taps(trains, g.contiguous().numpy(), blocks.numpy(), WIDTH)
            gk = _from_blocks(blocks, taps, out)
        return gx, gk, None


def delayed_sparse(x: Tensor, kernel: Tensor, events: Rows | None = None) -> Tensor:
    """Give `delayed_dense` (x [T, B, in], kernel [K, out, in]) on the CPU, working per nonzero input."""
    events = list_rows(x.flatten(0, 1)) if events is None else events
    return cast(Tensor, _SparseProduct.apply(x, kernel, events))  # type: ignore[no-untyped-call]


def delayed(x: Tensor, kernel: Tensor) -> Tensor:
    """Give `delayed_dense` in the form that is fastest for this input: by events if sparse, else by frequencies."""
    events = list_rows(x.flatten(0, 1), EVENTS_BELOW) if x.device.type == "cpu" else None
    return delayed_spectral(x, kernel) if events is None else delayed_sparse(x, kernel, events)

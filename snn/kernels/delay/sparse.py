"""Causal delayed linear maps of sparse input: all taps of a kernel, but only where an input is not zero."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.core.arrays import RealArray
from snn.core.compiled import fused_entry
from snn.kernels.checks import check_compiled
from snn.kernels.delay.dense import check_product, delayed_dense, no_steps
from snn.kernels.delay.fourier import delayed_spectral, spectral_input_gradient
from snn.kernels.dispatch import apply
from snn.kernels.memory import NUMPY_TYPES, empty_aligned
from snn.kernels.nonzero import NonzeroArrays, NonzeroList, SpikeTrains, list_nonzero, to_spike_trains

__all__ = ["delayed", "delayed_sparse"]

BLOCK_RECEIVERS = 32
"""Receivers in a block."""
EVENTS_BELOW = 0.05
"""Share of nonzero inputs under which work per event is less than one product per frequency."""


@fused_entry
def _scatter_taps(events: NonzeroArrays, kernel: RealArray, y: RealArray, width: int) -> None:
    """Set y [T, B, out] to what each event sends over all its taps.

    Receivers come in blocks of `width`, so that a block of the kernel [blocks, in, K x width] stays in the cache
    and an event is one run of neighbouring sums, the same run for all events of a step.
    """
    steps, batch, receivers = y.shape
    run = kernel.shape[2]
    sums = np.zeros(steps * width + run, y.dtype)
    for block in range(kernel.shape[0]):
        first, last = block * width, min(receivers, (block + 1) * width)
        for b in range(batch):
            sums[:] = 0
            for t in range(steps):
                e, end = events.bounds[t * batch + b], events.bounds[t * batch + b + 1]
                now = sums[t * width : t * width + run]
                while e + 4 <= end:  # four at a time: the sums are touched less
                    k0, k1 = kernel[block, events.sender[e]], kernel[block, events.sender[e + 1]]
                    k2, k3 = kernel[block, events.sender[e + 2]], kernel[block, events.sender[e + 3]]
                    a0, a1, a2, a3 = (
                        events.value[e],
                        events.value[e + 1],
                        events.value[e + 2],
                        events.value[e + 3],
                    )
                    for j in range(run):
                        now[j] += a0 * k0[j] + a1 * k1[j] + a2 * k2[j] + a3 * k3[j]
                    e += 4
                while e < end:
                    k0, a0 = kernel[block, events.sender[e]], events.value[e]
                    for j in range(run):
                        now[j] += a0 * k0[j]
                    e += 1
            for t in range(steps):
                y[t, b, first:last] = sums[t * width : t * width + last - first]


@fused_entry
def _gather_taps(trains: SpikeTrains, g: RealArray, kernel: RealArray, width: int) -> None:
    """Add to the kernel's gradient [blocks, in, K x width] what each event meets in g [T, B, out]."""
    steps, batch, receivers = g.shape
    senders, run = kernel.shape[1], kernel.shape[2]
    gs = np.zeros(steps * width + run, g.dtype)
    for block in range(kernel.shape[0]):
        first, last = block * width, min(receivers, (block + 1) * width)
        gs[:] = 0
        for b in range(batch):
            for t in range(steps):
                gs[t * width : t * width + last - first] = g[t, b, first:last]
            for i in range(senders):
                e, end = trains.bounds[b * senders + i], trains.bounds[b * senders + i + 1]
                taps = kernel[block, i]
                while e + 2 <= end:  # two spikes of a sender at a time: its taps are touched less
                    m0, m1 = gs[trains.step[e] * width :], gs[trains.step[e + 1] * width :]
                    c0, c1 = trains.value[e], trains.value[e + 1]
                    for j in range(run):
                        taps[j] += c0 * m0[j] + c1 * m1[j]
                    e += 2
                if e < end:
                    met, c = gs[trains.step[e] * width :], trains.value[e]
                    for j in range(run):
                        taps[j] += c * met[j]


def _to_blocks(kernel: Tensor) -> Tensor:
    """Lay a kernel [K, out, in] out as [blocks, in, K x BLOCK_RECEIVERS], the last block filled up with zeros."""
    taps, out, senders = kernel.shape
    parts = F.pad(kernel, (0, 0, 0, -out % BLOCK_RECEIVERS)).reshape(taps, -1, BLOCK_RECEIVERS, senders)
    return parts.permute(1, 3, 0, 2).reshape(-1, senders, taps * BLOCK_RECEIVERS).contiguous()


def _from_blocks(blocks: Tensor, taps: int, out: int) -> Tensor:
    """Undo `_to_blocks`."""
    parts = blocks.reshape(blocks.shape[0], blocks.shape[1], taps, BLOCK_RECEIVERS).permute(2, 0, 3, 1)
    return parts.reshape(taps, -1, blocks.shape[1])[:, :out]


class _SparseProduct(torch.autograd.Function):
    """Events forward and for the kernel's gradient; the input's gradient is dense, and goes by frequencies."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor, events: NonzeroList) -> Tensor:
        ctx.save_for_backward(kernel, *events)
        y = empty_aligned(x, *x.shape[:2], kernel.shape[1])
        _scatter_taps(events.arrays(), _to_blocks(kernel).numpy(), y.numpy(), BLOCK_RECEIVERS)
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
            blocks = empty_aligned(g, -(-out // BLOCK_RECEIVERS), senders, taps * BLOCK_RECEIVERS).zero_()
            trains = to_spike_trains(NonzeroList(*events), g.shape[1], senders)
            _gather_taps(trains, g.contiguous().numpy(), blocks.numpy(), BLOCK_RECEIVERS)
            gk = _from_blocks(blocks, taps, out)
        return gx, gk, None


def delayed_sparse(x: Tensor, kernel: Tensor) -> Tensor:
    """Give `delayed_dense` (x [T, B, in], kernel [K, out, in]) on the CPU, working per nonzero input.

    Raises:
        ValueError: A tensor is of another shape, type or device.
    """
    check_product(x, kernel)
    check_compiled(x)
    if not x.numel():
        return no_steps(x, kernel[0])
    return cast(Tensor, apply(_SparseProduct, x, kernel, list_nonzero(x.flatten(0, 1))))


def delayed(x: Tensor, kernel: Tensor) -> Tensor:
    """Give `delayed_dense` in the form that is fastest for this input: by events if sparse, else by frequencies.

    Raises:
        ValueError: A tensor is of another shape, type or device.
    """
    check_product(x, kernel)
    if not x.numel() or x.dtype not in NUMPY_TYPES:
        return delayed_dense(x, kernel)  # the transforms need more digits than half precision has
    events = list_nonzero(x.flatten(0, 1), EVENTS_BELOW) if x.device.type == "cpu" else None
    if events is None:
        return delayed_spectral(x, kernel)
    return cast(Tensor, apply(_SparseProduct, x, kernel, events))

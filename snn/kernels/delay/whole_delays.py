"""Linear maps with whole delays, event by event: what evaluation runs, in the order of the event engine."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from snn.core.arrays import Int64Array, RealArray
from snn.core.checks import refusal
from snn.core.compiled import compiled
from snn.kernels.checks import check_compiled, check_range, check_tensors

__all__ = ["delayed_events"]


@compiled
def _scatter(x: RealArray, weight: RealArray, delays: Int64Array, y: RealArray) -> None:
    """Add weight [in, out] times x [T, B, in] to y [T, B, out], delays [in, out] steps later; skip zeros."""
    steps, batch, senders = x.shape
    for b in range(batch):
        for t in range(steps):
            for i in range(senders):
                value = x[t, b, i]
                if value == 0:
                    continue
                w, d = weight[i], delays[i]
                for j in range(w.shape[0]):
                    arrival = t + d[j]
                    if arrival < steps:
                        y[arrival, b, j] += w[j] * value


def delayed_events(x: Tensor, weight: Tensor, delays: Tensor) -> Tensor:
    """Send each nonzero input on by its synapses' integer delays: evaluation, without gradient.

    Sums in the order (emission step, sender), which is that of the event engine.

    Args:
        x: Input [T, B, in] on the CPU, float32 or float64.
        weight: Weights [out, in], or [kernels, out, in]: kernels are summed one after the other.
        delays: Delays of the same shape, int64, steps, >= 0.

    Returns:
        Output [T, B, out].

    Raises:
        ValueError: A tensor is of another shape, type or device, or a delay is negative.
    """
    check_tensors(x=(x, "T B in"), weight=(weight, "out in" if weight.dim() == 2 else "kernels out in"))
    check_compiled(x)
    if delays.dtype is not torch.int64 or delays.shape != weight.shape:
        raise refusal("delays", f"int64 of shape {list(weight.shape)}, as weight", delays)
    check_range("delays", delays, 0, math.inf, rule=">= 0")
    delays = delays.clamp(max=x.shape[0])  # what comes after the end never arrives, and no sum with it wraps
    y = x.new_zeros(*x.shape[:2], weight.shape[-2])
    for parts in zip(*(a.detach().reshape(-1, *weight.shape[-2:]) for a in (weight, delays)), strict=True):
        weights, hops = (part.t().contiguous().numpy() for part in parts)
        _scatter(x.detach().contiguous().numpy(), weights, hops, y.numpy())
    return y

"""Linear maps with fractional delays: each synapse interpolates between two neighbouring steps.

y[t] = sum over senders of w ((1 - a) x[t - f] + a x[t - f - 1]), delay d = f + a. No tensor has a tap axis: the
cost does not grow with the largest delay.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.core.arrays import Int64Array
from snn.kernels.checks import check_delay, check_tensors
from snn.kernels.delay.dense import delayed_dense, no_steps
from snn.kernels.delay.sample_groups import active_steps
from snn.kernels.delay.split_delay import linear_kernel, split_delay
from snn.kernels.delay.two_tap_events import TwoTapLayout, gather_two_taps, scatter_two_taps
from snn.kernels.delay.two_tap_shifts import shift_back, shift_forward, shift_products
from snn.kernels.dispatch import apply, runs_fused
from snn.kernels.nonzero import SpikeTrains, list_nonzero, to_spike_trains

__all__ = ["delayed_linear", "delayed_linear_reference", "linear_kernel"]

EVENTS_BELOW = 0.1
"""Share of nonzero inputs under which work per event is less than work per synapse and step."""


def delayed_linear_reference(x: Tensor, weight: Tensor, delay: Tensor, max_delay: int) -> Tensor:
    """Interpolate by indexing, synapse by synapse: the definition that the fast form is tested against.

    Args:
        x: Input [T, B, in].
        weight: Weights [out, in].
        delay: Delays [out, in], steps, in [0, max_delay].
        max_delay: Largest delay, steps, >= 1.

    Returns:
        Output [T, B, out].

    Raises:
        ValueError: A tensor is of another shape, type or device, or a delay is outside 0..max_delay.
    """
    _check(x, weight, delay, max_delay)
    if not x.numel():
        return no_steps(x, weight, delay)
    whole, share = split_delay(delay, max_delay)
    padded = torch.cat([x.new_zeros(max_delay, *x.shape[1:]), x])
    steps = torch.arange(x.shape[0]) + max_delay
    outputs = []
    for j in range(weight.shape[0]):
        near, far = (
            torch.stack([padded[steps - int(f) - one, :, i] for i, f in enumerate(whole[j])], -1)
            for one in (0, 1)
        )
        outputs.append((weight[j] * ((1 - share[j]) * near + share[j] * far)).sum(-1))
    return torch.stack(outputs, -1)


class _TwoTap(torch.autograd.Function):
    """Events or shifts, by the density of the input; weight, delay and input gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, delay: Tensor, max_delay: int) -> Tensor:
        whole, share = split_delay(delay, max_delay)
        near, far = weight * (1 - share), weight * share
        ends = active_steps(x)
        rows = list_nonzero(x.detach().flatten(0, 1), EVENTS_BELOW * _busy(ends, x.shape[0], max_delay))
        ctx.max_delay, ctx.ends = max_delay, ends
        if rows is None:
            ctx.save_for_backward(weight, whole, share, x.contiguous())
            return shift_forward(x, ends, whole, near, far, max_delay)
        trains = to_spike_trains(rows, *x.shape[1:])
        # the events say all of a sparse input: it need not be kept
        ctx.save_for_backward(weight, whole, share, *(torch.from_numpy(part) for part in trains))
        return scatter_two_taps(trains, TwoTapLayout(whole, x.shape[0], max_delay), near, far, x.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        weight, whole, share, *given = ctx.saved_tensors
        g = g.contiguous()
        if len(given) == 1:
            near, far = shift_products(given[0], ctx.ends, whole, g, ctx.max_delay)
        else:
            trains = SpikeTrains(*(part.numpy() for part in given))
            near, far = gather_two_taps(trains, TwoTapLayout(whole, g.shape[0], ctx.max_delay), g)
        gx = None
        if ctx.needs_input_grad[0]:
            gx = shift_back(g, whole, weight * (1 - share), weight * share, ctx.max_delay)
        return gx, (1 - share) * near + share * far, weight * (far - near), None


def _busy(ends: Int64Array, steps: int, max_delay: int) -> float:
    """Give the share of steps in which the output is not silent for sure: shifts work in these alone."""
    if ends.size == 0 or steps == 0:
        return 1.0
    return float(np.minimum(ends + max_delay + 1, steps).mean()) / steps


def delayed_linear(x: Tensor, weight: Tensor, delay: Tensor, max_delay: int) -> Tensor:
    """Give `delayed_linear_reference`, by events where the input is sparse, else by shifts.

    So on the CPU in float32 and float64; elsewhere it is a dense convolution.
    """
    _check(x, weight, delay, max_delay)
    if not x.numel():
        return no_steps(x, weight, delay)
    if not runs_fused(x):
        return delayed_dense(x, linear_kernel(weight, delay, max_delay + 1))
    return cast(Tensor, apply(_TwoTap, x, weight, delay, max_delay))


def _check(x: Tensor, weight: Tensor, delay: Tensor, max_delay: int) -> None:
    check_tensors(x=(x, "T B in"), weight=(weight, "out in"), delay=(delay, "out in"))
    check_delay(delay, 0, max_delay)

"""Linear maps with fractional delays: each synapse interpolates between two neighbouring steps.

y[t] = sum over senders of w ((1 - a) x[t - f] + a x[t - f - 1]), delay d = f + a. No tensor has a tap axis: the
cost does not grow with the largest delay.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.kernels.delay.sample_groups import group_samples, last_steps
from snn.kernels.delay.taps import Taps, halves, pair_sums
from snn.kernels.delay.two_tap_loops import scatter_pairs, shift_back, shift_forward, shift_sums
from snn.kernels.memory import room
from snn.kernels.nonzero import Trains, by_sender, list_rows

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
    """
    whole, share = halves(delay, max_delay)
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


def linear_kernel(weight: Tensor, delay: Tensor, taps: int) -> Tensor:
    """Spread each weight [out, in] over the two taps around its delay: kernel [taps, out, in], for dense forms."""
    whole, share = halves(delay, taps - 1)
    behind = torch.arange(taps, device=weight.device).reshape(-1, 1, 1) - whole
    return weight * ((behind == 0) * (1 - share) + (behind == 1) * share)


class _TwoTap(torch.autograd.Function):
    """Events or shifts, by the density of the input; weight, delay and input gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, delay: Tensor, max_delay: int) -> Tensor:
        whole, share = halves(delay, max_delay)
        first, second = weight * (1 - share), weight * share
        ends = last_steps(x)
        rows = list_rows(x.detach().flatten(0, 1), EVENTS_BELOW * _busy(ends, x.shape[0], max_delay))
        ctx.max_delay, ctx.ends = max_delay, ends
        if rows is None:
            ctx.save_for_backward(weight, whole, share, x.contiguous())
            return _shifted(x, ends, whole, first, second, max_delay)
        y = room(x, *x.shape[:2], weight.shape[0])
        taps = Taps(whole, x.shape[0], max_delay)
        trains = by_sender(rows, *x.shape[1:])
        # the events say all of a sparse input: it need not be kept
        ctx.save_for_backward(weight, whole, share, *(torch.from_numpy(part) for part in trains))
        scatter_pairs(trains, taps.places, taps.pairs(first, second).numpy(), y.numpy(), taps.span)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        weight, whole, share, *given = ctx.saved_tensors
        g = g.contiguous()
        if len(given) == 1:
            near, far = _shifted_sums(given[0], ctx.ends, whole, g, ctx.max_delay)
        else:
            trains = Trains(*(part.numpy() for part in given))
            near, far = pair_sums(trains, g, Taps(whole, g.shape[0], ctx.max_delay))
        gx = None
        if ctx.needs_input_grad[0]:
            gx = _shifted_back(g, whole, weight * (1 - share), weight * share, ctx.max_delay)
        return gx, (1 - share) * near + share * far, weight * (far - near), None


def _busy(ends: Any, steps: int, max_delay: int) -> float:
    """Give the share of steps in which the output is not silent for sure: shifts work in these alone."""
    if ends.size == 0 or steps == 0:
        return 1.0
    return float(np.minimum(ends + max_delay + 1, steps).mean()) / steps


def _even(part: Tensor, fill: int = 0) -> Any:
    """Fill up the senders of [out, in] to a multiple of 4, as the shifting loops take them."""
    return F.pad(part, (0, -part.shape[1] % 4), value=fill).contiguous().numpy()


def _shifted(x: Tensor, ends: Any, whole: Tensor, first: Tensor, second: Tensor, max_delay: int) -> Tensor:
    """Give the output [T, B, out] by shifts; `ends` are the last steps of x."""
    silence, y = max_delay + 1, room(x, *x.shape[:2], whole.shape[0])
    order = group_samples(ends)
    live = np.minimum(_latest(ends, order) + silence, x.shape[0])
    parts = _even(whole), _even(first), _even(second)
    shift_forward(x.detach().contiguous().numpy(), order, live, *parts, silence, y.numpy())
    return y


def _shifted_sums(x: Tensor, ends: Any, whole: Tensor, g: Tensor, max_delay: int) -> tuple[Tensor, Tensor]:
    """Give what x and g [T, B, out] have in common at both delays of each synapse, [out, in]."""
    silence, delay = max_delay + 1, _even(whole)
    order = group_samples(ends)
    live = np.minimum(_latest(ends, order) + silence, x.shape[0])
    sums = g.new_zeros(*delay.shape, 2)
    shift_sums(x.numpy(), order, live, delay, g.numpy(), silence, sums.numpy())
    near, far = sums[:, : x.shape[2]].unbind(2)
    return near, far


def _shifted_back(g: Tensor, whole: Tensor, first: Tensor, second: Tensor, max_delay: int) -> Tensor:
    """Give the input's gradient [T, B, in] by shifts."""
    ends, gx = last_steps(g), room(g, *g.shape[:2], whole.shape[1])
    order = group_samples(ends)
    parts = _even(-(whole.t() + 1), -1), _even(second.t()), _even(first.t())
    shift_back(g.numpy(), order, _latest(ends, order), *parts, max_delay + 1, gx.numpy())
    return gx


def _latest(ends: Any, order: Any) -> Any:
    """Give each group's last step of all."""
    return np.append(ends, 0)[order].max(1)  # place -1 is the last one, 0


def delayed_linear(x: Tensor, weight: Tensor, delay: Tensor, max_delay: int) -> Tensor:
    """Give `delayed_linear_reference` on the CPU, by events where the input is sparse, else by shifts."""
    return cast(Tensor, _TwoTap.apply(x, weight, delay, max_delay))  # type: ignore[no-untyped-call]

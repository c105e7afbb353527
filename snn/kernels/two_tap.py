"""Linear maps with fractional delays: each synapse interpolates between two neighbouring steps.

y[t] = sum over senders of w ((1 - a) x[t - f] + a x[t - f - 1]), delay d = f + a. No tensor has a tap axis: the
cost does not grow with the largest delay.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.kernels.spikes import Spikes, list_if_sparse
from snn.kernels.taps import Taps, halves, pair_sums
from snn.kernels.two_tap_loops import scatter_pairs, shift_dots, shift_pairs

__all__ = ["delayed_linear", "delayed_linear_reference", "linear_kernel"]

EVENTS_BELOW = 0.09
"""Share of nonzero inputs under which work per event is less than work per synapse and step."""
GROUP = 16
"""Samples in a group of the shifted form."""


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
        spikes = list_if_sparse(x, EVENTS_BELOW)
        # the events say all of a sparse input: it need not be kept
        ctx.save_for_backward(weight, whole, share, *((x,) if spikes is None else spikes.tensors()))
        ctx.max_delay = max_delay
        first, second = weight * (1 - share), weight * share
        if spikes is None:
            return _shifted(x, whole, first, second, before=max_delay + 1)
        y = x.new_empty(*x.shape[:2], weight.shape[0])
        taps = Taps(whole, x.shape[0], max_delay)
        scatter_pairs(spikes, taps.places, taps.pairs(first, second).numpy(), y.numpy(), taps.span)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        weight, whole, share, *given = ctx.saved_tensors
        g = g.contiguous()
        if len(given) == 1:
            near, far = _dots(given[0], whole, g, ctx.max_delay)
        else:
            near, far = pair_sums(Spikes.of(given), g, Taps(whole, g.shape[0], ctx.max_delay))
        gx = None
        if ctx.needs_input_grad[0]:
            turned, first, second = (
                a.t().contiguous() for a in (whole, weight * (1 - share), weight * share)
            )
            # back in time: the far tap is the near one of a delay of -(f + 1)
            gx = _shifted(g, -(turned + 1), second, first, after=ctx.max_delay + 1)
        return gx, (1 - share) * near + share * far, weight * (far - near), None


def _grouped(x: Tensor, senders: int, before: int = 0, after: int = 0) -> Tensor:
    """Lay x [T, B, n] out as [groups, senders, (before + T + after) x GROUP], silent where x says nothing."""
    filled = F.pad(x, (0, senders - x.shape[2], 0, -x.shape[1] % GROUP, before, after))
    return filled.reshape(filled.shape[0], -1, GROUP, senders).permute(1, 3, 0, 2).flatten(2).contiguous()


def _shifted(
    x: Tensor, whole: Tensor, first: Tensor, second: Tensor, before: int = 0, after: int = 0
) -> Tensor:
    """Give the output [T, B, out] by shifts; silence `before` and `after` x reaches beyond every delay."""
    (steps, batch, senders), out = x.shape, whole.shape[0]
    extra = -senders % 4
    grouped = _grouped(x, senders + extra, before, after)
    near, far = (F.pad(part, (0, extra)).numpy() for part in (first, second))
    delay = F.pad(whole, (0, extra), value=int(whole[0, 0])).numpy()  # a silent sender's must stay inside too
    y = x.new_zeros(grouped.shape[0], out, steps * GROUP)
    shift_pairs(grouped.numpy(), delay, near, far, y.numpy(), before, GROUP)
    turned = y.reshape(-1, out, steps, GROUP).permute(2, 0, 3, 1)
    return turned.reshape(steps, -1, out)[:, :batch].contiguous()


def _dots(x: Tensor, whole: Tensor, g: Tensor, max_delay: int) -> tuple[Tensor, Tensor]:
    """Give what x and g [T, B, out] have in common at both delays of each synapse, [out, in]."""
    senders = x.shape[2]
    extra = senders % 2
    near, far = (g.new_zeros(whole.shape[0], senders + extra) for _ in range(2))
    grouped = _grouped(x, senders + extra, before=max_delay + 1).numpy()
    delay = F.pad(whole, (0, extra)).numpy()
    shift_dots(grouped, delay, _grouped(g, g.shape[2]).numpy(), near.numpy(), far.numpy(), GROUP)
    return near[:, :senders], far[:, :senders]


def delayed_linear(x: Tensor, weight: Tensor, delay: Tensor, max_delay: int) -> Tensor:
    """Give `delayed_linear_reference` on the CPU, by events where the input is sparse, else by shifts."""
    return cast(Tensor, _TwoTap.apply(x, weight, delay, max_delay))  # type: ignore[no-untyped-call]

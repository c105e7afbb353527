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

from snn.kernels.two_tap_loops import gather_pairs, scatter_pairs, shift_dots, shift_pairs

__all__ = ["delayed_linear", "delayed_linear_reference", "linear_kernel"]

EVENTS_BELOW = 0.12
"""Share of nonzero inputs under which work per event is less than work per synapse and step."""


def _halves(delay: Tensor, max_delay: int) -> tuple[Tensor, Tensor]:
    """Split delays into whole steps and a share in [0, 1]; the largest delay is one step short and a share of 1."""
    whole = delay.detach().floor().clamp(0, max_delay - 1)
    return whole.to(torch.int64), delay - whole


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
    whole, share = _halves(delay, max_delay)
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
    d = torch.arange(taps, dtype=weight.dtype, device=weight.device).reshape(-1, 1, 1)
    return weight * (1 - (d - delay).abs()).clamp(min=0)


class _TwoTap(torch.autograd.Function):
    """Events or shifts, by the density of the input; weight, delay and input gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, delay: Tensor, max_delay: int) -> Tensor:
        whole, share = _halves(delay, max_delay)
        sparse = float(x.count_nonzero()) < EVENTS_BELOW * x.numel()
        ctx.save_for_backward(x, weight, whole, share)
        ctx.max_delay, ctx.sparse = max_delay, sparse
        first, second = weight * (1 - share), weight * share
        if not sparse:
            return _shifted(x, whole, first, second, max_delay)
        y = x.new_empty(*x.shape[:2], weight.shape[0])
        rows = [part.t().contiguous().numpy() for part in (first, second)]
        scatter_pairs(x.contiguous().numpy(), _places(whole), rows[0], rows[1], y.numpy())
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        x, weight, whole, share = ctx.saved_tensors
        g = g.contiguous()
        if ctx.sparse:
            near, far = (
                torch.zeros_like(weight.t(), memory_format=torch.contiguous_format) for _ in range(2)
            )
            gather_pairs(x.contiguous().numpy(), _places(whole), g.numpy(), near.numpy(), far.numpy())
            near, far = near.t(), far.t()
        else:
            near, far = torch.empty_like(weight), torch.empty_like(weight)
            turned = g.permute(2, 0, 1).contiguous()
            shift_dots(_padded(x, ctx.max_delay), whole.numpy(), turned.numpy(), near.numpy(), far.numpy())
        gx = None
        if ctx.needs_input_grad[0]:
            turned, first, second = (
                a.t().contiguous() for a in (whole, weight * (1 - share), weight * share)
            )
            gx = _shifted(g.flip(0), turned, first, second, ctx.max_delay).flip(0)
        return gx, (1 - share) * near + share * far, weight * (far - near), None


def _places(whole: Tensor) -> Any:
    out = whole.shape[0]
    return (whole * out + torch.arange(out)[:, None]).t().contiguous().numpy().astype("uint32")


def _padded(x: Tensor, max_delay: int, extra: int = 0) -> Any:
    """Lay x [T, B, in] out as [in + extra, pad + T, B] with more silent steps in front than any delay."""
    room = x.new_zeros(x.shape[2] + extra, max_delay + 1 + x.shape[0], x.shape[1])
    room[: x.shape[2], max_delay + 1 :] = x.permute(2, 0, 1)
    return room.numpy()


def _shifted(x: Tensor, whole: Tensor, first: Tensor, second: Tensor, max_delay: int) -> Tensor:
    y = x.new_empty(whole.shape[0], *x.shape[:2])
    extra = -x.shape[2] % 4
    steps, near, far = (F.pad(part, (0, extra)).numpy() for part in (whole, first, second))
    shift_pairs(_padded(x, max_delay, extra), steps, near, far, y.numpy())
    return y.permute(1, 2, 0).contiguous()


def delayed_linear(x: Tensor, weight: Tensor, delay: Tensor, max_delay: int) -> Tensor:
    """Give `delayed_linear_reference` on the CPU, by events where the input is sparse, else by shifts."""
    return cast(Tensor, _TwoTap.apply(x, weight, delay, max_delay))  # type: ignore[no-untyped-call]

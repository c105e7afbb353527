"""Leaky integrate-and-fire neurons whose spikes come back to them over fractional delays of a step or more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.kernels.checks import check_compiled, check_delay, check_lengths, check_tensors
from snn.kernels.delay.dense import no_steps
from snn.kernels.delay.split_delay import TwoTapSynapses, linear_kernel, split_delay
from snn.kernels.delay.two_tap_events import TwoTapLayout, gather_two_taps
from snn.kernels.dispatch import apply, fused_or_reference
from snn.kernels.lif import (
    decay_of,
    gradient_constants,
    late_reset,
    lif_reference,
    local_gradient,
    neuron_constants,
    sigmoid_of,
)
from snn.kernels.lif_loops import NeuronConstants
from snn.kernels.lif_options import LIFOptions
from snn.kernels.memory import empty_aligned
from snn.kernels.nonzero import list_nonzero, to_spike_trains
from snn.kernels.recurrent_loops import recurrent_backward, recurrent_forward, recurrent_rows_forward

__all__ = ["recurrent_lif", "recurrent_lif_fused", "recurrent_lif_reference"]

SAMPLES = 64
"""Samples that lie side by side in the backward pass."""


def recurrent_lif_reference(
    x: Tensor,
    v: Tensor,
    weight: Tensor,
    delay: Tensor,
    max_delay: int,
    options: LIFOptions,
    lengths: Tensor | None = None,
    spike: Callable[[Tensor], Tensor] | None = None,
    local: bool = False,
) -> tuple[Tensor, Tensor]:
    """Run the neurons as a plain time loop: the definition that the fused form is tested against.

    Args:
        x: Input from outside [T, B, N].
        v: Membrane [B, N] before the first step; no spike is on its way.
        weight: Recurrent weights [N to, N from].
        delay: Their delays, steps, in [1, max_delay]; a synapse interpolates between the two steps around it.
        max_delay: Largest delay, steps, >= 1.
        options: The neuron.
        lengths: Valid steps [B], int64; None means all. Beyond them spikes are 0 and the state stands still.
        spike: As in `lif_reference`.
        local: Keep gradients inside a step: membranes and spikes of steps before are constants.

    Returns:
        Spikes [T, B, N] and the membrane of each sample at its length.

    Raises:
        TypeError: An argument that is to be a tensor is none.
        ValueError: One is of another shape, type or device, a delay is outside 1..max_delay, or a length
            outside 0..T.
    """
    lengths = _check(x, v, (weight, delay, max_delay), options, lengths)
    if not x.numel():
        return no_steps(x, weight, delay), v
    kernel = linear_kernel(weight, delay, max_delay + 1)
    spikes: list[Tensor] = []
    for t, x_t in enumerate(x.unbind(0)):
        for d in range(1, min(t, max_delay) + 1):
            past = spikes[t - d].detach() if local else spikes[t - d]
            x_t = x_t + past @ kernel[d].t()
        now = None if lengths is None else (lengths > t).to(torch.int64)
        z, v = lif_reference(x_t[None], v, options, now, spike, local)
        spikes.append(z[0])
    return torch.stack(spikes), v


def _check(
    x: Tensor, v: Tensor, synapses: tuple[Tensor, Tensor, int], options: LIFOptions, lengths: Tensor | None
) -> Tensor | None:
    """Check what the neurons are given, and return the lengths as `check_lengths` does."""
    weight, delay, max_delay = synapses
    check_tensors(x=(x, "T B N"), v=(v, "B N"), weight=(weight, "N N"), delay=(delay, "N N"))
    check_delay(delay, 1, max_delay)
    decay_of(options, x)
    return check_lengths(x, lengths)


class _RecurrentLIF(torch.autograd.Function):
    """One compiled pass each way; weight and delay gradients are gathered per spike."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        v: Tensor,
        weight: Tensor,
        delay: Tensor,
        max_delay: int,
        lengths: Tensor,
        options: LIFOptions,
        local: bool,
    ) -> tuple[Tensor, Tensor]:
        x, last = x.contiguous(), v.clone(memory_format=torch.contiguous_format)
        whole, share = split_delay(delay, max_delay)
        z, h = empty_aligned(x), empty_aligned(x)
        if bool((delay == delay[0].round()).all()):  # whole, and one for all synapses of a sender
            recurrent_rows_forward(
                x.numpy(), last.numpy(), lengths.numpy(), delay[0].long().numpy(),
                weight.t().contiguous().numpy(), z.numpy(), h.numpy(), _constants(options, x),
            )  # fmt: skip
        else:
            layout = TwoTapLayout(whole, x.shape[0], max_delay, width=weight.shape[0])
            recurrent_forward(
                x.numpy(), last.numpy(), lengths.numpy(), layout.places[0],
                layout.pairs(weight * (1 - share), weight * share)[0].numpy(), z.numpy(), h.numpy(), layout.span,
                _constants(options, x),
            )  # fmt: skip
        ctx.save_for_backward(z, h, lengths, weight, whole, share)
        ctx.options, ctx.max_delay, ctx.local = options, max_delay, local
        ctx.set_materialize_grads(False)
        return z, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gz: Tensor | None, gv: Tensor | None) -> tuple[Tensor | None, ...]:
        z, h, lengths, weight, whole, share = ctx.saved_tensors
        if gz is None and gv is None:
            return (None,) * 8
        gz = torch.zeros_like(z) if gz is None else gz
        gv = torch.zeros_like(z[0]) if gv is None else gv
        if ctx.local:
            gx, g = local_gradient(ctx.options, gz, h, lengths), None
        else:
            gx, g = _backward(ctx.options, ctx.max_delay, gz, gv, h, lengths, (weight, whole, share))
        spikes = list_nonzero(z.flatten(0, 1))
        assert spikes is not None  # no share is too large
        trains = to_spike_trains(spikes, *z.shape[1:])
        near, far = gather_two_taps(trains, TwoTapLayout(whole, z.shape[0], ctx.max_delay), gx)
        return gx, g, (1 - share) * near + share * far, weight * (far - near), None, None, None, None


def _pack_samples(parts: Tensor) -> Tensor:
    """Turn [T, B, N] into [groups, T, N, SAMPLES], the last group filled up with zeros."""
    steps, batch, size = parts.shape
    filled = F.pad(parts, (0, 0, 0, -batch % SAMPLES))
    return filled.reshape(steps, -1, SAMPLES, size).permute(1, 0, 3, 2).contiguous()


def _unpack_samples(parts: Tensor, batch: int) -> Tensor:
    """Undo `_pack_samples`."""
    turned = parts.permute(1, 0, 3, 2)
    return turned.reshape(turned.shape[0], -1, turned.shape[3])[:, :batch].contiguous()


def _constants(options: LIFOptions, like: Tensor) -> NeuronConstants:
    """Give what the loops read of the neurons: the decay as an array, one for each."""
    neuron, size = neuron_constants(options, like), like.shape[-2 if like.dim() == 4 else -1]
    return neuron._replace(decay=np.full(size, neuron.decay))


def _backward(
    options: LIFOptions,
    max_delay: int,
    gz: Tensor,
    gv: Tensor,
    h: Tensor,
    lengths: Tensor,
    synapses: tuple[Tensor, Tensor, Tensor],
) -> tuple[Tensor, Tensor]:
    """Give the gradients of the input [T, B, N] and of the first membrane [B, N].

    `synapses` are weight, whole delay and share of the step after, [N to, N from].
    """
    (steps, batch, size), (weight, whole, share) = h.shape, synapses
    extra = -size % 4  # the loop takes four receivers at a time
    membrane, gradient, state = (
        _pack_samples(h),
        _pack_samples(gz),
        _pack_samples(gv[None])[:, 0].contiguous(),
    )
    sigmoid = sigmoid_of(membrane, options, options.surrogate.sharpness, axis=1)
    near, far = (F.pad(part.t(), (0, extra)).contiguous() for part in (weight * (1 - share), weight * share))
    delay = F.pad(whole.t(), (0, extra), value=1).contiguous()
    gx = h.new_zeros(membrane.shape[0], steps + max_delay + 1, size + extra, SAMPLES)
    recurrent_backward(
        gradient.numpy(), state.numpy(), membrane.numpy(), sigmoid.numpy(),
        F.pad(lengths, (0, -batch % SAMPLES)).reshape(-1, SAMPLES).numpy(),
        TwoTapSynapses(delay.numpy(), near.numpy(), far.numpy()), gx.numpy(),
        _constants(options, h), gradient_constants(options, h, local=False),
    )  # fmt: skip
    return _unpack_samples(gx[:, :steps, :size], batch), _unpack_samples(state[:, None], batch)[0]


def recurrent_lif_fused(
    x: Tensor,
    v: Tensor,
    weight: Tensor,
    delay: Tensor,
    max_delay: int,
    options: LIFOptions,
    lengths: Tensor | None = None,
    local: bool = False,
) -> tuple[Tensor, Tensor]:
    """Give `recurrent_lif_reference` on the CPU in float32 or float64, in one compiled pass each way."""
    lengths = _check(x, v, (weight, delay, max_delay), options, lengths)
    check_compiled(x)
    if not x.numel():
        return recurrent_lif_reference(x, v, weight, delay, max_delay, options, lengths, None, local)
    if lengths is None:
        lengths = torch.full((x.shape[1],), x.shape[0], dtype=torch.int64)
    start = late_reset(v, options, lengths)
    given = (x, start, weight, delay, max_delay, lengths, options, local)
    z, last = apply(_RecurrentLIF, *given)
    return z, last


def recurrent_lif(
    x: Tensor,
    v: Tensor,
    weight: Tensor,
    delay: Tensor,
    max_delay: int,
    options: LIFOptions,
    lengths: Tensor | None = None,
    local: bool = False,
) -> tuple[Tensor, Tensor]:
    """Run recurrent neurons in the fastest form there is for where x lies; see `recurrent_lif_reference`."""
    form = fused_or_reference(recurrent_lif_fused, recurrent_lif_reference, x)
    return form(x, v, weight, delay, max_delay, options, lengths, local=local)

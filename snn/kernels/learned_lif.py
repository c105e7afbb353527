"""Leaky integrate-and-fire neurons whose threshold and leak learn: one scalar each for a layer.

h = leak v + x;  z = 1 where h passes the threshold;  v = h - threshold z ("soft") or h (1 - z) ("hard").
The surrogate is a function of h / threshold - 1, and the spike in the reset carries no gradient, though the
threshold beside it does. Source: Chowdhury, Rathi and Roy, "One Timestep is All You Need" (IIR-SNN), 2021.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.core.checks import refusal
from snn.kernels.checks import check_compiled
from snn.kernels.dispatch import apply, fused_or_reference
from snn.kernels.lif import (
    check_neurons,
    fire,
    gradient_constants,
    neuron_constants,
    run_backward,
    run_forward,
    sigmoid_of,
    steps_kept,
)
from snn.kernels.lif_options import LIFOptions

__all__ = ["learned_lif", "learned_lif_fused", "learned_lif_reference"]


def learned_lif_reference(
    x: Tensor,
    v: Tensor,
    threshold: Tensor,
    leak: Tensor,
    options: LIFOptions,
    lengths: Tensor | None = None,
    local: bool = False,
) -> tuple[Tensor, Tensor]:
    """Run the neurons as a plain time loop: the definition that the fused form is tested against.

    Args:
        x: Input [T, B, ...].
        v: Membrane [B, ...] before the first step.
        threshold: Scalar, > 0.
        leak: Scalar, in [0, 1].
        options: The rest: reset, fires and surrogate.
        lengths: Valid steps [B], int64; None means all.
        local: Keep gradients inside a step.

    Returns:
        Spikes [T, B, ...] and the membrane of each sample at its length.

    Raises:
        TypeError: x, v or lengths is no tensor.
        ValueError: One is of another shape, type or device, a length is outside 0..T, or a scalar has axes.
    """
    lengths = _check(x, v, threshold, leak, lengths)
    if not x.numel():
        return x * threshold * leak, v
    spikes = []
    for t, x_t in enumerate(x.unbind(0)):
        v = v.detach() if local else v
        h = leak * v + x_t
        z = fire(h / threshold - 1, options)
        s = z.detach()
        after = h - s * threshold if options.reset == "soft" else h * (1 - s)
        if lengths is not None:
            valid = (lengths > t).reshape(-1, *[1] * (v.dim() - 1))
            z, after = torch.where(valid, z, 0.0), torch.where(valid, after, v)
        spikes.append(z)
        v = after
    return torch.stack(spikes), v


def _check(x: Tensor, v: Tensor, threshold: Tensor, leak: Tensor, lengths: Tensor | None) -> Tensor | None:
    """Check what the neurons are given, and return the lengths as `check_lengths` does."""
    for name, value in (("threshold", threshold), ("leak", leak)):
        if value.dim():
            raise refusal(name, "one number", value)
    return check_neurons(x, v, lengths)


class _LearnedLIF(torch.autograd.Function):
    """The passes of the plain neuron; the scalars' gradients follow from what it keeps."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        v: Tensor,
        threshold: Tensor,
        leak: Tensor,
        lengths: Tensor,
        options: LIFOptions,
        local: bool,
    ) -> tuple[Tensor, Tensor]:
        del threshold, leak  # their values are in the options
        kept = steps_kept(x, None, graph=any(ctx.needs_input_grad))
        ctx.neuron = neuron_constants(options, x)
        z, h, last = run_forward(x, v, lengths, kept, ctx.neuron)
        ctx.save_for_backward(z, h, v, lengths, kept)
        ctx.options, ctx.local = options, local
        ctx.set_materialize_grads(False)
        return z, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gz: Tensor | None, gv: Tensor | None) -> tuple[Tensor | None, ...]:
        z, h, v, lengths, kept = ctx.saved_tensors
        if gz is None and gv is None:
            return (None,) * 7
        o: LIFOptions = ctx.options
        gz = torch.zeros_like(h) if gz is None else gz.contiguous()
        last = torch.zeros_like(v) if gv is None or ctx.local else gv
        first = last.clone(memory_format=torch.contiguous_format)
        # the surrogate is a function of h / v_th - 1 = (h - v_th) / v_th, and the reset carries no gradient
        sharpness = o.surrogate.sharpness / o.v_th
        gradient = gradient_constants(o, h, ctx.local, sharpness=sharpness)._replace(detach_reset=True)
        gx = run_backward(gz, first, h, sigmoid_of(h, o, sharpness), lengths, kept, ctx.neuron, gradient)
        after = h - o.v_th * z if o.reset == "soft" else h * (1 - z)
        before = torch.cat([v[None], after[:-1]])
        g_leak = (gx * before).sum()
        direct = o.surrogate.derivative(h / o.v_th - 1).mul_(h).mul_(gz) / o.v_th**2
        g_threshold = -(direct * _valid(h, lengths)).sum()
        if o.reset == "soft" and not ctx.local:
            ends = (lengths - 1).clamp(min=0)[None, :, None].expand(1, *v.shape)
            back = (o.decay * gx[1:] * z[:-1]).sum() + (last * z.gather(0, ends)[0]).sum()
            g_threshold = g_threshold - back
        return gx, None if ctx.local else first, g_threshold, g_leak, None, None, None


def _valid(h: Tensor, lengths: Tensor) -> Tensor:
    """Mark the steps within each sample's length, [T, B, 1]."""
    return (torch.arange(h.shape[0])[:, None] < lengths)[:, :, None]


def learned_lif_fused(
    x: Tensor,
    v: Tensor,
    threshold: Tensor,
    leak: Tensor,
    options: LIFOptions,
    lengths: Tensor | None = None,
    local: bool = False,
) -> tuple[Tensor, Tensor]:
    """Give `learned_lif_reference` on the CPU in float32 or float64; `options` hold the scalars' values too."""
    lengths = _check(x, v, threshold, leak, lengths)
    check_compiled(x)
    if not x.numel():
        return learned_lif_reference(x, v, threshold, leak, options, lengths, local)
    steps, batch = x.shape[:2]
    if lengths is None:
        lengths = torch.full((batch,), steps, dtype=torch.int64)
    start = v.detach() if local else v
    given = (x.reshape(steps, batch, -1), start.reshape(batch, -1), threshold, leak)
    z, last = apply(_LearnedLIF, *given, lengths, options, local)
    return z.reshape(x.shape), last.reshape(v.shape)


def learned_lif(
    x: Tensor,
    v: Tensor,
    threshold: Tensor,
    leak: Tensor,
    options: LIFOptions,
    lengths: Tensor | None = None,
    local: bool = False,
) -> tuple[Tensor, Tensor]:
    """Run the neurons in the fastest form there is for where x lies; see `learned_lif_reference`."""
    form = fused_or_reference(learned_lif_fused, learned_lif_reference, x)
    return form(x, v, threshold, leak, options, lengths, local)

"""Leaky integrate-and-fire over time: a readable torch reference and one fused pass each way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.core.checks import refusal
from snn.kernels.checks import check_compiled, check_lengths, check_tensors
from snn.kernels.dispatch import apply, fused_or_reference
from snn.kernels.lif_loops import (
    SURROGATE_KINDS,
    GradientConstants,
    NeuronConstants,
    lif_backward,
    lif_forward,
)
from snn.kernels.lif_options import LIFOptions
from snn.kernels.memory import NUMPY_TYPES, empty_aligned
from snn.kernels.step_local import check_learning_steps, gather_steps, scatter_steps, takes_sparse_gradient
from snn.kernels.surrogate import Surrogate

__all__ = ["Spike", "lif", "lif_fused", "lif_reference", "spike"]


class Spike(torch.autograd.Function):
    """The step forward, the surrogate's derivative backward."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, surrogate: Surrogate, strict: bool) -> Tensor:
        """Spike where u is at 0 or above, or above it alone if `strict`."""
        ctx.save_for_backward(u)
        ctx.surrogate = surrogate
        return (u > 0 if strict else u >= 0).to(u.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        """Put the surrogate's derivative in the step's place."""
        (u,) = ctx.saved_tensors
        return g * ctx.surrogate.derivative(u), None, None


def spike(u: Tensor, surrogate: Surrogate | None = None) -> Tensor:
    """Spike where u, membrane less threshold, is at 0 or above: 1, else 0, in the type of u.

    Args:
        u: Any shape.
        surrogate: What the gradient takes for the step's derivative; None: `Surrogate()`.
    """
    return cast(Tensor, apply(Spike, u, Surrogate() if surrogate is None else surrogate, False))


def fire(u: Tensor, options: LIFOptions) -> Tensor:
    """Spike where u passes 0, with the neuron's surrogate as derivative."""
    return cast(Tensor, apply(Spike, u, options.surrogate, options.fires == ">"))


def lif_reference(
    x: Tensor,
    v: Tensor,
    options: LIFOptions,
    lengths: Tensor | None = None,
    spike: Callable[[Tensor], Tensor] | None = None,
    local: bool = False,
    learns: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Run the neurons as a plain time loop: the definition that the fused form is tested against.

    Args:
        x: Input [T, B, ...].
        v: Membrane [B, ...] before the first step.
        options: The neuron, a plain one; `generalised_lif` runs the others.
        lengths: Valid steps [B], int64; None means all. Beyond them spikes are 0 and the state stands still.
        spike: Replaces the step and its surrogate, as a function of v - v_th (a smooth step, or a SpikingJelly
            surrogate).
        local: Keep gradients inside a step: the membrane of the step before is a constant.
        learns: With `local`, the steps that have a gradient at all, bool [T]; None means all. Else not looked at.

    Returns:
        Spikes [T, B, ...] and the membrane of each sample at its length.

    Raises:
        TypeError: x, v or lengths is no tensor.
        ValueError: One is of another shape, type or device, a length is outside 0..T, or `learns` does not mark
            the steps.
    """
    lengths = check_neurons(x, v, lengths)
    check_learning_steps(x, learns)
    if not x.numel():
        return x * 1, v
    o, late, decay = options, options.reset == "hard_next_step", decay_of(options, x)
    step = spike or (lambda u: fire(u, o))

    def reset(h: Tensor, z: Tensor) -> Tensor:
        s = z.detach() if o.detach_reset else z
        return h - s * o.fall if o.reset == "soft" else s * o.v_reset + (1 - s) * h

    marks = learns.tolist() if local and learns is not None else [True] * len(x)
    spikes = []
    for t, x_t in enumerate(x.unbind(0)):
        v = v.detach() if local else v
        start = reset(v, step(v - o.v_th)) if late else v
        if o.decay_input:
            h = start + (x_t - (start - o.rest)) / o.tau
        else:
            h = o.rest + (start - o.rest) * decay + x_t
        z = step(h - o.v_th)
        after = h if late else reset(h, z)
        if lengths is not None:
            valid = (lengths > t).reshape(-1, *[1] * (v.dim() - 1))
            z, after = torch.where(valid, z, 0.0), torch.where(valid, after, v)
        spikes.append(z if marks[t] else z.detach())
        v = after
    return torch.stack(spikes), v


class _FusedLIF(torch.autograd.Function):
    """One compiled pass each way; keeps only the membrane before reset."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        v: Tensor,
        lengths: Tensor,
        options: LIFOptions,
        local: bool,
        learns: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        kept = steps_kept(x, learns, graph=ctx.needs_input_grad[0] or ctx.needs_input_grad[1])
        ctx.neuron = neuron_constants(options, x)
        z, h, last = run_forward(x, v, lengths, kept, ctx.neuron)
        ctx.save_for_backward(h, lengths, kept)
        ctx.options, ctx.local, ctx.steps = options, local, x.shape[0]
        ctx.takes_sparse_gradient, ctx.sparse = True, takes_sparse_gradient(x)
        ctx.set_materialize_grads(False)
        if local:
            ctx.mark_non_differentiable(last)
        return z, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gz: Tensor | None, gv: Tensor | None) -> tuple[Tensor | None, ...]:
        h, lengths, kept = ctx.saved_tensors
        if gz is None and gv is None:
            return None, None, None, None, None, None
        gz = torch.zeros_like(h) if gz is None else gather_steps(gz, kept)
        g = h.new_zeros(h.shape[1:]) if gv is None else gv.clone(memory_format=torch.contiguous_format)
        o: LIFOptions = ctx.options
        sigmoid = sigmoid_of(h, o, o.surrogate.sharpness)
        gradient = gradient_constants(o, h, ctx.local)
        gx = run_backward(gz, g, h, sigmoid, lengths, kept, ctx.neuron, gradient)
        gx = scatter_steps(gx, kept, ctx.steps, sparse=ctx.sparse)
        return gx, None if ctx.local else g, None, None, None, None


def steps_kept(x: Tensor, learns: Tensor | None, *, graph: bool) -> Tensor:
    """List the steps of x [T, ...] whose membranes the backward pass will ask for, int64."""
    if not graph:
        return torch.empty(0, dtype=torch.int64)
    return torch.arange(x.shape[0]) if learns is None else learns.nonzero()[:, 0]


def run_forward(
    x: Tensor, v: Tensor, lengths: Tensor, kept: Tensor, neuron: NeuronConstants
) -> tuple[Tensor, Tensor, Tensor]:
    """Give spikes, the pre-reset membranes of the steps `kept`, and the last state."""
    x, last = x.contiguous(), v.clone(memory_format=torch.contiguous_format)
    z, h = empty_aligned(x), empty_aligned(x, min(kept.shape[0] + 1, x.shape[0]), *v.shape)
    lif_forward(x.numpy(), last.numpy(), lengths.numpy(), kept.numpy(), z.numpy(), h.numpy(), neuron)
    return z, h[: kept.shape[0]], last


def run_backward(
    gz: Tensor,
    g: Tensor,
    h: Tensor,
    sigmoid: Tensor,
    lengths: Tensor,
    kept: Tensor,
    neuron: NeuronConstants,
    gradient: GradientConstants,
) -> Tensor:
    """Give the input's gradient at the steps `kept`; the arguments are those of `lif_backward`."""
    gx = empty_aligned(h)
    lif_backward(
        gz.numpy(), g.numpy(), h.numpy(), sigmoid.numpy(), lengths.numpy(), kept.numpy(), gx.numpy(),
        neuron, gradient,
    )  # fmt: skip
    return gx


def sigmoid_of(h: Tensor, options: LIFOptions, sharpness: float, axis: int = 0) -> Tensor:
    """Give sigmoid(sharpness (h - v_th)) where the surrogate reads it, else the first step of h, steps on `axis`.

    It is torch's own, whose vectorised exponential gives the bits of the reference and of SpikingJelly.
    """
    if options.surrogate.name != "sigmoid":
        return h.narrow(axis, 0, min(1, h.shape[axis]))
    return (h - options.v_th).mul_(sharpness).sigmoid_()


def neuron_constants(o: LIFOptions, like: Tensor) -> NeuronConstants:
    """Give what the compiled loops read of a neuron, numbers in the type of `like`."""
    real = NUMPY_TYPES[like.dtype]
    return NeuronConstants(
        tau=real(o.tau),
        decay=real(o.decay) if o.leaks is None else np.array(o.leaks, real),
        v_th=real(o.v_th),
        v_reset=real(o.v_reset),
        v_leak=real(o.rest),
        reset_by=real(o.fall),
        decay_input=o.decay_input,
        soft_reset=o.reset == "soft",
        late_reset=o.reset == "hard_next_step",
        strict=o.fires == ">",
    )


def gradient_constants(
    o: LIFOptions, like: Tensor, local: bool, *, sharpness: float | None = None
) -> GradientConstants:
    """Give what the backward loops read besides the neuron; `sharpness` is the surrogate's if not given."""
    s, real = o.surrogate, NUMPY_TYPES[like.dtype]
    alpha = s.sharpness if sharpness is None else sharpness
    return GradientConstants(real(alpha), real(s.scale), SURROGATE_KINDS[s.name], o.detach_reset, local)


def local_gradient(options: LIFOptions, gz: Tensor, h: Tensor, lengths: Tensor) -> Tensor:
    """Give the input's gradient [T, B, N] if each step stands by itself."""
    gx = options.surrogate.derivative(h - options.v_th).mul_(gz)
    if options.decay_input:
        gx = gx / options.tau
    return gx.mul_((torch.arange(h.shape[0])[:, None] < lengths)[:, :, None])


def decay_of(o: LIFOptions, x: Tensor) -> float | Tensor:
    """Give what is left of membranes after a step: one number, or one for each neuron of x [T, B, N], [N].

    Raises:
        ValueError: There is one for each neuron, and x is of other neurons.
    """
    if o.leaks is None:
        return o.decay
    decay = x.new_tensor(o.leaks)
    if x.shape[2:] != decay.shape:
        raise refusal("x", f"[T, B, {len(decay)}], as leak has one number per neuron", x)
    return decay


def check_neurons(x: Tensor, v: Tensor, lengths: Tensor | None) -> Tensor | None:
    """Check what neurons over time are given, and return the lengths as `check_lengths` does."""
    check_tensors(x=(x, "T B ..."), v=(v, "B ..."))
    return check_lengths(x, lengths)


def late_reset(v: Tensor, options: LIFOptions, lengths: Tensor) -> Tensor:
    """Do the reset of "hard_next_step" that the state v [B, N] came with, in samples that have a step.

    From there on a step is that of "hard".
    """
    if options.reset != "hard_next_step":
        return v
    z = fire(v - options.v_th, options)
    z = z.detach() if options.detach_reset else z
    return torch.where(lengths[:, None] > 0, z * options.v_reset + (1 - z) * v, v)


def lif_fused(
    x: Tensor,
    v: Tensor,
    options: LIFOptions,
    lengths: Tensor | None = None,
    local: bool = False,
    learns: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Run the neurons in one compiled pass each way: `lif_reference` on the CPU in float32 or float64."""
    lengths = check_neurons(x, v, lengths)
    check_compiled(x)
    check_learning_steps(x, learns)
    if not x.numel():
        return lif_reference(x, v, options, lengths, None, local, learns)
    steps, batch = x.shape[:2]
    if lengths is None:
        lengths = torch.full((batch,), steps, dtype=torch.int64)
    # a view, even of the same shape, would stand between kernels that pass sparse gradients
    flat = x if x.dim() == 3 else x.reshape(steps, batch, -1)
    start = late_reset(v.reshape(batch, -1), options, lengths)
    start = start.detach() if local else start
    given = (flat, start, lengths, options, local, learns if local else None)
    z, last = apply(_FusedLIF, *given)
    return (z if x.dim() == 3 else z.reshape(x.shape)), last.reshape(v.shape)


def lif(
    x: Tensor,
    v: Tensor,
    options: LIFOptions,
    lengths: Tensor | None = None,
    local: bool = False,
    learns: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Run leaky integrate-and-fire neurons over time, in the fastest form there is for where x lies.

    Neurons with a leak each run as the reference does: the loops have one number for all.

    Arguments and results are those of `lif_reference`.
    """
    form = lif_reference if options.leaks is not None else fused_or_reference(lif_fused, lif_reference, x)
    return form(x, v, options, lengths, local=local, learns=learns)

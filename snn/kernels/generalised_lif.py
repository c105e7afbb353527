"""Neurons that are held after a spike, adapt, or spike several times a step: a torch reference and a fused pass.

A step, for membrane v, threshold rise theta and the steps `held` for which a neuron is still refractory::

    theta = theta adapt_decay
    h     = charge(v, x), as a plain neuron's; v where held > 0
    z     = 1 where h passes v_th + theta and held is 0; 1 + floor((h - v_th - theta) / reset_by) if several may be
    v     = h - z reset_by ("soft"), or v_reset where z ("hard")
    held  = t_ref where z, else held - 1, not below 0
    theta = theta + adapt_by z

Being held has no gradient; `detach_reset` keeps it out of the reset, not out of the threshold's rise.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.core.checks import refusal, shown
from snn.core.neurons import MOST_SPIKES
from snn.kernels.checks import check_compiled, check_tensors
from snn.kernels.dispatch import apply, fused_or_reference
from snn.kernels.generalised_loops import (
    CarriedArrays,
    GradientArrays,
    KeptArrays,
    OptionConstants,
    generalised_backward,
    generalised_forward,
)
from snn.kernels.lif import (
    check_neurons,
    decay_of,
    fire,
    gradient_constants,
    late_reset,
    neuron_constants,
    steps_kept,
)
from snn.kernels.lif_options import LIFOptions
from snn.kernels.memory import NUMPY_TYPES, empty_aligned
from snn.kernels.step_local import check_learning_steps, gather_steps, scatter_steps, takes_sparse_gradient

__all__ = ["Carried", "at_rest", "generalised_lif", "generalised_lif_fused", "generalised_lif_reference"]


class Carried(NamedTuple):
    """Carry neurons from step to step.

    Attributes:
        v: Membranes [B, ...].
        held: Steps for which each is still held, int32 [B, ...], >= 0; () where the neuron has no `t_ref`.
        theta: Rise of each threshold [B, ...]; () where it does not adapt.
    """

    v: Tensor
    held: Tensor | tuple[()] = ()
    theta: Tensor | tuple[()] = ()


class SpikeCount(torch.autograd.Function):
    """Several spikes a step forward; backward the surrogate's derivative at the threshold that is nearest."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, options: LIFOptions) -> Tensor:
        """Count how often u, and what soft resets leave of it, is at 0 or above."""
        parts = u / options.fall
        ctx.save_for_backward(u - parts.round().clamp(min=0) * options.fall)
        ctx.surrogate = options.surrogate
        if options.fires == ">":
            return torch.where(u > 0, parts.ceil().clamp(max=MOST_SPIKES), 0.0)
        return torch.where(u >= 0, (parts.floor() + 1).clamp(max=MOST_SPIKES), 0.0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        """Put the surrogate's derivative in the step's place."""
        (nearest,) = ctx.saved_tensors
        return g * ctx.surrogate.derivative(nearest), None


def count_spikes(u: Tensor, options: LIFOptions) -> Tensor:
    """Spike where u, membrane less threshold, passes 0: once, or as often as the neuron may."""
    if options.spikes == "single":
        return fire(u, options)
    return cast(Tensor, apply(SpikeCount, u, options))


def generalised_lif_reference(
    x: Tensor,
    carried: Carried,
    options: LIFOptions,
    lengths: Tensor | None = None,
    spike: Callable[[Tensor], Tensor] | None = None,
    local: bool = False,
    learns: Tensor | None = None,
) -> tuple[Tensor, Carried]:
    """Run the neurons as a plain time loop: the definition that the fused form is tested against.

    Args:
        x: Input [T, B, ...].
        carried: State before the first step.
        options: The neuron.
        lengths: Valid steps [B], int64; None means all. Beyond them spikes are 0 and the state stands still.
        spike: Replaces the step and its surrogate, as a function of membrane less threshold.
        local: Keep gradients inside a step: the state of the step before is a constant.
        learns: With `local`, the steps that have a gradient at all, bool [T]; None means all. Else not looked at.

    Returns:
        Spikes [T, B, ...] and the state of each sample at its length.
    """
    lengths = _check(x, carried, options, lengths)
    check_learning_steps(x, learns)
    if not x.numel():
        return x * 1, carried
    marks = learns.tolist() if local and learns is not None else [True] * len(x)
    step = spike or (lambda u: count_spikes(u, options))
    spikes, now = [], carried
    for t, x_t in enumerate(x.unbind(0)):
        if local:
            now = _map(lambda part: part.detach(), now)
        z, after = _step(x_t, now, options, step)
        if lengths is not None:
            valid = (lengths > t).reshape(-1, *[1] * (x_t.dim() - 1))
            z = torch.where(valid, z, 0.0)
            after = Carried(*map(partial(_where, valid), after, now))
        spikes.append(z if marks[t] else z.detach())
        now = after
    return (torch.stack(spikes) if spikes else torch.zeros_like(x)), now


def _check(x: Tensor, carried: Carried, options: LIFOptions, lengths: Tensor | None) -> Tensor | None:
    """Check what the neurons are given, and return the lengths as `check_lengths` does.

    Raises:
        TypeError: A part of the state is no tensor, or one that the neuron does not carry.
        ValueError: It is of another shape, type or device.
    """
    for name, part, due in (
        ("held", carried.held, options.t_ref > 0),
        ("theta", carried.theta, options.adapts),
    ):
        if isinstance(part, Tensor) is not due:
            raise TypeError(
                f"{name} must be {'a tensor' if due else '()'} for this neuron, got {shown(part)}"
            )
    if isinstance(carried.held, Tensor) and carried.held.dtype is not torch.int32:
        raise refusal("held", "of dtype torch.int32", carried.held.dtype)
    if isinstance(carried.held, Tensor) and carried.held.shape != carried.v.shape:
        raise refusal("held", f"of shape {list(carried.v.shape)}, as v", list(carried.held.shape))
    if isinstance(carried.theta, Tensor):
        check_tensors(x=(x, "T B ..."), theta=(carried.theta, "B ..."))
    return check_neurons(x, carried.v, lengths)


def _step(
    x: Tensor, now: Carried, o: LIFOptions, spike: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Carried]:
    """Run one step; gives the spikes and the state after them."""
    late = o.reset == "hard_next_step"
    theta = now.theta * o.adapt_decay if isinstance(now.theta, Tensor) else ()
    threshold = o.v_th + theta if isinstance(theta, Tensor) else o.v_th

    def reset(h: Tensor, z: Tensor) -> Tensor:
        s = z.detach() if o.detach_reset else z
        return h - s * o.fall if o.reset == "soft" else s * o.v_reset + (1 - s) * h

    start = reset(now.v, spike(now.v - threshold)) if late else now.v
    if o.decay_input:
        h = start + (x - (start - o.rest)) / o.tau
    else:
        h = o.rest + (start - o.rest) * decay_of(o, x[None]) + x
    held: Tensor | tuple[()] = ()
    if not isinstance(now.held, Tensor):
        z = spike(h - threshold)
    else:
        free = now.held == 0
        h = torch.where(free, h, start)
        z = torch.where(free, spike(h - threshold), 0.0)
        held = torch.where(z.detach() > 0, o.t_ref, (now.held - 1).clamp(min=0)).to(now.held.dtype)
    theta = theta + o.adapt_by * z if isinstance(theta, Tensor) else ()
    return z, Carried(h if late else reset(h, z), held, theta)


def _map(function: Callable[[Tensor], Tensor], carried: Carried) -> Carried:
    """Apply a function to each tensor of a state."""
    v, held, theta = (function(part) if isinstance(part, Tensor) else part for part in carried)
    assert isinstance(v, Tensor)
    return Carried(v, held, theta)


def _where(valid: Tensor, new: Any, old: Any) -> Any:
    """Take the new part of a state where a sample still runs."""
    return torch.where(valid, new, old) if isinstance(new, Tensor) else new


class _GeneralisedLIF(torch.autograd.Function):
    """One compiled pass each way; keeps membrane less threshold, and the membrane if a gradient reads it."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        v: Tensor,
        theta: Tensor,
        held: Tensor,
        lengths: Tensor,
        options: LIFOptions,
        local: bool,
        learns: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        kept = steps_kept(x, learns, graph=any(ctx.needs_input_grad[:3]))
        last = [part.clone(memory_format=torch.contiguous_format) for part in (v, held, theta)]
        x, z = x.contiguous(), empty_aligned(x)
        rows = min(kept.shape[0] + 1, x.shape[0])
        reads_h = not (local or options.detach_reset or options.reset == "soft")
        u, h = empty_aligned(x, rows, *v.shape), empty_aligned(x, rows if reads_h else 0, *v.shape)
        ctx.neuron, ctx.option = neuron_constants(options, x), _option_constants(options, x)
        generalised_forward(
            x.numpy(), CarriedArrays(*(part.numpy() for part in last)), lengths.numpy(), kept.numpy(), z.numpy(),
            KeptArrays(u.numpy(), h.numpy()), ctx.neuron, ctx.option,
        )  # fmt: skip
        u, h = u[: kept.shape[0]], h[: kept.shape[0]] if reads_h else h
        ctx.save_for_backward(u, h, lengths, kept)
        ctx.options, ctx.local, ctx.steps = options, local, x.shape[0]
        ctx.takes_sparse_gradient, ctx.sparse = True, takes_sparse_gradient(x)
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(last[1])
        if local:
            ctx.mark_non_differentiable(last[0], last[2])
        return z, last[0], last[1], last[2]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *given: Tensor | None) -> tuple[Tensor | None, ...]:
        u, h, lengths, kept = ctx.saved_tensors
        gz, gv, _, gtheta = given
        if gz is None and gv is None and gtheta is None:
            return (None,) * 8
        gz = torch.zeros_like(u) if gz is None else gather_steps(gz, kept)
        g = _as_start(gv, u.new_zeros(u.shape[1:]))
        g_theta = _as_start(gtheta, u.new_zeros(u.shape[1:] if ctx.option.adapts else (0, u.shape[2])))
        surrogate, gx = ctx.options.surrogate, empty_aligned(u)
        sigmoid = (u * surrogate.sharpness).sigmoid_() if surrogate.name == "sigmoid" else u[:1]
        generalised_backward(
            GradientArrays(gz.numpy(), g.numpy(), g_theta.numpy(), gx.numpy()), KeptArrays(u.numpy(), h.numpy()),
            sigmoid.numpy(), lengths.numpy(), kept.numpy(), ctx.neuron, ctx.option,
            gradient_constants(ctx.options, u, ctx.local),
        )  # fmt: skip
        gx = scatter_steps(gx, kept, ctx.steps, sparse=ctx.sparse)
        return gx, *((None, None) if ctx.local else (g, g_theta)), None, None, None, None, None


def _as_start(given: Tensor | None, zeros: Tensor) -> Tensor:
    """Give a gradient of the last state as an array that the loop may write to."""
    return zeros if given is None else given.clone(memory_format=torch.contiguous_format)


def _option_constants(o: LIFOptions, like: Tensor) -> OptionConstants:
    """Give what the loops read of the options, numbers in the type of `like`."""
    real = NUMPY_TYPES[like.dtype]
    return OptionConstants(o.t_ref, o.adapts, real(o.adapt_by), real(o.adapt_decay), o.spikes == "multiple")


def generalised_lif_fused(
    x: Tensor,
    carried: Carried,
    options: LIFOptions,
    lengths: Tensor | None = None,
    local: bool = False,
    learns: Tensor | None = None,
) -> tuple[Tensor, Carried]:
    """Run the neurons in one compiled pass each way: the reference on the CPU in float32 or float64."""
    lengths = _check(x, carried, options, lengths)
    check_compiled(x)
    check_learning_steps(x, learns)
    if not x.numel():
        return generalised_lif_reference(x, carried, options, lengths, None, local, learns)
    steps, batch = x.shape[:2]
    if lengths is None:
        lengths = torch.full((batch,), steps, dtype=torch.int64)
    flat = x if x.dim() == 3 else x.reshape(steps, batch, -1)
    shape, width = carried.v.shape, flat.shape[2]
    start = late_reset(carried.v.reshape(batch, -1), options, lengths)
    theta = carried.theta.reshape(batch, -1) if isinstance(carried.theta, Tensor) else x.new_zeros(0, width)
    held = (
        carried.held.reshape(batch, -1)
        if isinstance(carried.held, Tensor)
        else torch.zeros(0, width, dtype=torch.int32)
    )
    start, theta = (start.detach(), theta.detach()) if local else (start, theta)
    given = (flat, start, theta, held, lengths, options, local, learns if local else None)
    z, v, held, theta = apply(_GeneralisedLIF, *given)
    parts = (part.reshape(shape) if part.shape[0] else () for part in (held, theta))
    return (z if x.dim() == 3 else z.reshape(x.shape)), Carried(v.reshape(shape), *parts)


def generalised_lif(
    x: Tensor,
    carried: Carried,
    options: LIFOptions,
    lengths: Tensor | None = None,
    local: bool = False,
    learns: Tensor | None = None,
) -> tuple[Tensor, Carried]:
    """Run the neurons in the fastest form there is for where x lies; see `generalised_lif_reference`."""
    fused = fused_or_reference(generalised_lif_fused, generalised_lif_reference, x)
    form = fused if options.leaks is None else generalised_lif_reference
    return form(x, carried, options, lengths, local=local, learns=learns)


def at_rest(x: Tensor, options: LIFOptions) -> Carried:
    """Make the state of neurons before any input, for x of one step [B, ...]."""
    held = torch.zeros_like(x, dtype=torch.int32) if options.t_ref else ()
    theta = torch.zeros_like(x) if options.adapts else ()
    return Carried(torch.full_like(x, options.rest), held, theta)

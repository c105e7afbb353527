"""Leaky integrators that never spike, over time: a readable torch reference and one fused pass each way."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.core.arrays import RealArray
from snn.core.compiled import compiled
from snn.kernels.checks import check_compiled
from snn.kernels.dispatch import apply, fused_or_reference
from snn.kernels.lif import check_neurons
from snn.kernels.lif_options import LIFOptions
from snn.kernels.memory import NUMPY_TYPES, empty_aligned

__all__ = ["integrate", "integrate_fused", "integrate_reference", "integrate_steps", "integrator_constants"]


def integrate_reference(x: Tensor, v: Tensor, options: LIFOptions, local: bool = False) -> Tensor:
    """Run the membranes as a plain time loop: the definition that the fused form is tested against.

    Args:
        x: Input [T, B, ...].
        v: Membrane [B, ...] before the first step.
        options: Its tau, leak, decay_input and `rest`; the others are for neurons that spike.
        local: Keep gradients inside a step: the membrane of the step before is a constant.

    Returns:
        Membranes [T, B, ...].

    Raises:
        TypeError: x or v is no tensor.
        ValueError: One is of another shape, type or device.
    """
    check_neurons(x, v, None)
    if not x.numel():
        return x * 1
    trace, rest = [], options.rest
    for x_t in x.unbind(0):
        v = v.detach() if local else v
        if options.decay_input:
            v = v + (x_t - (v - rest)) / options.tau
        else:
            v = rest + (v - rest) * options.decay + x_t
        trace.append(v)
    return torch.stack(trace)


class _Constants(NamedTuple):
    """What the loops read of an integrator.

    Attributes:
        tau: Membrane time constant, steps. Numbers are of the arrays' own type, so that float32 stays float32.
        decay: What is left of the membrane after a step.
        rest: Value towards which it leaks.
        decay_input: Divide the input by tau too.
    """

    tau: Any
    decay: Any
    rest: Any
    decay_input: bool


@compiled
def integrate_steps(x: RealArray, v: RealArray, y: RealArray, unit: _Constants) -> None:
    """Fill membranes y [T, n] from the one before, v [n]."""
    tau, decay, rest = unit.tau, unit.decay, unit.rest
    for t in range(x.shape[0]):
        last = v if t == 0 else y[t - 1]
        if unit.decay_input:
            for n in range(x.shape[1]):
                y[t, n] = last[n] + (x[t, n] - (last[n] - rest)) / tau
        elif rest == 0:
            for n in range(x.shape[1]):
                y[t, n] = last[n] * decay + x[t, n]
        else:
            for n in range(x.shape[1]):
                y[t, n] = rest + (last[n] - rest) * decay + x[t, n]


@compiled
def _backward(g: RealArray, total: RealArray, gx: RealArray, unit: _Constants) -> None:
    """Fill gx [T, n] from the membranes' gradient g; leave that of the state before in `total` [n], 0 at first."""
    tau, decay = unit.tau, unit.decay
    for t in range(g.shape[0] - 1, -1, -1):
        if unit.decay_input:
            for n in range(g.shape[1]):
                now = total[n] + g[t, n]
                gx[t, n] = now / tau
                total[n] = now - now / tau
        else:
            for n in range(g.shape[1]):
                gx[t, n] = total[n] + g[t, n]
                total[n] = gx[t, n] * decay


class _Integrate(torch.autograd.Function):
    """One compiled pass each way; nothing is kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, v: Tensor, options: LIFOptions, local: bool) -> Tensor:
        x, y = x.contiguous(), empty_aligned(x)
        ctx.unit, ctx.local = integrator_constants(options, x), local
        integrate_steps(x.numpy(), v.contiguous().numpy(), y.numpy(), ctx.unit)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        if ctx.local:  # each step is its input, scaled, and a constant
            return g / ctx.unit.tau if ctx.unit.decay_input else g, None, None, None
        gx, total = empty_aligned(g), torch.zeros_like(g[0])
        _backward(g.contiguous().numpy(), total.numpy(), gx.numpy(), ctx.unit)
        return gx, total, None, None


def integrator_constants(o: LIFOptions, like: Tensor) -> _Constants:
    """Give what the loops read, numbers in the type of `like`."""
    real = NUMPY_TYPES[like.dtype]
    return _Constants(real(o.tau), real(o.decay), real(o.rest), o.decay_input)


def integrate_fused(x: Tensor, v: Tensor, options: LIFOptions, local: bool = False) -> Tensor:
    """Give `integrate_reference` on the CPU in float32 or float64."""
    check_neurons(x, v, None)
    check_compiled(x)
    if not x.numel():
        return integrate_reference(x, v, options)
    flat = x.reshape(len(x), -1), v.reshape(-1)
    return cast(Tensor, apply(_Integrate, *flat, options, local)).reshape(x.shape)


def integrate(x: Tensor, v: Tensor, options: LIFOptions, local: bool = False) -> Tensor:
    """Run the membranes in the fastest form there is for where x lies; see `integrate_reference`."""
    return fused_or_reference(integrate_fused, integrate_reference, x)(x, v, options, local)

"""Causal delayed linear maps: y[t] = sum over delays d of kernel[d] x[t - d], in the forms we use.

The Gauss kernel of DCLS, the spectral product (training), the dense convolution (reference) and the scatter of
events by integer delays (evaluation). Delays count in steps.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.kernels.delay.loops import scatter_events
from snn.kernels.delay.sample_groups import last_steps
from snn.kernels.memory import room

__all__ = [
    "delayed_dense",
    "delayed_events",
    "delayed_spectral",
    "gauss_kernel",
    "gauss_kernel_reference",
    "one_hot_kernel",
    "spectral_input_gradient",
]

SIGMA_FLOOR, SUM_FLOOR = 0.27, 1e-7
LEAST = -46.0
"""Exponent under which a tap is nothing, e-20 of the middle one."""


def gauss_kernel_reference(weight: Tensor, position: Tensor, sigma: Tensor, taps: int) -> Tensor:
    """Spread each weight over the taps as a normalised Gauss bell at the delay c - position, c = taps // 2.

    Args:
        weight: Synaptic weights [out, in].
        position: Learned positions P [out, in], in [-c, c].
        sigma: Width parameter, 0-dimensional; the bell's deviation is |sigma| + 0.27 steps.
        taps: Number of taps K, odd.

    Returns:
        Kernel [K, out, in], tap d = delay d.
    Source: DCLS 0.1.1, version "gauss" (Hammouamri et al., 2023), in the order of delays.
    """
    d = torch.arange(taps, dtype=weight.dtype, device=weight.device).reshape(-1, 1, 1)
    u = (d - (taps // 2 - position)) / (sigma.abs() + SIGMA_FLOOR)
    bell = torch.exp(-0.5 * u * u)
    return weight * (bell / (bell.sum(0) + SUM_FLOOR))


class _GaussKernel(torch.autograd.Function):
    """The bell with its weight and position gradients by hand; keeps only the parameters."""

    @staticmethod
    def _bell(position: Tensor, sigma: Tensor, taps: int) -> tuple[Tensor, Tensor, Tensor]:
        width = sigma.abs() + SIGMA_FLOOR
        d = torch.arange(taps, dtype=position.dtype, device=position.device).reshape(-1, 1, 1)
        kernel = (taps, *position.shape)
        u = torch.sub(d, taps // 2 - position, out=room(position, *kernel)).div_(width)
        # far below rounding a tap is 0: subnormal numbers would slow the exponential and every product after it
        bell = torch.mul(u, u, out=room(u)).mul_(-0.5).clamp_(min=LEAST - 1).exp_()
        torch.threshold_(bell, math.exp(LEAST), 0.0)
        return u, bell.div_(bell.sum(0).add_(SUM_FLOOR)), width

    @staticmethod
    def forward(ctx: Any, weight: Tensor, position: Tensor, sigma: Tensor, taps: int) -> Tensor:
        ctx.save_for_backward(weight, position, sigma)
        ctx.taps = taps
        return _GaussKernel._bell(position, sigma, taps)[1].mul_(weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor, None, None]:
        weight, position, sigma = ctx.saved_tensors
        u, bell, width = _GaussKernel._bell(position, sigma, ctx.taps)
        mean = torch.mul(bell, u, out=room(u)).sum(0)
        g_bell = bell.mul_(g)
        g_weight = g_bell.sum(0)
        # position moves the bell to shorter delays: d bell / d position = -bell (u - mean) / width
        g_position = (g_bell.mul_(u).sum(0) - g_weight * mean).mul_(weight).div_(-width)
        return g_weight, g_position, None, None


def gauss_kernel(weight: Tensor, position: Tensor, sigma: Tensor, taps: int) -> Tensor:
    """Give `gauss_kernel_reference`, with hand-written gradients of weight and position (none of sigma)."""
    return cast(Tensor, _GaussKernel.apply(weight, position, sigma, taps))  # type: ignore[no-untyped-call]


def one_hot_kernel(weight: Tensor, delays: Tensor, taps: int) -> Tensor:
    """Put each weight [out, in] on the tap of its delay [out, in] (int64): kernel [taps, out, in]."""
    return weight * (delays == torch.arange(taps, device=weight.device).reshape(-1, 1, 1))


def delayed_dense(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolve x [T, B, in] with kernel [K, out, in] as a dense 1-d convolution: the reference form."""
    padded = F.pad(x.permute(1, 2, 0), (kernel.shape[0] - 1, 0))
    return F.conv1d(padded, kernel.flip(0).permute(1, 2, 0)).permute(2, 0, 1)


def delayed_events(x: Tensor, weight: Tensor, delays: Tensor) -> Tensor:
    """Send each nonzero input on by its synapses' integer delays: evaluation, without gradient.

    Sums in the order (emission step, sender), which is that of the event engine.

    Args:
        x: Input [T, B, in] on the CPU, float32 or float64.
        weight: Weights [out, in], or [kernels, out, in]: kernels are summed one after the other.
        delays: Delays of the same shape, int64, steps.

    Returns:
        Output [T, B, out].
    """
    y = x.new_zeros(*x.shape[:2], weight.shape[-2])
    for parts in zip(*(a.detach().reshape(-1, *weight.shape[-2:]) for a in (weight, delays)), strict=True):
        rows, hops = (part.t().contiguous().numpy() for part in parts)
        scatter_events(x.detach().contiguous().numpy(), rows, hops, y.numpy())
    return y


@lru_cache(maxsize=64)
def _transform(length: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Give the odd-frequency Fourier matrix [length, length]: cosines, then negated sines; a column is a step.

    Frequencies (k + 1/2) 2 pi / length, k < length / 2: all complex, so that every product is of one kind.
    They wrap with a sign; nothing wraps where the length holds the whole linear convolution.
    """
    odd = 2 * torch.arange(length // 2, dtype=torch.int64) + 1
    # the angle is reduced as an exact integer first: sines stay good to the last bit at any length
    turns = (odd[:, None] * torch.arange(length, dtype=torch.int64)).remainder(2 * length)
    angle = turns.to(torch.float64) * (math.pi / length)
    return torch.cat([angle.cos(), -angle.sin()]).to(device=device, dtype=dtype)


def _length(busy: int, taps: int) -> int:
    """Give how many steps hold `busy` ones of input and all that they send on, a multiple of 4."""
    return -(-(busy + taps - 1) // 4) * 4


def _spectrum(signal: Tensor, length: int) -> Tensor:
    """Transform a signal [T, ...] to its spectrum [2, length / 2, ...]: real parts, imaginary parts.

    Planes instead of complex numbers: the transforms are then matrix products without a copy.
    """
    matrix = _transform(length, signal.dtype, signal.device)[:, : signal.shape[0]]
    flat = signal.reshape(signal.shape[0], -1)
    parts = torch.mm(matrix, flat, out=room(signal, length, flat.shape[1]))
    return parts.reshape(2, length // 2, *signal.shape[1:])


def _signal(spectrum: Tensor, length: int, steps: int) -> Tensor:
    """Turn a spectrum back into the first `steps` steps of its signal."""
    matrix = _transform(length, spectrum.dtype, spectrum.device)[:, :steps] * (2.0 / length)
    flat = spectrum.reshape(length, -1)
    parts = torch.mm(matrix.t(), flat, out=room(spectrum, steps, flat.shape[1]))
    return parts.reshape(steps, *spectrum.shape[2:])


def _product(a: Tensor, b: Tensor, conjugate: bool = False) -> Tensor:
    """Multiply matrices frequency by frequency, [2, F, m, k] by [2, F, k, n]; or a by the conjugate of b.

    With three real products, not four; one frequency at a time, so that the sums stay in the cache.
    """
    out = room(a, 2, a.shape[1], a.shape[2], b.shape[3])
    other = a.new_empty(out.shape[2:])
    sign = -1.0 if conjugate else 1.0
    planes = (part.unbind(0) for part in (*a.unbind(0), *b.unbind(0), *out.unbind(0)))
    for a_real, a_imag, b_real, b_imag, real, imag in zip(*planes, strict=True):
        torch.mm(a_real, b_real, out=real)
        torch.mm(a_imag, b_imag, out=other)
        torch.mm(a_real + a_imag, torch.add(b_real, b_imag, alpha=sign), out=imag)
        imag.sub_(real).sub_(other, alpha=sign)
        real.sub_(other, alpha=sign)
    return out


GROUP = 64
"""Samples that are transformed together, at least: short ones by themselves, so that their silence costs little."""


def _groups(x: Tensor) -> list[tuple[Tensor, int]]:
    """Sort the samples of x [T, B, n] into groups of about one length: their places, the last step of them all."""
    if x.device.type != "cpu":
        busy = x.flatten(1).any(1).nonzero()
        return [(torch.arange(x.shape[1], device=x.device), int(busy[-1]) + 1 if len(busy) else 1)]
    ends = torch.from_numpy(last_steps(x))
    order = ends.argsort(stable=True).tensor_split(max(len(ends) // GROUP, 1))
    return [(index, max(int(ends[index].max()), 1)) for index in order if len(index)]


def _samples(x: Tensor, index: Tensor) -> Tensor:
    """Take some samples of x [T, B, n]."""
    return torch.index_select(x, 1, index, out=room(x, x.shape[0], len(index), x.shape[2]))


class _SpectralProduct(torch.autograd.Function):
    """One complex product per frequency, each way."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor) -> Tensor:
        (steps, batch, _), (taps, out, _) = x.shape, kernel.shape
        wanted = ctx.needs_input_grad[0]
        # an input's gradient reaches all of its steps: there silence saves nothing
        groups = [(torch.arange(batch, device=x.device), steps)] if wanted else _groups(x)
        y, spectra = room(x, steps, batch, out).zero_(), []
        for index, busy in groups:
            length = _length(busy, taps)
            fx, fk = _spectrum(_samples(x[:busy], index), length), _spectrum(kernel, length)
            y[:length].index_copy_(
                1, index, _signal(_product(fx, fk.transpose(2, 3)), length, min(length, steps))
            )
            spectra += [fx, fk] if wanted else [fx]
        ctx.save_for_backward(*spectra)
        ctx.groups, ctx.taps = groups, taps
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None]:
        gx, gk, taps = None, None, ctx.taps
        for (index, busy), fx in zip(ctx.groups, ctx.saved_tensors, strict=False):
            length = _length(busy, taps)
            fg = _spectrum(_samples(g[:length], index), length)
            if ctx.needs_input_grad[0]:  # there is one group, and the kernel's spectrum is kept
                gx = _signal(_product(fg, ctx.saved_tensors[1], conjugate=True), length, len(g))
            if ctx.needs_input_grad[1]:
                part = _signal(_product(fg.transpose(2, 3), fx, conjugate=True), length, taps)
                gk = part if gk is None else gk.add_(part)
        return gx, gk


def spectral_input_gradient(g: Tensor, kernel: Tensor) -> Tensor:
    """Give the input's gradient [T, B, in] of a delayed product from the output's, g [T, B, out]."""
    gx = room(g, *g.shape[:2], kernel.shape[2]).zero_()
    for index, busy in _groups(g):
        length = _length(busy, kernel.shape[0])
        fg, fk = _spectrum(_samples(g[:busy], index), length), _spectrum(kernel, length)
        gx[:busy].index_copy_(1, index, _signal(_product(fg, fk, conjugate=True), length, busy))
    return gx


def delayed_spectral(x: Tensor, kernel: Tensor) -> Tensor:
    """Give `delayed_dense` (x [T, B, in], kernel [K, out, in]) by Fourier transforms in time.

    The same function to rounding, at a cost that does not grow with K.
    """
    return cast(Tensor, _SpectralProduct.apply(x, kernel))  # type: ignore[no-untyped-call]

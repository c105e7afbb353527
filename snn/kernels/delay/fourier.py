"""Causal linear maps with delays as one product per frequency: for dense input and wide kernels, in training."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.core.checks import refusal
from snn.kernels.delay.dense import check_product, no_steps
from snn.kernels.delay.sample_groups import active_steps
from snn.kernels.dispatch import apply
from snn.kernels.memory import NUMPY_TYPES, empty_aligned

__all__ = ["delayed_spectral", "spectral_input_gradient"]


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
    parts = torch.mm(matrix, flat, out=empty_aligned(signal, length, flat.shape[1]))
    return parts.reshape(2, length // 2, *signal.shape[1:])


def _signal(spectrum: Tensor, length: int, steps: int) -> Tensor:
    """Turn a spectrum back into the first `steps` steps of its signal."""
    matrix = _transform(length, spectrum.dtype, spectrum.device)[:, :steps] * (2.0 / length)
    flat = spectrum.reshape(length, -1)
    parts = torch.mm(matrix.t(), flat, out=empty_aligned(spectrum, steps, flat.shape[1]))
    return parts.reshape(steps, *spectrum.shape[2:])


def _product(a: Tensor, b: Tensor, conjugate: bool = False) -> Tensor:
    """Multiply matrices frequency by frequency, [2, F, m, k] by [2, F, k, n]; or a by the conjugate of b.

    With three real products, not four; one frequency at a time, so that the sums stay in the cache.
    """
    out = empty_aligned(a, 2, a.shape[1], a.shape[2], b.shape[3])
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


LEAST_SAMPLES = 64
"""Samples that are transformed together, at least: short ones by themselves, so that their silence costs little."""


def _groups(x: Tensor) -> list[tuple[Tensor, int]]:
    """Sort the samples of x [T, B, n] into groups of about one length: their places, the last step of them all."""
    if x.device.type != "cpu":
        busy = x.flatten(1).any(1).nonzero()
        return [(torch.arange(x.shape[1], device=x.device), int(busy[-1]) + 1 if len(busy) else 1)]
    ends = torch.from_numpy(active_steps(x))
    order = ends.argsort(stable=True).tensor_split(max(len(ends) // LEAST_SAMPLES, 1))
    return [(index, max(int(ends[index].max()), 1)) for index in order if len(index)]


def _samples(x: Tensor, index: Tensor) -> Tensor:
    """Take some samples of x [T, B, n]."""
    return torch.index_select(x, 1, index, out=empty_aligned(x, x.shape[0], len(index), x.shape[2]))


class _SpectralProduct(torch.autograd.Function):
    """One complex product per frequency, each way."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor) -> Tensor:
        (steps, batch, _), (taps, out, _) = x.shape, kernel.shape
        wanted = ctx.needs_input_grad[0]
        # an input's gradient reaches all of its steps: there silence saves nothing
        groups = [(torch.arange(batch, device=x.device), steps)] if wanted else _groups(x)
        y, spectra = empty_aligned(x, steps, batch, out).zero_(), []
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
    gx = empty_aligned(g, *g.shape[:2], kernel.shape[2]).zero_()
    for index, busy in _groups(g):
        length = _length(busy, kernel.shape[0])
        fg, fk = _spectrum(_samples(g[:busy], index), length), _spectrum(kernel, length)
        gx[:busy].index_copy_(1, index, _signal(_product(fg, fk, conjugate=True), length, busy))
    return gx


def delayed_spectral(x: Tensor, kernel: Tensor) -> Tensor:
    """Give `delayed_dense` (x [T, B, in], kernel [K, out, in]) by Fourier transforms in time.

    The same function to rounding, at a cost that does not grow with K; in float32 or float64.

    Raises:
        ValueError: A tensor is of another shape, type or device.
    """
    check_product(x, kernel)
    if x.dtype not in NUMPY_TYPES:
        raise refusal("x", "of dtype float32 or float64", x)
    if not x.numel():
        return no_steps(x, kernel[0])
    return cast(Tensor, apply(_SpectralProduct, x, kernel))

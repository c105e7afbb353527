"""Round inputs to voltages and currents to numbers; gradients pass straight through what is not cut off."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from snn.core.checks import refusal, whole
from snn.hardware.crossbar.config import ConverterConfig

__all__ = ["adc", "dac", "lossless_adc_bits", "round_straight_through"]


class _RoundStraightThrough(torch.autograd.Function):
    """Round to whole numbers; the gradient passes straight through."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.round()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


class _Convert(torch.autograd.Function):
    """Round to steps between two ends; the gradient passes where the code next to the value is not beyond them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: Tensor, high: Tensor, step: Tensor) -> Tensor:
        ctx.save_for_backward((x >= low - step / 2) & (x <= high + step / 2))
        return torch.maximum(torch.minimum(x, high), low).div(step).round() * step

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        (inside,) = ctx.saved_tensors
        return grad * inside, None, None, None


def round_straight_through(x: Tensor) -> Tensor:
    """Round half to even; the gradient is that of x."""
    return _RoundStraightThrough.apply(x)  # type: ignore[no-any-return,no-untyped-call]


def dac(x: Tensor, config: ConverterConfig) -> Tensor:
    """Turn inputs into shares of the read voltage.

    Args:
        x: Inputs.
        config: Converters; with `dac_bits` the share is one of 2^bits levels of [0, 1], or 2^bits - 1 of [-1, 1].

    Returns:
        Shares of the same shape; 1 is the full read voltage.

    Raises:
        ValueError: A negative input where `signed_input` is off and a converter would cut it.
    """
    share = x if config.dac_range == 1.0 else x / config.dac_range
    converts = config.dac_bits is not None or config.adc_bits is not None
    if converts and not config.signed_input and bool((x < 0).any()):
        raise refusal("x", ">= 0 where the converters have no signed_input=True", x.min())
    if config.dac_bits is None:
        return share
    return _quantise(share, 1.0, config.dac_bits, config.signed_input)


def adc(current: Tensor, full: Tensor | float, config: ConverterConfig) -> Tensor:
    """Convert currents to the nearest of 2^bits codes up to full scale, cut off beyond.

    Signed conversions have one code less, so that no current is exactly zero.

    Args:
        current: Currents, in any unit.
        full: Full scale in the same unit; broadcasts.
        config: Converters; without `adc_bits` currents are given back as they are.
    """
    if config.adc_bits is None:
        return current
    return _quantise(current, full, config.adc_bits, config.signed_current)


def _quantise(x: Tensor, full: Tensor | float, bits: int, signed: bool) -> Tensor:
    codes = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    high = torch.as_tensor(full, dtype=x.dtype, device=x.device)
    step = torch.where(high > 0, high / codes, torch.ones_like(high))
    low = -high if signed else torch.zeros_like(high)
    return _Convert.apply(x, low, high, step)  # type: ignore[no-any-return,no-untyped-call]


def lossless_adc_bits(rows: int, input_bits: int = 1, cell_bits: int = 1) -> int:
    """Give the bits with which an unsigned conversion tells every sum of whole numbers apart.

    A column adds up to rows x (2^input_bits - 1) x (2^cell_bits - 1) levels. Where spikes are few, the largest
    number of rows that fire together counts, not the rows of the tile. One code per level needs
    ``adc_range = (2^bits - 1) / (2^cell_bits - 1) / (2^input_bits - 1)`` and ``subtract="digital"``.

    Args:
        rows: Rows that may be driven together, >= 1.
        input_bits: Bits of an input, 1 to 64; 1 for spikes.
        cell_bits: Bits of a cell, 1 to 64.

    Raises:
        ValueError: One is not such a whole number.
    """
    rows = whole("rows", rows, low=1)
    input_bits = whole("input_bits", input_bits, low=1, high=64)
    cell_bits = whole("cell_bits", cell_bits, low=1, high=64)
    return int(rows * (2**input_bits - 1) * (2**cell_bits - 1)).bit_length()

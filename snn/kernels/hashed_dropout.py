"""Dropout by counter-based random numbers: what is dropped is a hash of a key and a place, made anew backward.

torch's own draws a number at a time, which took as long as a tenth of the products of a small model.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.core.arrays import RealArray
from snn.core.checks import number
from snn.core.compiled import compiled, part
from snn.kernels.checks import check_compiled, check_tensors
from snn.kernels.dispatch import apply, fused_or_reference
from snn.kernels.memory import empty_aligned

__all__ = ["draw_key", "hashed_dropout", "hashed_dropout_fused", "hashed_dropout_reference"]

WORD = 2**32
FIRST, SECOND = 0x7FEB352D, 0x846CA68B
"""Factors of the hash of 32-bit words by C. Wellons ("lowbias32", public domain)."""
_FIRST, _SECOND = np.uint32(FIRST), np.uint32(SECOND)
_S15, _S16 = np.uint32(15), np.uint32(16)


def draw_key() -> tuple[int, int]:
    """Draw the key of a mask, two words of 32 bits, from torch's generator, whose state a checkpoint holds."""
    low, high = torch.randint(WORD, (2,), dtype=torch.int64, device="cpu").tolist()
    return low, high


def _limit(p: float) -> int:
    """Give the hashes below which a place is dropped, in 0..2^32 - 1."""
    return min(round(number("p", p, low=0.0, below=1.0) * WORD), WORD - 1)


def _hash(word: Tensor) -> Tensor:
    """Hash words of 32 bits, held in int64."""
    word = ((word ^ (word >> 16)) * FIRST) & (WORD - 1)
    word = ((word ^ (word >> 15)) * SECOND) & (WORD - 1)
    return word ^ (word >> 16)


def hashed_dropout_reference(x: Tensor, p: float, key: tuple[int, int]) -> Tensor:
    """Set a share p of the places of x [...] to 0 and divide the rest by 1 - p: the definition of the fused form.

    Raises:
        TypeError: x is no tensor.
        ValueError: It is not of real numbers, or p outside [0, 1).
    """
    check_tensors(x=(x, "..."))
    limit = _limit(p)
    place = torch.arange(x.numel(), device=x.device).reshape(x.shape)
    kept = _hash(_hash((place + key[0]) & (WORD - 1)) ^ key[1]) >= limit
    return torch.where(kept, x * (WORD / (WORD - limit)), 0.0)


@part
def _mixed(word: Any) -> Any:
    word = np.uint32((word ^ (word >> _S16)) * _FIRST)
    word = np.uint32((word ^ (word >> _S15)) * _SECOND)
    return np.uint32(word ^ (word >> _S16))


@compiled
def _drop(x: RealArray, y: RealArray, low: Any, high: Any, limit: Any, scale: Any) -> None:
    """Fill y with what is kept of x, scaled."""
    zero = x.dtype.type(0)
    for i in range(x.shape[0]):
        y[i] = x[i] * scale if _mixed(_mixed(np.uint32(np.uint32(i) + low)) ^ high) >= limit else zero


def _run(x: Tensor, p: float, key: tuple[int, int]) -> Tensor:
    limit, y = _limit(p), empty_aligned(x)
    flat = x.contiguous().reshape(-1).numpy()
    scale = flat.dtype.type(WORD / (WORD - limit))
    _drop(flat, y.reshape(-1).numpy(), np.uint32(key[0]), np.uint32(key[1]), np.uint32(limit), scale)
    return y


class _HashedDropout(torch.autograd.Function):
    """Keeps the key alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float, key: tuple[int, int]) -> Tensor:
        ctx.p, ctx.key = p, key
        return _run(x, p, key)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        return _run(g, ctx.p, ctx.key), None, None


def hashed_dropout_fused(x: Tensor, p: float, key: tuple[int, int]) -> Tensor:
    """Do what `hashed_dropout_reference` does in one compiled pass each way, on the CPU in float32 or float64."""
    check_tensors(x=(x, "..."))
    check_compiled(x)
    return cast(Tensor, apply(_HashedDropout, x, p, key))


def hashed_dropout(x: Tensor, p: float, key: tuple[int, int]) -> Tensor:
    """Drop a share p of x, in the fastest form there is; the arguments are as in the reference.

    Raises:
        ValueError: p is outside [0, 1).
    """
    return fused_or_reference(hashed_dropout_fused, hashed_dropout_reference, x)(x, p, key)

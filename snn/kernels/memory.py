"""Memory that kernels fill. Large blocks are handed out again: new pages took a fifth of a step at first touch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

__all__ = ["empty_cache", "room", "space"]

KEPT = 1 << 30
"""Bytes that may lie unused, waiting."""
LEAST = 1 << 17
"""Bytes of the smallest block that waits; the system's allocator keeps smaller ones itself."""
LINE = 64
"""Bytes of a cache line: vectors that lie across two cost twice."""

_NUMPY = {torch.float32: np.float32, torch.float64: np.float64}
Block = NDArray[np.uint8]
_waiting: dict[int, list[Block]] = {}
"""Blocks that nobody holds, by size; sizes in the order in which they last came back."""


def room(like: Tensor, *shape: int) -> Tensor:
    """Give a tensor to be filled, of the type and device of `like` and, if none is given, its shape."""
    if like.device.type != "cpu" or like.dtype not in _NUMPY:
        return like.new_empty(shape or like.shape)
    return torch.from_numpy(space(shape or like.shape, _NUMPY[like.dtype]))


def space(shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """Give an array to be filled.

    New memory comes from numpy, which asks the system for large pages where torch does not.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size < LEAST:
        return np.empty(shape, dtype)
    return np.asarray(_Lease(_take(_size_class(size)), shape, np.dtype(dtype)))


class _Lease:
    """What all views of an array hold: when it dies, the block is free."""

    def __init__(self, block: Block, shape: Sequence[int], dtype: np.dtype[Any]) -> None:
        self.block = block
        data = (block.ctypes.data, False)
        self.__array_interface__ = {"data": data, "shape": tuple(shape), "typestr": dtype.str, "version": 3}

    def __del__(self) -> None:
        _give_back(self.block)


def _size_class(size: int) -> int:
    """Round up by an eighth at most, so that batches of other lengths find blocks too."""
    step = 1 << (size.bit_length() - 4)
    return -(-size // step) * step


def _take(size: int) -> Block:
    try:
        return _waiting[size].pop()
    except (KeyError, IndexError):
        block = np.empty(size + LINE, np.uint8)
        return block[-block.ctypes.data % LINE :][:size]


def _give_back(block: Block) -> None:
    """Let a block wait.

    Arrays die in any thread, also while this runs. So there is no lock: every change to `_waiting` is one operation
    of Python's, and the worst that can come of two at once is that blocks are let go.
    """
    blocks = _waiting.pop(block.size, [])
    blocks.append(block)
    _waiting[block.size] = blocks
    _let_go(_bytes_waiting() - KEPT)


def _bytes_waiting() -> int:
    return sum(size * len(blocks) for size, blocks in list(_waiting.items()))


def _let_go(over: int) -> None:
    """Let go of so many bytes, of the sizes that came back longest ago."""
    for size, blocks in list(_waiting.items()):
        while over > 0 and blocks:
            del blocks[-1:]
            over -= size


def empty_cache() -> None:
    """Give all memory that waits back to the system."""
    _let_go(_bytes_waiting())

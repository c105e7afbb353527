"""Memory that kernels fill. Large blocks are handed out again: new pages took a fifth of a step at first touch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from threading import RLock
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

Block = NDArray[np.uint8]


def room(like: Tensor, *shape: int) -> Tensor:
    """Give a tensor on the CPU to be filled, of the type of `like` and, if none is given, its shape."""
    return torch.from_numpy(space(shape or like.shape, like.detach().numpy().dtype))


def space(shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """Give an array to be filled.

    New memory comes from numpy, which asks the system for large pages where torch does not.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size < LEAST:
        return np.empty(shape, dtype)
    return np.asarray(_Lease(_POOL.take(_size_class(size)), shape, np.dtype(dtype)))


class _Lease:
    """What all views of an array hold: when it dies, the block is free."""

    def __init__(self, block: Block, shape: Sequence[int], dtype: np.dtype[Any]) -> None:
        self.block = block
        data = (block.ctypes.data, False)
        self.__array_interface__ = {"data": data, "shape": tuple(shape), "typestr": dtype.str, "version": 3}

    def __del__(self) -> None:
        _POOL.give_back(self.block)


def _size_class(size: int) -> int:
    """Round up by an eighth at most, so that batches of other lengths find blocks too."""
    step = 1 << (size.bit_length() - 4)
    return -(-size // step) * step


class _Pool:
    """Blocks whose tensors are gone. One may come back from any thread, also while this one takes or gives."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.waiting: dict[int, list[Block]] = {}  # by size, in the order in which sizes last came back
        self.bytes = 0

    def take(self, size: int) -> Block:
        """Give a block of so many bytes, waiting or new."""
        with self.lock:
            blocks = self.waiting.get(size)
            if blocks:
                self.bytes -= size
                return blocks.pop()
        block = np.empty(size + LINE, np.uint8)
        return block[-block.ctypes.data % LINE :][:size]

    def give_back(self, block: Block) -> None:
        """Let a block wait."""
        with self.lock:
            blocks = self.waiting.pop(block.size, [])
            blocks.append(block)
            self.waiting[block.size] = blocks
            self.bytes += block.size
            self.let_go(self.bytes - KEPT)

    def let_go(self, over: int) -> None:
        """Let go of so many bytes, of the sizes that came back longest ago."""
        while over > 0 and self.waiting:
            size = next(iter(self.waiting))
            blocks = self.waiting[size]
            if blocks:
                blocks.pop()
                self.bytes -= size
                over -= size
            else:
                del self.waiting[size]


_POOL = _Pool()


def empty_cache() -> None:
    """Give all memory that waits back to the system."""
    with _POOL.lock:
        _POOL.let_go(_POOL.bytes)

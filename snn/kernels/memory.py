"""Memory that kernels fill: on cache lines, and kept when it is free, for new pages took a fifth of a step."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

__all__ = ["empty_cache", "room", "space"]

LINE = 64
"""Bytes of a cache line: vectors that lie across two cost twice."""
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""What glibc's `mallopt` calls the free memory that it keeps, and the size from which a block is none of it."""
_NUMPY = {torch.float32: np.float32, torch.float64: np.float64}


def room(like: Tensor, *shape: int) -> Tensor:
    """Give a tensor to be filled, of the type and device of `like` and, if none is given, its shape."""
    if like.device.type != "cpu" or like.dtype not in _NUMPY:
        return like.new_empty(shape or like.shape)
    return torch.from_numpy(space(shape or like.shape, _NUMPY[like.dtype]))


def space(shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """Give an array to be filled, from numpy, which asks the system for large pages where torch does not."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    block = np.empty(size + LINE, np.uint8)
    return block[-block.ctypes.data % LINE :][:size].view(dtype).reshape(shape)


def empty_cache() -> None:
    """Give the memory that is free back to the system."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _keep_free_memory() -> None:
    """Keep what is freed for the next step, where else every step would have pages made and cleared anew.

    Of the whole process: up to 2 GiB at the end of the heap, and what lies between blocks in use. glibc's own
    environment variables come first.
    """
    library, set_by_user = _glibc(), ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")
    if library is None or any(name in os.environ for name in set_by_user):
        return
    if library.mallopt(MMAP_THRESHOLD, 1 << 30) or library.mallopt(MMAP_THRESHOLD, 1 << 25):
        library.mallopt(TRIM_THRESHOLD, (1 << 31) - 1)


def _glibc() -> Any:
    """Give the C library, or None if it is another one."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "malloc_trim") else None


_keep_free_memory()

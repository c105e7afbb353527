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

__all__ = ["NUMPY_TYPES", "empty_aligned", "empty_aligned_array", "empty_cache", "keep_free_memory"]

CACHE_LINE = 64
"""Bytes of a cache line: vectors that lie across two cost twice."""
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""What glibc's `mallopt` calls the free memory that it keeps, and the size from which a block is none of it."""
NUMPY_TYPES: dict[torch.dtype, Any] = {torch.float32: np.float32, torch.float64: np.float64}
"""The types of numbers that compiled loops take, in numpy's words."""


def empty_aligned(like: Tensor, *shape: int) -> Tensor:
    """Make a tensor to be filled, of the type and device of `like` and, if none is given, its shape.

    On the CPU, in float32 and float64, it begins on a cache line.
    """
    if like.device.type != "cpu" or like.dtype not in NUMPY_TYPES:
        return like.new_empty(shape or like.shape)
    return torch.from_numpy(empty_aligned_array(shape or like.shape, NUMPY_TYPES[like.dtype]))


def empty_aligned_array(shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """Make an array to be filled that begins on a cache line.

    It comes from numpy, which asks the system for large pages where torch does not.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    block = np.empty(size + CACHE_LINE, np.uint8)
    return block[-block.ctypes.data % CACHE_LINE :][:size].view(dtype).reshape(shape)


def empty_cache() -> None:
    """Give the memory that is free back to the system.

    From the first training step of one of our layers on (the first pass that keeps a graph), glibc keeps up to
    2 GiB of what the process frees, so that the next step need not have its pages made and cleared anew. Importing
    the package and evaluating a model change nothing. To leave the settings alone in training too, set one of
    glibc's own environment variables: MALLOC_TRIM_THRESHOLD_, MALLOC_MMAP_THRESHOLD_ or GLIBC_TUNABLES. With
    another C library neither happens, and this function does nothing.
    """
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def keep_free_memory() -> None:
    """Have the process keep what it frees; see `empty_cache`.

    glibc else gives large blocks back at once, and every step would have their pages made and cleared anew.
    What is kept is the free end of the heap, up to 2 GiB, and what lies between blocks in use.
    """
    library, set_by_user = _glibc(), ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")
    if library is None or any(name in os.environ for name in set_by_user):
        return
    # glibc before 2.35 refuses more than 32 MiB
    if library.mallopt(MMAP_THRESHOLD, 1 << 30) or library.mallopt(MMAP_THRESHOLD, 1 << 25):
        library.mallopt(TRIM_THRESHOLD, (1 << 31) - 1)


def _glibc() -> Any:
    """Give the C library, or None if it is another one."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "malloc_trim") else None

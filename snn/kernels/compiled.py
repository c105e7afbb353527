"""The one way that kernels compile their loops, and get the memory that these fill."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np
import torch
from torch import Tensor

__all__ = ["compiled", "fused", "room"]

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a loop with numba, cached on disk, without the interpreter lock, in strict IEEE arithmetic.

    No fastmath: the neuron's bits are compared with other simulators.
    """
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def fused(function: F) -> F:
    """Compile as `compiled` does, but multiply and add in one instruction: for sums whose last bit is free."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})(function))


def room(like: Tensor, *shape: int) -> Tensor:
    """Give a tensor on the CPU to be filled, of the type of `like` and, if none is given, its shape.

    Numpy asks the system for large pages where torch does not: faults of small ones took a fifth of a step.
    """
    return torch.from_numpy(np.empty(shape or tuple(like.shape), like.detach().numpy().dtype))

"""The one way that kernels compile their loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

__all__ = ["compiled", "fused"]

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a loop with numba, cached on disk, without the interpreter lock, in strict IEEE arithmetic.

    No fastmath: the neuron's bits are compared with other simulators.
    """
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def fused(function: F) -> F:
    """Compile as `compiled` does, but multiply and add in one instruction: for sums whose last bit is free."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})(function))

"""Which form of an operation runs, and how the compiled ones enter torch's graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor

from snn.kernels.memory import NUMPY_TYPES, keep_free_memory

__all__ = ["apply", "fused_or_reference", "runs_fused"]

Result = TypeVar("Result")

_training_began = False
"""Whether a pass of this process kept a graph."""


def runs_fused(x: Tensor, *others: Tensor) -> bool:
    """Tell whether compiled loops take x: not empty, on the CPU, in float32 or float64, as are the `others`."""
    for other in others:
        if other.dtype != x.dtype:
            return False
    return x.device.type == "cpu" and x.dtype in NUMPY_TYPES and x.numel() > 0


def fused_or_reference(
    fused: Callable[..., Result], reference: Callable[..., Result], x: Tensor, *others: Tensor
) -> Callable[..., Result]:
    """Choose the form that runs on x: the compiled one where it can, else the one written in torch.

    Args:
        fused: Form whose loops are compiled.
        reference: Form that runs on every device and in every type.
        x: Input.
        others: Tensors that the compiled loops want in x's type, a weight for example.

    Returns:
        One of the two.
    """
    return fused if runs_fused(x, *others) else reference


def _has_gradient(argument: Any) -> bool:
    """Tell whether an argument is a tensor that a graph leads to."""
    return isinstance(argument, Tensor) and argument.requires_grad


def apply(function: type[torch.autograd.Function], *arguments: Any) -> Any:
    """Run an autograd function of ours; the first that keeps a graph has the process keep free memory."""
    global _training_began
    if not _training_began and torch.is_grad_enabled() and any(map(_has_gradient, arguments)):
        _training_began = True
        keep_free_memory()
    return function.apply(*arguments)  # type: ignore[no-untyped-call]

"""Check the tensors that a layer is given: its input, the lengths of its samples, the state it goes on from."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from snn.core import memory
from snn.core.checks import refusal, shown

__all__ = ["check_input", "check_lengths", "check_size", "check_state"]

_MOST_BYTES = 2**62
"""Bytes that no tensor can have, whatever holds it."""


def check_size(layer: str, *shape: int) -> None:
    """Refuse parameters of this shape that would not fit into memory, before they are made.

    Raises:
        MemoryError: They would not.
    """
    need = torch.get_default_dtype().itemsize * math.prod(shape)
    if need >= _MOST_BYTES or torch.get_default_device().type == "cpu":
        memory.check(min(need, 2**100), f"the parameters {shown(list(shape))} of {layer}")


def check_input(layer: str, x: Tensor, *axes: int | str) -> None:
    """Refuse an input that is not [T, B, *axes].

    Args:
        layer: Name of the layer, for the message.
        x: The input.
        axes: The axes after time and batch: a number is the size it must have, a letter leaves the size open, and
            "..." at the end stands for any axes more, also none.

    Raises:
        ValueError: x has another number of axes, or an axis of another size.
    """
    named = axes[:-1] if axes[-1] == "..." else axes
    sizes = x.shape[2 : 2 + len(named)] if named != axes else x.shape[2:]
    fits = x.dim() >= 2 and len(sizes) == len(named)
    if not fits or any(due != size for due, size in zip(named, sizes, strict=True) if isinstance(due, int)):
        raise refusal(f"x of {layer}", f"[T, B, {', '.join(map(str, axes))}]", x)


def check_lengths(x: Tensor, lengths: Tensor | None) -> Tensor | None:
    """Check lengths [B] against x [T, B, ...]; None where every sample is valid to its end.

    Raises:
        ValueError: Wrong shape or type, or a length outside 0..T.
    """
    if lengths is None:
        return None
    steps, batch = x.shape[:2]
    if lengths.shape != (batch,) or lengths.is_floating_point():
        raise refusal("lengths", f"whole numbers [{batch}], one per sample", lengths)
    for bad in ((lengths < 0), (lengths > steps)):
        if bool(bad.any()):
            raise refusal("lengths", f"in 0..{steps}, the steps of x", lengths[bad][0])
    return None if bool((lengths == steps).all()) else lengths


def check_state(layer: str, state: Tensor, like: Tensor) -> Tensor:
    """Return a part of a state that is laid out as `like`.

    Raises:
        ValueError: Another shape (batch), dtype or device.
    """
    for what in ("shape", "dtype", "device"):
        came, due = getattr(state, what), getattr(like, what)
        if came != due:
            raise ValueError(
                f"state of {layer} must be of {what} {_say(due)}, as its input, got {_say(came)}"
            )
    return state


def _say(value: Any) -> Any:
    return list(value) if isinstance(value, torch.Size) else value

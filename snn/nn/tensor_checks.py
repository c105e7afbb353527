"""Check the tensors that a layer is given: its input, the lengths of its samples, the state it goes on from."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import torch
from torch import Tensor

from snn.core import memory
from snn.core.checks import refusal, shown
from snn.kernels.checks import REAL_TYPES, check_lengths

__all__ = ["check_axes", "check_input", "check_lengths", "check_size", "check_state", "check_stateless"]

State = TypeVar("State")

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


def check_axes(layer: str, x: Tensor, *axes: int | str) -> None:
    """Refuse an input that is not [T, B, *axes].

    Args:
        layer: Name of the layer, for the message.
        x: The input.
        axes: The axes after time and batch: a number is the size it must have, a letter leaves the size open, and
            "..." at the end stands for any axes more, also none.

    Raises:
        TypeError: x is no tensor.
        ValueError: x has another number of axes, or an axis of another size.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"x of {layer} must be a tensor [T, B, ...], got {shown(x)}")
    named = axes[:-1] if axes[-1] == "..." else axes
    sizes = x.shape[2 : 2 + len(named)] if named != axes else x.shape[2:]
    fits = x.dim() >= 2 and len(sizes) == len(named)
    if not fits or any(due != size for due, size in zip(named, sizes, strict=True) if isinstance(due, int)):
        raise refusal(f"x of {layer}", f"[T, B, {', '.join(map(str, axes))}]", x)


def check_input(layer: str, x: Tensor, *axes: int | str, weight: Tensor | None = None) -> None:
    """Refuse an input that is not [T, B, *axes], or not of the numbers that the layer reckons with.

    Args:
        layer: Name of the layer, for the message.
        x: The input.
        axes: As in `check_axes`.
        weight: Weight whose type and device x must have; under torch's autocast, which casts, any type of number.

    Raises:
        TypeError: x is no tensor.
        ValueError: x is of another shape, type or device.
    """
    check_axes(layer, x, *axes)
    if weight is not None and (x.dtype is not weight.dtype or x.device != weight.device):
        if x.device != weight.device:
            raise ValueError(f"x of {layer} must be on {weight.device}, as its weight, got {x.device}")
        if x.dtype not in REAL_TYPES or not torch.is_autocast_enabled(x.device.type):
            raise refusal(f"x of {layer}", f"of dtype {weight.dtype}, as its weight", x.dtype)
    if x.dtype not in REAL_TYPES:
        raise refusal(f"x of {layer}", f"of one of the dtypes {', '.join(map(str, REAL_TYPES))}", x.dtype)
    if x.layout is not torch.strided:
        raise refusal(f"x of {layer}", "a dense tensor", x.layout)


def check_state(layer: str, kind: type[State], state: Any, *likes: Tensor | tuple[()]) -> State:
    """Return a state whose parts are laid out as `likes`, in turn; () stands for a part that is not there.

    Raises:
        TypeError: It is not of the kind that the layer gives, or a part is no tensor.
        ValueError: A part is of another shape (batch), dtype or device.
    """
    if not isinstance(state, kind):
        raise TypeError(f"state of {layer} must be a {kind.__name__} or None, got {shown(state)}")
    for name, part, like in zip(state._fields, state, likes, strict=True):  # type: ignore[attr-defined,call-overload]
        if isinstance(part, Tensor) is not isinstance(like, Tensor):
            due = "a tensor" if isinstance(like, Tensor) else "()"
            raise TypeError(f"state of {layer} must have {due} as its {name}, got {shown(part)}")
        if not isinstance(part, Tensor):
            continue
        for what in ("shape", "dtype", "device"):
            came, due = getattr(part, what), getattr(like, what)
            if came != due:
                raise ValueError(
                    f"state of {layer} must be of {what} {_say(due)}, as its input, got {_say(came)}"
                )
    return state


def check_stateless(layer: str, state: Any) -> None:
    """Refuse a state for a layer that carries nothing.

    Raises:
        TypeError: It is neither () nor None.
    """
    if state is not None and not (isinstance(state, tuple) and len(state) == 0):
        raise TypeError(f"state of {layer} must be () or None, for it carries nothing, got {shown(state)}")


def _say(value: Any) -> Any:
    return list(value) if isinstance(value, torch.Size) else value

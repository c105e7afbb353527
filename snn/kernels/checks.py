"""Prove what the compiled loops take for granted: shapes, types, and that every index lies inside its array.

A compiled loop reads and writes wherever an index points. So every public kernel checks its arguments once, here,
and what follows needs no further look; the lists that kernels make for each other (`list_nonzero`,
`to_spike_trains`, `TwoTapLayout`) are right by construction.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from snn.core.checks import refusal, shown, whole
from snn.kernels.memory import NUMPY_TYPES

__all__ = [
    "REAL_TYPES",
    "check_compiled",
    "check_delay",
    "check_lengths",
    "check_range",
    "check_tensors",
    "finite_extent",
]

REAL_TYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
"""The types of numbers that layers and kernels take."""


@lru_cache(maxsize=256)
def _axes(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def check_tensors(**given: tuple[Tensor, str]) -> None:
    """Refuse tensors that are not laid out as said, or not of the type and device of the first.

    Args:
        given: By name, a tensor and its axes, "T B in": an axis has one size wherever its name stands, a number is
            that size, and "..." at the end stands for any axes more, which are the same everywhere.

    Raises:
        TypeError: One is no tensor.
        ValueError: The first is not dense and of a type in `REAL_TYPES`, another is of another type or device, or a
            shape does not fit.
    """
    first: Tensor | None = None
    sizes: dict[str, Any] = {}
    for name, (value, text) in given.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a tensor, got {shown(value)}")
        if first is None:
            first = value
            if value.dtype not in REAL_TYPES or value.layout is not torch.strided:
                raise refusal(name, f"a dense tensor of one of {', '.join(map(str, REAL_TYPES))}", value)
        elif value.dtype is not first.dtype or value.device != first.device:
            due = f"of dtype {first.dtype} on {first.device}, as {next(iter(given))}"
            raise refusal(name, due, f"{value.dtype} on {value.device}")
        axes, shape = _axes(text), value.shape
        if axes and axes[-1] == "...":
            axes = axes[:-1]
            rest = shape[len(axes) :]
            fits = len(shape) >= len(axes) and sizes.setdefault("...", rest) == rest
        else:
            fits = len(shape) == len(axes)
        for axis, size in zip(axes, shape, strict=False):
            fits = fits and (int(axis) if axis.isdigit() else sizes.setdefault(axis, size)) == size
        if not fits:
            known = [str(sizes.get(axis, axis)) for axis in axes]
            known += [str(n) for n in sizes.get("...", ())] if text.endswith("...") else []
            raise refusal(name, f"of shape [{', '.join(known)}], its axes being [{text}]", value)


def check_compiled(x: Tensor) -> None:
    """Refuse what compiled loops do not take.

    Raises:
        ValueError: x is not on the CPU, or not in float32 or float64.
    """
    if x.device.type != "cpu" or x.dtype not in NUMPY_TYPES:
        raise refusal("x", "on the CPU in float32 or float64", f"{x.dtype} on {x.device}")


def check_range(name: str, values: Tensor, low: float, high: float, *, rule: str | None = None) -> None:
    """Refuse values outside [low, high]; NaN and infinity always are.

    Args:
        name: Name in the message, to which the place of the value is added.
        values: Numbers of any shape.
        low: Least value allowed.
        high: Largest value allowed.
        rule: What to say of a finite value; None: the limits.

    Raises:
        ValueError: One is outside; the message names the first.
    """
    least, most = finite_extent(name, values)
    if least < low or most > high:
        raise _refusal(name, rule or f"in {low}..{high}", values, (values < low) | (values > high))


def finite_extent(name: str, values: Tensor) -> tuple[float, float]:
    """Return the least and the largest of some numbers; (0, 0) of none.

    Raises:
        ValueError: One is NaN or infinite; the message names the first.
    """
    if not values.numel():
        return 0, 0
    least, most = (end.item() for end in values.detach().aminmax())  # NaN, if there is one
    if not (least > -math.inf and most < math.inf):
        raise _refusal(name, "finite", values, ~values.isfinite())
    return least, most


def _refusal(name: str, rule: str, values: Tensor, bad: Tensor) -> ValueError:
    place = tuple(bad.nonzero()[0].tolist())
    where = f"{name}[{', '.join(map(str, place))}]" if place else name
    return refusal(where, rule, values[place].item())


def check_delay(delay: Tensor, low: int, max_delay: int) -> None:
    """Refuse delays, steps, outside `low`..max_delay, and a largest delay under 1."""
    check_range("delay", delay, low, whole("max_delay", max_delay, low=1))


def check_lengths(x: Tensor, lengths: Tensor | None) -> Tensor | None:
    """Return lengths [B] of x [T, B, ...] in int64; None where every sample is valid to its end.

    Raises:
        TypeError: They are no tensor.
        ValueError: Wrong shape, type or device, or a length outside 0..T.
    """
    if lengths is None:
        return None
    steps, batch = x.shape[:2]
    if not isinstance(lengths, Tensor):
        raise TypeError(f"lengths must be a tensor [{batch}] of whole numbers, got {shown(lengths)}")
    odd = lengths.is_floating_point() or lengths.is_complex() or lengths.dtype is torch.bool
    if lengths.shape != (batch,) or odd:
        raise refusal("lengths", f"whole numbers [{batch}], one per sample", lengths)
    if lengths.device != x.device:
        raise refusal("lengths", f"on {x.device}, as x", lengths.device)
    if not batch:
        return None
    least, most = (int(end) for end in lengths.aminmax())
    if least < 0 or most > steps:
        raise refusal("lengths", f"in 0..{steps}, the steps of x", least if least < 0 else most)
    return None if least == steps else lengths.to(torch.int64)

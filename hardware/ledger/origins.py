"""Follow values through a foreign model: which neurons sent them, over which layers, in which unit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["FollowOrigins", "Origin", "origin_of", "set_origin"]

_NAME = "_snn_origin"
_KEEPS_UNIT = frozenset(
    "__getitem__ __iter__ unbind split chunk stack cat concat concatenate flatten unflatten reshape view squeeze "
    "unsqueeze permute transpose swapaxes movedim contiguous clone detach to float double max_pool1d max_pool2d "
    "boolean_dispatch dropout add __add__ __radd__ __iadd__ add_ __setitem__ relu expand repeat tile".split()
)
"""Functions that move values, sum numbers of spikes or take the largest: of whole multiples they make such."""


@dataclass(frozen=True, eq=False)
class Origin:
    """Say where a tensor comes from.

    Attributes:
        sources: Populations, or layers without neurons, that sent it.
        calls: Calls of layers since the last neurons.
        unit: Value of one spike where neurons and average pooling fix it; None: not known.
    """

    sources: tuple[str, ...] = ()
    calls: tuple[Any, ...] = ()
    unit: float | None = None


def origin_of(x: Tensor) -> Origin | None:
    """Give where a tensor comes from; None where that was not seen."""
    return getattr(x, _NAME, None)


def set_origin(x: Any, origin: Origin) -> None:
    """Say where a tensor, or every tensor of a tuple, comes from."""
    for tensor in _tensors(x):
        setattr(tensor, _NAME, origin)


class FollowOrigins(TorchFunctionMode):
    """Give what torch's functions return the origins of what they took."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run a function and pass the origin on."""
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        found = [o for o in map(origin_of, _tensors((args, tuple(kwargs.values())))) if o is not None]
        if found:
            name = getattr(func, "__name__", "")
            origin = _joined(found, _unit_after(name, args, kwargs, {o.unit for o in found}))
            set_origin(out, origin)
            if name == "__setitem__":  # returns nothing: what was written is in its first argument
                set_origin(args[0], origin)
        return out


def _joined(origins: list[Origin], unit: float | None) -> Origin:
    sources = dict.fromkeys(name for origin in origins for name in origin.sources)
    calls = dict.fromkeys(call for origin in origins for call in origin.calls)
    return Origin(tuple(sources), tuple(calls), unit)


def _unit_after(name: str, args: Any, kwargs: Any, units: set[float | None]) -> float | None:
    """Give the unit of what a function returns."""
    if len(units) != 1 or None in units:
        return None
    (unit,) = units
    assert unit is not None
    if name in _KEEPS_UNIT:
        return unit
    given: dict[str, Any] = dict(zip(_POOL_ARGUMENTS, args, strict=False)) | kwargs
    x = given.get("input")
    if name in ("avg_pool1d", "avg_pool2d") and not given.get("ceil_mode"):
        if given.get("divisor_override") is not None or given.get("count_include_pad") is False:
            return None
        size, axes = given["kernel_size"], int(name[-2])
        sides = (size,) * axes if isinstance(size, int) else tuple(size) * (axes // len(size))
        return unit / math.prod(sides)
    if name == "adaptive_avg_pool2d" and isinstance(x, Tensor):
        outs = args[1] if len(args) > 1 else given["output_size"]
        outs = (outs, outs) if isinstance(outs, int) else tuple(outs)
        sizes = [(n, n if out is None else out) for n, out in zip(x.shape[-2:], outs, strict=True)]
        return (
            unit / math.prod(n // out for n, out in sizes) if all(n % out == 0 for n, out in sizes) else None
        )
    return None


_POOL_ARGUMENTS = (
    "input",
    "kernel_size",
    "stride",
    "padding",
    "ceil_mode",
    "count_include_pad",
    "divisor_override",
)


def _tensors(values: Any) -> Iterator[Tensor]:
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, tuple | list):
        for value in values:
            yield from _tensors(value)

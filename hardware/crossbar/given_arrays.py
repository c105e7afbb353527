"""Check arrays that a user gives for the layers of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from snn.core.checks import choice, shown
from snn.hardware.crossbar.array import Crossbar

__all__ = ["check_shapes", "checked_arrays"]


def checked_arrays(
    arrays: Mapping[str, Crossbar | Sequence[Crossbar]], known: Sequence[str]
) -> dict[str, tuple[Crossbar, ...]]:
    """Give the arrays of each layer as a tuple.

    Args:
        arrays: One array, or several, by the name of a layer.
        known: Names of the layers that have weights on arrays.

    Raises:
        TypeError: No dict, or something else than an array in it.
        ValueError: A layer that there is not, or two arrays of which the noise would be the same.
    """
    if not isinstance(arrays, Mapping):
        raise TypeError(f"arrays must be a dict of arrays by the name of their layer, got {shown(arrays)}")
    found: dict[str, tuple[Crossbar, ...]] = {}
    noise: dict[tuple[str, int], str] = {}
    for name, value in arrays.items():
        choice("layer in arrays", name, known)
        found[name] = tuple(value) if isinstance(value, Sequence) else (value,)
        for array in found[name]:
            if not isinstance(array, Crossbar):
                raise TypeError(
                    f"arrays[{name!r}] must be a Crossbar or a tuple of them, got {type(array).__name__}"
                )
            key = (array.name, array.seed)
            if key in noise and not array.is_deterministic:
                raise ValueError(
                    f"arrays[{name!r}] must have a name or a seed of its own, for read noise is drawn by both, got "
                    f"{array.name!r} and {array.seed} as in arrays[{noise[key]!r}]"
                )
            noise.setdefault(key, name)
    return found


def check_shapes(name: str, arrays: Sequence[Crossbar], shapes: Sequence[tuple[int, ...]]) -> None:
    """Refuse arrays that cannot hold the matrices [out, in] of a layer.

    Raises:
        ValueError: Another number of arrays, or one of another shape.
    """
    if len(arrays) != len(shapes):
        raise ValueError(
            f"arrays[{name!r}] must be {len(shapes)} of them, as its layer has, got {len(arrays)}"
        )
    for i, (array, shape) in enumerate(zip(arrays, shapes, strict=True)):
        held = (array.out_features, array.in_features)
        if held != shape:
            which = f"arrays[{name!r}]" + (f"[{i}]" if len(arrays) > 1 else "")
            raise ValueError(f"{which} must hold a weight [out, in] of {list(shape)}, got {list(held)}")

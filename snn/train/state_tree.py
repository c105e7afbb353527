"""Take a tree of tensors and plain values apart into tensors by name and JSON, and put it together again."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from snn.core.checks import refusal

__all__ = ["join", "split"]


def split(name: str, tree: Any) -> tuple[Any, dict[str, Tensor]]:
    """Give what JSON can hold of a tree, and its tensors by name.

    Args:
        name: Name of the tree; its tensors are called `name.0`, `name.1`, ...
        tree: Tensors, numbers, strings, None, and lists, tuples and dicts of them with strings or integers as keys.

    Raises:
        ValueError: It holds something else; the message says where.
    """
    tensors: dict[str, Tensor] = {}
    return _split(name, tree, name, tensors), tensors


def _split(path: str, part: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    if part is None or isinstance(part, bool | int | float | str):
        return part
    if isinstance(part, Tensor):
        key = f"{name}.{len(tensors)}"
        tensors[key] = part
        return {"tensor": key}
    if isinstance(part, list | tuple):
        kind = "tuple" if isinstance(part, tuple) else "list"
        return {kind: [_split(f"{path}[{i}]", item, name, tensors) for i, item in enumerate(part)]}
    if isinstance(part, dict) and all(type(key) in (str, int) for key in part):
        return {
            "dict": [[key, _split(f"{path}[{key!r}]", item, name, tensors)] for key, item in part.items()]
        }
    rule = "a tensor, a number, a string, None, or a list, tuple or dict of them, to be kept in a checkpoint"
    raise refusal(path, rule, part)


def join(structure: Any, tensors: dict[str, Tensor]) -> Any:
    """Put together what `split` took apart.

    Raises:
        ValueError: It is nothing that `split` gave, or names a tensor that is not there.
    """
    if not isinstance(structure, dict | list):
        return structure
    kind, held = next(iter(structure.items())) if isinstance(structure, dict) and structure else ("", None)
    if len(structure) == 1 and kind == "tensor" and isinstance(held, str):
        if held not in tensors:
            raise ValueError(f"tensor {held!r} is missing")
        return tensors[held]
    if len(structure) == 1 and kind in ("dict", "list", "tuple") and isinstance(held, list):
        if kind != "dict":
            items = [join(item, tensors) for item in held]
            return tuple(items) if kind == "tuple" else items
        if all(isinstance(pair, list) and len(pair) == 2 and type(pair[0]) in (str, int) for pair in held):
            return {key: join(item, tensors) for key, item in held}
    raise refusal("state", "a group named tensor, dict, list or tuple", structure)

"""Read a NIR file as a tree of plain values, as `to_dict` of the `nir` package gives it for a graph."""

from __future__ import annotations

from typing import Any

from snn.core.arrays import PathLike
from snn.core.checks import refusal
from snn.core.files.foreign import read_foreign

__all__ = ["read_tree"]


def read_tree(path: PathLike) -> tuple[dict[str, Any], str]:
    """Read the outermost graph of a file, and the version of the package that wrote it.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is no HDF5, damaged, or holds no NIR.
    """
    found = read_foreign(path, None)
    tree: dict[str, Any] = {}
    for name, column in found.columns.items():
        _put(tree, name, column.values)
    for name, texts in found.texts.items():
        if name.rpartition("/")[2] != "edges":
            _put(tree, name, texts[0])
        elif len(texts) % 2:
            raise ValueError(f"{path}: {refusal(name, 'pairs of names', texts)}")
        else:
            _put(tree, name, list(zip(texts[::2], texts[1::2], strict=True)))
    graph = tree.get("node")
    if not isinstance(graph, dict) or "version" not in tree:
        raise ValueError(f"{path}: {refusal('file', 'NIR, with version and node', list(found.there))}")
    return graph, str(tree["version"])


def _put(tree: dict[str, Any], name: str, value: Any) -> None:
    """Put a value in its place in the tree."""
    *groups, last = name.split("/")
    for group in groups:
        tree = tree.setdefault(group, {})
    tree[last] = value

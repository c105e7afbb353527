"""Say what a NIR file holds, and what would be left out or refused of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from snn.core.arrays import PathLike
from snn.core.files.hdf5 import naming
from snn.core.units import check_dt
from snn.interop.nir.file import read_tree
from snn.interop.nir.graph import graph_of
from snn.interop.nir.network import read

__all__ = ["describe"]


def describe(path: PathLike, dt_ms: float | None = None) -> dict[str, Any]:
    """Describe a NIR file, also one that `read` refuses.

    Args:
        path: The file.
        dt_ms: Length of a step, ms, to read it with; None: that of the file, else it is not read as far as steps.

    Returns:
        kind: "nir". version: Of the package that wrote it. nodes: Type and shape of each node, by name. lost:
        Sentences on what is not understood, or the first thing that is refused.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is damaged, or holds no NIR; or `dt_ms` is impossible.
    """
    if dt_ms is not None:
        check_dt(dt_ms)
    tree, version = read_tree(path)
    try:
        with naming(path):
            graph = graph_of(tree)
        stepped = dt_ms is not None or "dt" in graph.metadata
        lost = list(read(path, dt_ms).notes) if stepped else graph.notes
    except ValueError as error:
        lost = [str(error).removeprefix(f"{path}: ") + "."]
    return {"kind": "nir", "version": version, "nodes": _nodes(tree, ""), "lost": lost}


def _nodes(tree: dict[str, Any], prefix: str) -> dict[str, str]:
    """Say what each node is, those of nested graphs by "outer.inner"."""
    found: dict[str, str] = {}
    parts = tree.get("nodes")
    for name, node in parts.items() if isinstance(parts, dict) else ():
        if not isinstance(node, dict):
            continue
        if node.get("type") == "NIRGraph":
            found |= _nodes(node, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = f"{node.get('type')} {_shape(node)}".rstrip()
    return found


def _shape(node: dict[str, Any]) -> str:
    """Give the axes of a node: as it says them, else those of its largest field."""
    if "shape" in node:
        return str(np.ravel(node["shape"]).tolist())
    arrays = [value for value in node.values() if isinstance(value, np.ndarray) and value.ndim]
    return str(list(max(arrays, key=lambda a: a.size).shape)) if arrays else ""

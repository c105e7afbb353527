"""A NIR graph as plain nodes and edges, nested ones laid flat; from a file or a graph of the `nir` package.

Files are read without that package, whose reader refuses fields it does not know and looks at shapes that it gets
wrong: a file of a newer version is read here as far as it is understood, and what is not is told.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from snn.core.arrays import Float64Array, PathLike
from snn.core.checks import finite, refusal, whole
from snn.core.files.hdf5 import naming
from snn.interop.nir.file import read_tree

__all__ = ["FIELDS", "Graph", "Node", "graph_of", "load_graph", "naming_source"]

Edge = tuple[str, str]

FIELDS: dict[str, tuple[str, ...]] = {
    "Affine": ("weight", "bias"),
    "AvgPool2d": ("kernel_size", "stride", "padding"),
    "Conv1d": ("input_shape", "weight", "stride", "padding", "dilation", "groups", "bias"),
    "Conv2d": ("input_shape", "weight", "stride", "padding", "dilation", "groups", "bias"),
    "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak", "w_in"),
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in"),
    "Delay": ("delay",),
    "Flatten": ("input_type", "start_dim", "end_dim"),
    "I": ("r",),
    "IF": ("r", "v_threshold", "v_reset"),
    "Identity": ("shape",),
    "Input": ("shape",),
    "LI": ("tau", "r", "v_leak"),
    "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
    "Linear": ("weight",),
    "Output": ("shape",),
    "Scale": ("scale",),
    "SumPool2d": ("kernel_size", "stride", "padding"),
    "Threshold": ("threshold",),
}
"""Fields that are understood, by type of node."""
_OF_GRAPH = ("type", "nodes", "edges", "metadata", "input_type", "output_type")
"""Fields of a graph that are understood, or follow from its nodes."""
_OPTIONAL = ("v_reset", "w_in", "input_shape", "input_type")


class Node(NamedTuple):
    """One node: what it is, and its fields.

    Attributes:
        name: Its name; in a nested graph "outer.inner".
        kind: Its type in NIR, one of `FIELDS`.
        fields: Values by name, as stored.
        metadata: What stands beside them, by name.
    """

    name: str
    kind: str
    fields: dict[str, Any]
    metadata: dict[str, Any]

    def array(self, name: str) -> Float64Array:
        """Give a field as finite numbers of its own shape, float64.

        Raises:
            ValueError: It is missing, or holds other things.
        """
        if self.fields.get(name) is None:
            raise refusal(f"{self}: {name}", "numbers", None)
        return finite(f"{self}: {name}", self.fields[name])

    def shape(self) -> tuple[int, ...]:
        """Give the axes that an Input or Output says.

        Raises:
            ValueError: It says none, or impossible ones.
        """
        if self.fields.get("shape") is None:
            raise refusal(f"{self}: shape", "given", None)
        axes = tuple(whole(f"{self}: shape", n, low=1) for n in np.ravel(self.array("shape")).tolist())
        if not axes:
            raise refusal(f"{self}: shape", "at least one axis", list(axes))
        return axes

    def whole(self, name: str, low: int) -> int:
        """Give a field as one whole number >= `low`.

        Raises:
            ValueError: It is missing, or holds other things.
        """
        return whole(f"{self}: {name}", _plain(self.fields.get(name)), low=low)

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


@dataclass
class Graph:
    """All nodes and edges of a graph, nested ones laid flat.

    Attributes:
        nodes: By name. Inputs and outputs of nested graphs are nodes that pass on what they get ("Identity").
        edges: From and to, in the order of the graph, which says the order of its parts (nodes have none).
        metadata: What stands beside the outermost graph.
        notes: Sentences on what was not understood.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def into(self, name: str) -> list[str]:
        """Name the nodes that feed a node, in the order of edges."""
        return [a for a, b in self.edges if b == name]


def naming_source(source: PathLike | Any) -> AbstractContextManager[None]:
    """Put the file ahead of what is wrong with its content; a graph of the `nir` package has none."""
    return nullcontext() if hasattr(source, "to_dict") else naming(source)


def load_graph(source: PathLike | Any) -> Graph:
    """Read a graph.

    Args:
        source: A file, or a graph of the `nir` package.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is no NIR, or a node, field or edge of it cannot be understood; the message names it.
    """
    return graph_of(source.to_dict() if hasattr(source, "to_dict") else read_tree(source)[0])


def graph_of(tree: dict[str, Any]) -> Graph:
    """Read a graph from a tree of plain values; see `load_graph`."""
    graph = Graph(metadata={name: _plain(value) for name, value in (tree.get("metadata") or {}).items()})
    _add(graph, tree, "")
    if not graph.edges:
        raise refusal("edges", "pairs of names, one at least", tree.get("edges"))
    joined = {name for edge in graph.edges for name in edge}
    alone = [node for name, node in graph.nodes.items() if name not in joined]
    graph.notes += [
        f"{node} has no edges and {'feeds nothing' if node.kind == 'Input' else 'is left out'}."
        for node in alone
    ]
    ends = dict.fromkeys(a for a, _ in graph.edges if graph.nodes[a].kind == "Output")
    graph.notes += [
        f"{graph.nodes[name]} feeds another node, to which it passes on what it gets." for name in ends
    ]
    graph.nodes = {name: node for name, node in graph.nodes.items() if name in joined or node.kind == "Input"}
    return graph


def _add(graph: Graph, tree: dict[str, Any], prefix: str) -> tuple[list[str], list[str]]:
    """Lay the nodes and edges of a graph into another; give the names of its inputs and outputs."""
    if tree.get("type") != "NIRGraph" or not isinstance(tree.get("nodes"), dict):
        raise refusal(
            "graph" if not prefix else f"graph {prefix!r}", "a NIRGraph with nodes", tree.get("type")
        )
    graph.notes += [
        f"The graph{f' {prefix[:-1]!r}' if prefix else ''} has a field {key!r} that is not understood and left out."
        for key in tree
        if key not in _OF_GRAPH
    ]
    ends: dict[str, tuple[list[str], list[str]]] = {}
    inputs, outputs = [], []
    for short, fields in tree["nodes"].items():
        name = f"{prefix}{short}"
        kind = fields.get("type") if isinstance(fields, dict) else fields
        if not isinstance(kind, str):
            raise refusal(f"type of node {name!r}", "a name", kind)
        if kind == "NIRGraph":
            ends[short] = _add(graph, fields, f"{name}.")
            continue
        ends[short] = ([name], [name])
        inputs += [name] * (kind == "Input")
        outputs += [name] * (kind == "Output")
        passes = prefix and kind in ("Input", "Output")
        graph.nodes[name] = _node(graph, name, "Identity" if passes else kind, fields)
    for edge in tree.get("edges", []):
        if isinstance(edge, str) or np.shape(edge) != (2,):
            raise refusal("edges", "pairs of names", edge)
        a, b = (_plain(end) for end in edge)
        for end in (a, b):
            if end not in ends:
                raise refusal(f"edge ({a!r}, {b!r})", f"between nodes of the graph ({', '.join(ends)})", end)
        edges = (_single(ends[a][1], f"{prefix}{a}", "output"), _single(ends[b][0], f"{prefix}{b}", "input"))
        if edges in graph.edges:
            raise refusal("edges", "each once", edges)
        if graph.nodes[edges[1]].kind == "Input":
            raise refusal(
                f"edge ({a!r}, {b!r})", "to another node than an Input, which is given its spikes", b
            )
        graph.edges.append(edges)
    return inputs, outputs


def _single(names: list[str], graph: str, end: str) -> str:
    """Give the one input or output of a nested graph: an edge of NIR does not say which of several it means."""
    if len(names) != 1:
        raise refusal(f"graph {graph!r}", f"with one {end}, as an edge names none", names)
    return names[0]


def _node(graph: Graph, name: str, kind: Any, fields: dict[str, Any]) -> Node:
    """Check the fields of a node against those that its type has."""
    if kind not in FIELDS:
        raise refusal(f"type of node {name!r}", f"one of {', '.join(FIELDS)}", kind)
    known = {key: value for key, value in fields.items() if key in FIELDS[kind] and value is not None}
    missing = [key for key in FIELDS[kind] if key not in known and key not in _OPTIONAL]
    if missing and kind != "Identity":
        raise refusal(f"{kind} {name!r}", f"with {', '.join(FIELDS[kind])}", f"none of {', '.join(missing)}")
    ignored = ("type", "metadata", "input_type", "output_type", "shape")
    unknown = [key for key in fields if key not in FIELDS[kind] and key not in ignored]
    graph.notes += [
        f"{kind} {name!r} has a field {key!r} that is not understood and left out." for key in unknown
    ]
    if "shape" in fields:
        known["shape"] = fields["shape"]
    return Node(name, kind, known, fields.get("metadata") or {})


def _plain(value: Any) -> Any:
    """Give a number or text of Python for one of numpy's or HDF5's."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    return value.decode("utf-8") if isinstance(value, bytes) else value

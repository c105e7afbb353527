"""Where a NIR graph that feeds back is a step late: on the edges that close a cycle, seen from its inputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from snn.core.checks import refusal
from snn.interop.nir.graph import Edge, Graph

__all__ = ["closing_edges"]


def closing_edges(graph: Graph, least_delay: Callable[[str], int]) -> list[Edge]:
    """Find the edges that take one step so that no cycle is without delay, depth first from the inputs.

    A cycle with a Delay node of one step or more is not closed by an edge.

    Args:
        graph: The graph; its edges decide the order in which it is walked.
        least_delay: Steps that a Delay node, of that name, holds its quickest unit back.

    Raises:
        ValueError: A Delay on a cycle rounds to no step.
    """
    delays = {name: least_delay(name) for name, node in graph.nodes.items() if node.kind == "Delay"}
    part = _cyclic_parts(graph)
    for name, steps in delays.items():
        if steps == 0 and part[name] >= 0:
            raise refusal(f"{graph.nodes[name]}: delay", "at least one step on a cycle", "0 steps")
    after: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for a, b in graph.edges:
        if delays.get(b, 0) == 0:  # behind a delay the walk begins anew
            after[a].append(b)
    named = [name for edge in graph.edges for name in edge]  # nodes have no order of their own
    starts = [name for name in named if graph.nodes[name].kind == "Input"] + named
    found: list[Edge] = []
    done: set[str] = set()
    for start in starts:
        _walk(start, after, done, found)
    return found


def _walk(start: str, after: dict[str, list[str]], done: set[str], found: list[Edge]) -> None:
    """Walk depth first, without recursion: graphs are longer than Python's stack is deep."""
    if start in done:
        return
    path, open_here = [(start, iter(after[start]))], {start}
    while path:
        name, rest = path[-1]
        following = next(rest, None)
        if following is None:
            path.pop()
            open_here.discard(name)
            done.add(name)
        elif following in open_here:
            found.append((name, following))
        elif following not in done:
            open_here.add(following)
            path.append((following, iter(after[following])))


def _cyclic_parts(graph: Graph) -> dict[str, int]:
    """Number the cycles that nodes are part of; -1 for nodes of none."""
    place = {name: i for i, name in enumerate(graph.nodes)}
    ends = np.array([(place[a], place[b]) for a, b in graph.edges], dtype=np.int64).reshape(-1, 2)
    ones = np.ones(len(ends), dtype=bool)
    links = scipy.sparse.csr_array((ones, (ends[:, 0], ends[:, 1])), shape=(len(place), len(place)))
    _, part = connected_components(links, connection="strong")
    size = np.bincount(part)
    itself = {a for a, b in graph.edges if a == b}
    return {name: int(part[i]) if size[part[i]] > 1 or name in itself else -1 for name, i in place.items()}

"""What reaches a population of a NIR graph: every way from another one, as a matrix, and the biases on the ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from snn.core.arrays import Float64Array
from snn.core.checks import refusal
from snn.core.units import delay_steps
from snn.interop.nir.graph import Edge, Graph, Node
from snn.interop.nir.sums import compact, weighted_sum

__all__ = ["Arrival", "Lag", "Paths"]


class Lag(NamedTuple):
    """How late something comes: by Delay nodes, in seconds, which are rounded together, and by closed cycles."""

    seconds: float = 0.0
    steps: int = 0

    def total(self, dt_ms: float) -> int:
        """Give the steps."""
        return int(delay_steps(self.seconds * 1000.0, dt_ms)) + self.steps


@dataclass
class Arrival:
    """What comes out of a node, or of several together.

    Attributes:
        shape: Axes of its units.
        weights: By population and lag, [pre, units], as `sums.compact` gives them.
        biases: By lag, [units].
    """

    shape: tuple[int, ...]
    weights: dict[tuple[str, Lag], Any] = field(default_factory=dict)
    biases: dict[Lag, Float64Array] = field(default_factory=dict)

    def add(self, other: Arrival, steps: int, bias_steps: int) -> None:
        """Add what comes from another node, over an edge that takes `steps` (biases on it `bias_steps`)."""
        for (pre, lag), weight in other.weights.items():
            key = pre, lag._replace(steps=lag.steps + steps)
            self.weights[key] = weight if key not in self.weights else self.weights[key] + weight
        for lag, bias in other.biases.items():
            late = lag._replace(steps=lag.steps + bias_steps)
            self.biases[late] = self.biases.get(late, 0.0) + bias


class Paths:
    """Follow the edges of a graph backwards from its populations."""

    def __init__(
        self, graph: Graph, shapes: dict[str, tuple[int, ...]], late: set[Edge], bias_first: bool
    ) -> None:
        """Prepare.

        Args:
            graph: The graph.
            shapes: Axes of the populations, by name.
            late: Edges that take one step.
            bias_first: Whether biases take no step on them.
        """
        self._graph, self._shapes, self._late, self._bias_first = graph, shapes, late, bias_first
        self._known: dict[str, Arrival] = {}
        self._open: set[str] = set()

    def into(self, name: str) -> dict[str, Arrival]:
        """Give what arrives at a node over each of its edges, by the name of the node before, in their order.

        Raises:
            ValueError: Shapes differ, or a cycle has no population on it.
        """
        found: dict[str, Arrival] = {}
        for before in self._graph.into(name):
            coming = self._out_of(before)
            step = int((before, name) in self._late)
            found[before] = Arrival(coming.shape)
            found[before].add(coming, step, 0 if self._bias_first else step)
        shapes = list(dict.fromkeys(one.shape for one in found.values()))
        if len(shapes) > 1:
            raise refusal(
                f"what feeds {self._graph.nodes[name]}", f"of one shape, {list(shapes[0])}", shapes[1]
            )
        return found

    def _out_of(self, name: str) -> Arrival:
        """Give what comes out of a node."""
        if name in self._shapes:
            shape = self._shapes[name]
            passed = scipy.sparse.eye_array(int(np.prod(shape)), format="csr")
            return Arrival(shape, {(name, Lag()): passed})
        if name in self._open:
            raise refusal(
                f"the cycle at {self._graph.nodes[name]}", "with neurons on it", "only weighted sums"
            )
        if name not in self._known:
            self._open.add(name)
            coming = list(self.into(name).values())
            if not coming:
                raise refusal(f"{self._graph.nodes[name]}", "fed by another node", "nothing")
            for other in coming[1:]:
                coming[0].add(other, 0, 0)
            self._known[name] = _passed(self._graph.nodes[name], coming[0])
            self._open.discard(name)
        return self._known[name]


def _passed(node: Node, coming: Arrival) -> Arrival:
    """Give what a node makes of what comes to it."""
    if node.kind == "Delay":
        return _delayed(node, coming)
    done = weighted_sum(node, coming.shape)
    found = Arrival(done.shape)
    found.weights = {key: _times(weight, done.weight) for key, weight in coming.weights.items()}
    found.biases = {lag: _row(_times(bias[None], done.weight)) for lag, bias in coming.biases.items()}
    if done.bias is not None and done.bias.any():
        found.biases[Lag()] = found.biases.get(Lag(), 0.0) + done.bias
    return found


def _times(x: Any, weight: Any) -> Any:
    """Multiply two matrices, by terms in the order of units: the same bits on every machine."""
    if weight is None:
        return x
    return weight if _passes(x) else compact(scipy.sparse.csr_array(x) @ weight)


def _passes(x: Any) -> bool:
    """Tell whether a matrix is what a population gives: every unit as it is."""
    n = x.shape[0]
    if isinstance(x, np.ndarray) or x.shape[1] != n or x.nnz != n:
        return False
    return bool(
        (x.indptr == np.arange(n + 1)).all() and (x.indices == np.arange(n)).all() and (x.data == 1).all()
    )


def _row(matrix: Any) -> Float64Array:
    row: Float64Array = (matrix if isinstance(matrix, np.ndarray) else matrix.toarray())[0]
    return row


def _delayed(node: Node, coming: Arrival) -> Arrival:
    """Hold units back; each length of a delay makes a matrix of its own."""
    delay = node.array("delay")
    if delay.shape != coming.shape:
        raise refusal(f"{node}: delay", f"of the shape of its input, {list(coming.shape)}", list(delay.shape))
    if (delay < 0).any():
        raise refusal(f"{node}: delay", ">= 0 s", float(delay.min()))
    found = Arrival(coming.shape)
    for seconds in np.unique(delay).tolist():
        kept = (delay.reshape(-1) == seconds).astype(np.float64)
        chosen = scipy.sparse.diags_array(kept).tocsr()
        part = Arrival(coming.shape)
        part.weights = {
            (pre, _held(lag, seconds)): compact(w @ chosen) for (pre, lag), w in coming.weights.items()
        }
        part.biases = {_held(lag, seconds): bias * kept for lag, bias in coming.biases.items()}
        found.add(part, 0, 0)
    return found


def _held(lag: Lag, seconds: float) -> Lag:
    return lag._replace(seconds=lag.seconds + seconds)

"""Lay a network out as nodes and edges of NIR."""

from __future__ import annotations

from typing import Any

import numpy as np

from snn.core import LIFParams, Network, Projection, memory
from snn.core.arrays import Float64Array, Int64Array
from snn.core.checks import refusal
from snn.interop.nir.cycles import closing_edges
from snn.interop.nir.graph import Edge, Graph, Node
from snn.interop.nir.neurons import ALWAYS
from snn.interop.nir.split_delays import split_delays
from snn.interop.nir.written_neurons import Style, WrittenNeuron, write_neuron

__all__ = ["WrittenGraph"]


class WrittenGraph:
    """A network as nodes and edges.

    Attributes:
        nodes: By name, the type in NIR and the fields.
        edges: From and to.
        neurons: Nodes of populations of neurons, by name.
    """

    def __init__(self, net: Network, style: Style) -> None:
        """Lay the network out.

        Raises:
            ValueError: NIR cannot hold it; the message names the field.
        """
        self._net = net
        self._always = {p.name for p in net.populations if _always_spikes(net, p.name)}
        self._order = [name for name in net.order if name not in self._always]
        kept = [net.population(name) for name in self._order]
        self.neurons: dict[str, WrittenNeuron] = {
            p.name: write_neuron(p, net.dt_ms, style) for p in kept if p.neuron is not None
        }
        self._splits = {p.name: _split(net, p) for p in net.projections}
        self._build(bare=_bare(net))
        if not self._reads_as_written():
            self._build(bare=set())  # every delay is written, also those that readers would add to a cycle

    def _build(self, bare: set[str]) -> None:
        """Add all nodes; the step of the projections in `bare` is left to the cycle that they close."""
        self._bare = bare
        self.nodes: dict[str, tuple[str, dict[str, Any]]] = {}
        self.edges: list[Edge] = []
        for name in self._order:
            if name in self.neurons:
                self._add(name, self.neurons[name].kind, self.neurons[name].fields)
            else:
                self._add(name, "Input", {"input_type": {"input": self._shape(name)}})
        for name in self._order:
            self._arrivals(name)
        ends = [n for n in self._order if not any(p.pre == n != p.post for p in self._net.projections)]
        for name in ends:
            output = "output" if len(ends) == 1 else f"{name}.output"
            self._chain(name, [(output, "Output", {"output_type": {"output": self._shape(name)}})], None)

    def _shape(self, name: str) -> Any:
        return np.array([self._net.population(name).size])

    def _add(self, name: str, kind: str, fields: dict[str, Any]) -> None:
        if name in self.nodes:
            raise refusal("names of populations and projections", "different from each other in NIR", name)
        self.nodes[name] = (kind, fields)

    def _chain(self, pre: str, nodes: list[tuple[str, str, dict[str, Any]]], post: str | None) -> None:
        """Add nodes in a row from one population to another."""
        for name, kind, fields in nodes:
            self._add(name, kind, fields)
            self.edges.append((pre, name))
            pre = name
        if post is not None:
            self.edges.append((pre, post))

    def _arrivals(self, post: str) -> None:
        """Add what leads to a population; its bias goes with weights that no delay follows."""
        incoming = [p for p in self._net.projections if p.post == post]
        bias = self.neurons[post].bias if post in self.neurons else None
        synapses = [p for p in incoming if p.pre not in self._always]
        carrier = next((p.name for p in synapses if not self._splits[p.name][1].any()), None)
        for p in synapses:
            self._projection(p, bias if p.name == carrier else None)
        if bias is not None and carrier is None:
            self._bias(f"{post}.now", post, bias, 0)
        for p in incoming:
            if p.pre in self._always:
                self._bias(p.name, post, _dense(p)[:, 0], int(self._splits[p.name][0][0]))

    def _projection(self, p: Projection, bias: Float64Array | None) -> None:
        """Add a projection: delays of senders, weights, delays of receivers."""
        fields: dict[str, Any] = {"weight": _dense(p)} | ({} if bias is None else {"bias": bias})
        nodes: list[tuple[str, str, dict[str, Any]]] = [
            (p.name, "Linear" if bias is None else "Affine", fields)
        ]
        if p.name not in self._bare:
            before, behind = (steps * self._net.dt_ms / 1000.0 for steps in self._splits[p.name])
            if before.any():
                nodes.insert(0, (f"{p.name}.delay", "Delay", {"delay": before}))
            if behind.any():
                nodes.append((f"{p.name}.late", "Delay", {"delay": behind}))
        self._chain(p.pre, nodes, p.post)

    def _bias(self, name: str, post: str, bias: Float64Array, steps: int) -> None:
        """Add a bias by itself, behind weights of zero: NIR has no bias that nothing leads to."""
        pre = next((n for n in self._order if n not in self.neurons), None)
        if pre is None:
            raise refusal(f"bias of {post!r}", "0 in a network without sources, as NIR has none then", bias)
        weight = np.zeros((bias.size, self._net.population(pre).size))
        nodes: list[tuple[str, str, dict[str, Any]]] = [(name, "Affine", {"weight": weight, "bias": bias})]
        if steps:
            delay = np.full(bias.size, steps * self._net.dt_ms / 1000.0)
            nodes.append((f"{name}.late", "Delay", {"delay": delay}))
        self._chain(pre, nodes, post)

    def _reads_as_written(self) -> bool:
        """Tell whether a reader makes exactly the bare projections a step late."""
        nodes = {name: Node(name, kind, {}, {}) for name, (kind, _) in self.nodes.items()}
        late = closing_edges(Graph(nodes, self.edges), lambda _: 1)
        return len(late) == len(self._bare) and all(self._bare & set(edge) for edge in late)


def _always_spikes(net: Network, name: str) -> bool:
    """Tell whether a population is a unit that a reader of NIR made for a bias that begins late."""
    population = net.population(name)
    return (
        name.endswith(ALWAYS)
        and population.size == 1
        and isinstance(population.neuron, LIFParams)
        and population.neuron.decay == 0.0
        and population.neuron.bias == 1.0
        and not any(p.post == name for p in net.projections)
        and not any(given.post == name for given in net.noise)
    )


def _bare(net: Network) -> set[str]:
    """Name the projections of one step that lie on a cycle: readers of NIR add that step by themselves."""
    one = [p for p in net.projections if net.synapses(p.name).one_delay == 1]
    after: dict[str, set[str]] = {}
    for p in net.projections:
        after.setdefault(p.pre, set()).add(p.post)
    return {p.name for p in one if p.pre in _reached(after, p.post)}


def _reached(after: dict[str, set[str]], start: str) -> set[str]:
    """Name all populations that a population leads to, itself included."""
    found, todo = {start}, [start]
    while todo:
        new = after.get(todo.pop(), set()) - found
        found |= new
        todo += new
    return found


def _split(net: Network, p: Projection) -> tuple[Int64Array, Int64Array]:
    """Give the delays of a projection per sender and per receiver, steps."""
    found = split_delays(net.synapses(p.name), (net.population(p.pre).size, net.population(p.post).size))
    if found is None:
        rule = "a sum of one per sender and one per receiver, as NIR has no other delays"
        raise refusal(f"delay_ms of {p.name!r}", rule, p.delay_ms)
    return found


def _dense(p: Projection) -> Float64Array:
    """Give the weights of a projection as NIR has them, [post, pre]; parallel synapses are added.

    Raises:
        MemoryError: They would not fit: NIR has no sparse weights, and no convolution is made of synapses again.
    """
    memory.check(
        8 * p.weight.shape[0] * p.weight.shape[1], f"the weights of {p.name!r}, which NIR holds in full,"
    )
    weight = p.weight if isinstance(p.weight, np.ndarray) else p.weight.toarray()
    return np.ascontiguousarray(weight.T)

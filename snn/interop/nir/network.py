"""Read a NIR graph as a network: populations of its inputs and neurons, and projections along the ways between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from snn.core import LIFParams, LIParams, Network, Population, Projection
from snn.core.arrays import Float64Array, PathLike
from snn.core.checks import flag, number, refusal
from snn.core.files.json_file import parse_json
from snn.core.units import check_dt, delay_steps
from snn.interop.nir.cycles import closing_edges
from snn.interop.nir.graph import Edge, Graph, load_graph, naming_source
from snn.interop.nir.neurons import ALWAYS, NEURONS, IfGain, Integrate, Reading, Receiver, Reset, receiver
from snn.interop.nir.paths import Arrival, Paths
from snn.interop.nir.sums import compact

__all__ = ["NirNetwork", "input_shape", "read", "reading"]


class NirNetwork(NamedTuple):
    """A network that was read from NIR.

    Attributes:
        network: To run, save and cost; a population has its node's name, a nested one "outer.inner".
        inputs: Names of the sources, NIR's Input nodes, in the order of the graph's edges.
        outputs: Names of the populations that feed its Output nodes, in the order of the edges.
        one_step_edges: Edges that close a cycle and take one step, as pairs of names of nodes.
        notes: Sentences on what the network does not show: roundings, fields that are not understood.
    """

    network: Network
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    one_step_edges: tuple[Edge, ...]
    notes: tuple[str, ...]


def read(
    source: PathLike | Any,
    dt_ms: float | None,
    *,
    integrate: Integrate | None = None,
    if_gain: IfGain | None = None,
    reset: Reset | None = None,
    recurrent_bias_first: bool = True,
) -> NirNetwork:
    """Read a NIR file, or a graph of the `nir` package, as a network.

    NIR has no time step and reads its equations in several ways; what other readers make of the same file stands in
    the guide. Images lie channel first, in a row in C order.

    Args:
        source: The file or graph.
        dt_ms: Length of a step, ms. None only for what `write` wrote, which says its own.
        integrate: How equations become steps: "euler", dt / tau of the way, as other readers have it, or "exact";
            None is what the file says, else "euler".
        if_gain: What an IF adds in a step: "time" is r * dt, the equation; "step" is r, as sinabs, norse and
            snnTorch read it. None: only an r of 1 / dt is read, where r * dt is 1.
        reset: "soft" subtracts the threshold, "soft_multiple" as often as it fits (sinabs); "hard_next_step" resets
            before the next decay. None is what the file says, else NIR's "hard".
        recurrent_bias_first: Whether a bias on an edge that closes a cycle is there from the first step, as in the
            equations; False is a step later, as in norse and SpikingJelly.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is no NIR, or says what no network here does, or `dt_ms` contradicts the file.
    """
    with naming_source(source):
        graph = load_graph(source)
        how = reading(graph, dt_ms, integrate, if_gain, reset)
        return _read(graph, how, flag("recurrent_bias_first", recurrent_bias_first))


def _read(graph: Graph, how: Reading, bias_first: bool) -> NirNetwork:
    """Make populations of neurons and inputs, and projections of the ways between them."""
    receivers = {name: receiver(node, how) for name, node in graph.nodes.items() if node.kind in NEURONS}
    inputs = {name: input_shape(graph, name) for name, node in graph.nodes.items() if node.kind == "Input"}
    shapes = inputs | {name: found.shape for name, found in receivers.items()}
    late = closing_edges(graph, lambda name: _least_steps(graph, name, how.dt_ms))
    paths = Paths(graph, shapes, set(late), bias_first)
    builder = _Builder(how)
    for name in _by_edges(graph, inputs):
        builder.source(name, inputs[name])
    for name in _by_edges(graph, receivers):
        builder.receive(name, receivers[name], paths.into(name))
    outputs = _outputs(graph, paths, shapes, builder)
    notes = [*graph.notes, *_roundings(graph, how.dt_ms), *_above(receivers), *builder.notes]
    ordered = tuple(_by_edges(graph, inputs))
    return NirNetwork(builder.network(), ordered, outputs, tuple(late), tuple(notes))


def _dt_of(graph: Graph, dt_ms: float | None) -> float:
    """Give the length of a step, from the caller or from a graph that we wrote.

    Raises:
        ValueError: Nobody says it, or the two contradict.
    """
    if "dt" not in graph.metadata:
        if dt_ms is None:
            raise refusal("dt_ms", "given, as the file does not say a time step (NIR has none)", None)
        return check_dt(dt_ms)
    said = number("dt of the file's metadata", graph.metadata["dt"], above=0.0) * 1000.0
    if dt_ms is None:
        return check_dt(float(f"{said:.12g}"))  # 0.0001 s is 0.1 ms
    dt = check_dt(dt_ms)
    if abs(said / dt - 1.0) > 1e-6:
        raise refusal("dt_ms", f"that of the file, {said:g}, or None", dt_ms)
    return dt


def reading(graph: Graph, dt_ms: float | None, integrate: Any, if_gain: Any, reset: Any) -> Reading:
    """Complete the caller's words by those of a file that we wrote; see `read`."""
    dt, said = _dt_of(graph, dt_ms), graph.metadata
    given = {"integrate": integrate, "if_gain": if_gain, "reset": reset}
    for name, value in given.items():
        if value is not None and said.get(name, value) != value:
            raise refusal(name, f"that of the file, {said[name]!r}, or None", value)
        given[name] = said.get(name) if value is None else value
    return Reading(dt, **(given | {"integrate": given["integrate"] or "euler"}), fires=said.get("fires", ">"))


def _by_edges(graph: Graph, names: Any) -> list[str]:
    """Order names as `write` says, or by the edges: nodes come back from a file in alphabetical order."""
    kept = _said_order(graph)
    named = [*kept, *(name for edge in graph.edges for name in edge), *sorted(names)]
    return [name for name in dict.fromkeys(named) if name in names]


def _said_order(graph: Graph) -> list[str]:
    """Give the order of populations that `write` put beside a graph, if it did."""
    said = graph.metadata.get("populations", "[]")
    kept = parse_json(said, "populations of the file's metadata") if isinstance(said, str) else said
    if not isinstance(kept, list) or not all(isinstance(name, str) for name in kept):
        raise refusal("populations of the file's metadata", "a list of names", said)
    return kept


def input_shape(graph: Graph, name: str) -> tuple[int, ...]:
    """Give the axes of an input."""
    return graph.nodes[name].shape()


def _least_steps(graph: Graph, name: str, dt_ms: float) -> int:
    delay = graph.nodes[name].array("delay")
    return int(
        delay_steps(np.maximum(delay, 0.0) * 1000.0, dt_ms).min(initial=0 if delay.size == 0 else 2**31)
    )


def _roundings(graph: Graph, dt_ms: float) -> Iterator[str]:
    """Say which delays are off the grid."""
    for node in graph.nodes.values():
        if node.kind == "Delay":
            steps = node.array("delay") * 1000.0 / dt_ms
            off = float(np.abs(steps - np.rint(steps)).max(initial=0.0)) * dt_ms
            if off > 1e-9 * dt_ms:
                yield f"{node} is rounded to steps, half to even, by up to {off:.3g} ms."


def _above(receivers: dict[str, Receiver]) -> Iterator[str]:
    """Say which neurons rest where they spike."""
    for name, found in receivers.items():
        neuron = found.neuron
        if isinstance(neuron, LIFParams) and np.any(np.asarray(neuron.v_rest) >= neuron.v_th):
            yield f"{name!r} rests at its threshold or above it: it may spike without input."


def _outputs(
    graph: Graph, paths: Paths, shapes: dict[str, tuple[int, ...]], builder: _Builder
) -> tuple[str, ...]:
    """Name the populations that feed the outputs; a weighted sum or a delay at the end becomes one of its own."""
    found: list[str] = []
    for name in _by_edges(graph, [n for n, node in graph.nodes.items() if node.kind == "Output"]):
        before = graph.into(name)
        if all(one in shapes for one in before):
            found += before
            continue
        arrivals = paths.into(name)
        found.append(name)
        shape = next(iter(arrivals.values())).shape
        builder.receive(name, Receiver(shape, builder.readout(arrivals)), arrivals)
    return tuple(dict.fromkeys(found))


class _Builder:
    """Collect populations and projections."""

    def __init__(self, how: Reading) -> None:
        self.notes: list[str] = []
        self._how = how
        self._populations: dict[str, Population] = {}
        self._projections: list[Projection] = []

    def network(self) -> Network:
        """Build the network."""
        return Network(self._how.dt_ms, self._populations.values(), self._projections)

    def source(self, name: str, shape: tuple[int, ...]) -> None:
        """Add a population that is given its spikes."""
        self._populations[name] = Population(name, int(np.prod(shape)))

    def receive(self, name: str, what: Receiver, arrivals: dict[str, Arrival]) -> None:
        """Add a population of neurons, with all that arrives at it."""
        size = int(np.prod(what.shape))
        gain = np.ones(size) if what.gain is None else what.gain
        if not arrivals:
            self.notes.append(f"Nothing feeds {name!r}.")
        for arrival in arrivals.values():
            if arrival.shape != what.shape:
                raise refusal(
                    f"what feeds {name!r}", f"of its shape, {list(what.shape)}", list(arrival.shape)
                )
        self._project(name, arrivals, gain)
        self._populations[name] = Population(name, size, self._with_biases(name, what, arrivals, gain))

    def readout(self, arrivals: dict[str, Arrival]) -> LIFParams | LIParams:
        """Make neurons that pass spikes on, late, where that is all; else membranes that hold the sum of a step."""
        relays = all(
            not arrival.biases
            and not isinstance(self._populations[pre].neuron, LIParams)
            and _passes_on(weight)
            for arrival in arrivals.values()
            for (pre, _), weight in arrival.weights.items()
        )
        return self._at_once() if relays else LIParams(decay=0.0)

    def _at_once(self, bias: float = 0.0) -> LIFParams:
        """Make a neuron that spikes in every step in which a spike, or its bias, of weight 1 comes."""
        return LIFParams(decay=0.0, v_th=0.5, bias=bias, fires=self._how.fires)

    def _project(self, name: str, arrivals: dict[str, Arrival], gain: Float64Array) -> None:
        """Add a projection for each population and edge that reach this one."""
        ways: dict[tuple[str, str], list[tuple[int, Any]]] = {}
        for via, arrival in arrivals.items():
            for (pre, lag), weight in arrival.weights.items():
                if np.any(weight) if isinstance(weight, np.ndarray) else weight.nnz:
                    ways.setdefault((pre, via), []).append((lag.total(self._how.dt_ms), weight))
        count: Counter[str] = Counter()
        for (pre, _), parts in ways.items():
            count[pre] += 1
            label = f"{pre}-{name}" if count[pre] == 1 else f"{pre}-{name}.{count[pre]}"
            weight, delay_ms = _joined(parts, gain, self._how.dt_ms)
            self._projections.append(Projection(pre, name, weight, delay_ms, name=label))

    def _with_biases(
        self, name: str, what: Receiver, arrivals: dict[str, Arrival], gain: Float64Array
    ) -> LIFParams | LIParams:
        """Add the biases of the first step on to the neurons; later ones come from a unit that always spikes."""
        at: dict[int, Float64Array] = {}
        for arrival in arrivals.values():
            for lag, bias in arrival.biases.items():
                steps = lag.total(self._how.dt_ms)
                at[steps] = at.get(steps, 0.0) + bias
        now = at.pop(0, np.zeros(gain.size))
        for steps, bias in sorted(at.items()):
            if bias.any():
                self._always(name, bias * gain, steps)
        if not now.any():
            return what.neuron
        given: Any = {"syn_bias" if what.filtered else "bias": now * gain}
        return replace(what.neuron, **given)

    def _always(self, name: str, bias: Float64Array, steps: int) -> None:
        """Add a unit that spikes in every step, and from it a bias that begins after `steps`."""
        unit = f"{name}{ALWAYS}"
        if unit not in self._populations:
            self._populations[unit] = Population(unit, 1, self._at_once(bias=1.0))
        label, delay_ms = f"{unit}-{name}.{steps}", steps * self._how.dt_ms
        self._projections.append(Projection(unit, name, bias[None, :], delay_ms, name=label))


def _passes_on(weight: Any) -> bool:
    """Tell whether every sender has one synapse at most, of weight 1."""
    weight = scipy.sparse.csr_array(weight)
    return bool((weight.data == 1.0).all() and (np.diff(weight.indptr) <= 1).all())


def _joined(parts: list[tuple[int, Any]], gain: Float64Array, dt_ms: float) -> tuple[Any, Any]:
    """Join ways that take different times: a matrix with one delay, or a list of synapses, and their delays."""
    one = bool((gain == 1.0).all())
    scaled = [(steps, compact(w if one else w * gain[None, :])) for steps, w in parts]
    if len({steps for steps, _ in scaled}) == 1:
        weight = compact(sum((w for _, w in scaled[1:]), scaled[0][1]))
        if not isinstance(weight, np.ndarray):
            weight.sort_indices()
        return weight, scaled[0][0] * dt_ms
    rows = [scipy.sparse.coo_array(w) for _, w in scaled]
    row, column = (np.concatenate([getattr(part, name) for part in rows]) for name in ("row", "col"))
    value = np.concatenate([part.data for part in rows])
    delay = np.concatenate(
        [np.full(part.nnz, steps * dt_ms) for (steps, _), part in zip(scaled, rows, strict=True)]
    )
    by_row = np.argsort(row, kind="stable")
    indptr = np.concatenate(([0], np.cumsum(np.bincount(row, minlength=scaled[0][1].shape[0]))))
    listed = scipy.sparse.csr_array((value[by_row], column[by_row], indptr), shape=scaled[0][1].shape)
    return listed, delay[by_row]

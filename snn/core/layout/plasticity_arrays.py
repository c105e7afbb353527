"""Lay out plastic projections for the loops, and carry what they learn from one run to the next."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from snn.core.arrays import Int32Array, Int64Array, RealArray, Uint32Array
from snn.core.layout.projection_arrays import ProjectionArrays, projection_order
from snn.core.network import Network
from snn.core.state import SimulationState
from snn.core.synapses import Synapses, bounds


class PlasticityArrays(NamedTuple):
    """Hold the weights of one sample, and M plastic projections in few arrays (each costs compilation).

    Attributes:
        weight: Weight of each synapse that has its own, as in `ProjectionArrays`; a copy where some learn.
        pre: Traces x: of each projection [depth, senders], step k in row k % depth.
        post: Traces y: of each projection [receivers].
        plastic: The projections, by receiver, then as given, [M]; `_record` names the fields.
        delay: Distinct delays of each, ascending.
        table: Start of each (sender, delay) in `receiver`; the next entry is its end.
        receiver: Receiver of each synapse, by sender, then delay.
        column: Start of each receiver's synapses in the three that follow; the next entry is their end.
        synapse: Place of a synapse among those of its projection.
        sender: Its sender.
        lag: Its delay, steps.
    """

    weight: RealArray
    pre: RealArray
    post: RealArray
    plastic: NDArray[Any]
    delay: Int64Array
    table: Int64Array
    receiver: Uint32Array
    column: Int64Array
    synapse: Uint32Array
    sender: Uint32Array
    lag: Int32Array


_RULE = ("on_arrival", "on_spike", "forget", "decay_pre", "decay_post", "w_min", "w_max")
_PLACES = (
    *("populations", "pre", "post"),  # number of populations, and which of them send and receive
    *("pre_unit", "post_unit", "senders", "receivers", "depth"),  # first units, sizes, largest delay + 1
    *("x", "y", "weight", "first"),  # starts in `pre`, `post`, `weight`, `receiver`
    *("delay", "delay_end", "table", "column", "soft"),
)


@cache
def _record(real: Any) -> np.dtype[Any]:
    return np.dtype([*((name, np.int64) for name in _PLACES), *((name, real) for name in _RULE)])


def plastic_names(network: Network) -> tuple[str, ...]:
    """Names of the projections that learn, in the order of `PlasticityArrays`."""
    return tuple(n for n in projection_order(network) if network.projection(n).plasticity is not None)


def _build(network: Network, projections: ProjectionArrays) -> PlasticityArrays:
    """Lay out the plastic projections of `network`, with the weights and traces of a start."""
    dtype, place, order = projections.weight.dtype, network.place, projection_order(network)
    plastic = np.zeros(len(plastic_names(network)), dtype=_record(dtype))
    parts: dict[str, list[Any]] = {name: [] for name in PlasticityArrays._fields[4:]}
    for one, name in zip(plastic, plastic_names(network), strict=True):
        given, rows, q = network.projection(name), network.synapses(name), order.index(name)
        assert given.plasticity is not None
        for field in _RULE:
            one[field] = getattr(given.plasticity.rule(network.dt_ms), field)
        one["soft"] = given.plasticity.rule(network.dt_ms).soft
        one["populations"], one["depth"] = len(place), rows.max_delay + 1
        one["pre"], one["post"] = place[given.pre], place[given.post]
        one["pre_unit"], one["post_unit"] = network.first_unit[one["pre"]], network.first_unit[one["post"]]
        one["senders"], one["receivers"] = given.weight.shape
        first = int(projections.table[projections.table_first[q]]) if rows.indices.size else 0
        one["weight"] = first + int(projections.weight_shift[q])
        one["first"], one["delay"], one["table"], one["column"] = (
            sum(part.size for part in parts[kind]) for kind in ("receiver", "delay", "table", "column")
        )
        delays = slice(*projections.delay_first[q : q + 2])
        one["delay_end"] = one["delay"] + delays.stop - delays.start
        parts["delay"].append(projections.delay[delays])
        entries = int(one["senders"]) * (delays.stop - delays.start) + 1
        table = projections.table[projections.table_first[q] :][:entries] - first
        parts["table"].append(table + one["first"])
        parts["receiver"].append(rows.indices)
        _columns(rows, given.weight.shape[1], parts)
    plastic["x"] = bounds(plastic["depth"] * plastic["senders"])[:-1]
    plastic["y"] = bounds(plastic["receivers"])[:-1]
    traces = int((plastic["depth"] * plastic["senders"]).sum()), int(plastic["receivers"].sum())
    kinds = {"receiver": np.uint32, "synapse": np.uint32, "sender": np.uint32, "lag": np.int32}
    joined: dict[str, Any] = {
        n: np.concatenate([np.zeros(0), *p]).astype(kinds.get(n, np.int64)) for n, p in parts.items()
    }
    pre, post = (np.zeros(n, dtype=dtype) for n in traces)
    return PlasticityArrays(projections.weight, pre, post, plastic, **joined)


def _columns(rows: Synapses, receivers: int, parts: dict[str, list[Any]]) -> None:
    """List the synapses of a projection by receiver."""
    by_receiver = np.argsort(rows.indices, kind="stable")
    ends = bounds(np.bincount(rows.indices, minlength=receivers))
    parts["column"].append(sum(part.size for part in parts["synapse"]) + ends)
    parts["synapse"].append(by_receiver)
    parts["sender"].append(np.repeat(np.arange(rows.indptr.size - 1), np.diff(rows.indptr))[by_receiver])
    parts["lag"].append(rows.delay_steps[by_receiver])


_built: WeakKeyDictionary[Network, dict[np.dtype[Any], PlasticityArrays]] = WeakKeyDictionary()


def plasticity_arrays_of(
    network: Network, projections: ProjectionArrays, samples: int, state: SimulationState | None
) -> list[PlasticityArrays]:
    """Give each sample its weights and traces: those of `state`, or as described and 0.

    Without plasticity all samples share the weights of `projections`, which are the same in every form of these.
    """
    built, dtype = _built.setdefault(network, {}), projections.weight.dtype
    if dtype not in built:
        built[dtype] = _build(network, projections)
    first = built[dtype]
    if not first.plastic.size:
        return [first] * samples
    made = [
        first._replace(weight=first.weight.copy(), pre=first.pre.copy(), post=first.post.copy())
        for _ in range(samples)
    ]
    for b, one in enumerate(made if state is not None else ()):
        for m, name in enumerate(plastic_names(network)):
            assert state is not None
            weight, pre, post = parts_of(one, m, network.synapses(name).indices.size)
            weight[:] = state.weights[name][b] + 0.0  # no -0.0, which marks in the sums that nothing came
            pre[:] = state.traces_pre[name][b]
            post[:] = state.traces_post[name][b]
    return made


def learned_fields(
    network: Network, samples: list[PlasticityArrays], steps: Int64Array, dtype: Any
) -> dict[str, dict[str, Any]]:
    """Collect weights and traces of all samples, per projection: those fields of `SimulationState`.

    Args:
        network: The network.
        samples: What each sample learned.
        steps: Steps that each ran, [B]: where its ring of traces stands.
        dtype: Type of the numbers.
    """
    fields: dict[str, dict[str, Any]] = {"weights": {}, "traces_pre": {}, "traces_post": {}}
    for m, name in enumerate(plastic_names(network)):
        parts = [parts_of(one, m, network.synapses(name).indices.size) for one in samples]
        rings = [
            np.roll(pre, -int(ran) % len(pre), axis=0) for (_, pre, _), ran in zip(parts, steps, strict=True)
        ]
        given = network.synapses(name)
        senders, receivers = network.projection(name).weight.shape
        for field, rows, shape in (
            ("weights", [weight for weight, _, _ in parts], (given.indices.size,)),
            ("traces_pre", rings, (given.max_delay + 1, senders)),
            ("traces_post", [post for _, _, post in parts], (receivers,)),
        ):
            fields[field][name] = np.array(rows, dtype=dtype).reshape(len(samples), *shape)
    return fields


def parts_of(one: PlasticityArrays, m: int, synapses: int) -> tuple[RealArray, RealArray, RealArray]:
    """Weights [S], x [depth, senders] and y [receivers] of projection m, to be written to."""
    at = one.plastic[m]
    size = int(at["depth"]) * int(at["senders"])
    return (
        one.weight[at["weight"] :][:synapses],
        one.pre[at["x"] :][:size].reshape(int(at["depth"]), -1),
        one.post[at["y"] :][: at["receivers"]],
    )

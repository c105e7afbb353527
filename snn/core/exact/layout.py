"""Lay out a network flat for engine="exact": time constants, delays as given, in ms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn.core import synapses as layout
from snn.core.arrays import Float64Array, IndexArray, Int64Array
from snn.core.layout.neuron_arrays import neuron_arrays_of
from snn.core.layout.projection_arrays import projection_order
from snn.core.network import Network
from snn.core.neurons import LIFParams, NeuronParams, per_neuron
from snn.core.population import Population

_MOST_RECEPTORS = 2


class ExactArrays(NamedTuple):
    """Hold a network in flat arrays; numbering and order are those of `NeuronArrays`."""

    first: Int64Array
    """First unit of each population, [P + 1]."""
    receptors: Int64Array
    """Number of synaptic currents, [P]; 0: arrivals jump the membrane."""
    reset: Int64Array
    """As in `Dynamics`, [P]."""
    strict: NDArray[np.bool_]
    """A spike needs v > v_th, [P]."""
    tau: Float64Array
    """Membrane time constant, [U], ms."""
    tau_syn: Float64Array
    """Synaptic time constants, [2, U], ms; that of the membrane where there is none."""
    gain: Float64Array
    """Steady membrane, above v_rest, per unit of drive or current, [U]."""
    jump: Float64Array
    """Jump of the membrane per unit of weight, [U]."""
    v_th: Float64Array
    """Threshold, [U]; infinite for a unit that never spikes."""
    v_reset: Float64Array
    """Value after a hard reset, [U]."""
    reset_by: Float64Array
    """Fall of a soft reset, [U]."""
    v_rest: Float64Array
    """Value towards which the membrane decays, [U]."""
    t_ref: Float64Array
    """Refractory time, [U], ms."""
    out_first: Int64Array
    """Start of each sender's projections in `out`, [P + 1]."""
    out: Int64Array
    """Projections by sending population, [Q]."""
    pre: Int64Array
    """Sending population of each projection, [Q]."""
    rank_post: Int64Array
    """Receiving population of each projection, [Q]."""
    receptor: Int64Array
    """Current that each projection feeds, [Q]."""
    row_first: Int64Array
    """Start of each projection in `row`, [Q]."""
    row: Int64Array
    """Start of each sender's synapses; the next entry is their end."""
    post: IndexArray
    """Receiver of each synapse within its population, [S]; rows are sorted by delay."""
    weight: Float64Array
    """Weight of each synapse, [S]."""
    delay: Float64Array
    """Delay of each synapse, [S], ms, not rounded."""
    delayed: NDArray[np.bool_]
    """Whether that is at least one step when rounded, as `Counts` asks, [S]."""


def build(network: Network) -> ExactArrays:
    """Lay out `network`.

    Raises:
        ValueError: A population has no exact flow: decay per step, an infinite membrane time
            constant, more than two receptors, an adaptive threshold, or the reset "hard_next_step"; or
            the network has noise.
    """
    if network.noise:
        names = sorted({given.post for given in network.noise})
        raise ValueError(f"engine='exact' draws no noise; the network has Poisson input to {names}")
    for projection in network.projections:
        if projection.plasticity is not None:
            raise ValueError(
                f"engine='exact' does not learn; {projection.name!r} has {projection.plasticity}"
            )
    plan = neuron_arrays_of(network)
    populations = [network.population(name) for name in network.order]
    for population in populations:
        _check(population)
    tau = np.concatenate([_field(p, "tau_mem_ms", 1.0) for p in populations])
    tau_syn = [_tau_syn(population) for population in populations]
    return ExactArrays(
        first=plan.first,
        receptors=plan.receptors,
        reset=plan.reset,
        strict=plan.strict,
        tau=tau,
        tau_syn=np.concatenate(tau_syn, axis=1),
        gain=plan.input_scale / -np.expm1(-network.dt_ms / tau),
        jump=plan.input_scale,
        v_th=np.where(np.repeat(plan.source, np.diff(plan.first)), np.inf, plan.v_th),
        v_reset=plan.v_reset,
        reset_by=plan.reset_by,
        v_rest=plan.v_rest,
        t_ref=np.concatenate([_field(p, "t_ref_ms", 0.0) for p in populations]),
        **_projections(network),
    )


def _check(population: Population) -> None:
    neuron, name = population.neuron, population.name
    if neuron is None:
        return
    if neuron.tau_mem_ms is None:
        raise ValueError(f"engine='exact' needs tau_mem_ms; {name!r} has decay, which is per step")
    if not np.isfinite(neuron.tau_mem_ms).all():
        raise ValueError(f"engine='exact' needs a finite tau_mem_ms; {name!r} has {neuron.tau_mem_ms!r}")
    if len(neuron.receptors) > _MOST_RECEPTORS:
        raise ValueError(
            f"engine='exact' takes at most {_MOST_RECEPTORS} receptors; {name!r} has {neuron.receptors}"
        )
    if isinstance(neuron, LIFParams) and neuron.adapts:
        raise ValueError(f"engine='exact' has fixed thresholds; that of {name!r} adapts (adapt_by)")
    if isinstance(neuron, LIFParams) and neuron.reset == "hard_next_step":
        raise ValueError(f"engine='exact' has no next step; {name!r} has reset 'hard_next_step'")


def _field(population: Population, name: str, otherwise: float) -> Float64Array:
    value = getattr(population.neuron, name, otherwise)
    return per_neuron(name, value, population.size)


def _tau_syn(population: Population) -> Float64Array:
    neuron: NeuronParams | None = population.neuron
    taus = np.tile(_field(population, "tau_mem_ms", 1.0), (_MOST_RECEPTORS, 1))
    if neuron is None or neuron.tau_syn_ms is None:
        return taus
    given = neuron.tau_syn_ms
    values = list(given.values()) if isinstance(given, Mapping) else [given]
    for r, tau in enumerate(values):
        taus[r] = per_neuron("tau_syn_ms", tau, population.size)
    return taus


def _projections(network: Network) -> dict[str, Any]:
    place = {name: p for p, name in enumerate(network.order)}
    none = np.zeros(0, dtype=np.int64)
    columns: dict[str, list[Any]] = {key: [] for key in ("pre", "rank_post", "receptor")}
    rows, posts, weights, delays, delayed, starts = [none], [none], [np.zeros(0)], [np.zeros(0)], [], [0]
    synapses = 0
    for name in projection_order(network):
        projection = network.projection(name)
        receptors = network.population(projection.post).receptors
        columns["pre"].append(place[projection.pre])
        columns["rank_post"].append(place[projection.post])
        columns["receptor"].append(receptors.index(projection.receptor) if receptors else 0)
        sender, post, weight, at = layout.entries(projection.weight)
        delay = _delay(network, name, sender, post, at)
        order = np.lexsort((post, delay, sender))
        bounds = np.cumsum(np.bincount(sender, minlength=projection.weight.shape[0]))
        rows.append(synapses + np.concatenate([[0], bounds]))
        starts.append(starts[-1] + bounds.size + 1)
        posts.append(post[order])
        weights.append(weight[order])
        delays.append(delay[order])
        delayed.append(np.rint(delay[order] / network.dt_ms) > 0)
        synapses += sender.size
    pre = np.array(columns["pre"], dtype=np.int64)
    return {
        **{key: np.array(values, dtype=np.int64) for key, values in columns.items()},
        "out": np.argsort(pre, kind="stable"),
        "out_first": np.searchsorted(np.sort(pre), np.arange(len(place) + 1)),
        "row_first": np.array(starts[:-1], dtype=np.int64),
        "row": np.concatenate(rows).astype(np.int64),
        "post": np.concatenate(posts).astype(np.uint32),
        "weight": np.concatenate(weights),
        "delay": np.concatenate(delays),
        "delayed": np.concatenate([np.zeros(0, dtype=bool), *delayed]),
    }


def _delay(network: Network, name: str, pre: Int64Array, post: Int64Array, at: Int64Array) -> Float64Array:
    """Delay of each synapse, ms; the default is what the network made of it."""
    projection = network.projection(name)
    if projection.delay_ms is None:
        steps = network.synapses(name).delay_steps
        return np.full(pre.size, network.dt_ms * (float(steps[0]) if steps.size else 0.0))
    if projection.delay_ms.ndim == 1:
        return projection.delay_ms[at]
    return np.asarray(np.broadcast_to(projection.delay_ms, projection.weight.shape)[pre, post])

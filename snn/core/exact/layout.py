"""Lay out a network flat for engine="exact": time constants and delays as given, in ms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from snn.core.arrays import BoolArray, Float64Array, IndexArray, Int64Array
from snn.core.checks import refusal
from snn.core.layout.neuron_arrays import neuron_arrays_of
from snn.core.layout.projection_arrays import projection_order
from snn.core.network import Network
from snn.core.neurons import LIFParams, NeuronParams, per_neuron
from snn.core.population import Population
from snn.core.projection import Projection
from snn.core.synapses import bounds, entries
from snn.core.units import delay_steps

_MOST_RECEPTORS = 2


class ExactArrays(NamedTuple):
    """Hold a network in flat arrays: P populations, U units, Q projections, S synapses.

    Populations come in the order of a step (`Network.order`), and units are numbered in that order,
    sources included.

    Attributes:
        first: First unit of each population, [P + 1].
        receptors: Number of synaptic currents, [P]; 0: arrivals jump the membrane.
        reset: As in `Dynamics`, [P].
        strict: Whether a spike needs v > v_th, [P].
        tau: Membrane time constant, [U], ms.
        tau_syn: Synaptic time constants, [2, U], ms; that of the membrane where there is none.
        gain: Steady membrane, above v_rest, per unit of drive or current, [U].
        jump: Jump of the membrane per unit of weight, [U].
        v_th: Threshold, [U]; infinite for a unit that never spikes.
        v_reset: Value after a hard reset, [U].
        reset_by: Fall of a soft reset, [U].
        v_rest: Value towards which the membrane decays, [U].
        t_ref: Refractory time, [U], ms.
        out_first: Start of each sender's projections in `out`, [P + 1].
        out: Projections by sending population, [Q].
        in_first: Start of each receiver's projections in `into`, [P + 1].
        into: Projections by receiving population, [Q].
        pre: Sending population of each projection, [Q].
        receptor: Current that each projection feeds, [Q].
        row_first: Start of each projection in `row`, [Q].
        row: Start of each sender's synapses; the next entry is their end.
        post: Receiver of each synapse within its population, [S]; rows are sorted by (delay, receiver).
        weight: Weight of each synapse, [S].
        delay: Delay of each synapse, [S], ms, not rounded.
        delayed: Whether that is at least one step when rounded, as `Counts` asks, [S].
        shortest: Shortest delay of each projection, [Q], ms; infinite without synapses.
        several: Whether each projection has several delays, [Q].
        window_ms: Shortest delay over which neurons reach their own or an earlier population, ms, if any.
    """

    first: Int64Array
    receptors: Int64Array
    reset: Int64Array
    strict: BoolArray
    tau: Float64Array
    tau_syn: Float64Array
    gain: Float64Array
    jump: Float64Array
    v_th: Float64Array
    v_reset: Float64Array
    reset_by: Float64Array
    v_rest: Float64Array
    t_ref: Float64Array
    out_first: Int64Array
    out: Int64Array
    in_first: Int64Array
    into: Int64Array
    pre: Int64Array
    receptor: Int64Array
    row_first: Int64Array
    row: Int64Array
    post: IndexArray
    weight: Float64Array
    delay: Float64Array
    delayed: BoolArray
    shortest: Float64Array
    several: BoolArray
    window_ms: float


_made: WeakKeyDictionary[Network, ExactArrays] = WeakKeyDictionary()


def exact_arrays_of(network: Network) -> ExactArrays:
    """Return `network` in flat form, built at its first use.

    Raises:
        ValueError: It has no exact flow (decay per step, an infinite membrane time constant, more than two
            receptors, an adaptive threshold, the reset "hard_next_step"), Poisson input, or plasticity.
    """
    if network not in _made:
        _made[network] = _build(network)
    return _made[network]


def _build(network: Network) -> ExactArrays:
    _check(network)
    on_grid = neuron_arrays_of(network)
    populations = [network.population(name) for name in network.order]
    tau = np.concatenate([_per_neuron(p, "tau_mem_ms", 1.0) for p in populations])
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        gain = on_grid.input_scale / -np.expm1(-network.dt_ms / tau)
    if not np.isfinite(gain).all():
        raise refusal(
            "tau_mem_ms", f"such that dt_ms {network.dt_ms:g} is a part of it with engine='exact'", tau
        )
    return ExactArrays(
        first=on_grid.first,
        receptors=on_grid.receptors,
        reset=on_grid.reset,
        strict=on_grid.strict,
        tau=tau,
        tau_syn=np.concatenate([_tau_syn(population) for population in populations], axis=1),
        gain=gain,
        jump=on_grid.input_scale,
        v_th=np.where(np.repeat(on_grid.source, np.diff(on_grid.first)), np.inf, on_grid.v_th),
        v_reset=on_grid.v_reset,
        reset_by=on_grid.reset_by,
        v_rest=on_grid.v_rest,
        t_ref=np.concatenate([_per_neuron(p, "t_ref_ms", 0.0) for p in populations]),
        **_projections(network),
    )


def _check(network: Network) -> None:
    """Refuse a network that has no exact flow, and what this engine does not do."""
    for given in network.noise:
        raise refusal(f"noise to {given.post!r}", "none with engine='exact'", given)
    for projection in network.projections:
        if projection.plasticity is not None:
            rule = "None with engine='exact'"
            raise refusal(f"plasticity of {projection.name!r}", rule, projection.plasticity)
    for population in network.populations:
        if population.neuron is not None:
            _check_neuron(population, population.neuron)


def _check_neuron(population: Population, neuron: NeuronParams) -> None:
    def refused(field: str, rule: str, value: object) -> ValueError:
        return refusal(f"{field} of {population.name!r}", f"{rule} with engine='exact'", value)

    if neuron.tau_mem_ms is None:
        raise refused("tau_mem_ms", "given (decay is per step)", None)
    if not np.isfinite(neuron.tau_mem_ms).all():
        raise refused("tau_mem_ms", "finite", neuron.tau_mem_ms)
    if len(neuron.receptors) > _MOST_RECEPTORS:
        raise refused("tau_syn_ms", f"of at most {_MOST_RECEPTORS} receptors", neuron.tau_syn_ms)
    if neuron.syn_decay is not None:
        raise refused("syn_decay", "None (it is per step)", neuron.syn_decay)
    if isinstance(neuron.syn_bias, Mapping) or np.any(np.asarray(neuron.syn_bias) != 0.0):
        raise refused("syn_bias", "0 (it arrives step by step)", neuron.syn_bias)
    if isinstance(neuron, LIFParams) and neuron.spikes != "single":
        raise refused("spikes", "'single'", neuron.spikes)
    if isinstance(neuron, LIFParams) and neuron.adapts:
        raise refused("adapt_by", "0", neuron.adapt_by)
    if isinstance(neuron, LIFParams) and neuron.reset == "hard_next_step":
        raise refused("reset", "'hard' or 'soft'", neuron.reset)


def _per_neuron(population: Population, field: str, of_source: float) -> Float64Array:
    """Spread a parameter over the neurons, [N]; a source and a neuron without it have `of_source`."""
    return per_neuron(field, getattr(population.neuron, field, of_source), population.size)


def _tau_syn(population: Population) -> Float64Array:
    """Synaptic time constants, [2, N], ms; that of the membrane where there is none."""
    taus = np.tile(_per_neuron(population, "tau_mem_ms", 1.0), (_MOST_RECEPTORS, 1))
    if population.neuron is None or population.neuron.tau_syn_ms is None:
        return taus
    given = population.neuron.tau_syn_ms
    for r, tau in enumerate(given.values() if isinstance(given, Mapping) else [given]):
        taus[r] = per_neuron("tau_syn_ms", tau, population.size)
    return taus


def _projections(network: Network) -> dict[str, Any]:
    """Compute the fields of `ExactArrays` from `out_first` on."""
    place = network.place
    projections = [network.projection(name) for name in projection_order(network)]
    rows, synapses = [np.zeros(0, np.int64)], [(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))]
    count, shortest, several = 0, [], []
    for projection in projections:
        sender, post, weight, index = entries(projection.weight)
        delay = _delay(network, projection, sender, post, index)
        order = np.lexsort((post, delay, sender))
        rows.append(count + bounds(np.bincount(sender, minlength=projection.weight.shape[0])))
        synapses.append((post[order], weight[order], delay[order]))
        shortest.append(delay.min(initial=np.inf))
        several.append(bool(delay.size) and delay.max() > shortest[-1])
        count += sender.size
    post, weight, delay = (np.concatenate(column) for column in zip(*synapses, strict=True))
    pre, into = (
        np.array([place[getattr(p, end)] for p in projections], dtype=np.int64) for end in ("pre", "post")
    )
    recurrent = into <= pre
    return {
        "out_first": np.searchsorted(np.sort(pre), np.arange(len(place) + 1)),
        "out": np.argsort(pre, kind="stable"),
        "in_first": np.searchsorted(np.sort(into), np.arange(len(place) + 1)),
        "into": np.argsort(into, kind="stable"),
        "pre": pre,
        "receptor": np.array([_receptor(network, p) for p in projections], dtype=np.int64),
        "row_first": bounds([row.size for row in rows[1:]])[:-1].copy(),
        "row": np.concatenate(rows),
        "post": post.astype(np.uint32),
        "weight": weight,
        "delay": delay,
        "delayed": delay_steps(delay, network.dt_ms) > 0,
        "shortest": np.array(shortest, dtype=np.float64),
        "several": np.array(several, dtype=np.bool_),
        "window_ms": float(np.min(np.array(shortest)[recurrent], initial=np.inf)),
    }


def _receptor(network: Network, projection: Projection) -> int:
    receptors = network.population(projection.post).receptors
    return receptors.index(projection.receptor) if receptors else 0


def _delay(
    network: Network, projection: Projection, pre: Int64Array, post: Int64Array, index: Int64Array
) -> Float64Array:
    """Delay of each synapse, ms; the default is what the network made of it."""
    if projection.delay_ms is None:
        steps = network.synapses(projection.name).delay_steps
        return np.full(pre.size, network.dt_ms * (float(steps[0]) if steps.size else 0.0))
    if projection.delay_ms.ndim == 1:
        return projection.delay_ms[index]
    return np.asarray(np.broadcast_to(projection.delay_ms, projection.weight.shape)[pre, post])

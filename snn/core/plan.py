"""Lay out a network flat, as the compiled loops read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snn.core.neurons import Dynamics, LIFParams
from snn.core.synapses import Synapses, Uint32Array
from snn.core.units import Float64Array, Int64Array

if TYPE_CHECKING:
    from snn.core.network import Network, Population

_MARGIN = 1e-9
"""Distance from threshold, relative, under which a neuron is never left alone."""
_LEAST_LEAK = 1e-6
"""With less leak per step, rounding errors could pile up to the margin; such neurons stay awake."""


class Plan(NamedTuple):
    """Hold a network in flat arrays: P populations, U units, A arrival slots, Q projections.

    Populations come in the order of a step (`Network.order`), and units are numbered in that
    order, sources included. Projections come by receiver, then in the order of the network.
    Receptor r of neuron n of population p has the arrival slot `slot[p] + r * size + n`.
    """

    first: Int64Array
    """First unit of each population, [P + 1]."""
    source: NDArray[np.bool_]
    """Whether a population is a source, [P]."""
    slot: Int64Array
    """First arrival slot of each population, [P]."""
    receptors: Int64Array
    """Number of synaptic currents, [P]; 0: arrivals jump the membrane."""
    reset: Int64Array
    """As in `Dynamics`, [P]; so are the next twelve, per population or unit or slot."""
    strict: NDArray[np.bool_]
    decay_input: NDArray[np.bool_]
    decay: Float64Array
    input_scale: Float64Array
    v_th: Float64Array
    v_reset: Float64Array
    reset_by: Float64Array
    v_rest: Float64Array
    refractory: Int64Array
    bias: Float64Array
    syn_decay: Float64Array
    sleep_below: Float64Array
    """Membrane below which a neuron cannot spike without an arrival, [U]; -inf: it always may."""
    incoming: Int64Array
    """First projection to each population, [P + 1]."""
    pre: Int64Array
    """Sending population of each projection, [Q]."""
    target: Int64Array
    """First arrival slot that each projection feeds, [Q]."""
    delay: Int64Array
    """Distinct delays of each projection, ascending, one projection after another."""
    delay_first: Int64Array
    """Start of each projection in `delay`, [Q + 1]."""
    table: Int64Array
    """Start of each (sender, delay) in the synapses; the next entry is its end."""
    table_first: Int64Array
    """Start of each projection in `table`, [Q]."""
    post: Uint32Array
    """Receiver of each synapse within its population, [S]."""
    weight: Float64Array
    """Weight of each synapse, [S]."""
    horizon: int
    """Longest delay, steps."""


_plans: WeakKeyDictionary[Network, Plan] = WeakKeyDictionary()


def plan_of(network: Network) -> Plan:
    """Return the flat form of `network`, built at its first use."""
    if network not in _plans:
        _plans[network] = _build(network)
    return _plans[network]


def projection_order(network: Network) -> tuple[str, ...]:
    """Names of the projections in the order of the plan."""
    place = {name: p for p, name in enumerate(network.order)}
    return tuple(p.name for p in sorted(network.projections, key=lambda p: place[p.post]))


def _build(network: Network) -> Plan:
    populations = [network.population(name) for name in network.order]
    dynamics = [_dynamics(population, network.dt_ms) for population in populations]
    sizes = [population.size for population in populations]
    receptors = [len(population.receptors) for population in populations]
    source = [population.neuron is None for population in populations]
    # A population that jumps has one slot per neuron as well, for the sum of its arrivals.
    slots = _bounds([0 if s else n * max(1, r) for s, n, r in zip(source, sizes, receptors, strict=True)])
    syn_decay = [
        d.syn_decay.ravel() if r else np.zeros(0 if s else n)
        for d, r, s, n in zip(dynamics, receptors, source, sizes, strict=True)
    ]
    return Plan(
        first=_bounds(sizes),
        source=np.array(source),
        slot=slots[:-1].copy(),
        receptors=np.array(receptors, dtype=np.int64),
        reset=np.array([d.reset for d in dynamics], dtype=np.int64),
        strict=np.array([d.strict for d in dynamics]),
        decay_input=np.array([d.decay_input for d in dynamics]),
        decay=np.concatenate([d.decay for d in dynamics]),
        input_scale=np.concatenate([d.input_scale for d in dynamics]),
        v_th=np.concatenate([d.v_th for d in dynamics]),
        v_reset=np.concatenate([d.v_reset for d in dynamics]),
        reset_by=np.concatenate([d.reset_by for d in dynamics]),
        v_rest=np.concatenate([d.v_rest for d in dynamics]),
        refractory=np.concatenate([d.refractory for d in dynamics]),
        bias=np.concatenate([d.bias for d in dynamics]),
        syn_decay=np.concatenate(syn_decay),
        sleep_below=np.concatenate([_sleep_below(d) for d in dynamics]),
        **_projections(network, slots),
    )


def _projections(network: Network, slots: Int64Array) -> dict[str, Any]:
    """Compute the fields of `Plan` from `incoming` on."""
    place = {name: p for p, name in enumerate(network.order)}
    incoming = np.zeros(len(place), dtype=np.int64)
    pre, target, delays, tables = [], [], [], []
    rows = [network.synapses(name) for name in projection_order(network)]
    for name in projection_order(network):
        projection = network.projection(name)
        post = network.population(projection.post)
        receptor = post.receptors.index(projection.receptor) if post.receptors else 0
        incoming[place[projection.post]] += 1
        pre.append(place[projection.pre])
        target.append(slots[place[projection.post]] + receptor * post.size)
        distinct, table = _table(network.synapses(name))
        delays.append(distinct)
        tables.append(table)
    starts = _bounds([row.weight.size for row in rows])[:-1]
    none = np.zeros(0, dtype=np.int64)
    return {
        "incoming": _bounds(incoming),
        "pre": np.array(pre, dtype=np.int64),
        "target": np.array(target, dtype=np.int64),
        "delay": np.concatenate([none, *delays]),
        "delay_first": _bounds([len(distinct) for distinct in delays]),
        "table": np.concatenate([none, *(t + start for t, start in zip(tables, starts, strict=True))]),
        "table_first": _bounds([table.size for table in tables])[:-1].copy(),
        "post": np.concatenate([none.astype(np.uint32), *(row.indices for row in rows)]),
        "weight": np.concatenate([np.zeros(0), *(row.weight for row in rows)]),
        "horizon": max((int(distinct[-1]) for distinct in delays if distinct.size), default=0),
    }


def _table(rows: Synapses) -> tuple[Int64Array, Int64Array]:
    """List the distinct delays, and where each (sender, delay) starts: rows are sorted so."""
    distinct, which = np.unique(rows.delay_steps, return_inverse=True)
    senders = rows.fan_out.size
    sender = np.repeat(np.arange(senders), rows.fan_out)
    sizes = np.bincount(sender * distinct.size + which, minlength=senders * distinct.size)
    return distinct, _bounds(sizes)


def _dynamics(population: Population, dt_ms: float) -> Dynamics:
    """Constants of a population; those of a source are never read, but keep the numbering."""
    neuron = LIFParams(decay=0.0) if population.neuron is None else population.neuron
    return neuron.dynamics(population.size, dt_ms)


def _sleep_below(d: Dynamics) -> Float64Array:
    """Find the membrane from which each neuron, left to its bias, stays under its threshold.

    With a factor f in [0, 1) the membrane moves straight towards a steady value, so both must be
    under the threshold by a margin; without leak it must not rise. Currents may rise, so neurons
    with receptors are never left alone.
    """
    if d.syn_decay.shape[0]:
        return np.full(d.decay.size, -np.inf)
    factor = 1.0 - d.input_scale if d.decay_input else d.decay
    gain = d.bias if d.decay_input else d.bias * d.input_scale / np.maximum(1.0 - d.decay, _LEAST_LEAK)
    steady = d.v_rest + gain
    never = np.isinf(d.v_th)
    size = np.abs(np.where(never, 0.0, d.v_th)) + np.abs(d.v_rest) + np.abs(gain)
    level = d.v_th - _MARGIN * size
    leaks = (factor >= 0.0) & (factor <= 1.0 - _LEAST_LEAK) & (steady < level)
    # Without leak, v_rest + (v - v_rest) may round upwards, step after step, unless v_rest is 0.
    falls = (factor == 1.0) & (d.bias * d.input_scale <= 0.0) & (d.decay_input | (d.v_rest == 0.0))
    return np.where(leaks | falls | never, level, -np.inf)


def _bounds(sizes: ArrayLike) -> Int64Array:
    """Start of each part, and the end of the last."""
    return np.concatenate([[0], np.cumsum(np.asarray(sizes, dtype=np.int64))]).astype(np.int64)

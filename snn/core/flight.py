"""Turn a `SimulationState` into the flat arrays of the loops, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snn.core import queue
from snn.core.network import Network
from snn.core.plan import Plan, plan_of
from snn.core.queue import Rows
from snn.core.state import SimulationState
from snn.core.units import Float64Array, Int64Array


@dataclass(slots=True)
class Flight:
    """Hold what is in flight in all samples, flat; the loops write to its rows."""

    v: Float64Array
    """Membranes, [B, U]."""
    current: Float64Array
    """Synaptic currents, [B, A]."""
    refractory: Int64Array
    """Steps still to be held, [B, U]."""
    recent: Rows
    """Spikes of the last steps; step 0 is the oldest."""


def start(network: Network, samples: int, state: SimulationState | None) -> Flight:
    """Take up a state, or start with every neuron at rest.

    Raises:
        ValueError: The state is of another network.
    """
    plan = plan_of(network)
    slots = plan.syn_decay.size
    flight = Flight(
        v=np.tile(plan.v_rest, (samples, 1)),
        current=np.zeros((samples, slots)),
        refractory=np.zeros((samples, plan.decay.size), dtype=np.int64),
        recent=queue.merge(plan, network.order, {} if state is None else state.recent),
    )
    if state is None:
        return flight
    state.check(network)
    for name, units, arrivals in _parts(network, plan):
        flight.v[:, units] = state.v[name]
        flight.refractory[:, units] = state.refractory[name]
        if name in state.currents:
            flight.current[:, arrivals] = state.currents[name].reshape(samples, -1)
    return flight


def finish(network: Network, flight: Flight) -> SimulationState:
    """Give every population its part of what is in flight."""
    plan = plan_of(network)
    samples = flight.v.shape[0]
    lengths = np.full(samples, plan.horizon, dtype=np.int64)
    parts = _parts(network, plan)
    return SimulationState(
        fingerprint=network.fingerprint,
        v={name: flight.v[:, units].copy() for name, units, _ in parts},
        currents={
            name: flight.current[:, arrivals].reshape(samples, -1, units.stop - units.start).copy()
            for name, units, arrivals in parts
            if network.population(name).receptors
        },
        refractory={name: flight.refractory[:, units].copy() for name, units, _ in parts},
        recent=queue.split(plan, network.order, flight.recent, network.order, network.dt_ms, lengths),
    )


def _parts(network: Network, plan: Plan) -> list[tuple[str, slice, slice]]:
    """Name, units and arrival slots of each population with neurons."""
    ends = np.append(plan.slot[1:], plan.syn_decay.size)
    return [
        (name, slice(int(plan.first[p]), int(plan.first[p + 1])), slice(int(plan.slot[p]), int(ends[p])))
        for p, name in enumerate(network.order)
        if not plan.source[p]
    ]

"""Turn a `SimulationState` into the flat arrays of the loops, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snn.core.arrays import Int32Array, Int64Array, RealArray
from snn.core.grid import spike_log
from snn.core.grid.spike_log import SpikeRows
from snn.core.layout import plasticity_arrays
from snn.core.layout.neuron_arrays import NeuronArrays
from snn.core.layout.plasticity_arrays import PlasticityArrays
from snn.core.layout.projection_arrays import ProjectionArrays
from snn.core.network import Network
from snn.core.state import SimulationState


@dataclass(slots=True)
class BatchState:
    """Hold what is in flight in all samples, flat; the loops write to its rows."""

    v: RealArray
    """Membranes, [B, U]."""
    current: RealArray
    """Synaptic currents, [B, A]."""
    refractory: Int32Array
    """Steps still to be held, [B, U]."""
    theta: RealArray
    """Rise of the thresholds, [B, U]."""
    steps: Int64Array
    """Steps lived before this run, [B]."""
    recent: SpikeRows
    """Spikes of the last steps; step 0 is the oldest."""
    learning: list[PlasticityArrays]
    """Weights and their traces, per sample."""


def start(
    network: Network,
    plan: NeuronArrays,
    routes: ProjectionArrays,
    samples: int,
    state: SimulationState | None,
) -> BatchState:
    """Take up a state, or start with every neuron at rest.

    Raises:
        ValueError: The state is of another network.
    """
    slots, units, dtype = plan.syn_decay.size, plan.decay.size, plan.v_rest.dtype
    flight = BatchState(
        v=np.tile(plan.v_rest, (samples, 1)),
        current=np.zeros((samples, slots), dtype=dtype),
        refractory=np.zeros((samples, units), dtype=np.int32),
        theta=np.zeros((samples, units), dtype=dtype),
        steps=np.zeros(samples, dtype=np.int64) if state is None else state.steps,
        recent=spike_log.merge(plan, network.order, {} if state is None else state.recent),
        learning=plasticity_arrays.start(network, plan, routes, samples, state),
    )
    if state is None:
        return flight
    state.check(network)
    for name, part, arrivals in _parts(network, plan):
        flight.v[:, part] = state.v[name]
        flight.refractory[:, part] = state.refractory[name]
        if name in state.adaptation:
            flight.theta[:, part] = state.adaptation[name]
        if name in state.currents:
            flight.current[:, arrivals] = state.currents[name].reshape(samples, -1)
    return flight


def finish(
    network: Network,
    plan: NeuronArrays,
    routes: ProjectionArrays,
    flight: BatchState,
    lengths: Int64Array,
    seed: int,
) -> SimulationState:
    """Give every population its part of what is in flight."""
    samples = flight.v.shape[0]
    past = np.full(samples, routes.horizon, dtype=np.int64)
    parts = _parts(network, plan)
    return SimulationState(
        fingerprint=network.fingerprint,
        v={name: flight.v[:, units].copy() for name, units, _ in parts},
        currents={
            name: flight.current[:, arrivals].reshape(samples, -1, units.stop - units.start).copy()
            for name, units, arrivals in parts
            if network.population(name).receptors
        },
        refractory={name: flight.refractory[:, units].astype(np.int64) for name, units, _ in parts},
        recent=spike_log.split(plan, network.order, flight.recent, network.order, network.dt_ms, past),
        adaptation={
            name: flight.theta[:, units].copy()
            for p, (name, units, _) in zip(np.flatnonzero(~plan.source), parts, strict=True)
            if plan.adapts[p]
        },
        steps=flight.steps + lengths,
        seed=seed,
        **plasticity_arrays.finish(network, flight.learning, lengths),
    )


def _parts(network: Network, plan: NeuronArrays) -> list[tuple[str, slice, slice]]:
    """Name, units and arrival slots of each population with neurons."""
    ends = np.append(plan.slot[1:], plan.syn_decay.size)
    return [
        (name, slice(int(plan.first[p]), int(plan.first[p + 1])), slice(int(plan.slot[p]), int(ends[p])))
        for p, name in enumerate(network.order)
        if not plan.source[p]
    ]

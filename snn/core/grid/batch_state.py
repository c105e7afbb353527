"""Turn a `SimulationState` into the flat arrays of the loops, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snn.core.arrays import Int32Array, Int64Array, RealArray
from snn.core.checks import refusal
from snn.core.grid.spike_log import SpikeRows, events_of, rows_of
from snn.core.layout.neuron_arrays import NeuronArrays
from snn.core.layout.plasticity_arrays import (
    PlasticityArrays,
    learned_fields,
    parts_of,
    plastic_names,
    plasticity_arrays_of,
)
from snn.core.layout.projection_arrays import ProjectionArrays
from snn.core.network import Network
from snn.core.state import SimulationState


@dataclass(slots=True)
class BatchState:
    """Hold what is in flight in all samples, flat; the loops write to its rows.

    Attributes:
        v: Membranes, [B, U].
        current: Synaptic currents, [B, A].
        refractory: Steps still to be held, [B, U].
        theta: Rise of the thresholds, [B, U].
        steps: Steps lived before this run, [B].
        recent: Spikes of the last steps, per sample; step 0 is the oldest.
        learning: Weights and their traces, per sample.
    """

    v: RealArray
    current: RealArray
    refractory: Int32Array
    theta: RealArray
    steps: Int64Array
    recent: list[SpikeRows]
    learning: list[PlasticityArrays]

    def check_finite(self, network: Network, neurons: NeuronArrays) -> None:
        """Refuse the end of a run in which numbers overflowed: infinity and NaN stay where they came about.

        Raises:
            ValueError: As said above; the message names the population or projection.
        """
        for name, units, slots in _parts(network, neurons):
            for what, values in (
                ("membranes", self.v[:, units]),
                ("currents", self.current[:, slots]),
                ("thresholds", self.theta[:, units]),
            ):
                _check_finite(f"{what} of {name!r}", values)
        for m, name in enumerate(plastic_names(network)):
            for one in self.learning:
                for values in parts_of(one, m, network.synapses(name).indices.size):
                    _check_finite(f"weights and traces of {name!r}", values)


def _check_finite(name: str, values: RealArray) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        rule = f"finite at the end of a run (sums went beyond {values.dtype.name})"
        raise refusal(name, rule, values[bad][0])


def to_batch_state(
    network: Network,
    neurons: NeuronArrays,
    projections: ProjectionArrays,
    samples: int,
    state: SimulationState | None,
) -> BatchState:
    """Go on from a state that fits the network, or start with every neuron at rest."""
    slots, units, dtype = neurons.syn_decay.size, neurons.decay.size, neurons.v_rest.dtype
    batch = BatchState(
        v=np.tile(neurons.v_rest, (samples, 1)),
        current=np.zeros((samples, slots), dtype=dtype),
        refractory=np.zeros((samples, units), dtype=np.int32),
        theta=np.zeros((samples, units), dtype=dtype),
        steps=np.zeros(samples, dtype=np.int64) if state is None else state.steps,
        recent=[rows_of(network, {} if state is None else state.recent, b) for b in range(samples)],
        learning=plasticity_arrays_of(network, projections, samples, state),
    )
    if state is None:
        return batch
    for name, part, arrivals in _parts(network, neurons):
        batch.v[:, part] = state.v[name]
        batch.refractory[:, part] = state.refractory[name]
        if name in state.adaptation:
            batch.theta[:, part] = state.adaptation[name]
        if name in state.currents:
            batch.current[:, arrivals] = state.currents[name].reshape(samples, arrivals.stop - arrivals.start)
    return batch


def to_simulation_state(
    network: Network,
    neurons: NeuronArrays,
    projections: ProjectionArrays,
    batch: BatchState,
    lengths: Int64Array,
    seed: int,
) -> SimulationState:
    """Give every population its part of what is in flight after a run of `lengths` steps, [B]."""
    samples = batch.v.shape[0]
    parts = _parts(network, neurons)
    past = np.full(samples, projections.horizon, dtype=np.int64)
    return SimulationState(
        fingerprint=network.fingerprint,
        v={name: batch.v[:, units].copy() for name, units, _ in parts},
        currents={
            name: batch.current[:, arrivals].reshape(samples, len(receptors), units.stop - units.start).copy()
            for name, units, arrivals in parts
            if (receptors := network.population(name).receptors)
        },
        refractory={name: batch.refractory[:, units].astype(np.int64) for name, units, _ in parts},
        recent=events_of(network, batch.recent, network.order, past),
        adaptation={
            name: batch.theta[:, units].copy()
            for name, units, _ in parts
            if neurons.adapts[network.place[name]]
        },
        steps=batch.steps + lengths,
        seed=seed,
        **learned_fields(network, batch.learning, lengths, batch.v.dtype),
    )


def _parts(network: Network, neurons: NeuronArrays) -> list[tuple[str, slice, slice]]:
    """Name, units and arrival slots of each population with neurons."""
    first, slot = neurons.first, np.append(neurons.slot, neurons.syn_decay.size)
    return [
        (name, slice(int(first[p]), int(first[p + 1])), slice(int(slot[p]), int(slot[p + 1])))
        for p, name in enumerate(network.order)
        if not neurons.source[p]
    ]

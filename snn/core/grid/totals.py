"""Add up what happened, sample by sample, into `Counts`; the same for all engines."""

from __future__ import annotations

import numpy as np
import scipy.sparse

from snn.core.arrays import Int64Array
from snn.core.compiled import compiled
from snn.core.counts import Counts
from snn.core.grid.spike_log import SpikeRows
from snn.core.layout.projection_arrays import projection_order
from snn.core.network import Network
from snn.core.projection import Projection


class Totals:
    """Collect the spikes of each unit and the counts of the loops over samples."""

    def __init__(self, network: Network, continued: bool) -> None:
        """Start at zero; `continued` says that the run goes on from a state."""
        self._network = network
        self._continued = continued
        units, populations = int(network.first_unit[-1]), len(network.order)
        self._of_unit = np.zeros((3, units), dtype=np.int64)
        self._pairs, self._several, self._spikes = self._of_unit  # views: as `SpikeRows.tally` counts
        self._touched = np.zeros(populations, dtype=np.int64)
        self._reads = np.zeros(len(network.projections), dtype=np.int64)
        self._noise = np.zeros(populations, dtype=np.int64)
        self._layered = [projection for projection in network.projections if len(projection.layers) > 1]
        self._layer_counts: dict[str, int] = {}
        self._samples = 0
        self._steps = 0

    def add(
        self,
        rows: SpikeRows,
        touched: Int64Array,
        reads: Int64Array,
        n_steps: int,
        noise: Int64Array | None = None,
    ) -> None:
        """Add a sample: its spikes of this run, and what the loops counted."""
        self.add_spikes(rows)
        if noise is not None:
            self._noise += noise
        self._touched += touched
        self._reads += reads
        self._samples += 1
        self._steps += n_steps

    def add_spikes(self, rows: SpikeRows) -> None:
        """Add spikes of a sample, all that are listed of their populations."""
        rows.tally(self._of_unit)
        for projection in self._layered:
            self._add_layers(projection, rows)

    def _add_layers(self, projection: Projection, rows: SpikeRows) -> None:
        """Add what passed through the layers of a projection: step by step, as pooled spikes meet in a unit."""
        first, end = self._network.first_unit[self._network.place[projection.pre] :][:2]
        mine = rows.of_units(first, end)
        steps, at = np.unique(mine.step, return_inverse=True)
        sent = scipy.sparse.csr_array((mine.spikes, (at, mine.unit)), shape=(max(1, len(steps)), end - first))
        for i, layer in enumerate(projection.layers):
            fan_out = np.diff(layer.links.indptr).astype(np.int64)
            found = {
                "input_spikes": sent.sum(),
                "synaptic_events": (sent @ fan_out).sum(),
                "active_inputs": ((sent > 0) @ fan_out).sum(),
                "macs": ((sent > 1) @ fan_out).sum() if layer.dense_weights else 0,
            }
            for name, count in found.items():
                key = f"{projection.name}:{i}:{name}"
                self._layer_counts[key] = self._layer_counts.get(key, 0) + int(count)
            sent = scipy.sparse.csr_array(sent @ layer.links.astype(np.int64))

    def counts(self) -> Counts:
        """Return the ledger."""
        network, place = self._network, self._network.place
        neurons = [p for p in network.populations if p.neuron is not None]
        reads = dict(zip(projection_order(network), self._reads, strict=True))
        spikes = {p.name: self._part(self._spikes, place[p.name]) for p in network.populations}
        ledger: dict[str, dict[str, int]] = {
            name: {} for name in ("synaptic_events", "active_inputs", "macs", "delay_writes", "delay_reads")
        }
        for projection in network.projections:
            name, pre = projection.name, place[projection.pre]
            rows = network.synapses(name)
            ledger["synaptic_events"][name] = int(self._part(self._spikes, pre) @ rows.fan_out)
            ledger["active_inputs"][name] = int(self._part(self._pairs, pre) @ rows.fan_out)
            ledger["macs"][name] = int(self._part(self._several, pre) @ rows.fan_out)
            ledger["delay_writes"][name] = int(self._part(self._spikes, pre) @ rows.fan_out_delayed)
            ledger["delay_reads"][name] = int(reads[name])
        return Counts(
            spikes={name: int(part.sum()) for name, part in spikes.items()},
            updates_dense={p.name: p.size * self._steps for p in neurons},
            updates_touched={p.name: int(self._touched[place[p.name]]) for p in neurons},
            **ledger,
            layer_counts=dict(self._layer_counts),
            noise_events={
                p.name: int(self._noise[place[p.name]])
                for p in neurons
                if any(given.post == p.name for given in network.noise)
            },
            delay_slots={p.name: _slots(network, p) for p in network.projections},
            samples=self._samples,
            steps=self._steps,
            continued=self._continued,
        )

    def _part(self, per_unit: Int64Array, p: int) -> Int64Array:
        return per_unit[slice(*self._network.first_unit[p : p + 2])]


def delayed_reads(network: Network, horizon: int, rows: SpikeRows, n_steps: int) -> Int64Array:
    """Count the synaptic events of delay >= 1 that arrive within a run, per projection, [Q].

    Args:
        network: The network.
        horizon: Its longest delay, steps.
        rows: Spikes of one sample; their steps count from `-horizon`.
        n_steps: Length of the run.
    """
    found, units = np.zeros(len(network.projections), dtype=np.int64), int(network.first_unit[-1])
    sent: dict[
        tuple[int, int], Int64Array
    ] = {}  # spikes of each unit in these steps: projections share delays
    for q, name in enumerate(projection_order(network)):
        synapses = network.synapses(name)
        longest, one = synapses.max_delay, synapses.one_delay
        if longest == 0:
            continue
        first_unit, end_unit = network.first_unit[network.place[network.projection(name).pre] :][:2]
        first = horizon - (one or 0)
        end = max(first, horizon + n_steps - longest)  # what is sent in between arrives whole
        if (first, end) not in sent:
            sent[first, end] = np.zeros((3, units), dtype=np.int64)
            rows.between(first, end).tally(sent[first, end])
        found[q] = sent[first, end][2, first_unit:end_unit] @ synapses.fan_out_delayed
        for part in () if one is not None else ((0, first), (end, horizon + n_steps)):
            edge = rows.between(*part).of_units(first_unit, end_unit)
            step = edge.step - horizon
            found[q] += _reads(synapses.indptr, synapses.delay_steps, step, edge.unit, edge.spikes, n_steps)
    return found


@compiled
def _reads(
    indptr: Int64Array,
    delay: Int64Array,
    step: Int64Array,
    unit: Int64Array,
    spikes: Int64Array,
    n_steps: int,
) -> int:
    """Count synapse by synapse what arrives."""
    found = 0
    for e in range(unit.size):
        for s in range(indptr[unit[e]], indptr[unit[e] + 1]):
            if delay[s] > 0 and 0 <= step[e] + delay[s] < n_steps:
                found += spikes[e]
    return found


def _slots(network: Network, projection: Projection) -> int:
    """Count the slots of a ring buffer: (largest delay + 1) x receivers, 0 without delays."""
    depth = network.synapses(projection.name).max_delay
    return (depth + 1) * network.population(projection.post).size if depth else 0

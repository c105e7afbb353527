"""Estimate the memory of a run, and refuse one that would not fit before anything of it is made."""

from __future__ import annotations

import numpy as np

from snn.core import memory
from snn.core.grid.request import RunRequest
from snn.core.layout.neuron_arrays import neuron_arrays_of
from snn.core.layout.projection_arrays import ring_steps
from snn.core.network import Network

_PER_BOUND = 32
"""Bytes for each step and population: where its spikes begin in the log, and again as the log is read."""
_PER_UNIT = 64
"""Bytes of each unit while a sample runs, beside its state: cells of arrivals, sleep, first entries of the log."""


def check_run(
    network: Network,
    request: RunRequest,
    *,
    engine: str,
    dtype: str = "float64",
    threads: int = 1,
    steps: int | None = None,
) -> None:
    """Refuse a run that would not fit, with all that it keeps for steps, delays, units and samples.

    What spikes take grows with them and is not foreseen: 16 bytes each. All samples of a session, which goes on
    without end, have a log of `steps` at once.

    Raises:
        MemoryError: As said above; the message has the sizes and the estimate.
    """
    samples = request.lengths.size
    threads, steps = (threads, int(request.lengths.max(initial=0))) if steps is None else (samples, steps)
    horizon = max((network.synapses(p.name).max_delay for p in network.projections), default=0)
    real, at_once = np.dtype(dtype).itemsize, min(threads, samples)
    units, populations = int(network.first_unit[-1]), len(network.order)
    running = _PER_BOUND * (horizon + steps) * populations + _PER_UNIT * units
    if engine == "clock":
        running += 8 * (horizon + 1) * units
    elif engine == "event":
        running += real * _ring_cells(network)
    if any(len(array) > 1 for array in request.drive.values()):
        running += real * steps * sum(array.shape[2] for array in request.drive.values())
    slots = neuron_arrays_of(network, dtype).syn_decay.size
    kept = 2 * (real * (2 * units + slots) + 8 * units) + _learned(network, real)
    memory.check(
        at_once * running + samples * kept,
        f"{samples:,} samples x {steps:,} steps of {units:,} units, with delays of up to {horizon:,} steps,",
        "; run fewer samples or threads at a time, or shorten the delays",
    )


def _ring_cells(network: Network) -> int:
    """Cells of the rings of projections whose delays differ, at most."""
    cells = 0
    for projection in network.projections:
        synapses, size = network.synapses(projection.name), int(projection.weight.shape[1])
        if synapses.one_delay is None and projection.plasticity is None:
            cells += ring_steps(size, synapses.max_delay + 1) * size
    return cells


def _learned(network: Network, real: int) -> int:
    """Bytes of the weights and traces of a sample, and of those in its state."""
    plastic = [p for p in network.projections if p.plasticity is not None]
    if not plastic:
        return 0
    weights = sum(int(network.synapses(p.name).indices.size) for p in network.projections)
    traces = sum((network.synapses(p.name).max_delay + 1) * int(p.weight.shape[0]) for p in plastic)
    return real * (2 * weights + 3 * traces)

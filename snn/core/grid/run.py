"""Run a network on the grid of steps: engine="event" and engine="clock"."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from snn.core.arrays import Int64Array
from snn.core.grid.batch_state import BatchState, to_batch_state, to_simulation_state
from snn.core.grid.bundles import Counted
from snn.core.grid.clock import run_clock
from snn.core.grid.entry import run_event
from snn.core.grid.options import EventOptions
from snn.core.grid.prepare import SampleBuilder
from snn.core.grid.request import RunRequest
from snn.core.grid.run_memory import check_run
from snn.core.grid.spike_log import SpikeRows, close_log, events_of, longer_log
from snn.core.grid.totals import Totals, delayed_reads
from snn.core.layout.neuron_arrays import neuron_arrays_of
from snn.core.layout.projection_arrays import LISTS, projection_arrays_of
from snn.core.network import Network
from snn.core.recording import Recording
from snn.core.state import SimulationState

_LOOPS: dict[str, Callable[..., Any]] = {"event": run_event, "clock": run_clock}
_DEFAULT = EventOptions()


class _Outcome(NamedTuple):
    """Hold what is left of one sample's run.

    Attributes:
        spikes: Its spikes.
        recent: Spikes still on their way at its end.
        counted: Its counts and traces.
        reads: Delayed synaptic events that arrived, [Q].
    """

    spikes: SpikeRows
    recent: SpikeRows
    counted: Counted
    reads: Int64Array


def run_on_grid(
    network: Network,
    request: RunRequest,
    state: SimulationState | None,
    *,
    engine: str,
    seed: int,
    dtype: str,
    threads: int = 1,
    options: EventOptions = _DEFAULT,
) -> Recording:
    """Run what `simulate` was asked for.

    Raises:
        ValueError: A weight or parameter does not fit `dtype`, or numbers overflow in the run.
        MemoryError: The run would not fit.
    """
    lengths, samples = request.lengths, request.lengths.size
    check_run(network, request, engine=engine, dtype=dtype, threads=threads)
    neurons = neuron_arrays_of(network, dtype)
    projections = projection_arrays_of(network, dtype, LISTS if engine == "clock" else options.forms)
    batch = to_batch_state(network, neurons, projections, samples, state)
    builder = SampleBuilder(network, request, neurons, projections, batch, seed=seed, options=options)

    def of_sample(b: int) -> _Outcome:
        return _run_sample(network, builder, batch, b, _LOOPS[engine])

    if min(threads, samples) > 1:
        with ThreadPoolExecutor(min(threads, samples)) as pool:
            outcomes = list(pool.map(of_sample, range(samples)))
    else:
        outcomes = [of_sample(b) for b in range(samples)]
    batch.check_finite(network, neurons)
    totals = Totals(network, continued=state is not None)
    for one, steps in zip(outcomes, lengths.tolist(), strict=True):
        totals.add(one.spikes, one.counted.touched, one.reads, steps, one.counted.noise_events)
    batch.recent = [one.recent for one in outcomes]
    v = {}
    for name in request.v:
        columns = builder.recorded.part(name)
        v[name] = _traces([one.counted.trace[:, columns] for one in outcomes], columns, lengths, dtype)
    return Recording(
        spikes=events_of(network, [one.spikes for one in outcomes], request.spikes, lengths),
        v=v,
        counts=totals.counts(),
        state=to_simulation_state(network, neurons, projections, batch, lengths, seed),
    )


def _run_sample(
    network: Network, builder: SampleBuilder, batch: BatchState, b: int, loop: Callable[..., Any]
) -> _Outcome:
    sample, learning, parts = builder.build(b), batch.learning[b], dict(builder.shared)
    n_steps, horizon = int(sample.cursor["stop"][0]), sample.projections.horizon
    while sample.cursor["next_step"][0] < n_steps:
        cursor = sample.cursor[0]
        used, given = int(cursor["log_end"]), sample.inputs.step.size - int(cursor["next_input"])
        sample = sample._replace(log=longer_log(sample.log, used, sample.neurons.decay.size, given))
        loop(sample, learning, parts)
    rows = close_log(network, sample.log)
    reads = delayed_reads(network, horizon, rows, n_steps)
    return _Outcome(rows.since(horizon), rows.since(n_steps), sample.counted, reads)


def _traces(traces: list[Any], columns: slice, lengths: Int64Array, dtype: str) -> Any:
    """Stack the membranes of all samples, [T, B, N]; NaN past the end of one."""
    shape = int(lengths.max(initial=0)), len(traces), columns.stop - columns.start
    v = np.full(shape, np.nan, dtype=dtype)
    for b, trace in enumerate(traces):
        v[: len(trace), b] = trace
    return v

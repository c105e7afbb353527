"""Run a network on input events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from snn.core.arrays import Int64Array
from snn.core.events import Events, Raster
from snn.core.exact.run import run_exact
from snn.core.exact.state import ExactState
from snn.core.grid import batch_state as in_flight
from snn.core.grid import clock, event, spike_log
from snn.core.grid.batch_state import BatchState
from snn.core.grid.buffers import Sample, Work
from snn.core.grid.counting import Totals, delayed_reads
from snn.core.grid.prepare import Choices, Desk
from snn.core.grid.request import RunRequest, read_request
from snn.core.grid.spike_log import SpikeRows
from snn.core.layout.neuron_arrays import NeuronArrays, arrays_of
from snn.core.layout.projection_arrays import LISTS, ProjectionArrays
from snn.core.network import Network
from snn.core.record import Record, Recording
from snn.core.state import SimulationState
from snn.core.timed_events import TimedEvents

Engine = Literal["event", "clock", "exact"]
Dtype = Literal["float64", "float32"]
_LOOPS = {"event": event.run_event, "clock": clock.run_clock}


def simulate(
    net: Network,
    inputs: Mapping[str, Events | Raster] | None = None,
    n_steps: int | None = None,
    engine: Engine = "event",
    currents: Mapping[str, Any] | None = None,
    record: Record | None = None,
    state: SimulationState | None = None,
    seed: int | None = None,
    dtype: Dtype = "float64",
    threads: int = 1,
) -> Recording:
    """Run `net` on a batch of samples.

    Args:
        net: The network.
        inputs: Spikes of its source populations, on its `dt_ms`; a source left out is silent.
            Each sample runs for its own length (the longest of its sources).
        n_steps: Steps to run instead, the same for all samples, at least as long as the inputs.
            Required without inputs.
        engine: `"event"` works only where a spike arrives; `"clock"` updates every neuron in
            every step. Both give the same spikes, membranes and counts, bit for bit. `"exact"`
            leaves the grid (`snn.core.exact`): inputs may be `TimedEvents`, spikes are.
        currents: Drive on top of the bias, per population: [N], [T, N] or [T, B, N], where T is
            the length of the longest sample. Constant within a step.
        record: What to keep; None keeps the spikes of all populations with neurons.
        state: `Recording.state` of an earlier run of the same network, which then goes on;
            steps count from the cut.
        seed: Seed of the network's noise; None is 0, or that of `state`.
        dtype: Numbers of membranes, currents and weights. With `"float32"`, which is faster, the
            engines equal each other bit for bit too; other forms of the network are float64.
        threads: Samples run side by side; results do not depend on it.

    Raises:
        ValueError: A name, size, length, step or option is not as said; the message names it.
        TypeError: A value is of the wrong type.
        MemoryError: The membranes to record would not fit; `stream` keeps them on disk.
    """
    for name, value, allowed in (("engine", engine, get_args(Engine)), ("dtype", dtype, get_args(Dtype))):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")
    for name, number in (("seed", 0 if seed is None else seed), ("threads", threads)):
        if isinstance(number, bool) or not isinstance(number, int | np.integer):
            raise TypeError(f"{name} must be an integer, got {number!r}")
    if threads < 1:
        raise ValueError(f"threads must be >= 1, got {threads}")
    task = read_request(net, inputs or {}, n_steps, currents or {}, record or Record(), state)
    if engine == "exact":
        if dtype != "float64":
            raise ValueError(f"engine='exact' computes in float64, got dtype {dtype!r}")
        return run_exact(net, task, state)
    _check_on_grid(task, state, seed, dtype)
    seed = int(seed or 0) if state is None else state.seed
    return _run_on_grid(net, task, state, engine, seed, dtype, int(threads))


class _Ran(NamedTuple):
    """What is left of one sample's run."""

    kept: SpikeRows
    """Its spikes."""
    recent: SpikeRows
    """Spikes still on their way at its end."""
    work: Work
    """Its counts and traces."""
    reads: Int64Array
    """Delayed synaptic events that arrived, [Q]."""


def _run_on_grid(
    net: Network,
    task: RunRequest,
    state: SimulationState | None,
    engine: Engine,
    seed: int,
    dtype: str,
    threads: int,
) -> Recording:
    run, forms = _LOOPS[engine], LISTS if engine == "clock" else Choices.forms
    plan, routes = arrays_of(net, dtype, forms)
    flight = in_flight.start(net, plan, routes, task.lengths.size, state)
    desk = Desk(net, task, plan, routes, seed)

    def of_sample(b: int) -> _Ran:
        return _run_sample(net, desk, plan, routes, flight, b, run)

    samples = range(task.lengths.size)
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            ran = list(pool.map(of_sample, samples))
    else:
        ran = [of_sample(b) for b in samples]
    tally = Totals(net, continued=state is not None)
    for one, steps in zip(ran, task.lengths.tolist(), strict=True):
        tally.add(one.kept, one.work.touched, one.reads, steps, one.work.noise_events)
    flight.recent = spike_log.join([one.recent for one in ran])
    return Recording(
        spikes=spike_log.split(
            plan, net.order, spike_log.join([one.kept for one in ran]), task.spikes, net.dt_ms, task.lengths
        ),
        v={
            name: _traces(task, name, [one.work.trace[:, desk.recorded.part(name)] for one in ran], dtype)
            for name in task.v
        },
        counts=tally.counts(),
        state=in_flight.finish(net, plan, routes, flight, task.lengths, seed),
    )


def _run_sample(
    net: Network,
    desk: Desk,
    plan: NeuronArrays,
    routes: ProjectionArrays,
    flight: BatchState,
    b: int,
    run: Callable[..., Any],
) -> _Ran:
    given, work = desk.given(flight, b), desk.work(flight, b)
    log = spike_log.open_log(plan, routes.horizon, flight.recent.of_sample(b), given.n_steps)
    routes = routes._replace(weight=flight.learning[b].weight)
    at, scratch = np.array([-1, log.unit.size, 0], dtype=np.int64), desk.scratch()
    while at[0] < given.n_steps:
        log = spike_log.longer_log(log, int(at[1]), plan.decay.size)
        run(Sample(plan, routes, given, work, scratch, log, at), flight.learning[b])
    rows = spike_log.close_log(plan, b, log)
    reads = delayed_reads(net, plan, routes, rows, given.n_steps)
    return _Ran(rows.since(routes.horizon), rows.since(given.n_steps), work, reads)


def _traces(task: RunRequest, name: str, traces: list[Any], dtype: str) -> Any:
    """Stack the membranes of all samples, [T, B, N]; NaN past the end of one."""
    v = np.full((int(task.lengths.max(initial=0)), len(traces), task.sizes[name]), np.nan, dtype=dtype)
    for b, trace in enumerate(traces):
        v[: len(trace), b] = trace
    return v


def _check_on_grid(task: RunRequest, state: SimulationState | None, seed: int | None, dtype: str) -> None:
    for name, events in task.events.items():
        if isinstance(events, TimedEvents):
            raise ValueError(f"inputs[{name!r}] is off the grid: engine='exact' runs it, or pass on_grid()")
    if isinstance(state, ExactState):
        raise ValueError("state is of engine='exact', and only that engine goes on from it")
    if state is not None and seed is not None and seed != state.seed:
        raise ValueError(f"seed is {seed}, but the state's run has {state.seed}; leave it out to go on")
    if state is not None and state.dtype != dtype:
        raise ValueError(f"dtype is {dtype!r}, but the state is of a run in {state.dtype!r}")

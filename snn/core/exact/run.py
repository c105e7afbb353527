"""Run a network off the grid: engine="exact".

Times are continuous: events and delays keep their milliseconds, membranes flow exactly between
events, and a spike is where the membrane meets its threshold. Step k of `currents` holds over
[k dt, (k + 1) dt); `record.v` is the membrane at k dt, after what happens then. Weights and drive
mean what they mean in a step of the network's `dt_ms`: a spike jumps by weight * input_scale, and a
constant drive leads to the same steady membrane.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from snn.core.arrays import Float64Array, Int64Array
from snn.core.checks import refusal
from snn.core.events import Events
from snn.core.exact.layout import ExactArrays, exact_arrays_of
from snn.core.exact.loop import run_sample
from snn.core.exact.sample import SampleInput, SampleState, Trace
from snn.core.exact.state import ExactState, before_end, finish_batch, horizon_of, slices_of, start_sample
from snn.core.exact.walk import Log
from snn.core.grid.request import RunRequest
from snn.core.grid.run_memory import check_run
from snn.core.grid.spike_log import SpikeRows
from snn.core.grid.totals import Totals
from snn.core.network import Network
from snn.core.recording import Recording
from snn.core.state import SimulationState
from snn.core.synapses import bounds
from snn.core.timed_events import TimedEvents, times_of

SpikeTimes = tuple[Float64Array, Int64Array]
"""Times, ms, and units of the spikes of one sample, numbered as in `ExactArrays`."""


def run_exact(network: Network, request: RunRequest, state: SimulationState | None) -> Recording:
    """Run what `simulate` was asked for.

    Raises:
        ValueError: The network has no exact flow (`exact_arrays_of` says when), numbers overflow, or a neuron
            spikes without end.
        MemoryError: The run would not fit.
    """
    assert state is None or isinstance(state, ExactState)
    check_run(network, request, engine="exact")
    arrays, dt = exact_arrays_of(network), network.dt_ms
    slices = slices_of(network, arrays)
    horizon = horizon_of(network)
    totals = Totals(network, continued=state is not None)
    shape = (int(request.lengths.max(initial=0)), request.lengths.size)
    v = {name: np.full((*shape, network.population(name).size), np.nan) for name in request.v}
    traced, driven = _units(slices, request.v), _units(slices, request.drive)
    samples, made = [], []
    for b, steps in enumerate(request.lengths.tolist()):
        sample = start_sample(network, arrays, slices, state, b)
        given = _given(network, arrays, request.events, b)
        earlier = _earlier(slices, {} if state is None else state.recent, b, horizon * dt)
        inputs = SampleInput(*given, *earlier, _drive(request, b, steps), driven, steps, dt)
        trace = _trace(arrays.tau.size, traced, steps)
        times, fired = _fired(run_sample(arrays, sample, inputs, trace))
        _check_finite(network, slices, sample)
        order = np.lexsort((times, fired))
        totals.add_spikes(_rows(inputs.time_ms, inputs.unit))
        totals.add(_rows(times[order], fired[order]), sample.touched, sample.delay_reads, steps)
        column = 0
        for into in v.values():
            into[:steps, b] = trace.v[:, column : column + into.shape[2]]
            column += into.shape[2]
        samples.append(sample)
        made.append((times, fired))
    spikes = {name: _spikes(network, request, slices[name], made, name) for name in network.order}
    return Recording(
        spikes={name: _off_grid(spikes[name], request.lengths) for name in request.spikes},
        v=v,
        counts=totals.counts(),
        state=finish_batch(network, slices, samples, state, spikes, request.lengths, horizon),
    )


def _check_finite(network: Network, slices: Mapping[str, slice], sample: SampleState) -> None:
    """Refuse the end of a run in which numbers overflowed: infinity and NaN stay where they came about."""
    for name, units in slices.items():
        if network.population(name).neuron is None:
            continue
        for what, values in (("membranes", sample.v[units]), ("currents", sample.current[:, units])):
            bad = ~np.isfinite(values)
            if bad.any():
                rule = "finite at the end of a run (sums went beyond float64)"
                raise refusal(f"{what} of {name!r}", rule, values[bad][0])


def _units(slices: Mapping[str, slice], names: Sequence[str] | Mapping[str, object]) -> Int64Array:
    """List the units of some populations."""
    parts = (np.arange(slices[name].start, slices[name].stop) for name in names)
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _given(
    network: Network, arrays: ExactArrays, events: Mapping[str, Events], b: int
) -> tuple[Int64Array, Float64Array, Int64Array, Int64Array]:
    """List the spikes of sources in sample b: bounds of the populations, times, steps and units.

    They are in the order of steps, which is as good as that of time where a projection has one delay.
    """
    sizes, times, steps, units = [], [], [], []
    for p, name in enumerate(network.order):
        sizes.append(0)
        if name not in events:
            continue
        rows = slice(*events[name].offsets[b : b + 2].tolist())
        time, step, unit = times_of(events[name])[rows], events[name].step[rows], events[name].unit[rows]
        if arrays.several[arrays.pre == p].any():
            order = np.lexsort((unit, time))
            time, step, unit = time[order], step[order], unit[order]
        sizes[-1] = unit.size
        times.append(time)
        steps.append(step)
        units.append(unit + arrays.first[p] if p else unit)
    none = np.zeros(0, dtype=np.int64)
    return bounds(sizes), _joined(times, np.zeros(0)), _joined(steps, none), _joined(units, none)


def _joined(parts: Sequence[Any], none: Any) -> Any:
    """Join arrays, read-only; one alone is not copied."""
    joined = parts[0].view() if len(parts) == 1 else np.concatenate([none, *parts])
    joined.flags.writeable = False
    return joined


def _earlier(
    slices: Mapping[str, slice], recent: Mapping[str, Events], b: int, origin_ms: float
) -> SpikeTimes:
    """List the spikes of earlier runs in sample b in the order of time, which counts from `origin_ms`."""
    times, units = [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
    for name, part in recent.items():
        rows = slice(part.offsets[b], part.offsets[b + 1])
        times.append(times_of(part)[rows] - origin_ms)
        units.append(part.unit[rows] + slices[name].start)
    time, unit = np.concatenate(times), np.concatenate(units)
    order = np.lexsort((unit, time))
    return time[order], unit[order]


def _drive(request: RunRequest, b: int, steps: int) -> Float64Array:
    """Join the drive of all driven populations in sample b, [T, M], or [1, M] if none of it changes."""
    parts = [drive[:, b if drive.shape[1] > 1 else 0] for drive in request.drive.values()]
    rows = steps if any(len(part) > 1 for part in parts) else 1
    full = [np.broadcast_to(part[: max(rows, 1)], (rows, part.shape[1])) for part in parts]
    return np.concatenate([np.zeros((rows, 0)), *full], axis=1)


def _rows(time_ms: Float64Array, unit: Int64Array) -> SpikeRows:
    """List spikes for `Totals`: those of one unit at one time, side by side, are a row with their number."""
    fresh = np.ones(unit.size, dtype=bool)
    fresh[1:] = (unit[1:] != unit[:-1]) | (time_ms[1:] != time_ms[:-1])
    none = np.zeros(unit.size, dtype=np.int64)  # times are not counted
    if fresh.all():
        return SpikeRows(none, unit, none + 1)
    starts = np.flatnonzero(fresh)
    return SpikeRows(none[starts], unit[starts], np.diff(np.append(starts, unit.size)))


def _fired(log: Log) -> SpikeTimes:
    """List the spikes of a log."""
    rows = slice(log.used[0])
    return np.repeat(log.time_ms[rows], log.spikes[rows]), np.repeat(log.unit[rows], log.spikes[rows])


def _trace(units: int, traced: Int64Array, steps: int) -> Trace:
    """Make room for the membranes of the units `traced`."""
    column = np.full(units, -1)
    column[traced] = np.arange(traced.size)
    return Trace(np.zeros((steps, traced.size)), column, np.zeros(traced.size, dtype=np.int64))


def _spikes(
    network: Network, request: RunRequest, own: slice, made: Sequence[SpikeTimes], name: str
) -> Events:
    """Take the spikes of one population, whose units are `own`: a source has what it was given."""
    if name in request.events:
        return request.events[name]
    times, units = [], []
    for (time, unit), steps in zip(made, request.lengths.tolist(), strict=True):
        mine = (unit >= own.start) & (unit < own.stop)
        times.append(before_end(time[mine], steps, network.dt_ms))
        units.append(unit[mine] - own.start)
    size = own.stop - own.start
    return TimedEvents.from_times(times, units, n_units=size, dt_ms=network.dt_ms, n_steps=request.lengths)


def _off_grid(events: Events, lengths: Int64Array) -> TimedEvents:
    """Give events their times, where they have none, and the lengths of the run."""
    if isinstance(events, TimedEvents) and np.array_equal(events.n_steps, lengths):
        return events
    samples = [slice(*events.offsets[b : b + 2].tolist()) for b in range(len(events))]
    time, dt = times_of(events), events.dt_ms
    return TimedEvents.from_times(
        [before_end(time[rows], steps, dt) for rows, steps in zip(samples, lengths.tolist(), strict=True)],
        [events.unit[rows] for rows in samples],
        n_units=events.n_units,
        dt_ms=dt,
        n_steps=lengths,
    )

"""Run a network off the grid: engine="exact".

Times are continuous: events and delays keep their milliseconds, membranes flow exactly between
events, and a spike is where the membrane meets its threshold. Step k of `currents` holds over
[k dt, (k + 1) dt); `record.v` is the membrane at k dt, after what happens then. Weights and drive
mean what they mean in a step of the network's `dt_ms`: a spike jumps by weight * input_scale, and a
constant drive leads to the same steady membrane.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from snn.core.arrays import Float64Array, Int64Array
from snn.core.checks import refusal
from snn.core.events import Events
from snn.core.exact.layout import exact_arrays_of
from snn.core.exact.loop import run_sample
from snn.core.exact.sample import SampleInput, SampleState
from snn.core.exact.state import ExactState, finish_batch, horizon_of, slices_of, start_sample
from snn.core.grid.request import RunRequest
from snn.core.grid.run_memory import check_run
from snn.core.grid.spike_log import SpikeRows
from snn.core.grid.totals import Totals
from snn.core.network import Network
from snn.core.recording import Recording
from snn.core.state import SimulationState
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
        given = _given(slices, request.events, b, 0.0)
        earlier = _given(slices, {} if state is None else state.recent, b, horizon * dt)
        trace = np.zeros((steps, traced.size))
        inputs = SampleInput(*given, *earlier, _drive(request, b, steps), driven, steps, dt)
        times, units = run_sample(arrays, sample, inputs, trace, traced)
        _check_finite(network, slices, sample)
        totals.add(_counted(times, units), sample.touched, sample.delay_reads, steps)
        column = 0
        for into in v.values():
            into[:steps, b] = trace[:, column : column + into.shape[2]]
            column += into.shape[2]
        samples.append(sample)
        made.append((times, units))
    spikes = {name: _spikes(network, slices[name], made, request.lengths) for name in network.order}
    return Recording(
        spikes={name: spikes[name] for name in request.spikes},
        v=v,
        counts=totals.counts(),
        state=finish_batch(network, slices, samples, state, spikes, horizon),
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


def _given(slices: Mapping[str, slice], events: Mapping[str, Events], b: int, origin_ms: float) -> SpikeTimes:
    """List the spikes of sample b in the order of time, which counts from `origin_ms`."""
    times, units = [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
    for name, part in events.items():
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


def _counted(times: Float64Array, units: Int64Array) -> SpikeRows:
    """List the spikes for `Totals`: those of one unit at one time are a row with their number."""
    order = np.lexsort((times, units))
    time, unit = times[order], units[order]
    fresh = np.ones(unit.size, dtype=bool)
    fresh[1:] = (np.diff(unit) != 0) | (np.diff(time) != 0)
    starts = np.flatnonzero(fresh)
    none = np.zeros(starts.size, dtype=np.int64)
    return SpikeRows(none, unit[starts], np.diff(np.append(starts, unit.size)))


def _spikes(network: Network, own: slice, made: Sequence[SpikeTimes], lengths: Int64Array) -> TimedEvents:
    """Take the spikes of one population, whose units are `own`."""
    times, units = [], []
    for (time, unit), steps in zip(made, lengths, strict=True):
        mine = (unit >= own.start) & (unit < own.stop)
        last = np.nextafter(steps * network.dt_ms * (1.0 - 4e-9), 0.0)  # in the last step, not on its end
        times.append(np.minimum(time[mine], last))
        units.append(unit[mine] - own.start)
    size = own.stop - own.start
    return TimedEvents.from_times(times, units, n_units=size, dt_ms=network.dt_ms, n_steps=lengths)

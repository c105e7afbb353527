"""Run a network off the grid: engine="exact".

Times are continuous: events and delays keep their milliseconds, membranes flow exactly between
events, and a spike is where the membrane meets its threshold. Step k of `currents` holds over
[k dt, (k + 1) dt); `record.v` is the membrane at k dt, after what happens then. Weights and drive
mean what they mean in a step of the network's `dt_ms`: a spike jumps by weight * input_scale, and a
constant drive leads to the same steady membrane.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NoReturn
from weakref import WeakKeyDictionary

import numpy as np

from snn.core.arrays import Float64Array, Int64Array, PathLike
from snn.core.events import Events
from snn.core.exact import layout
from snn.core.exact.layout import ExactArrays
from snn.core.exact.loops import Cells, run_exact
from snn.core.grid.request import RunRequest
from snn.core.grid.spike_log import SpikeRows
from snn.core.grid.totals import Totals
from snn.core.layout.neuron_arrays import NeuronArrays, neuron_arrays_of
from snn.core.network import Network
from snn.core.record import Recording
from snn.core.state import SimulationState
from snn.core.timed_events import TimedEvents, times_of

_plans: WeakKeyDictionary[Network, ExactArrays] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, eq=False)
class ExactState(SimulationState):
    """Hold where samples of engine="exact" stand; only that engine goes on from here."""

    hold_ms: dict[str, Float64Array]
    """Time for which each neuron is still held, [B, N], ms; `refractory` is that in whole steps."""

    def save(self, path: PathLike) -> NoReturn:
        """Refuse: the state file keeps steps, and would lose the times.

        Raises:
            ValueError: Always.
        """
        raise ValueError("the state of engine='exact' is kept in memory only: its file would lose times")


def run(network: Network, task: RunRequest, state: SimulationState | None) -> Recording:
    """Run what `simulate` was asked for.

    Raises:
        ValueError: The network has no exact flow (`layout.build` says when), or the state is
            of another engine.
    """
    if state is not None and not isinstance(state, ExactState):
        raise ValueError("state is of an engine on the grid: engine='exact' cannot go on from it")
    if network not in _plans:
        _plans[network] = layout.build(network)
    plan, grid = _plans[network], neuron_arrays_of(network)
    samples, dt = task.lengths.size, network.dt_ms
    tally = Totals(network, continued=state is not None)
    past = math.ceil(plan.delay.max(initial=0.0) / dt) + 1
    longest = int(task.lengths.max(initial=0))
    v = {name: np.full((longest, samples, network.population(name).size), np.nan) for name in task.v}
    finals: list[Cells] = []
    logs: list[tuple[Float64Array, Int64Array]] = []
    for b, steps in enumerate(task.lengths.tolist()):
        cells = _start(network, plan, state, b)
        given = _given(network, grid, task.events, b, 0)
        flying = _given(network, grid, {} if state is None else state.recent, b, past)
        traced, driven = _units(network, grid, task.v), _units(network, grid, tuple(task.drive))
        trace = np.zeros((steps, traced.size))
        times, units = run_exact(
            plan, cells, (*given, *flying), _drive(task, b, steps), driven, steps, dt, trace, traced
        )
        tally.add(_rows(times, units), cells.touched, cells.reads, steps)
        for name, part in zip(
            task.v, np.split(trace, np.cumsum(_sizes(network, task.v))[:-1], 1), strict=False
        ):
            v[name][:steps, b] = part
        finals.append(cells)
        logs.append((times, units))
    spikes = {name: _events(network, grid, name, logs, task.lengths) for name in network.order}
    return Recording(
        spikes={name: spikes[name] for name in task.spikes},
        v=v,
        counts=tally.counts(),
        state=_finish(network, grid, finals, task, state, spikes, past),
    )


def _start(network: Network, plan: ExactArrays, state: ExactState | None, b: int) -> Cells:
    units, grid = plan.tau.size, neuron_arrays_of(network)
    cells = Cells(
        v=plan.v_rest.copy(),
        current=np.zeros((2, units)),
        at=np.zeros(units),
        hold=np.full(units, -np.inf),
        drive=grid.bias.copy(),
        until=np.zeros(units),
        version=np.zeros(units, dtype=np.int64),
        arrivals=np.zeros((2, units)),
        reached=np.zeros(units, dtype=bool),
        due=np.zeros(units, dtype=bool),
        touched=np.zeros(grid.slot.size, dtype=np.int64),
        reads=np.zeros(plan.pre.size, dtype=np.int64),
    )
    if state is not None:
        state.check(network)
        for name, v in state.v.items():
            part = _part(network, grid, name)
            cells.v[part] = v[b]
            cells.hold[part] = state.hold_ms[name][b]
            if name in state.currents:
                cells.current[: state.currents[name].shape[1], part] = state.currents[name][b]
    return cells


def _given(
    network: Network, grid: NeuronArrays, events: dict[str, Events], b: int, past: int
) -> tuple[Float64Array, Int64Array]:
    """Times and units of sample b, in the order of time; they count from step `past`."""
    times, units = [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
    for name, part in events.items():
        rows = slice(part.offsets[b], part.offsets[b + 1])
        times.append(times_of(part)[rows] - past * network.dt_ms)
        units.append(part.unit[rows] + _part(network, grid, name).start)
    time, unit = np.concatenate(times), np.concatenate(units)
    order = np.lexsort((unit, time))
    return time[order], unit[order]


def _drive(task: RunRequest, b: int, steps: int) -> Float64Array:
    parts = [array[:, b if array.shape[1] > 1 else 0] for array in task.drive.values()]
    rows = steps if any(len(part) > 1 for part in parts) else 1
    full = [np.broadcast_to(part[: max(rows, 1)], (rows, part.shape[1])) for part in parts]
    return np.concatenate([np.zeros((rows, 0)), *full], axis=1)


def _rows(times: Float64Array, units: Int64Array) -> SpikeRows:
    """List the spikes for the tally, equal ones as a count."""
    order = np.lexsort((times, units))
    time, unit = times[order], units[order]
    fresh = np.ones(unit.size, dtype=bool)
    fresh[1:] = (np.diff(unit) != 0) | (np.diff(time) != 0)
    starts = np.flatnonzero(fresh)
    none = np.zeros(starts.size, dtype=np.int64)
    return SpikeRows(none, unit[starts], np.diff(np.append(starts, unit.size)))


def _events(
    network: Network,
    grid: NeuronArrays,
    name: str,
    logs: list[tuple[Float64Array, Int64Array]],
    lengths: Int64Array,
) -> TimedEvents:
    part = _part(network, grid, name)
    times, units = [], []
    for (time, unit), steps in zip(logs, lengths, strict=True):
        mine = (unit >= part.start) & (unit < part.stop)
        last = np.nextafter(steps * network.dt_ms * (1.0 - 4e-9), 0.0)  # in the last step, not on its end
        times.append(np.minimum(time[mine], last))
        units.append(unit[mine] - part.start)
    return TimedEvents.from_times(
        times, units, n_units=part.stop - part.start, dt_ms=network.dt_ms, n_steps=lengths
    )


def _finish(
    network: Network,
    grid: NeuronArrays,
    finals: list[Cells],
    task: RunRequest,
    state: ExactState | None,
    spikes: dict[str, TimedEvents],
    past: int,
) -> ExactState:
    """Give every population its part of what is in flight."""
    ends = task.lengths * network.dt_ms
    v, currents, hold, recent = {}, {}, {}, {}
    for name in network.order:
        part, population = _part(network, grid, name), network.population(name)
        if population.neuron is not None:
            v[name] = _stack([c.v[part] for c in finals], population.size)
            left = [np.maximum(c.hold[part] - end, -1.0) for c, end in zip(finals, ends, strict=True)]
            hold[name] = _stack(left, population.size)
            if population.receptors:
                rows = [c.current[: len(population.receptors), part] for c in finals]
                currents[name] = np.stack(rows)
        recent[name] = _recent(spikes[name], None if state is None else state.recent[name], past)
    refractory = {n: np.ceil(np.maximum(h, 0.0) / network.dt_ms).astype(np.int64) for n, h in hold.items()}
    return ExactState(
        fingerprint=network.fingerprint,
        v=v,
        currents=currents,
        refractory=refractory,
        recent=dict(recent),
        adaptation={},
        steps=task.lengths + (0 if state is None else state.steps),
        seed=0,
        weights={},
        traces_pre={},
        traces_post={},
        hold_ms=hold,
    )


def _recent(spikes: TimedEvents, before: Events | None, past: int) -> TimedEvents:
    """Keep the spikes of the last `past` steps, earlier runs included; they count from there."""
    dt, ends = spikes.dt_ms, spikes.n_steps
    times, units = [], []
    for b, steps in enumerate(ends):
        rows = slice(spikes.offsets[b], spikes.offsets[b + 1])
        time, unit = spikes.time_ms[rows] - steps * dt, spikes.unit[rows]
        if before is not None:
            old = slice(before.offsets[b], before.offsets[b + 1])
            time = np.concatenate([times_of(before)[old] - (past + steps) * dt, time])
            unit = np.concatenate([before.unit[old], unit])
        kept = time + past * dt >= 0.0
        times.append(time[kept] + past * dt)
        units.append(unit[kept])
    return TimedEvents.from_times(times, units, n_units=spikes.n_units, dt_ms=dt, n_steps=past)


def _stack(rows: list[Float64Array], size: int) -> Float64Array:
    return np.concatenate([np.zeros((0, size)), *(row[None] for row in rows)])


def _part(network: Network, grid: NeuronArrays, name: str) -> slice:
    p = network.order.index(name)
    return slice(int(grid.first[p]), int(grid.first[p + 1]))


def _units(network: Network, grid: NeuronArrays, names: tuple[str, ...]) -> Int64Array:
    parts = [_part(network, grid, name) for name in names]
    return np.concatenate([np.zeros(0, np.int64), *(np.arange(p.start, p.stop) for p in parts)])


def _sizes(network: Network, names: tuple[str, ...]) -> list[int]:
    return [network.population(name).size for name in names]

"""Run a network on input events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, get_args

import numpy as np

from snn.core import exact, loops, queue
from snn.core import flight as in_flight
from snn.core.events import Events, Raster
from snn.core.flight import Flight
from snn.core.network import Network
from snn.core.plan import plan_of
from snn.core.record import Record, Recording
from snn.core.state import SimulationState
from snn.core.tally import Tally
from snn.core.task import Task, read_task
from snn.core.timed import TimedEvents
from snn.core.work import Given, Work

Engine = Literal["event", "clock", "exact"]
_ENGINES = {"event": loops.run_event, "clock": loops.run_clock}


def simulate(
    net: Network,
    inputs: Mapping[str, Events | Raster] | None = None,
    n_steps: int | None = None,
    engine: Engine = "event",
    currents: Mapping[str, Any] | None = None,
    record: Record | None = None,
    state: SimulationState | None = None,
    seed: int = 0,
) -> Recording:
    """Run `net` on a batch of samples, in float64.

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
        seed: Seed of random elements; this release has none that draw random numbers.

    Raises:
        ValueError: A name, size, length, step or option is not as said; the message names it.
        TypeError: A value is of the wrong type.
    """
    if engine not in get_args(Engine):
        raise ValueError(f"engine must be one of {', '.join(map(repr, get_args(Engine)))}, got {engine!r}")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise TypeError(f"seed must be an integer, got {seed!r}")
    task = read_task(net, inputs or {}, n_steps, currents or {}, record or Record(), state)
    if engine == "exact":
        return exact.run(net, task, state)
    _check_on_grid(task, state)
    return _run_on_grid(net, task, state, _ENGINES[engine])


def _run_on_grid(
    net: Network, task: Task, state: SimulationState | None, run: Callable[..., Any]
) -> Recording:
    plan, samples = plan_of(net), task.lengths.size
    flight = in_flight.start(net, samples, state)
    tally = Tally(net, continued=state is not None)
    desk = _Desk(net, task)
    longest = int(task.lengths.max(initial=0))
    v = {name: np.full((longest, samples, net.population(name).size), np.nan) for name in task.v}
    kept, recent = [], []
    for b, steps in enumerate(task.lengths.tolist()):
        work = desk.work(flight, b)
        log = queue.open_log(plan, flight.recent.of_sample(b), steps)
        unit, count = run(plan, desk.given(b), work, log)
        rows = queue.close_log(plan, b, log.bounds, unit, count)
        kept.append(rows.since(plan.horizon))
        recent.append(rows.since(steps))
        tally.add(kept[-1], work.touched, work.reads, steps)
        for name in task.v:
            v[name][:steps, b] = work.trace[:, desk.recorded.part(name)]
    flight.recent = queue.join(recent)
    return Recording(
        spikes=queue.split(plan, net.order, queue.join(kept), task.spikes, net.dt_ms, task.lengths),
        v=v,
        counts=tally.counts(),
        state=in_flight.finish(net, flight),
    )


def _check_on_grid(task: Task, state: SimulationState | None) -> None:
    for name, events in task.events.items():
        if isinstance(events, TimedEvents):
            raise ValueError(f"inputs[{name!r}] is off the grid: engine='exact' runs it, or pass on_grid()")
    if isinstance(state, exact.ExactState):
        raise ValueError("state is of engine='exact', and only that engine goes on from it")


class _Columns:
    """Give some populations their columns in a table of all their units."""

    def __init__(self, net: Network, names: Iterable[str]) -> None:
        self._parts: dict[str, slice] = {}
        self.width = 0
        for name in names:
            size = net.population(name).size
            self._parts[name] = slice(self.width, self.width + size)
            self.width += size
        self.first = np.array(
            [self._parts[name].start if name in self._parts else -1 for name in net.order], dtype=np.int64
        )
        """First column of each population in the plan's order, [P]; -1 without."""

    def part(self, name: str) -> slice:
        """Return the columns of a population."""
        return self._parts[name]


class _Desk:
    """Lay out for the loops what one sample is given, and what they write to."""

    def __init__(self, net: Network, task: Task) -> None:
        self._plan = plan_of(net)
        self._task = task
        self.recorded = _Columns(net, dict.fromkeys(task.v))
        self._driven = _Columns(net, task.drive)
        self._static = all(array.shape[0] == 1 for array in task.drive.values())
        # Left alone, a unit goes by its bias only: driven and recorded ones are always updated.
        self._sleep_below = self._plan.sleep_below.copy()
        for p in range(len(net.order)):
            if self.recorded.first[p] >= 0 or self._driven.first[p] >= 0:
                self._sleep_below[self._plan.first[p] : self._plan.first[p + 1]] = -np.inf

    def given(self, b: int) -> Given:
        """Collect the inputs and the drive of sample b."""
        steps = int(self._task.lengths[b])
        rows = self._task.inputs.of_sample(b)
        drive = np.zeros((1 if self._static else steps, self._driven.width))
        for name, array in self._task.drive.items():
            of_sample = array[:, b if array.shape[1] > 1 else 0]
            drive[:, self._driven.part(name)] = of_sample[:steps] if len(of_sample) > 1 else of_sample
        return Given(steps, rows.step, rows.unit, rows.spikes, drive, self._driven.first, self._sleep_below)

    def work(self, flight: Flight, b: int) -> Work:
        """Point at the state of sample b, to be advanced in place; counts and scratch are fresh."""
        plan, units = self._plan, self._plan.decay.size
        return Work(
            v=flight.v[b],
            current=flight.current[b],
            refractory=flight.refractory[b],
            trace=np.zeros((int(self._task.lengths[b]), self.recorded.width)),
            trace_column=self.recorded.first,
            touched=np.zeros(plan.slot.size, dtype=np.int64),
            reads=np.zeros(plan.pre.size, dtype=np.int64),
            arrivals=np.zeros(plan.syn_decay.size),
            stamp=np.full(units, -1, dtype=np.int64),
            awake=np.ones(units, dtype=bool),
            members=np.arange(units),
            n_members=np.diff(plan.first),
            done=np.zeros(units, dtype=np.int64),
        )

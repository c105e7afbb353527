"""Run a `Network` in NEST (optional: `pip install nest-simulator`): for many machines (MPI), and as an oracle.

What becomes what, with C_m = tau_m, so that a current of I moves the steady membrane by I:

- A population becomes `iaf_psc_delta` (a spike jumps the membrane) or `iaf_psc_exp_multisynapse` (currents);
  with `precise=True` `iaf_psc_delta_ps`, `iaf_psc_exp_ps_lossless` (one time constant) or `iaf_psc_exp_ps`,
  which leave the grid as engine="exact" does. A leaky integrator is a neuron whose threshold is out of reach.
  A source becomes one `spike_generator` per unit that spikes.
- Jumps: the weight is ours times `input_scale`. Currents: NEST integrates the current of the step before
  exactly over the step, ours drives the membrane by `input_scale` times the current of the step itself. Both
  are one recursion with `weight * input_scale / P21`, where P21 is NEST's response to a unit current.
- Noise becomes a `poisson_generator` per input: the same law, other draws.
- Time: step k of ours is NEST's step k + 2, so that inputs can be sent early enough to arrive in step 0.
  NEST stamps a spike with the end of its step, ours with the start.
- Delay: a jump over our delay d has NEST's delay d; NEST's smallest delay is our 1. A current in NEST first
  moves the membrane in the step after its arrival, so it has NEST's delay d - 1, and our 2 is the smallest
  between neurons. Off the grid both are d.

Refused by name: shorter delays between neurons, resets other than "hard", a membrane without leak or without
memory, equal time constants of membrane and current, drive that changes in time, an adaptive threshold,
weights that learn; with `precise=True` also delays and refractory times between steps, a refractory time of 0,
and a receptor with weights of both signs beside another (NEST sorts its two currents by sign). One tie differs
off the grid: a spike that arrives just when a refractory time ends counts in NEST and not with us (nor with
NEST on its grid).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from snn.core import Events, Network, Raster, Record, SimulationState, TimedEvents
from snn.core.arrays import Float64Array
from snn.core.grid.request import RunRequest, read_request
from snn.interop.nest_network import EARLY, Build, build

_TICS_PER_MS = 1000  # NEST's own

__all__ = ["NestRecording", "simulate"]


@dataclass(frozen=True, slots=True, eq=False)
class NestRecording:
    """Hold what a run in NEST kept, in the terms of `Recording`."""

    spikes: dict[str, Events]
    """Spikes per recorded population; `TimedEvents` of a precise run."""
    v: dict[str, Float64Array]
    """Membrane after reset, [T, B, N], per recorded population; NaN past a sample's length."""


def simulate(
    net: Network,
    inputs: Mapping[str, Events | Raster] | None = None,
    n_steps: int | None = None,
    *,
    precise: bool = False,
    currents: Mapping[str, Any] | None = None,
    record: Record | None = None,
    state: SimulationState | None = None,
    seed: int = 0,
    threads: int = 1,
) -> NestRecording:
    """Run `net` in NEST, sample by sample; the module says what becomes what.

    NEST has one kernel per process, which is reset. Under MPI every process keeps the spikes of its own
    neurons.

    Args:
        net: The network.
        inputs: Spikes of its sources, as in `snn.simulate`; `TimedEvents` only with `precise`.
        n_steps: Steps to run, as in `snn.simulate`.
        precise: Let spikes leave the grid, as engine="exact" does.
        currents: Drive on top of the bias, per population, [N]: constant.
        record: What to keep; membranes only on the grid.
        state: Where the membranes start; nothing else may be in flight.
        seed: Seed of NEST's own random numbers, which are the network's noise; sample b has seed + b.
        threads: NEST's threads.

    Raises:
        ModuleNotFoundError: NEST is not installed.
        ValueError: NEST cannot run the network as it is; the message names the part and the reason.
    """
    task = read_request(net, inputs or {}, n_steps, currents or {}, record or Record(), state)
    _check_state(net, state)
    for name, drive in task.drive.items():
        if drive.shape[:2] != (1, 1):
            raise ValueError(f"currents[{name!r}] must be [N] for NEST: drive that changes is not passed on")
    for name, events in task.events.items():
        if isinstance(events, TimedEvents) and not precise:
            raise ValueError(f"inputs[{name!r}] is off the grid: precise=True runs it, or pass on_grid()")
    if precise and task.v:
        raise ValueError(f"record.v must be empty with precise=True, got {list(task.v)}")
    nest = _load()
    spikes: dict[str, list[Any]] = {name: [] for name in task.spikes}
    longest = int(task.lengths.max(initial=0))
    shape = {name: (longest, task.lengths.size, net.population(name).size) for name in task.v}
    v = {name: np.full(size, np.nan) for name, size in shape.items()}
    for b, steps in enumerate(task.lengths.tolist()):
        nest.ResetKernel()
        tics = _TICS_PER_MS * Fraction(str(net.dt_ms)).denominator  # a step must be whole tics
        nest.set(tics_per_ms=tics, resolution=net.dt_ms, local_num_threads=threads, print_time=False)
        nest.rng_seed = 1 + (seed + b) % (2**31 - 1)
        made = build(nest, net, task, b, precise, state)
        if steps:
            made.run(nest, steps, net.dt_ms)
        for name in task.spikes:
            spikes[name].append(_read_spikes(made, name, steps, net.dt_ms, precise))
        for name in task.v:
            v[name][:steps, b] = _read_membranes(made, name, steps)
    return NestRecording({name: _events(net, task, name, rows, precise) for name, rows in spikes.items()}, v)


def _check_state(net: Network, state: SimulationState | None) -> None:
    """Refuse a state with more than membranes: NEST takes in no spikes on their way."""
    if state is None:
        return
    state.check(net)
    arrays = {"currents": state.currents, "refractory": state.refractory, "adaptation": state.adaptation}
    for kind, values in arrays.items():
        for name, array in values.items():
            if array.any():
                raise ValueError(f"NEST starts from membranes alone; state.{kind}[{name!r}] is not 0")
    for name, events in state.recent.items():
        if events.n_events:
            raise ValueError(f"NEST starts from membranes alone; spikes of {name!r} are on their way")


def _load() -> Any:
    """Import NEST without its greeting.

    Raises:
        ModuleNotFoundError: It is not there.
    """
    os.environ.setdefault("PYNEST_QUIET", "1")
    try:
        import nest
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("NEST is not installed: pip install nest-simulator") from error
    nest.verbosity = nest.VerbosityLevel.ERROR
    return nest


def _read_spikes(made: Build, name: str, steps: int, dt: float, precise: bool) -> tuple[Any, Any]:
    """Time and unit of each spike of a population in our terms: steps, or ms of a precise run."""
    if name not in made.spikes:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    rows = made.spikes[name].events
    unit = np.asarray(rows["senders"], dtype=np.int64) - made.nodes[name][0].global_id
    stamp = np.asarray(rows["times"], dtype=np.int64)
    if precise:
        time = (stamp - EARLY) * dt - np.asarray(rows["offsets"])
        kept = (time >= 0.0) & (time < steps * dt * (1.0 - 4e-9))
        return time[kept], unit[kept]
    step = stamp - 1 - EARLY
    kept = (step >= 0) & (step < steps)
    return step[kept], unit[kept]


def _read_membranes(made: Build, name: str, steps: int) -> Float64Array:
    """Membrane of each neuron at the end of each of our steps, [T, N]."""
    rows = made.membranes[name].events
    unit = np.asarray(rows["senders"], dtype=np.int64) - made.nodes[name][0].global_id
    step = np.asarray(rows["times"], dtype=np.int64) - 1 - EARLY
    v = np.full((steps, len(made.nodes[name])), np.nan)
    kept = (step >= 0) & (step < steps)
    v[step[kept], unit[kept]] = np.asarray(rows["V_m"])[kept]
    return v


def _events(net: Network, task: RunRequest, name: str, rows: list[Any], precise: bool) -> Events:
    """Collect the spikes of all samples; a source's are those it was given."""
    population = net.population(name)
    size, dt, lengths = population.size, net.dt_ms, task.lengths
    if population.neuron is None:
        if name in task.events:
            given = task.events[name]
            return _lengthen(given, task)
        rows = [(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))] * len(rows)
    times, units = [time for time, _ in rows], [unit for _, unit in rows]
    if precise:
        return TimedEvents.from_times(times, units, n_units=size, dt_ms=dt, n_steps=lengths)
    return Events.from_lists(times, units, n_units=size, dt_ms=dt, n_steps=lengths)


def _lengthen(given: Events, task: RunRequest) -> Events:
    if isinstance(given, TimedEvents):
        columns = given.time_ms, given.unit, given.offsets, given.n_units, given.dt_ms
        return TimedEvents(*columns, task.lengths)
    return Events(given.step, given.unit, given.offsets, given.n_units, given.dt_ms, task.lengths)

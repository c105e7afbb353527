"""Run a network in NEST, sample by sample."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from snn.core import Events, Network, Raster, Record, SimulationState, TimedEvents
from snn.core.arrays import Float64Array
from snn.core.checks import flag, refusal, whole
from snn.core.grid.request import RunRequest, read_request
from snn.interop.nest.network import build

_TICS_PER_MS = 1000  # NEST's own


@dataclass(frozen=True, slots=True, eq=False)
class NestRecording:
    """Hold what a run in NEST kept, in the terms of `Recording`.

    Attributes:
        spikes: Spikes per recorded population; `TimedEvents` of a precise run.
        v: Membrane after reset, [T, B, N], per recorded population; NaN past a sample's length.
    """

    spikes: dict[str, Events]
    v: dict[str, Float64Array]


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
    """Run `net` in NEST, sample by sample; `snn.interop.nest` says what becomes what.

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
        threads: NEST's threads, >= 1.

    Raises:
        ModuleNotFoundError: NEST is not installed.
        ValueError: NEST cannot run the network as it is; the message names the part and the reason.
    """
    precise, seed = flag("precise", precise), whole("seed", seed)
    threads = whole("threads", threads, low=1)
    request = read_request(net, inputs or {}, n_steps, currents or {}, record or Record(), state)
    _check(request, currents or {}, precise)
    _check_state(net, state)
    nest = _load()
    spikes: dict[str, list[Any]] = {name: [] for name in request.spikes}
    longest = int(request.lengths.max(initial=0))
    shape = {name: (longest, request.lengths.size, net.population(name).size) for name in request.v}
    v = {name: np.full(size, np.nan) for name, size in shape.items()}
    for b, steps in enumerate(request.lengths.tolist()):
        nest.ResetKernel()
        tics = _TICS_PER_MS * Fraction(str(net.dt_ms)).denominator  # a step must be whole tics
        nest.set(tics_per_ms=tics, resolution=net.dt_ms, local_num_threads=threads, print_time=False)
        nest.rng_seed = 1 + (seed + b) % (2**31 - 1)
        made = build(nest, net, request, b, precise, state)
        if steps:
            made.run(nest, steps, net.dt_ms)
        for name in made.recorders:
            spikes[name].append(made.read_spikes(name, steps, net.dt_ms, precise))
        for name in request.v:
            v[name][:steps, b] = made.read_membranes(name, steps)
    kept = {name: _events(net, request, name, rows, precise) for name, rows in spikes.items()}
    return NestRecording(kept, v)


def _check(request: RunRequest, currents: Mapping[str, Any], precise: bool) -> None:
    for name, drive in request.drive.items():
        if drive.shape[:2] != (1, 1):
            rule = "[N] for NEST, which is given no drive that changes"
            raise refusal(f"currents[{name!r}]", rule, np.asarray(currents[name]))
    for name, events in request.events.items():
        if isinstance(events, TimedEvents) and not precise:
            raise ValueError(
                f"inputs[{name!r}] must be on the grid unless precise=True, got TimedEvents; on_grid() drops times"
            )
    if precise and request.v:
        raise refusal("record.v", "empty with precise=True", list(request.v))


def _check_state(net: Network, state: SimulationState | None) -> None:
    """Refuse a state with more than membranes: NEST takes in no spikes on their way."""
    if state is None:
        return
    state.check(net)
    arrays = {"currents": state.currents, "refractory": state.refractory, "adaptation": state.adaptation}
    for kind, values in arrays.items():
        for name, array in values.items():
            if array.any():
                rule = "0 for NEST, which starts from membranes alone"
                raise refusal(f"state.{kind}[{name!r}]", rule, array[array != 0][0])
    for name, events in state.recent.items():
        if events.n_events:
            rule = "without spikes for NEST, which starts from membranes alone"
            raise refusal(f"state.recent[{name!r}]", rule, events)


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


def _events(net: Network, request: RunRequest, name: str, rows: list[Any], precise: bool) -> Events:
    """Collect the spikes of all samples; a source's are those it was given."""
    population, lengths = net.population(name), request.lengths
    if population.neuron is None:
        if name in request.events:
            return _lengthened(request.events[name], request)
        nothing = np.zeros(0, dtype=np.int64)
        rows = [(nothing, nothing)] * lengths.size
    times, units = [time for time, _ in rows], [unit for _, unit in rows]
    size, dt = population.size, net.dt_ms
    if precise:
        return TimedEvents.from_times(times, units, n_units=size, dt_ms=dt, n_steps=lengths)
    return Events.from_lists(times, units, n_units=size, dt_ms=dt, n_steps=lengths)


def _lengthened(given: Events, request: RunRequest) -> Events:
    if isinstance(given, TimedEvents):
        columns = given.time_ms, given.unit, given.offsets, given.n_units, given.dt_ms
        return TimedEvents(*columns, request.lengths)
    return Events(given.step, given.unit, given.offsets, given.n_units, given.dt_ms, request.lengths)

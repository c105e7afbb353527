"""Check what `simulate` is asked for, and bring it into one form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from snn.core import memory
from snn.core.arrays import Float64Array, Int64Array
from snn.core.checks import finite, refusal, shown, whole
from snn.core.events import Events, Raster
from snn.core.network import Network
from snn.core.recording import Record
from snn.core.state import SimulationState
from snn.core.timed_events import TimedEvents
from snn.core.units import MOST_STEPS_AT_ONCE

Dtype = Literal["float64", "float32"]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Say what to run and what to keep.

    Attributes:
        lengths: Steps of each sample, [B].
        events: Spikes of the sources that have some, as given.
        drive: Drive per population, [T or 1, B or 1, N].
        spikes: Populations whose spikes are kept.
        v: Populations whose membranes are kept.
        recent: Spikes of earlier steps, per population, still on their way.
    """

    lengths: Int64Array
    events: dict[str, Events]
    drive: dict[str, Float64Array]
    spikes: tuple[str, ...]
    v: tuple[str, ...]
    recent: dict[str, Events]


def read_request(
    net: Network,
    inputs: Mapping[str, Events | Raster] | None,
    n_steps: int | None,
    currents: Mapping[str, Any] | None,
    record: Record,
    state: SimulationState | None,
) -> RunRequest:
    """Check the arguments of `simulate`, which documents them.

    Raises:
        ValueError: A name, size or length is not as `simulate` says.
        TypeError: An input is neither `Events` nor `Raster`, or an argument no mapping.
        MemoryError: The membranes to record would not fit; the message has the estimate.
    """
    inputs, currents = _by_name("inputs", inputs), _by_name("currents", currents)
    events = {name: _input(net, name, given) for name, given in inputs.items()}
    given = {name: _drive(net, name, values) for name, values in currents.items()}
    batches = {name: array.shape[1] for name, array in given.items() if array.ndim == 3}
    samples = _samples(events, batches, state)
    lengths = _lengths(events, n_steps, samples)
    longest = int(lengths.max(initial=0))
    for name, array in given.items():
        if array.ndim > 1 and array.shape[0] != longest:
            raise ValueError(
                f"currents[{name!r}] must have T = {longest} steps as the longest sample, got {array.shape[0]}"
            )
    drive = {name: _spread(array) for name, array in given.items()}
    spikes, v = check_recorded(net, record)
    memory.check_membranes(longest, samples, sum(net.population(name).size for name in v))
    return RunRequest(
        lengths=lengths,
        events=events,
        drive=drive,
        spikes=spikes,
        v=v,
        recent={} if state is None else state.recent,
    )


def check_recorded(net: Network, record: Record) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the populations whose spikes and whose membranes are kept.

    Raises:
        ValueError: The network has no such population; the message has those it has.
    """
    neurons = tuple(p.name for p in net.populations if p.neuron is not None)
    for name in record.v:
        if name not in neurons:
            raise refusal("record.v", f"of populations with neurons {list(neurons)}", name)
    spikes = neurons if record.spikes is None else tuple(record.spikes)
    for name in spikes:
        if name not in net.order:
            raise refusal("record.spikes", f"of populations, which are {list(net.order)}", name)
    return spikes, tuple(record.v)


def check_on_grid(request: RunRequest, dtype: str) -> None:
    """Refuse times off the grid, and drive that the numbers of the run cannot hold.

    Raises:
        ValueError: As said above; the message names the input.
    """
    largest = float(np.finfo(dtype).max)
    for name, drive in request.drive.items():
        finite(f"currents[{name!r}]", drive, low=-largest, high=largest)
    for name, events in request.events.items():
        if isinstance(events, TimedEvents):
            rule = "on the grid, as on_grid() makes them (engine='exact' alone runs times off the grid)"
            raise refusal(f"inputs[{name!r}]", rule, events)


def _by_name(name: str, given: Any) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"{name} must be given by the names of populations, got {shown(given)}")
    return given


def _input(net: Network, name: str, given: Events | Raster) -> Events:
    sources = [p.name for p in net.populations if p.neuron is None]
    if name not in sources:
        raise refusal("inputs", f"for sources, which are {sources}", name)
    population = net.population(name)
    if not isinstance(given, Events | Raster):
        raise TypeError(f"inputs[{name!r}] must be Events or Raster, got {type(given).__name__}")
    events = given.to_events() if isinstance(given, Raster) else given
    if events.dt_ms != net.dt_ms:
        raise refusal(f"inputs[{name!r}].dt_ms", f"{net.dt_ms} as the network's", events.dt_ms)
    if events.n_units != population.size:
        raise refusal(
            f"inputs[{name!r}].n_units", f"{population.size} as the size of {name!r}", events.n_units
        )
    return events


def _drive(net: Network, name: str, values: Any) -> Float64Array:
    """Copy the drive of a population, [N], [T, N] or [T, B, N]."""
    neurons = [p.name for p in net.populations if p.neuron is not None]
    if name not in neurons:
        raise refusal("currents", f"for populations with neurons, which are {neurons}", name)
    population = net.population(name)
    array = np.array(finite(f"currents[{name!r}]", values))
    if array.ndim not in (1, 2, 3) or array.shape[-1] != population.size:
        n = population.size
        raise ValueError(
            f"currents[{name!r}] must be [{n}], [T, {n}] or [T, B, {n}], got shape {list(array.shape)}"
        )
    return array


def _spread(array: Float64Array) -> Float64Array:
    """Give a drive all its axes, [T or 1, B or 1, N]."""
    return array[(None,) * (2 - array.ndim)][:, None] if array.ndim < 3 else array


def _samples(events: Mapping[str, Events], batches: Mapping[str, int], state: SimulationState | None) -> int:
    """Find the number of samples, on which all must agree."""
    found = {f"inputs[{name!r}]": len(given) for name, given in events.items()}
    found |= {f"currents[{name!r}]": size for name, size in batches.items()}
    if state is not None:
        found["state"] = len(state)
    if len(set(found.values())) > 1:
        parts = ", ".join(f"{name} has {n}" for name, n in found.items())
        raise ValueError(f"all must hold the same number of samples: {parts}")
    return next(iter(found.values()), 1)


def _lengths(events: Mapping[str, Events], n_steps: int | None, samples: int) -> Int64Array:
    lengths = np.zeros(samples, dtype=np.int64)
    for given in events.values():
        lengths = np.maximum(lengths, given.n_steps)
    longest = int(lengths.max(initial=0))
    if n_steps is None and not events:
        raise ValueError("n_steps is needed when no inputs say how long to run")
    steps = longest if n_steps is None else whole("n_steps", n_steps, low=0)
    if steps < longest:
        raise refusal("n_steps", f">= {longest}, the length of the inputs (Events.slice cuts them)", n_steps)
    if steps > MOST_STEPS_AT_ONCE:
        raise refusal("n_steps", f"<= {MOST_STEPS_AT_ONCE} in one run (continue from its state)", steps)
    return lengths if n_steps is None else np.full(samples, steps, dtype=np.int64)

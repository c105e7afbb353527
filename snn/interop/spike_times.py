"""Spike times of other tools and steps of ours: what is written for a step, and in which step a time lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from snn.core import Events, TimedEvents, event_steps
from snn.core.arrays import Float64Array, Int64Array
from snn.core.checks import choice, instance, number, refusal
from snn.core.population import check_name
from snn.core.units import MOST_FORGIVEN, check_dt, check_steps, check_units, mid_step_times

__all__ = [
    "TIMES_ARE",
    "FoundSpikes",
    "Stamp",
    "check_spikes",
    "events_of",
    "times_are",
    "units_in",
    "written_times",
]

Stamp = Literal["middle", "start"]
"""The instant of its step that is written for a spike on the grid: (k + 1/2) dt, or k dt."""
TIMES_ARE = {"middle": "the middle of the step", "start": "the start of the step", None: "their own"}
"""What is written beside times, by stamp, None off the grid; what stands beside another word is not ours."""
_LATEST = int(MOST_FORGIVEN / np.finfo(np.float64).eps)
"""Latest step whose time a float64 holds so well that it is found again."""
_ROUNDED = 1e-9
"""Fraction of a step within which a duration is a whole number of steps."""


def check_spikes(spikes: Any, tool: str, *, samples: bool = False) -> dict[str, Events]:
    """Return spikes by population.

    Args:
        spikes: A mapping of names to `Events`, as `Recording.spikes`.
        tool: What they are for, in messages.
        samples: Whether it holds several samples.

    Raises:
        ValueError: It is no such mapping, a name is not one, or there are several samples and only one is held.
    """
    if not isinstance(spikes, Mapping) or not spikes:
        raise refusal("spikes", "events by name of their population, as Recording.spikes", spikes)
    for name, events in spikes.items():
        check_name("name of a population", name)
        instance(f"spikes[{name!r}]", events, Events)
        if len(events) != 1 and not samples:
            raise refusal(
                f"spikes[{name!r}]", f"of one sample for {tool}; select([b]) takes one", len(events)
            )
    return dict(spikes)


def written_times(name: str, events: Events, unit_ms: float, stamp: Stamp = "middle") -> Float64Array:
    """Give each spike a time that leads back to its step.

    A spike off the grid keeps its time. Where that lies a rounding below its step, as a float32 may have left it,
    or would in the unit, the start of the step is written.

    Args:
        name: What to call the spikes in messages.
        events: The spikes.
        unit_ms: Unit of the times, ms: 1000 for seconds.
        stamp: What is written for a spike on the grid.

    Returns:
        Times in that unit from the start of the sample, float64, [E].

    Raises:
        ValueError: A step is too late for its time to be a float64.
    """
    choice("stamp", stamp, Stamp)
    if events.step.max(initial=0) > _LATEST:
        raise refusal(
            f"step of {name}",
            f"at most {_LATEST}: a float64 tells no later time from others",
            events.step.max(),
        )
    dt, start = events.dt_ms, events.step * (events.dt_ms / unit_ms)
    if isinstance(events, TimedEvents):
        own = events.time_ms / unit_ms
        times = np.where(event_steps(own, dt, unit_ms=unit_ms) == events.step, own, start)
    else:
        times = mid_step_times(events.step, dt, unit_ms=unit_ms) if stamp == "middle" else start
    return np.asarray(times, dtype=np.float64)


def times_are(events: Events, stamp: Stamp) -> str:
    """Say what `written_times` gave."""
    return TIMES_ARE[None if isinstance(events, TimedEvents) else stamp]


def units_in(n_units: Any, names: Any) -> dict[str, int]:
    """Return how many units the caller says that populations have, by name.

    Args:
        n_units: One number for all, or numbers by name; None: not said.
        names: The populations that there are.

    Raises:
        ValueError: A name is unknown, or a number out of range.
    """
    if n_units is None:
        return {}
    if not isinstance(n_units, Mapping):
        return dict.fromkeys(names, check_units("n_units", n_units))
    for name in n_units:
        choice("name in n_units", name, tuple(names))
    return {name: check_units(f"n_units[{name!r}]", size) for name, size in n_units.items()}


@dataclass(frozen=True, slots=True)
class FoundSpikes:
    """Hold the spikes of one population as another tool had them.

    Attributes:
        where: What to call the times in messages.
        time: Times in the type in which they are stored, [E], in any order.
        unit: Unit of each spike, [E], each in [0, n_units).
        n_units: Number of units.
        unit_ms: Unit of the times, ms.
        start: Start of step 0, in that unit.
        dt_ms: Length of a step where the tool says it, ms.
        end_ms: End from the start of step 0 where the tool says it, ms.
        on_grid: Whether times are said to be those of steps of `dt_ms`: of their start, or of their middle.
    """

    where: str
    time: NDArray[Any]
    unit: Int64Array
    n_units: int
    unit_ms: float
    start: float = 0.0
    dt_ms: float | None = None
    end_ms: float | None = None
    on_grid: bool = False

    def length(self, dt_ms: float) -> int | None:
        """Give the number of steps that reach its end; None where it says none."""
        if self.end_ms is None:
            return None
        steps = number(f"end of {self.where}", self.end_ms, low=0) / dt_ms
        off = max(_ROUNDED, 4 * float(np.spacing(steps)))  # roundings of the end, of dt, and of what is left
        return check_steps(f"end of {self.where}", float(np.ceil(steps - off)))

    def coarse(self, dt_ms: float) -> str | None:
        """Say where the type of the times is too coarse to tell steps; None where it is not."""
        if self.time.dtype.kind != "f" or not self.time.size:
            return None
        furthest = np.maximum(np.abs(self.time).max(), self.time.dtype.type(abs(self.start)))
        off = float(np.spacing(furthest)) / 2 * self.unit_ms / dt_ms
        if off <= MOST_FORGIVEN:
            return None
        kind = self.time.dtype
        return f"{self.where}: {kind} is off by up to {off:.2g} of a step; spikes may lie a step early."

    def _stamps(self, step: Int64Array, dt_ms: float) -> bool:
        """Tell whether all times are the start of their step, or all its middle, as far as the rule forgives."""
        into = (self.time.astype(np.float64) - self.start) * self.unit_ms / dt_ms - step
        return any(bool((np.abs(into - stamp) <= MOST_FORGIVEN).all()) for stamp in (0.0, 0.5))

    def events(self, step: Int64Array, dt_ms: float, n_steps: int) -> Events:
        """Make events of it.

        Raises:
            ValueError: A spike is not before the end.
        """
        late = step >= n_steps
        if late.any():
            row = int(late.argmax())
            end = self.start + n_steps * dt_ms / self.unit_ms
            rule = f"before the end, {end:g} ({n_steps} steps): windows here are half-open"
            raise refusal(f"{self.where}[{row}]", rule, self.time[row])
        if self.on_grid and self.dt_ms == dt_ms and self._stamps(step, dt_ms):
            return Events.from_lists([step], [self.unit], n_units=self.n_units, dt_ms=dt_ms, n_steps=n_steps)
        time_ms = np.maximum((self.time.astype(np.float64) - self.start) * self.unit_ms, 0.0)
        columns = {"time_ms": time_ms, "step": step, "unit": self.unit, "offsets": [0, step.size]}
        return TimedEvents.from_dict({**columns, "n_units": self.n_units, "dt_ms": dt_ms, "n_steps": n_steps})


def events_of(
    found: Mapping[str, FoundSpikes], dt_ms: float | None, n_steps: int | None
) -> tuple[dict[str, Events], list[str]]:
    """Place spikes in steps.

    Args:
        found: Spikes by population.
        dt_ms: Length of a step, ms; None is what the tool says.
        n_steps: Steps of the sample; None is what the tool says for a population, or what the latest spike of all
            needs.

    Returns:
        Events by population, of one sample: `TimedEvents`, or `Events` of what was written on a grid of this step;
        and sentences on types too coarse for the step.

    Raises:
        ValueError: Nobody says the step, or a time is impossible, or outside [start, end).
    """
    steps, dts, notes = {}, {}, []
    for name, one in found.items():
        if dt_ms is None and one.dt_ms is None:
            raise refusal("dt_ms", f"given, as {one.where} says no time step", None)
        dts[name] = dt = check_dt(one.dt_ms if dt_ms is None else dt_ms)
        steps[name] = event_steps(one.time, dt, unit_ms=one.unit_ms, origin=one.start, name=one.where)
        notes += [note for note in [one.coarse(dt)] if note is not None]
    latest = max((int(step.max(initial=-1)) + 1 for step in steps.values()), default=0)
    given = None if n_steps is None else check_steps("n_steps", n_steps)
    made = {}
    for name, one in found.items():
        said = one.length(dts[name]) if given is None else given
        made[name] = one.events(steps[name], dts[name], latest if said is None else said)
    return made, notes

"""Spikes off the grid: events with a time of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike

from snn.core.arrays import Float64Array, Int64Array, PathLike
from snn.core.checks import finite, integers, lists_of, real_array, refusal
from snn.core.events import Events
from snn.core.files.tree import fields_of
from snn.core.units import check_dt, event_steps

_COLUMNS = ("time_ms", "step", "unit", "offsets", "n_units", "dt_ms", "n_steps")
"""What makes `TimedEvents`: its arguments, and the steps, which tell what dtype the times came in."""
_MOST_OFF = 2e-3
"""Fraction of a step by which a time may lie outside of its step."""


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class TimedEvents(Events):
    """Hold spikes at any time: events whose `step` is the floor of `time_ms / dt_ms`.

    Rows are sorted as those of all `Events`, by (sample, step, unit), and then by time. Where the
    grid is enough, `on_grid()` drops the times.

    Attributes:
        time_ms: Time of each spike from the start of its sample, [E], ms, in [0, n_steps * dt_ms); read-only.
        step: Step of each spike, [E], in [0, n_steps of its sample).
        unit: Unit of each spike, [E], in [0, n_units).
        offsets: Bounds of the samples, [B + 1], from 0 to E.
        n_units: Number of units, >= 1.
        dt_ms: Length of a step, ms, > 0.
        n_steps: Length of each sample in steps, [B], >= 0.
    """

    time_ms: Float64Array

    def __init__(
        self,
        time_ms: ArrayLike,
        unit: ArrayLike,
        offsets: ArrayLike,
        n_units: int,
        dt_ms: float,
        n_steps: int | ArrayLike,
    ) -> None:
        """Check, sort and keep the spikes.

        Args:
            time_ms: Time of each spike, [E], ms, in [0, n_steps * dt_ms), in any order.
            unit: Unit of each spike, [E].
            offsets: Bounds of the samples, [B + 1].
            n_units: Number of units.
            dt_ms: Step in which lengths are counted, ms.
            n_steps: Length of each sample in steps, [B], or one length for all.

        Raises:
            ValueError: A time or another value is out of range; the message names it.
            TypeError: Units, bounds or lengths are not integers.
        """
        given = real_array("time_ms", time_ms)
        time, step = finite("time_ms", given, low=0, unit="ms"), event_steps(given, dt_ms, name="time_ms")
        self._keep(time, step, unit, offsets, n_units, dt_ms, n_steps)

    def _keep(
        self,
        time: Float64Array,
        step: Int64Array,
        unit: ArrayLike,
        offsets: ArrayLike,
        n_units: int,
        dt_ms: float,
        n_steps: int | ArrayLike,
    ) -> None:
        """Sort and keep spikes whose steps are known: from the dtype that their times came in."""
        units, bounds = integers("unit", unit), integers("offsets", offsets)
        if time.ndim != 1 or time.shape != units.shape:
            raise ValueError(
                f"time_ms and unit must have one shape [E], got {list(time.shape)} and {list(units.shape)}"
            )
        sizes = bounds[1:] - bounds[:-1] if bounds.ndim == 1 else np.zeros(0, dtype=np.int64)
        if (sizes >= 0).all() and sizes.sum() == time.size:  # otherwise `Events` refuses the offsets below
            sample = np.repeat(np.arange(sizes.size), sizes)
            order = np.lexsort((time, units, step, sample))
            time, units, step = time[order], units[order], step[order]
        time = np.array(time)
        time.flags.writeable = False
        object.__setattr__(self, "time_ms", time)
        Events.__init__(self, step, units, bounds, n_units, dt_ms, n_steps)

    @classmethod
    def from_times(
        cls,
        times_ms: Sequence[ArrayLike],
        units: Sequence[ArrayLike],
        *,
        n_units: int,
        dt_ms: float,
        n_steps: int | ArrayLike,
    ) -> TimedEvents:
        """Build events from one list of times (ms) and one of units per sample, in any order.

        Raises:
            ValueError: Lists of different length, or a value out of range.
            TypeError: Units are not integers.
        """
        rows, of_units = lists_of("times_ms", times_ms), lists_of("units", units)
        times = [real_array(f"times_ms[{b}]", row) for b, row in enumerate(rows)]
        of_units = [integers(f"units[{b}]", row) for b, row in enumerate(of_units)]
        if [row.shape for row in times] != [row.shape for row in of_units] or any(t.ndim != 1 for t in times):
            raise ValueError(
                f"times_ms and units must hold lists of the same lengths, got {[list(t.shape) for t in times]} and "
                f"{[list(u.shape) for u in of_units]}"
            )
        none = np.zeros(0, dtype=np.int64)
        made = object.__new__(cls)
        made._keep(
            np.concatenate(
                [np.zeros(0), *(finite(f"times_ms[{b}]", t, low=0, unit="ms") for b, t in enumerate(times))]
            ),
            np.concatenate(
                [none, *(event_steps(row, dt_ms, name=f"times_ms[{b}]") for b, row in enumerate(times))]
            ),
            np.concatenate([none, *of_units]),
            np.cumsum([0, *(row.size for row in times)]),
            n_units,
            dt_ms,
            n_steps,
        )
        return made

    def on_grid(self) -> Events:
        """Drop the times and keep the steps: the floor, the only loss."""
        return Events(self.step, self.unit, self.offsets, self.n_units, self.dt_ms, self.n_steps)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TimedEvents):
            return NotImplemented
        return self.on_grid() == other.on_grid() and np.array_equal(self.time_ms, other.time_ms)

    __hash__ = None

    def select(self, indices: ArrayLike) -> TimedEvents:
        """Take samples by index, as `Events.select`."""
        chosen = self._chosen(indices)
        rows = [np.arange(self.offsets[b], self.offsets[b + 1]) for b in chosen]
        return self._rows(np.concatenate([np.zeros(0, np.int64), *rows]), Events.select(self, chosen), 0.0)

    def slice(self, start: int, stop: int | None = None) -> TimedEvents:
        """Cut out the steps [start, stop), as `Events.slice`; times then count from `start`."""
        cut = Events.slice(self, start, stop)
        end = np.inf if stop is None else stop
        kept = np.flatnonzero((self.step >= start) & (self.step < end))
        return self._rows(kept, cut, float(start) * self.dt_ms)

    def pad(self, steps: int) -> TimedEvents:
        """Append silent steps, >= 0, to every sample."""
        return self._rows(np.arange(self.n_events), Events.pad(self, steps), 0.0)

    def save(self, path: PathLike) -> NoReturn:
        """Refuse: the file format keeps steps, and would lose the times.

        Raises:
            ValueError: Always; `on_grid().save(path)` keeps the steps.
        """
        raise ValueError("the events file keeps steps, not times: save on_grid() if that is enough")

    def to_dict(self) -> dict[str, Any]:
        """List what makes these events, by name."""
        return {name: getattr(self, name) for name in _COLUMNS}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TimedEvents:
        """Make events of what `to_dict` gave, as `Events.from_dict`."""
        given = dict(fields_of("events", values, _COLUMNS))
        dt, time = check_dt(given["dt_ms"]), finite("time_ms", given.pop("time_ms"), low=0, unit="ms")
        step = integers("step", given.pop("step"))
        if step.shape != time.shape:
            raise refusal("step", f"of shape {list(time.shape)}, as time_ms", step)
        bad = (time < (step - _MOST_OFF) * dt) | (time > (step + 1 + _MOST_OFF) * dt)
        if bad.any():
            row = int(bad.argmax())
            raise refusal(f"time_ms[{row}]", f"in step {step[row]} of {dt:g} ms", time[row])
        made = object.__new__(cls)
        made._keep(time, step, **given)
        return made

    def _rows(self, rows: Int64Array, grid: Events, origin_ms: float) -> TimedEvents:
        """Take the times of `rows`, less the origin, for the events on the grid that these rows are.

        Their steps stay as they are: found again from the times, which no longer tell the dtype they came in, or
        are rounded by the difference, some would be another.
        """
        # A time just below a grid point counts as on it. If the cut is at that point, the time less the cut is a
        # tiny negative number, which no event may have.
        time = np.maximum(self.time_ms[rows] - origin_ms, 0.0)
        made = object.__new__(TimedEvents)
        made._keep(time, grid.step, grid.unit, grid.offsets, self.n_units, self.dt_ms, grid.n_steps)
        return made


def times_of(events: Events) -> Float64Array:
    """Time of each spike, ms: its own off the grid, `step * dt_ms` on it."""
    if isinstance(events, TimedEvents):
        return events.time_ms
    return np.asarray(events.step * events.dt_ms, dtype=np.float64)

"""Spikes as sorted lists (`Events`) and as dense counts (`Raster`), exactly convertible."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snn.core import memory
from snn.core.arrays import Int64Array, PathLike
from snn.core.checks import choice, integers, lists_of, refusal, shown, whole, wholes
from snn.core.files.events import read_events, write_events
from snn.core.files.hdf5 import naming
from snn.core.files.tree import fields_of
from snn.core.units import MOST_STEPS, TimeGrid, check_dt, check_steps, check_units, window_of

Collision = Literal["count", "clip", "raise"]
_COLUMNS = ("step", "unit", "offsets", "n_units", "dt_ms", "n_steps")
"""The arguments of `Events`, in their order."""


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class Events:
    """Hold the spikes of a batch of samples, sorted by (sample, step, unit).

    A multiset: two spikes of one unit in one step are two rows. Sample b owns the rows
    `offsets[b]:offsets[b + 1]` and lasts `n_steps[b]` steps, trailing silence included.
    All arrays are int64 and read-only.

    Attributes:
        step: Step of each spike, [E], in [0, n_steps of its sample).
        unit: Unit of each spike, [E], in [0, n_units).
        offsets: Bounds of the samples, [B + 1], from 0 to E.
        n_units: Number of units, 1 to 2^31 - 1.
        dt_ms: Length of a step, ms, 1e-100 to 1e100.
        n_steps: Length of each sample in steps, [B], 0 to 2^53.
    """

    step: Int64Array
    unit: Int64Array
    offsets: Int64Array
    n_units: int
    dt_ms: float
    n_steps: Int64Array

    def __init__(
        self,
        step: ArrayLike,
        unit: ArrayLike,
        offsets: ArrayLike,
        n_units: int,
        dt_ms: float,
        n_steps: int | ArrayLike,
    ) -> None:
        """Check and keep the events, sorted as the class says; `n_steps` may be one length for all samples.

        Raises:
            ValueError: A value is out of range or out of order; the message names it.
            TypeError: Steps, units, bounds or lengths are not integers.
        """
        bounds = integers("offsets", offsets)
        if bounds.ndim != 1 or bounds.size < 1:
            raise refusal("offsets", "of shape [B + 1]", bounds)
        samples = bounds.size - 1
        lengths = integers("n_steps", n_steps)
        if lengths.ndim == 0:
            lengths = np.full(samples, int(lengths), dtype=np.int64)
        fields = {
            "step": integers("step", step),
            "unit": integers("unit", unit),
            "offsets": bounds,
            "n_steps": lengths,
        }
        for name, array in fields.items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "n_units", check_units("n_units", n_units))
        object.__setattr__(self, "dt_ms", check_dt(dt_ms))
        self._check()

    def _check(self) -> None:
        step, unit, offsets, lengths = self.step, self.unit, self.offsets, self.n_steps
        if step.ndim != 1 or step.shape != unit.shape:
            raise ValueError(
                f"step and unit must have one shape [E], got {list(step.shape)} and {list(unit.shape)}"
            )
        if offsets[0] != 0 or offsets[-1] != step.size or (offsets[1:] < offsets[:-1]).any():
            rule = f"ascending from 0 to {step.size}, the number of events"
            raise refusal("offsets", rule, offsets.tolist())
        if lengths.shape != (len(self),):
            raise refusal("n_steps", f"one number or of shape [{len(self)}]", lengths)
        bad = (lengths < 0) | (lengths > MOST_STEPS)
        if bad.any():
            b = int(bad.argmax())
            raise refusal(f"n_steps[{b}]", ">= 0" if lengths[b] < 0 else "at most 2^53", lengths[b])
        bad = (unit < 0) | (unit >= self.n_units)
        if bad.any():
            row = int(bad.argmax())
            raise refusal(f"unit[{row}]", f"in [0, {self.n_units}) (n_units)", unit[row])
        sample = self.sample
        bad = (step < 0) | (step >= lengths[sample])
        if bad.any():
            row = int(bad.argmax())
            b = int(sample[row])
            raise refusal(f"step[{row}]", f"in [0, {lengths[b]}) (n_steps of sample {b})", step[row])
        back = (step[1:] == step[:-1]) & (unit[1:] < unit[:-1])
        bad = (sample[1:] == sample[:-1]) & ((step[1:] < step[:-1]) | back)
        if bad.any():
            row = int(bad.argmax()) + 1
            raise ValueError(
                f"events must be sorted by (step, unit) within a sample: step {step[row]}, "
                f"unit {unit[row]} in row {row} follows step {step[row - 1]}, unit {unit[row - 1]}; "
                "Events.from_lists sorts"
            )

    @classmethod
    def from_lists(
        cls,
        steps: Sequence[ArrayLike],
        units: Sequence[ArrayLike],
        *,
        n_units: int,
        dt_ms: float,
        n_steps: int | ArrayLike,
    ) -> Events:
        """Build events from one list of steps and one of units per sample, in any order.

        `n_units`, `dt_ms` and `n_steps` are those of the class; `n_steps` may be one length for all.

        Raises:
            ValueError: Lists of different length, or a value out of range.
            TypeError: Steps or units are not integers.
        """
        steps, units = lists_of("steps", steps), lists_of("units", units)
        if len(steps) != len(units):
            raise refusal("units", f"{len(steps)} lists, as many as steps", len(units))
        rows_step, rows_unit, offsets = [], [], [0]
        for b, (raw_step, raw_unit) in enumerate(zip(steps, units, strict=True)):
            step, unit = integers(f"steps[{b}]", raw_step), integers(f"units[{b}]", raw_unit)
            if step.ndim != 1:
                raise refusal(f"steps[{b}]", "a list", step)
            if unit.shape != step.shape:
                raise refusal(f"units[{b}]", f"a list of {step.size}, as steps[{b}]", unit)
            order = np.lexsort((unit, step))
            rows_step.append(step[order])
            rows_unit.append(unit[order])
            offsets.append(offsets[-1] + step.size)
        step, unit = (np.concatenate([np.zeros(0, np.int64), *rows]) for rows in (rows_step, rows_unit))
        return cls(step, unit, offsets, n_units, dt_ms, n_steps)

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.offsets.size - 1

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Events):
            return NotImplemented
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in _COLUMNS)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        longest = int(self.n_steps.max(initial=0))
        return (
            f"Events({len(self)} samples, {self.n_events} events, n_units={self.n_units}, "
            f"dt_ms={self.dt_ms}, up to {longest} steps)"
        )

    @property
    def n_events(self) -> int:
        """Number of spikes over all samples."""
        return self.step.size

    @property
    def sample(self) -> Int64Array:
        """Sample of each spike, [E]."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.offsets))

    def _chosen(self, indices: Any) -> Int64Array:
        """Number the samples that `indices` name, [n]."""
        samples = len(self)
        if getattr(indices, "dtype", None) == np.bool_ or (
            isinstance(indices, list) and {bool} == set(map(type, indices))
        ):
            wanted = np.asarray(indices)
            fits = wanted.shape == (samples,)
        else:
            wanted = np.atleast_1d(integers("indices", indices))
            fits = wanted.ndim == 1 and bool(((-samples <= wanted) & (wanted < samples)).all())
        if not fits:
            rule = f"a mask of shape [{samples}], or a list of numbers in [{-samples}, {samples})"
            raise IndexError(str(refusal("indices", rule, indices)))
        return np.atleast_1d(np.arange(samples, dtype=np.int64)[wanted])

    def select(self, indices: ArrayLike) -> Events:
        """Take samples by index, in the order given.

        Args:
            indices: Integers in [-B, B), [n], or a boolean mask [B].

        Raises:
            IndexError: An index is out of range.
            TypeError: An index is no integer.
        """
        chosen = self._chosen(indices)
        sizes = np.diff(self.offsets)[chosen]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        shift = np.repeat(self.offsets[chosen] - offsets[:-1], sizes)
        rows = np.arange(offsets[-1], dtype=np.int64) + shift
        return Events(
            self.step[rows], self.unit[rows], offsets, self.n_units, self.dt_ms, self.n_steps[chosen]
        )

    def slice(self, start: int, stop: int | None = None) -> Events:
        """Cut out the steps [start, stop); steps then count from `start`.

        A sample that ends before `stop` keeps its own end, so pieces put one after another make
        the whole: a sample already over has length 0.

        Args:
            start: First step kept, >= 0.
            stop: First step no longer kept; None keeps all that follow.

        Raises:
            ValueError: `start` is negative or after `stop`.
        """
        longest = int(self.n_steps.max(initial=0))
        start = check_steps("start", start)
        end = max(longest, start) if stop is None else check_steps("stop", stop, low=start)
        keep = (self.step >= start) & (self.step < end)
        kept = np.concatenate([[0], np.cumsum(keep)])[self.offsets]
        lengths = np.clip(self.n_steps, start, end) - start
        return Events(self.step[keep] - start, self.unit[keep], kept, self.n_units, self.dt_ms, lengths)

    def spike_counts(self, windows: int = 1) -> Int64Array:
        """Count the spikes of every unit in equal parts of each sample, [B, windows, N]; see `window_of`.

        Raises:
            ValueError: `windows` is no whole number >= 1, or one that steps times windows do not allow.
            MemoryError: The array would not fit.
        """
        sample, windows = self.sample, whole("windows", windows, low=1)
        shape = (len(self), windows, self.n_units)
        memory.check(16 * math.prod(shape), f"counts of {shape[0]:,} x {windows:,} x {shape[2]:,} units")
        window = window_of(self.step, self.n_steps[sample], windows)
        flat = np.ravel_multi_index((sample, window, self.unit), shape)
        return np.bincount(flat, minlength=math.prod(shape)).astype(np.int64).reshape(shape)

    def pad(self, steps: int) -> Events:
        """Append silent steps, >= 0, to every sample: late spikes then still reach the output."""
        lengths = self.n_steps + check_steps("steps", steps)
        return Events(self.step, self.unit, self.offsets, self.n_units, self.dt_ms, lengths)

    def to_raster(self, n_steps: int | None = None, on_collision: Collision = "count") -> Raster:
        """Spread the events over a dense array of counts.

        Args:
            n_steps: Rows of the raster; None takes the longest sample.
            on_collision: What several spikes of one unit in one step become: `"count"` their
                number, `"clip"` one (the only loss, asked for), `"raise"` an error.

        Raises:
            ValueError: A sample is longer than `n_steps`, or spikes collide under `"raise"`.
            MemoryError: The array would not fit.
        """
        choice("on_collision", on_collision, Collision)
        longest = int(self.n_steps.max(initial=0))
        rows = longest if n_steps is None else check_steps("n_steps", n_steps)
        if rows < longest:
            raise refusal("n_steps", f">= {longest} (the longest sample)", rows)
        shape = (rows, len(self), self.n_units)
        what = f"a raster of {rows:,} steps x {len(self):,} samples x {self.n_units:,} units"
        memory.check(13 * math.prod(shape), what)
        flat = np.ravel_multi_index((self.step, self.sample, self.unit), shape)
        z = np.bincount(flat, minlength=int(np.prod(shape))).astype(np.int32).reshape(shape)
        if on_collision == "raise" and (z > 1).any():
            t, b, n = (int(i) for i in np.argwhere(z > 1)[0])
            raise ValueError(f"unit {n} spikes {z[t, b, n]} times in step {t} of sample {b}")
        if on_collision == "clip":
            np.minimum(z, 1, out=z)
        return Raster(z, TimeGrid(rows, self.dt_ms), self.n_steps)

    def save(self, path: PathLike) -> None:
        """Write the events to HDF5: SHD's group names, and the exact steps beside them."""
        write_events(path, self.to_dict())

    @classmethod
    def load(cls, path: PathLike, *, dt_ms: float | None = None, n_units: int | None = None) -> Events:
        """Read events from HDF5.

        Args:
            path: A file written by `save`, or one in the layout of the SHD data set
                (`spikes/times` in seconds and `spikes/units`, one array per sample).
            dt_ms: Step to place an SHD file's times on (floor); ours carry their own.
            n_units: Number of units of an SHD file; ours carry their own.

        Raises:
            FileNotFoundError: Nothing is there.
            ValueError: Not HDF5, another format or version, incomplete, values out of range, or
                an SHD file without `dt_ms` and `n_units`.
        """
        columns = read_events(path, dt_ms, n_units)
        with naming(path):
            return cls.from_dict(columns)

    def to_dict(self) -> dict[str, Any]:
        """List the arguments that make these events, by name."""
        return {name: getattr(self, name) for name in _COLUMNS}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Events:
        """Make events of what `to_dict` gave.

        Raises:
            ValueError: A column is missing, unknown, or as the class refuses it.
            TypeError: Steps, units or bounds are not integers.
        """
        return cls(**fields_of("events", values, _COLUMNS))


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class Raster:
    """Hold the spikes of a batch as counts, [T, B, N].

    Attributes:
        z: Spikes of each unit in each step, [T, B, N], integers or booleans (int64 for floats), >= 0; read-only.
        grid: Number and length of the steps.
        lengths: Length of each sample in steps, [B], in [0, T]; later rows are empty.
    """

    z: NDArray[Any]
    grid: TimeGrid
    lengths: Int64Array

    def __init__(self, z: ArrayLike, grid: TimeGrid, lengths: ArrayLike | None = None) -> None:
        """Check and keep the counts.

        Args:
            z: Spikes, [T, B, N]: integers, booleans, or floats without a fraction, as layers give them.
            grid: Its `n_steps` is T.
            lengths: Length of each sample, [B]; None means T for all.

        Raises:
            ValueError: A shape does not fit, a count is no whole number >= 0, or a spike is past a length.
            TypeError: `z` is not of real or boolean type, `lengths` not of an integer one, `grid` no `TimeGrid`.
        """
        if not isinstance(grid, TimeGrid):
            raise TypeError(f"grid must be a TimeGrid(n_steps, dt_ms), got {shown(grid)}")
        try:
            counts = np.array(z)
        except (TypeError, ValueError, RuntimeError):
            counts = np.array(None)
        if counts.dtype.kind not in "iubf" or np.ma.is_masked(z):
            raise TypeError(f"z must be integers, booleans or floats without a fraction, got {shown(z)}")
        if counts.ndim != 3 or counts.shape[0] != grid.n_steps or counts.shape[2] < 1:
            raise refusal("z", f"of shape [{grid.n_steps}, B, N >= 1], as n_steps of grid", counts)
        if counts.dtype.kind in "if":
            whole_counts = wholes("z", counts, low=0)
            counts = whole_counts if counts.dtype.kind == "f" else counts
        rows, samples = counts.shape[:2]
        ends = np.full(samples, rows, dtype=np.int64) if lengths is None else integers("lengths", lengths)
        if ends.shape != (samples,) or (ends < 0).any() or (ends > rows).any():
            raise refusal("lengths", f"{samples} values in [0, {rows}]", ends.tolist())
        late = counts.any(axis=2) & (np.arange(rows)[:, None] >= ends)
        if late.any():
            t, b = (int(i) for i in np.argwhere(late)[0])
            raise ValueError(f"sample {b} has a spike in step {t} but length {ends[b]}")
        for name, value in (("z", counts), ("lengths", ends)):
            value.flags.writeable = False
            object.__setattr__(self, name, value)
        object.__setattr__(self, "grid", grid)

    def __len__(self) -> int:
        """Return the number of samples."""
        return int(self.z.shape[1])

    def __repr__(self) -> str:
        return f"Raster(z {list(self.z.shape)} {self.z.dtype}, dt_ms={self.grid.dt_ms})"

    def to_events(self) -> Events:
        """List the spikes; a count of c becomes c rows.

        Raises:
            MemoryError: They would not fit.
        """
        by_sample = np.transpose(self.z, (1, 0, 2))
        sample, step, unit = np.nonzero(by_sample)
        count = by_sample[sample, step, unit]
        spikes = int(count.sum(dtype=np.float64))
        memory.check(40 * spikes, f"{spikes:,} events of 40 bytes each")
        count = count.astype(np.int64)
        per_sample = np.bincount(np.repeat(sample, count), minlength=len(self))
        offsets = np.concatenate([[0], np.cumsum(per_sample)])
        steps, units, n_units = np.repeat(step, count), np.repeat(unit, count), int(self.z.shape[2])
        return Events(steps, units, offsets, n_units, self.grid.dt_ms, self.lengths)

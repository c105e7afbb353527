"""Spikes as the table of units of an NWB file, and back; with h5py alone.

A file follows the schema of the version that it names and holds no copy of it: readers have their own.
What is known of the subject and the session is added with `pynwb`, which opens the file to append.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from snn.core import Events, TimedEvents, memory
from snn.core.arrays import Float64Array, Int64Array, PathLike
from snn.core.checks import finite, instance, number, refusal, wholes
from snn.core.files.foreign import ForeignFile, read_foreign
from snn.core.files.hdf5 import create, naming
from snn.interop.spike_times import FoundSpikes, Stamp, check_spikes, events_of, written_times

__all__ = ["NwbUnits", "describe", "read", "write"]

_TABLE = ("spike_times", "spike_times_index", "id", "obs_intervals", "obs_intervals_index", "population")
_COLUMNS = tuple(f"units/{name}" for name in _TABLE)
_SCHEMAS = "specifications/"
_VERSION = "2.11.0"
_GROUPS = ("acquisition", "analysis", "general", "processing", "stimulus/presentation", "stimulus/templates")
"""Groups that every file has."""
_ROW_BYTES = 128
"""Memory that a unit takes while it is written, besides its spikes."""
_ONE = "units"
"""Name of the population of a table that names none."""


class NwbUnits(NamedTuple):
    """Hold the units of a file.

    Attributes:
        spikes: By population, of one sample; unit n is the n-th row of its population. `TimedEvents`, or `Events`
            where all times are on the grid of the table's `resolution`.
        ids: The table's `id` of each unit, [N], by population.
        notes: Sentences on what the file leaves out, and what of it is not read.
    """

    spikes: dict[str, Events]
    ids: dict[str, Int64Array]
    notes: tuple[str, ...]


def write(
    spikes: Mapping[str, Events],
    path: PathLike,
    *,
    session_start: datetime | None = None,
    description: str = "Simulation of a spiking network.",
    stamp: Stamp = "middle",
) -> None:
    """Write spikes as a table of units, a row for each, silent ones included: times in s, float64, ascending.

    Column `population` says where a unit belongs, `obs_intervals` how long it was watched. The step stands as the
    table's `resolution` where all spikes are on one grid: `read` then gives the same events.

    Args:
        spikes: Events of one sample by population, as `Recording.spikes`.
        path: File to write.
        session_start: The moment of time 0, with its time zone; None is now.
        description: What was recorded.
        stamp: The time of a spike on the grid: the "middle" of its step, or its "start"; as `sonata.write_spikes`.

    Raises:
        ValueError: NWB cannot hold the spikes: several samples; or an argument is impossible.
        MemoryError: A row for each unit would not fit.
        OSError: The file cannot be written.
    """
    given = check_spikes(spikes, "NWB")
    parts = [_written(name, events, stamp) for name, events in given.items()]
    units = tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))
    start = datetime.now(UTC) if session_start is None else instance("session_start", session_start, datetime)
    if start.tzinfo is None:
        raise refusal("session_start", "of a time zone", session_start)
    if not isinstance(description, str) or not description:
        raise refusal("description", "a sentence", description)
    with create(path, None) as file:
        _typed(file, "core", "NWBFile").attrs["nwb_version"] = _VERSION
        for name in _GROUPS:
            file.create_group(name)
        file["identifier"], file["session_description"] = str(uuid.uuid4()), description
        file["session_start_time"] = file["timestamps_reference_time"] = start.isoformat()
        file["file_create_date"] = [datetime.now(UTC).isoformat()]
        _write_table(file, units, _resolution(given))


def _written(name: str, events: Events, stamp: Stamp) -> tuple[Any, ...]:
    """Give name, times in s by unit, number of spikes and end in s of the units of a population."""
    memory.check(_ROW_BYTES * events.n_units, f"rows for {events.n_units:,} units of {name!r}")
    time = written_times(f"spikes[{name!r}]", events, 1000.0, stamp)
    order = np.lexsort((time, events.unit))
    size = np.bincount(events.unit, minlength=events.n_units)
    end_s = np.full(events.n_units, int(events.n_steps[0]) * events.dt_ms / 1000.0)
    return np.full(events.n_units, name, dtype=object), time[order], size, end_s


def _resolution(spikes: Mapping[str, Events]) -> float | None:
    """Give the step of all spikes, s; None where some are off the grid or on another."""
    steps = {None if isinstance(events, TimedEvents) else events.dt_ms for events in spikes.values()}
    one = steps.pop()
    return None if steps or one is None else one / 1000.0


def _write_table(file: Any, units: tuple[Any, ...], resolution: float | None) -> None:
    """Write what `_written` gave for all populations."""
    population, time, size, end_s = units
    table = _typed(file.create_group("units"), "core", "Units")
    table.attrs["description"] = "Spikes of a simulated network."
    table.attrs["colnames"] = ["population", "spike_times", "obs_intervals"]
    _typed(table.create_dataset("id", data=np.arange(end_s.size)), "hdmf-common", "ElementIdentifiers")
    _column(table, "population", population.tolist(), "Population that the unit belongs to.")
    spike_times = _column(table, "spike_times", time, "Times of the spikes of each unit, s.", np.cumsum(size))
    if resolution is not None:
        spike_times.attrs["resolution"] = resolution
    watched = np.stack([np.zeros_like(end_s), end_s], axis=1)
    _column(table, "obs_intervals", watched, "When each unit was simulated, s.", np.arange(1, end_s.size + 1))


def _column(table: Any, name: str, values: Any, description: str, ends: Int64Array | None = None) -> Any:
    """Write a column; with `ends`, where each row's values end, also its index."""
    column = _typed(table.create_dataset(name, data=values), "hdmf-common", "VectorData")
    column.attrs["description"] = description
    if ends is not None:
        index = table.create_dataset(f"{name}_index", data=ends.astype(np.uint64))
        _typed(index, "hdmf-common", "VectorIndex").attrs["target"] = column.ref
        index.attrs["description"] = f"Where the values of each unit end in {name}."
    return column


def _typed(item: Any, namespace: str, kind: str) -> Any:
    """Say what an object of the schema is."""
    said = {"namespace": namespace, "neurodata_type": kind, "object_id": str(uuid.uuid4())}
    for key, value in said.items():
        item.attrs[key] = value
    return item


def read(
    path: PathLike, dt_ms: float | None = None, *, n_steps: int | None = None, start_s: float = 0.0
) -> NwbUnits:
    """Read the table of units of a file, by its rows; spikes are sorted here.

    Args:
        path: The file.
        dt_ms: Length of a step, ms. None is the table's `resolution`.
        n_steps: Length, steps. None is what `obs_intervals` say, else up to the latest spike.
        start_s: Time of the file at which step 0 starts, s; the length counts from there.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It has no table of units, is damaged, holds an impossible value, units that overlap or share an
            id, or a spike outside [start, start + n_steps dt); the message names the file and the place.
    """
    file, start = read_foreign(path, _COLUMNS, outline=True), number("start_s", start_s)
    with naming(path):
        table = _Units(file)
        found, ids, notes = {}, {}, table.notes(start)
        for name in dict.fromkeys(table.population):
            rows = np.flatnonzero(table.population == name)
            ids[name], found[name] = table.ids[rows], table.found(name, rows, start)
        spikes, coarse = events_of(found, dt_ms, n_steps)
        return NwbUnits(spikes, ids, (*notes, *coarse))


def describe(path: PathLike) -> dict[str, Any]:
    """Say what a file holds.

    Returns:
        `kind`: "NWB"; `version`: of the schema, as the file says it; `nodes`: by population, number of units and of
        spikes; `lost`: names of data sets that are not read, schemas aside.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It has no table of units, or is damaged; the message names the file.
    """
    file = read_foreign(path, _COLUMNS, outline=True)
    with naming(path):
        table = _Units(file)
        nodes = {}
        for name in dict.fromkeys(table.population):
            rows = table.population == name
            nodes[name] = {"units": int(rows.sum()), "spikes": int(table.sizes[rows].sum())}
        version = file.attributes.get("nwb_version", "")
        return {"kind": "NWB", "version": version, "nodes": nodes, "lost": _unread(file)}


def _unread(file: ForeignFile) -> list[str]:
    return [name for name in file.names if name not in _COLUMNS and not name.startswith(_SCHEMAS)]


class _Units:
    """Hold the table of units.

    Attributes:
        time: Times of all spikes, s, in the type in which they are stored, [E].
        sizes: Spikes of each unit, [N].
        ids: Of each unit, [N].
        population: Name of each unit's population, [N].
        ends_s: When each unit was last watched, s, [N]; None where the table does not say.
    """

    def __init__(self, file: ForeignFile) -> None:
        self._file = file
        if "units/spike_times" not in file.columns:
            raise refusal("file", "NWB, with units/spike_times", list(file.there))
        self.time, ends = self._numbers("spike_times", 1), self._ends("spike_times", None)
        if ends[-1:].sum() != self.time.size:
            raise refusal(
                "units/spike_times_index", f"up to {self.time.size}, the number of spikes", ends[-1:]
            )
        self.sizes = np.diff(ends, prepend=0)
        self.ids = wholes("units/id", self._numbers("id", 1, ends.size))
        if np.unique(self.ids).size < self.ids.size:
            raise refusal("units/id", "a number of its own for each unit", self.ids)
        self.population = self._populations(ends.size)
        self._gaps = False
        self.ends_s = self._watched(ends.size)

    def found(self, name: str, rows: Int64Array, start_s: float) -> FoundSpikes:
        """Take the units of a population, which are these rows."""
        mine = np.zeros(self.sizes.size, dtype=bool)
        mine[rows] = True
        said = self._file.inner["units/spike_times"].get("resolution")
        dt_ms = _ms_of(float(said)) if isinstance(said, float | int) and said > 0 else None
        end_ms = (
            None if self.ends_s is None else max((float(self.ends_s[rows].max()) - start_s) * 1000.0, 0.0)
        )
        return FoundSpikes(
            f"units/spike_times of population {name!r}",
            self.time[np.repeat(mine, self.sizes)],
            np.repeat(np.arange(rows.size), self.sizes[rows]),
            rows.size,
            1000.0,
            start_s,
            dt_ms,
            end_ms,
            on_grid=dt_ms is not None,
        )

    def notes(self, start_s: float) -> list[str]:
        """Say what the table leaves out, and what is not read."""
        notes = ["units: no obs_intervals."] if self.ends_s is None else []
        if self._gaps:
            notes.append("units/obs_intervals: gaps in what was watched are not kept.")
        return notes + [f"{name} is not read." for name in _unread(self._file) if name.startswith("units/")]

    def _numbers(self, name: str, axes: int, size: int | None = None) -> Any:
        """Give a column of numbers.

        Raises:
            ValueError: It is not there, no such column, or of another length.
        """
        place = f"units/{name}"
        if place not in self._file.columns:
            raise ValueError(f"the file is incomplete: no data set {place!r}")
        values, sizes = self._file.columns[place]
        if sizes is not None or values.ndim != axes or values.dtype.kind not in "iuf":
            raise refusal(place, "a list of numbers", values)
        if size is not None and len(values) != size:
            raise refusal(place, f"of {size} rows, as the table", len(values))
        return values

    def _ends(self, name: str, size: int | None) -> Int64Array:
        """Give where each unit ends in a column, [N].

        Raises:
            ValueError: Units overlap.
        """
        place = f"units/{name}_index"
        ends = wholes(place, self._numbers(f"{name}_index", 1, size), low=0)
        if (np.diff(ends) < 0).any():
            row = int((np.diff(ends) < 0).argmax()) + 1
            raise refusal(f"{place}[{row}]", f">= {ends[row - 1]}, the end of the unit before it", ends[row])
        return ends

    def _populations(self, size: int) -> Any:
        texts = self._file.texts.get("units/population")
        if texts is None:
            return np.full(size, _ONE, dtype=object)
        if len(texts) != size:
            raise refusal("units/population", f"of {size} rows, as the table", len(texts))
        return np.array(texts, dtype=object)

    def _watched(self, size: int) -> Float64Array | None:
        """Give the end of the last interval of each unit, s, and see whether there are gaps before it."""
        if "units/obs_intervals" not in self._file.columns:
            return None
        place = "units/obs_intervals"
        bounds, ends = finite(place, self._numbers("obs_intervals", 2)), self._ends("obs_intervals", size)
        if bounds.shape[1] != 2 or ends[-1:].sum() != len(bounds):
            raise refusal(place, "[start, stop] for each interval of the index", bounds)
        sizes = np.diff(ends, prepend=0)
        self._gaps = bool((sizes != 1).any() or (bounds[:, 0] != 0.0).any())
        last = np.zeros(size)
        np.maximum.at(last, np.repeat(np.arange(size), sizes), bounds[:, 1])
        return last


def _ms_of(seconds: float) -> float:
    """Give a step in ms: 0.0001 s is 0.1 ms, not the next number to it."""
    short = float(f"{seconds * 1000.0:.12g}")
    return short if short / 1000.0 == seconds else seconds * 1000.0

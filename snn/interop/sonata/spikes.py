"""Read and write spike files of SONATA."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import h5py
import numpy as np

from snn.core import Events
from snn.core.arrays import Int64Array, PathLike
from snn.core.checks import choice, number, refusal
from snn.core.files.foreign import Attribute, ForeignFile, read_foreign
from snn.core.files.hdf5 import naming
from snn.core.units import check_dt, check_steps, check_units
from snn.interop.sonata.file import MOST_NODES, check_group, column, create_sonata, populations, whole_column
from snn.interop.spike_times import (
    TIMES_ARE,
    FoundSpikes,
    Stamp,
    check_spikes,
    events_of,
    times_are,
    units_in,
    written_times,
)

__all__ = ["COLUMNS", "SonataSpikes", "read_spikes", "write_spikes"]

COLUMNS = ("spikes/*/timestamps", "spikes/*/node_ids")
_SORTING = ("none", "by_id", "by_time")
_UNITS_MS = {"ms": 1.0, "s": 1000.0}


class SonataSpikes(NamedTuple):
    """Hold the spikes of a file.

    Attributes:
        spikes: By population, of one sample: `TimedEvents`; `Events` of what `write_spikes` wrote on the grid.
        notes: Sentences on what the file leaves out or says wrongly.
    """

    spikes: dict[str, Events]
    notes: tuple[str, ...]


def write_spikes(spikes: Mapping[str, Events], path: PathLike, *, stamp: Stamp = "middle") -> None:
    """Write spikes in the strict form that libsonata reads: float64 ms, uint64 nodes, by time, not compressed.

    Steps, units and lengths, for which SONATA has no place, go into attributes that other readers pass over:
    `read_spikes` gives the same events.

    Args:
        spikes: Events of one sample by population, as `Recording.spikes`.
        path: File to write.
        stamp: The time of a spike on the grid: the "middle" of its step, which tools find whether they floor
            (Brian2) or round up (NEST), or its "start", k dt. Spikes off the grid have their own.

    Raises:
        ValueError: SONATA cannot hold them: several samples, or a name with a slash; the message names it.
        OSError: The file cannot be written.
    """
    given = check_spikes(spikes, "SONATA")
    times = {name: written_times(f"spikes[{name!r}]", events, 1.0, stamp) for name, events in given.items()}
    by_time = h5py.enum_dtype({word: number for number, word in enumerate(_SORTING)}, basetype="u1")
    with create_sonata(path) as file:
        for name, events in given.items():
            group = file.create_group(f"spikes/{check_group('name of a population', name)}")
            order = np.lexsort((events.unit, times[name]))
            group.create_dataset("timestamps", data=times[name][order]).attrs["units"] = "ms"
            group.create_dataset("node_ids", data=events.unit[order].astype(np.uint64))
            group.attrs.create("sorting", _SORTING.index("by_time"), dtype=by_time)
            said = {"dt_ms": events.dt_ms, "n_units": events.n_units, "n_steps": int(events.n_steps[0])}
            for key, value in {**said, "times_are": times_are(events, stamp)}.items():
                group.attrs[key] = value


def read_spikes(
    path: PathLike,
    dt_ms: float | None = None,
    *,
    n_units: int | Mapping[str, int] | None = None,
    n_steps: int | None = None,
    start_ms: float = 0.0,
) -> SonataSpikes:
    """Read a spike file of any writer: with or without `sorting` and `units`, these as text or not, packed or not.

    What `sorting` says is checked, and spikes are sorted here.

    Args:
        path: The file.
        dt_ms: Length of a step, ms. None only for what `write_spikes` wrote.
        n_units: Nodes of each population, or of each by name. None is what `write_spikes` wrote, else the largest
            node that spikes, plus one.
        n_steps: Length, steps. None is what `write_spikes` wrote, else up to the latest spike.
        start_ms: Time of the file at which step 0 starts, ms; the length counts from there.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is no spike file, damaged, or holds an impossible value, or a spike outside
            [start, start + n_steps dt); the message names the file and the place.
    """
    file, start = read_foreign(path, COLUMNS, outline=True), number("start_ms", start_ms)
    with naming(path):
        names = populations(file, "spikes")
        sizes = units_in(n_units, names)
        notes: list[str] = []
        found = {name: _found(file, name, sizes.get(name), start, notes) for name in names}
        spikes, coarse = events_of(found, dt_ms, n_steps)
        return SonataSpikes(spikes, (*notes, *coarse))


def _found(file: ForeignFile, name: str, size: int | None, start_ms: float, notes: list[str]) -> FoundSpikes:
    """Take one population, and note what is not as it should be."""
    place = f"spikes/{name}"
    time = column(file, f"{place}/timestamps")
    said = _ours(file.inner[place])
    size = said.get("n_units") if size is None else size
    high = MOST_NODES - 1 if size is None else size - 1
    unit = whole_column(file, f"{place}/node_ids", high, time.size)
    if size is None:
        size = int(unit.max(initial=0)) + 1
        notes.append(f"{place}: {size} units, as far as they spike.")
    notes += _order_notes(place, file.inner[place].get("sorting"), time, unit)
    unit_word = file.inner[f"{place}/timestamps"].get("units")
    if unit_word is None:
        notes.append(f"{place}/timestamps: no units; taken as ms.")
    unit_ms = _UNITS_MS[
        choice(f"units of {place}/timestamps", "ms" if unit_word is None else unit_word, tuple(_UNITS_MS))
    ]
    dt, steps = said.get("dt_ms"), said.get("n_steps")
    end_ms = None if dt is None or steps is None else steps * dt - start_ms
    return FoundSpikes(
        f"{place}/timestamps", time, unit, size, unit_ms, start_ms / unit_ms, dt, end_ms,
        on_grid=said.get("on_grid", False) and start_ms == 0.0,
    )  # fmt: skip


def _ours(attributes: Mapping[str, Attribute]) -> dict[str, Any]:
    """Take the attributes of a population that `write_spikes` wrote, which say what its times are; else nothing."""
    said = attributes.get("times_are")
    if said not in TIMES_ARE.values():
        return {}
    return {
        "dt_ms": check_dt(attributes.get("dt_ms")),
        "n_units": check_units("n_units", attributes.get("n_units")),
        "n_steps": check_steps("n_steps", attributes.get("n_steps")),
        "on_grid": said != TIMES_ARE[None],
    }


def _order_notes(place: str, sorting: Any, time: Any, unit: Int64Array) -> list[str]:
    """Compare what a file says of the order of its spikes with that order.

    Raises:
        ValueError: It says something that is no order.
    """
    if sorting is None:
        return [f"{place}: no sorting; sorted here."]
    word = _SORTING[sorting] if isinstance(sorting, int) and 0 <= sorting < len(_SORTING) else sorting
    key = {"none": time[:0], "by_id": unit, "by_time": time}.get(word if isinstance(word, str) else "")
    if key is None:
        raise refusal(f"sorting of {place}", f"one of {', '.join(_SORTING)}", sorting)
    if (key[1:] < key[:-1]).any():
        return [f"{place}: sorting says {word}, which the spikes are not; sorted here."]
    return []

"""Keep `Events` in HDF5: SHD's layout for other readers, exact steps for us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from snn.core.arrays import PathLike
from snn.core.files.hdf5 import check_format, create, open_any, put
from snn.core.units import event_steps

if TYPE_CHECKING:
    from snn.core.events import Events

FORMAT = "snn.events"
VERSION = 1


def save(events: Events, path: PathLike) -> None:
    """Write `events` whole or not at all.

    `spikes/times` (s, float32) and `spikes/units` are ragged, as in SHD; `steps`, `offsets` and
    `n_steps` make the file exact.
    """
    bounds = events.offsets[1:-1]
    seconds = (events.step * (events.dt_ms / 1000.0)).astype(np.float32)
    unit_type = np.uint16 if events.n_units <= 2**16 else np.uint32
    with create(path, FORMAT, VERSION) as file:
        file.attrs["dt_ms"] = events.dt_ms
        file.attrs["n_units"] = events.n_units
        group = file.create_group("spikes")
        columns = (("times", seconds), ("units", events.unit.astype(unit_type)))
        for name, values in columns:
            ragged = group.create_dataset(name, (len(events),), h5py.vlen_dtype(values.dtype))
            for b, row in enumerate(np.split(values, bounds) if len(events) else []):
                ragged[b] = row
        put(file, "steps", events.step)
        put(file, "offsets", events.offsets)
        put(file, "n_steps", events.n_steps)


def load(path: PathLike, dt_ms: float | None, n_units: int | None) -> dict[str, Any]:
    """Read the constructor arguments of `Events` from our file or one laid out like SHD.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Not HDF5, another format or version, incomplete, or an argument is missing.
    """
    with open_any(path) as file:
        if "format" not in file.attrs and _has_spikes(file):
            return _load_shd(file, path, dt_ms, n_units)
        check_format(file, path, FORMAT, VERSION)
        try:
            return _load_ours(file)
        except KeyError as error:
            raise ValueError(f"{path}: the {FORMAT} file is incomplete: {error}") from error


def _has_spikes(file: Any) -> bool:
    return "spikes/times" in file and "spikes/units" in file


def _load_ours(file: Any) -> dict[str, Any]:
    return {
        "step": file["steps"][()],
        "unit": _flatten(file["spikes/units"][()]).astype(np.int64),
        "offsets": file["offsets"][()],
        "n_units": int(file.attrs["n_units"]),
        "dt_ms": float(file.attrs["dt_ms"]),
        "n_steps": file["n_steps"][()],
    }


def _load_shd(file: Any, path: PathLike, dt_ms: float | None, n_units: int | None) -> dict[str, Any]:
    if dt_ms is None or n_units is None:
        raise ValueError(f"{path} holds times in seconds on no grid: pass dt_ms and n_units (700 for SHD)")
    times, units = file["spikes/times"][()], file["spikes/units"][()]
    sizes = [len(row) for row in times]
    if sizes != [len(row) for row in units]:
        raise ValueError(f"{path}: spikes/times and spikes/units differ in shape")
    sample = np.repeat(np.arange(len(sizes)), sizes)
    step = event_steps(_flatten(times).astype(np.float64) * 1000.0, dt_ms)
    unit = _flatten(units).astype(np.int64)
    order = np.lexsort((unit, step, sample))
    lengths = np.zeros(len(sizes), dtype=np.int64)
    np.maximum.at(lengths, sample, step + 1)
    return {
        "step": step[order],
        "unit": unit[order],
        "offsets": np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        "n_units": n_units,
        "dt_ms": dt_ms,
        "n_steps": lengths,
    }


def _flatten(rows: Any) -> Any:
    return np.concatenate([np.zeros(0, dtype=np.uint16), *rows])

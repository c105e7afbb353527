"""Keep the columns of `Events` in HDF5: SHD's layout for other readers, exact steps for us."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from snn.core.arrays import Int64Array, PathLike
from snn.core.checks import finite, number, refusal, wholes
from snn.core.files.foreign import ForeignFile, read_foreign, stored_times
from snn.core.files.hdf5 import (
    attribute,
    check_format,
    content,
    create,
    naming,
    numbers,
    open_ours,
    put,
)
from snn.core.files.user_block import check_user_block, has_user_block
from snn.core.files.whole import existing_file
from snn.core.units import event_steps, mid_step_times

FORMAT = "snn.events"
VERSION = 2
"""2 has a checksum, and times in the middle of steps; 1 had them at the start of steps, in float32."""


def write_events(path: PathLike, columns: Mapping[str, Any]) -> None:
    """Write the six columns of `Events.to_dict` whole or not at all.

    `spikes/times` (s, float64, the middle of each step) and `spikes/units` are ragged, as in SHD: they are for
    other readers, which find the step of a time whether they floor or round to it. `steps`, `offsets` and `n_steps`
    make the file exact.

    Raises:
        OSError: The file could not be written.
    """
    step, unit, offsets = columns["step"], columns["unit"], columns["offsets"]
    seconds = mid_step_times(step, columns["dt_ms"], unit_ms=1000.0)
    unit_type = (
        np.uint16 if columns["n_units"] <= 2**16 else np.uint32 if columns["n_units"] <= 2**32 else np.uint64
    )
    samples = offsets.size - 1
    with create(path, FORMAT, VERSION) as file:
        file.attrs["dt_ms"] = columns["dt_ms"]
        file.attrs["n_units"] = columns["n_units"]
        group = file.create_group("spikes")
        for name, values in (("times", seconds), ("units", unit.astype(unit_type))):
            ragged = group.create_dataset(name, (samples,), h5py.vlen_dtype(values.dtype))
            for b, row in enumerate(np.split(values, offsets[1:-1]) if samples else []):
                ragged[b] = row
        group["times"].attrs["times_are"] = "the middle of the step"
        group["times"].attrs["unit"] = "s"
        put(file, "steps", step)
        put(file, "offsets", offsets)
        put(file, "n_steps", columns["n_steps"])


def read_events(path: PathLike, dt_ms: float | None, n_units: int | None) -> dict[str, Any]:
    """Read the six columns from our file or from one laid out like SHD.

    Args:
        path: The file.
        dt_ms: Step to place an SHD file's times on; ours carry their own.
        n_units: Number of units of an SHD file; ours carry their own.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Damaged, not HDF5, another format or version, incomplete, or an argument is missing.
    """
    source = existing_file(path)
    if not has_user_block(source):
        foreign = read_foreign(source, ("spikes/times", "spikes/units"))
        if "format" not in foreign.attributes and "spikes" in foreign.there:
            with naming(path):
                return _read_shd(foreign, dt_ms, n_units)
        check_user_block(source)
    with open_ours(path) as file:
        check_format(file, FORMAT, VERSION)
        unit, sizes = _joined(file, "spikes/units", "ui")
        columns = {
            "step": numbers(file, "steps"),
            "unit": unit.astype(np.int64),
            "offsets": numbers(file, "offsets"),
            "n_units": attribute(file, "n_units"),
            "dt_ms": attribute(file, "dt_ms"),
            "n_steps": numbers(file, "n_steps"),
        }
        _check_rows(file, columns, sizes)
        return columns


def _check_rows(file: Any, columns: dict[str, Any], sizes: Int64Array) -> None:
    """Refuse a file whose rows for other readers say otherwise than its steps.

    Raises:
        ValueError: They do.
    """
    times, times_sizes = _joined(file, "spikes/times", "f")
    for name, found in (("units", sizes), ("times", times_sizes)):
        if not np.array_equal(found, np.diff(columns["offsets"])):
            raise ValueError(f"spikes/{name} must have rows as long as offsets says, got others")
    dt_ms, step = number("dt_ms", columns["dt_ms"], above=0), columns["step"]
    if step.dtype.kind in "iu" and not np.array_equal(times, mid_step_times(step, dt_ms, unit_ms=1000.0)):
        raise ValueError("spikes/times must be the middle of each step, (steps + 1/2) dt_ms, got other times")


def _read_shd(file: ForeignFile, dt_ms: float | None, n_units: int | None) -> dict[str, Any]:
    if dt_ms is None or n_units is None:
        raise ValueError("the file holds times in seconds on no grid: pass dt_ms and n_units (700 for SHD)")
    times, sizes = file.rows("spikes/times", "uif")
    units, sizes_of_units = file.rows("spikes/units", "ui")
    if not np.array_equal(sizes, sizes_of_units):
        raise ValueError("spikes/times and spikes/units differ in shape")
    sample = np.repeat(np.arange(sizes.size), sizes)
    finite("spikes/times", times, low=0, unit="s")
    step = event_steps(stored_times(times), dt_ms, unit_ms=1000.0)
    unit = wholes("spikes/units", units)
    order = np.lexsort((unit, step, sample))
    lengths = np.zeros(sizes.size, dtype=np.int64)
    np.maximum.at(lengths, sample, step + 1)
    return {
        "step": step[order],
        "unit": unit[order],
        "offsets": np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        "n_units": n_units,
        "dt_ms": dt_ms,
        "n_steps": lengths,
    }


def _joined(file: Any, name: str, kinds: str) -> tuple[Any, Int64Array]:
    """Put ragged rows one after another, [E], beside the size of each, [B].

    Raises:
        ValueError: A row is no list of numbers of one of the `kinds` of numpy.
    """
    rows = [np.asarray(row) for row in np.atleast_1d(content(file, name))]
    for b, row in enumerate(rows):
        if row.ndim != 1 or row.dtype.kind not in kinds:
            raise refusal(
                f"{name}[{b}]", "a list of whole numbers" if kinds == "ui" else "a list of numbers", row
            )
    sizes = np.array([row.size for row in rows], dtype=np.int64)
    return np.concatenate([np.zeros(0, dtype=np.uint16), *rows]), sizes

"""Keep what a long run recorded: a folder of parts in HDF5, each whole, each some steps of the run.

`part-000000000100-000000000200.h5` holds steps 100 to 199: `spikes/NAME` (`step` counts from the start of
the part, `unit`, `offsets` and `n_steps` per sample, as in `Events`) and `v/NAME`, [T, B, N]. Its attributes
hold the counts (JSON), the seed, the engine and the network's fingerprint. `state-000000000200.h5` is where
the run stands after that part. A part takes its name when it is complete, and is never written again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snn.core.arrays import Float64Array, PathLike
from snn.core.events import Events
from snn.core.files.hdf5 import create, open_ours, put
from snn.core.record import Counts, Recording
from snn.core.state import SimulationState

FORMAT = "snn.recording"
VERSION = 1

_PART = re.compile(r"part-(\d{12})-(\d{12})\.h5")


@dataclass(frozen=True, slots=True)
class Part:
    """Name one file of a recording."""

    path: Path
    """Where it is."""
    start: int
    """First step."""
    stop: int
    """Step after the last."""


def parts_of(folder: PathLike) -> list[Part]:
    """List the parts in a folder, in the order of time; none where there is no folder.

    Raises:
        ValueError: A part is missing between two others.
    """
    names = sorted(Path(folder).glob("part-*.h5"))
    found = [(path, _PART.fullmatch(path.name)) for path in names]
    parts = [Part(path, int(match[1]), int(match[2])) for path, match in found if match]
    end = 0
    for part in parts:
        if part.start != end:
            raise ValueError(f"{folder}: the part with steps {end} to {part.start - 1} is missing")
        end = part.stop
    return parts


def save_part(folder: PathLike, start: int, stop: int, recording: Recording, seed: int, engine: str) -> Part:
    """Append steps `start` to `stop` - 1; the part is there, with its state, or not at all.

    Raises:
        OSError: The disk is full, or the like; what was there before still is.
    """
    part = Part(Path(folder) / f"part-{start:012d}-{stop:012d}.h5", start, stop)
    recording.state.save(state_path(folder, stop))
    with create(part.path, FORMAT, VERSION) as file:
        file.attrs["fingerprint"] = recording.state.fingerprint
        file.attrs["seed"] = seed
        file.attrs["engine"] = engine
        file.attrs["counts"] = json.dumps(asdict(recording.counts))
        for name, events in recording.spikes.items():
            group = file.create_group(f"spikes/{name}")
            group.attrs["n_units"] = events.n_units
            group.attrs["dt_ms"] = events.dt_ms
            for column in ("step", "unit", "offsets", "n_steps"):
                put(group, column, getattr(events, column))
        for name, v in recording.v.items():
            file.create_dataset(f"v/{name}", data=v)  # compression gains little on membranes, and is slow
    if start:  # only the last state is kept
        state_path(folder, start).unlink(missing_ok=True)
    return part


def state_path(folder: PathLike, step: int) -> Path:
    """Tell where the state after `step` steps is kept."""
    return Path(folder) / f"state-{step:012d}.h5"


def read_about(part: Part) -> dict[str, Any]:
    """Read what a part says of its run: fingerprint, seed, names kept and counts."""
    with open_ours(part.path, FORMAT, VERSION) as file:
        return {
            "fingerprint": str(file.attrs["fingerprint"]),
            "seed": int(file.attrs["seed"]),
            "spikes": set(file.get("spikes", ())),
            "v": set(file.get("v", ())),
            "counts": Counts(**json.loads(file.attrs["counts"])),
        }


def load(folder: PathLike) -> Recording:
    """Read all parts as one recording.

    Raises:
        FileNotFoundError: No part is there.
        ValueError: A file is broken, of another version, or missing.
    """
    parts = parts_of(folder)
    if not parts:
        raise FileNotFoundError(f"no recording at {folder}")
    counts: Counts | None = None
    spikes: dict[str, list[Events]] = {}
    v: dict[str, list[Float64Array]] = {}
    for part in parts:
        with open_ours(part.path, FORMAT, VERSION) as file:
            for name, stored in file.get("spikes", {}).items():
                spikes.setdefault(name, []).append(_events(stored))
            for name, stored in file.get("v", {}).items():
                v.setdefault(name, []).append(stored[()])
            here = Counts(**json.loads(file.attrs["counts"]))
        counts = here if counts is None else counts + here
    assert counts is not None
    return Recording(
        spikes={name: join(pieces) for name, pieces in spikes.items()},
        v={name: np.concatenate(pieces) for name, pieces in v.items()},
        counts=counts,
        state=SimulationState.load(state_path(folder, parts[-1].stop)),
    )


def join(pieces: list[Events]) -> Events:
    """Put consecutive pieces of the same samples one after another, as `Events.slice` cut them."""
    first = pieces[0]
    start = np.zeros(len(first), dtype=np.int64)
    columns = []
    for piece in pieces:
        sample = piece.sample
        columns.append(np.stack([sample, piece.step + start[sample], piece.unit]))
        start = start + piece.n_steps
    sample, step, unit = np.concatenate(columns, axis=1)
    order = np.argsort(sample, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(sample, minlength=len(first)))])
    return Events(step[order], unit[order], offsets, first.n_units, first.dt_ms, start)


def _events(stored: Mapping[str, Any]) -> Events:
    columns = {name: stored[name][()] for name in ("step", "unit", "offsets", "n_steps")}
    attrs = stored.attrs  # type: ignore[attr-defined]
    return Events(**columns, n_units=int(attrs["n_units"]), dt_ms=float(attrs["dt_ms"]))

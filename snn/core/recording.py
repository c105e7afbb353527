"""Say what a run keeps (`Record`), and hold what it kept (`Recording`), in memory or in a folder of parts on disk.

A part (`snn.core.files.parts` names it) holds some steps of the run: `spikes`, whose steps count from the start
of the part, `v`, [T, B, N], the counts, the seed, the engine and the network's fingerprint. The state beside it
is where the run stands after the last part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from snn.core.arrays import Float64Array, PathLike, RealArray
from snn.core.checks import refusal, whole
from snn.core.counts import Counts
from snn.core.events import Events
from snn.core.files.hdf5 import naming
from snn.core.files.json_file import fields_of, typed
from snn.core.files.parts import Part, part_of, parts_of, state_path
from snn.core.files.tree import read_tree, read_values, write_tree
from snn.core.state import SimulationState

FORMAT = "snn.recording"
VERSION = 3
"""3 has a checksum; 2 was without, 1 had a layout of its own."""

_FIELDS = ("fingerprint", "seed", "engine", "counts", "spikes", "v")


@dataclass(frozen=True, slots=True)
class Record:
    """Name the populations whose spikes and membranes are kept.

    Attributes:
        spikes: Populations whose spikes are kept; None keeps those of every population with neurons.
        v: Populations whose membrane is kept in every step, after reset.

    Raises:
        TypeError: One name in place of a list of names.
    """

    spikes: Sequence[str] | None = None
    v: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in ("spikes", "v"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise TypeError(f"{name} must be a list of population names, got {value!r}")
            if value is not None:
                object.__setattr__(self, name, tuple(value))


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Hold what a run kept.

    Attributes:
        spikes: Spikes per recorded population; each sample lasts its own number of steps.
        v: Membrane after reset, [T, B, N], per recorded population; NaN past a sample's length.
        counts: What happened, as integers.
        state: Everything in flight at the end of each sample: pass it on as `state=` to continue.
    """

    spikes: dict[str, Events]
    v: dict[str, Float64Array]
    counts: Counts
    state: SimulationState

    @property
    def weights(self) -> dict[str, RealArray]:
        """Weights at the end, [B, S], per projection that learns, in the order of `Network.synapses`."""
        return self.state.weights

    @classmethod
    def load(cls, path: PathLike) -> Recording:
        """Read the folder that `stream` wrote, whole or as far as it came.

        Raises:
            FileNotFoundError: No recording is there.
            ValueError: A file of it is broken, of another version, or missing.
        """
        files = parts_of(path)
        if not files:
            raise FileNotFoundError(f"no recording at {path}")
        counts = Counts()
        spikes: dict[str, list[Events]] = {}
        v: dict[str, list[Float64Array]] = {}
        first: _Part | None = None
        for file in files:
            part = read_tree(file.path, FORMAT, VERSION, _from_dict)
            first = part if first is None else first
            with naming(file.path):
                _check_same_run(part, first, file.stop - file.start)
            for name, events in part.spikes.items():
                spikes.setdefault(name, []).append(events)
            for name, membrane in part.v.items():
                v.setdefault(name, []).append(membrane)
            with naming(file.path):
                counts = counts + part.counts
        last = state_path(path, files[-1].stop)
        state = SimulationState.load(last)
        if first is not None and state.fingerprint != first.fingerprint:
            raise ValueError(
                f"{last}: fingerprint must be {first.fingerprint!r} as in the parts, got another"
            )
        return cls(
            spikes={name: join(pieces) for name, pieces in spikes.items()},
            v={name: np.concatenate(pieces) for name, pieces in v.items()},
            counts=counts,
            state=state,
        )


def save_part(folder: PathLike, start: int, stop: int, recording: Recording, seed: int, engine: str) -> Part:
    """Append steps `start` to `stop` - 1; the part is there, with its state, or not at all.

    Raises:
        OSError: The disk is full, or the like; what was there before still is.
    """
    part = part_of(folder, start, stop)
    recording.state.save(state_path(folder, stop))
    tree = {
        "fingerprint": recording.state.fingerprint,
        "seed": int(seed),
        "engine": engine,
        "counts": recording.counts.to_dict(),
        "spikes": {name: events.to_dict() for name, events in recording.spikes.items()},
        "v": recording.v,
    }
    write_tree(part.path, FORMAT, VERSION, tree, uncompressed=("v",))  # membranes: slow, for little
    if start:  # only the last state is kept
        state_path(folder, start).unlink(missing_ok=True)
    return part


class PartSummary(NamedTuple):
    """Say of what run a part is, and what it counted.

    Attributes:
        fingerprint: `Network.fingerprint` of the network that ran.
        seed: Seed of the run.
        spikes: Populations whose spikes it keeps.
        v: Populations whose membranes it keeps.
        counts: What happened in its steps.
    """

    fingerprint: str
    seed: int
    spikes: set[str]
    v: set[str]
    counts: Counts


def read_summary(part: Part) -> PartSummary:
    """Read what a part says of its run, without its spikes and membranes.

    Raises:
        ValueError: The file is broken or of another version.
    """
    tree = read_values(part.path, FORMAT, VERSION)
    with naming(part.path):
        given = _checked(tree)
        counts = Counts.from_dict(given["counts"])
        names = set(given["spikes"]), set(given["v"])
        return PartSummary(given["fingerprint"], whole("seed", given["seed"]), *names, counts)


def join(pieces: Sequence[Events]) -> Events:
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


class _Part(NamedTuple):
    """What one part keeps, with the meaning of the fields of `Recording`, and of what run it is."""

    fingerprint: str
    seed: int
    spikes: dict[str, Events]
    v: dict[str, Float64Array]
    counts: Counts


def _from_dict(values: Any) -> _Part:
    given = _checked(values)
    for name, membrane in given["v"].items():
        if not isinstance(membrane, np.ndarray) or membrane.ndim != 3 or membrane.dtype.kind != "f":
            raise refusal(f"v[{name!r}]", "an array [T, B, N] of floats", membrane)
    return _Part(
        fingerprint=given["fingerprint"],
        seed=whole("seed", given["seed"]),
        spikes={name: Events.from_dict(columns) for name, columns in given["spikes"].items()},
        v=given["v"],
        counts=Counts.from_dict(given["counts"]),
    )


def _check_same_run(part: _Part, first: _Part, steps: int) -> None:
    """Refuse a part that does not go on with the first one of its folder.

    Raises:
        ValueError: It is of another network, seed or record, or does not hold its steps.
    """
    for name in ("fingerprint", "seed"):
        if getattr(part, name) != getattr(first, name):
            raise refusal(name, f"{getattr(first, name)!r} as in the first part", getattr(part, name))
    if (part.spikes.keys(), part.v.keys()) != (first.spikes.keys(), first.v.keys()):
        raise refusal("spikes and v", "of the populations of the first part", [*part.spikes, *part.v])
    for name, events in part.spikes.items():
        whole_run = first.spikes[name]
        if (len(events), events.n_units, events.dt_ms) != (
            len(whole_run),
            whole_run.n_units,
            whole_run.dt_ms,
        ):
            raise refusal(f"spikes[{name!r}]", f"like those of the first part, {whole_run!r}", events)
    for name, membrane in part.v.items():
        wanted = (steps, *first.v[name].shape[1:])
        if membrane.shape != wanted:
            raise refusal(f"v[{name!r}]", f"of shape {list(wanted)}", membrane)


def _checked(values: Any) -> dict[str, Any]:
    given = fields_of("recording", values, _FIELDS)
    typed("fingerprint", given["fingerprint"], str, "text")
    for name in ("spikes", "v"):
        if not isinstance(given[name], dict):
            raise refusal(name, "groups by population", given[name])
    return given

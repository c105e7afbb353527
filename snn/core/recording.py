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

from snn.core.arrays import Float64Array, Int64Array, PathLike, RealArray
from snn.core.checks import refusal, shown
from snn.core.counts import Counts
from snn.core.events import Events
from snn.core.files.hdf5 import naming
from snn.core.files.json_file import fields_of, typed
from snn.core.files.parts import Part, part_of, parts_of, state_path
from snn.core.files.tree import check_names_held, names_held, read_tree, read_values, write_tree
from snn.core.random import check_seed
from snn.core.state import SimulationState

FORMAT = "snn.recording"
VERSION = 3
"""3 has a checksum; 2 was without, 1 had a layout of its own."""

_FIELDS = ("holds", "fingerprint", "seed", "engine", "counts", "spikes", "v")


def population_names(name: str, value: Any) -> tuple[str, ...]:
    """Check a list of names of populations, argument `name`.

    Raises:
        TypeError: It is no list of names: one name alone, say.
    """
    if isinstance(value, str):
        raise TypeError(f"{name} must be a list of population names, got {value!r}")
    try:
        names = tuple(value)
    except TypeError:
        raise TypeError(f"{name} must be a list of population names, got {shown(value)}") from None
    for one in names:
        if not isinstance(one, str):
            raise TypeError(f"{name} must be a list of population names, got one {shown(one)}")
    return names


@dataclass(frozen=True, slots=True)
class Record:
    """Name the populations whose spikes and membranes are kept.

    Attributes:
        spikes: Populations whose spikes are kept; None keeps those of every population with neurons.
        v: Populations whose membrane is kept in every step, after reset.

    Raises:
        TypeError: It is no list of names: one name alone, say.
    """

    spikes: Sequence[str] | None = None
    v: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in ("spikes", "v"):
            value = getattr(self, name)
            if value is not None or name == "v":
                object.__setattr__(self, name, population_names(name, value))


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
            ValueError: A file of it is broken, of another version, missing, or not of the same run as the others.
        """
        files = parts_of(path)
        if not files:
            raise FileNotFoundError(f"no recording at {path}")
        parts = [read_tree(file.path, FORMAT, VERSION, _from_dict) for file in files]
        state_file = state_path(path, files[-1].stop)
        state = SimulationState.load(state_file)
        for file, part in zip(files, parts, strict=True):
            with naming(file.path):
                part.check(file, parts[0])
        with naming(state_file):
            _check_end(state, parts, files[-1].stop)
        counts = parts[0].counts
        for file, part in zip(files[1:], parts[1:], strict=True):
            with naming(file.path):
                counts = counts + part.counts
        return cls(
            spikes={name: join([part.spikes[name] for part in parts]) for name in parts[0].spikes},
            v={name: np.concatenate([part.v[name] for part in parts]) for name in parts[0].v},
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
    counts = recording.counts.to_dict()
    tree = {
        "holds": {**names_held({"spikes": recording.spikes, "v": recording.v}), "counts": names_held(counts)},
        "fingerprint": recording.state.fingerprint,
        "seed": int(seed),
        "engine": engine,
        "counts": counts,
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
        names = set(given["spikes"]), set(given["v"])
        return PartSummary(given["fingerprint"], check_seed(given["seed"]), *names, given["counts"])


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

    def check(self, file: Part, first: _Part) -> None:
        """Refuse a part that is not whole in itself, or not of the run of the first part.

        Raises:
            ValueError: As said above; the message names the field.
        """
        for field in ("fingerprint", "seed"):
            if getattr(self, field) != getattr(first, field):
                rule = f"{getattr(first, field)!r}, as in the first part"
                raise refusal(field, rule, getattr(self, field))
        for field in ("spikes", "v"):
            mine, others = getattr(self, field), getattr(first, field)
            if list(mine) != list(others):
                raise refusal(field, f"of {list(others)}, as in the first part", list(mine))
        steps, samples = file.stop - file.start, self.counts.samples
        if self.counts.continued != (file.start > 0) or samples != first.counts.samples:
            rule = f"of {first.counts.samples} samples, as in the first part, and continued after it"
            raise refusal("counts", rule, (samples, self.counts.continued))
        lengths = None
        for name, events in self.spikes.items():
            lengths = events.n_steps if lengths is None else lengths
            _check_spikes(name, events, first.spikes[name], steps, lengths, self.counts)
        for name, v in self.v.items():
            _check_membranes(name, v, first.v[name], samples, steps, lengths)


def _check_spikes(
    name: str, events: Events, first: Events, steps: int, lengths: Int64Array, counts: Counts
) -> None:
    """Refuse the spikes of a part that are not of its steps, or not as many as it counted."""
    where = f"spikes[{name!r}]"
    for field in ("n_units", "dt_ms"):
        if getattr(events, field) != getattr(first, field):
            rule = f"{getattr(first, field)}, as in the first part"
            raise refusal(f"{where}.{field}", rule, getattr(events, field))
    if len(events) != counts.samples or not np.array_equal(events.n_steps, lengths):
        raise refusal(where, f"of {counts.samples} samples, as counted, as long in each population", events)
    if (events.n_steps > steps).any() or events.n_steps.sum() != counts.steps:
        rule = f"at most {steps}, the steps of the part, and {counts.steps} in all, as counted"
        raise refusal(f"{where}.n_steps", rule, events.n_steps.tolist())
    if counts.spikes.get(name) != events.n_events:
        raise refusal(where, f"{counts.spikes.get(name)} spikes, as counted", events.n_events)


def _check_membranes(
    name: str, v: RealArray, first: RealArray, samples: int, steps: int, lengths: Int64Array | None
) -> None:
    """Refuse the membranes of a part that are not of its steps, samples and neurons, or not finite within them."""
    where, rows = f"v[{name!r}]", steps if lengths is None else int(lengths.max(initial=0))
    if v.ndim != 3 or v.shape[1:] != (samples, first.shape[-1]) or v.dtype != first.dtype:
        shape = ["T", samples, first.shape[-1]]
        raise refusal(where, f"of shape {shape} and dtype {first.dtype}, as in the first part", v)
    if v.dtype not in (np.float64, np.float32) or (len(v) > rows if lengths is None else len(v) != rows):
        raise refusal(where, f"floats of {rows} steps", v)
    inside = np.isfinite(v).all(axis=2)
    ends = inside.sum(axis=0) if lengths is None else lengths
    if not np.array_equal(inside, np.arange(len(v))[:, None] < ends):
        raise refusal(where, "finite in the steps of each sample", v)


def _check_end(state: SimulationState, parts: list[_Part], stop: int) -> None:
    """Refuse a state that is not where the run of the parts stands after `stop` steps."""
    for field in ("fingerprint", "seed"):
        if getattr(state, field) != getattr(parts[0], field):
            raise refusal(field, f"{getattr(parts[0], field)!r}, as in the parts", getattr(state, field))
    if state.steps.shape != (parts[0].counts.samples,):
        raise refusal("steps", f"of {parts[0].counts.samples} samples, as in the parts", state.steps)
    lived = sum(part.counts.steps for part in parts)
    if state.steps.sum() != lived or state.steps.max(initial=0) > stop:
        raise refusal("steps", f"at most {stop}, and {lived} in all, as in the parts", state.steps.tolist())


def _from_dict(values: Any) -> _Part:
    given = _checked(values)
    for name, membrane in given["v"].items():
        if not isinstance(membrane, np.ndarray) or membrane.ndim != 3 or membrane.dtype.kind != "f":
            raise refusal(f"v[{name!r}]", "an array [T, B, N] of floats", membrane)
    if not isinstance(given["fingerprint"], str):
        raise refusal("fingerprint", "text", given["fingerprint"])
    return _Part(
        fingerprint=given["fingerprint"],
        seed=check_seed(given["seed"]),
        spikes={name: Events.from_dict(columns) for name, columns in given["spikes"].items()},
        v=given["v"],
        counts=given["counts"],
    )


def _checked(values: Any) -> dict[str, Any]:
    given = fields_of("recording", values, _FIELDS)
    typed("fingerprint", given["fingerprint"], str, "text")
    for name in ("spikes", "v"):
        if not isinstance(given[name], dict):
            raise refusal(name, "groups by population", given[name])
    holds = fields_of("holds", given["holds"], ("spikes", "v", "counts"))
    for name in ("spikes", "v"):
        check_names_held({name: given[name]}, {name: holds[name]})
    counts = Counts.from_dict(given["counts"])
    check_names_held(given["counts"], holds["counts"])
    return {**given, "counts": counts}

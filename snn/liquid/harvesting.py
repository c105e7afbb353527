"""Collect the features of many samples: in memory, or piece by piece on disk, from where a run can go on."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np

from snn.core import Events
from snn.core.arrays import Float32Array, PathLike
from snn.core.checks import choice, flag, number, refusal, shown, whole
from snn.core.files.hdf5 import naming
from snn.core.files.parts import Part, part_of, parts_of
from snn.core.files.tree import fields_of, read_tree, read_values, write_tree
from snn.core.files.whole import remove_drafts
from snn.liquid.features import Features, spike_features
from snn.liquid.reservoir import Reservoir

__all__ = ["Harvest", "harvest"]

FORMAT, VERSION = "snn.harvest", 1
_FIELDS = ("liquid", "data", "settings", "features")

_SILENT, _SATURATED = 1e-4, 0.5
"""Mean spikes of a neuron in a step, under and over which a liquid is warned of: its features tell little."""


class Harvest:
    """Read features that lie on disk, a piece at a time: `np.asarray` and slices give float32 arrays [B, F].

    Attributes:
        path: Folder of the pieces.
        shape: (B, F).
    """

    def __init__(self, path: PathLike) -> None:
        """Open what `harvest` wrote, whole or as far as it came.

        Raises:
            FileNotFoundError: Nothing is there.
            ValueError: A piece is missing, damaged, of another version, or of another harvest than the first.
        """
        self.path, self._parts = Path(path), parts_of(path)
        if not self._parts:
            raise FileNotFoundError(f"no harvest at {self.path}")
        first = _read_head(self._parts[0])
        for part in self._parts[1:]:
            _check_same(part, first)
        self.shape = (self._parts[-1].stop, _read_piece(self._parts[0]).shape[1])

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """Read all features."""
        if copy is False:
            raise ValueError("copy must be True or None for features that lie on disk, got False")
        return self[:].astype(dtype or np.float32, copy=False)

    def __getitem__(self, index: slice) -> Float32Array:
        """Read the features of a range of samples; only the pieces that it touches are read."""
        if not isinstance(index, slice):
            raise TypeError(f"index must be a slice of samples, got {shown(index)}")
        wanted = np.arange(len(self))[index]
        found = np.empty((wanted.size, self.shape[1]), dtype=np.float32)
        for part in self._parts:
            here = (wanted >= part.start) & (wanted < part.stop)
            if here.any():
                found[here] = _read_piece(part)[wanted[here] - part.start]
        return found


class _Settings(NamedTuple):
    """What decides the features beside the liquid and its input."""

    windows: int
    features: Features
    trace_ms: float
    piece: int

    def checked(self) -> _Settings:
        """Refuse impossible settings."""
        return _Settings(
            whole("windows", self.windows, low=1),
            choice("features", self.features, Features),
            number("trace_ms", self.trace_ms, above=0),
            whole("piece", self.piece, low=1),
        )

    def text(self) -> str:
        """Write them as text."""
        return json.dumps(self._asdict())


@overload
def harvest(
    model_or_reservoir: Any,
    data: Any,
    path: None = None,
    windows: int = 1,
    resume: bool = False,
    *,
    features: Features = ...,
    trace_ms: float = ...,
    piece: int = ...,
    progress: Callable[[int, int], None] | None = ...,
) -> Float32Array: ...


@overload
def harvest(
    model_or_reservoir: Any,
    data: Any,
    path: PathLike,
    windows: int = 1,
    resume: bool = False,
    *,
    features: Features = ...,
    trace_ms: float = ...,
    piece: int = ...,
    progress: Callable[[int, int], None] | None = ...,
) -> Harvest: ...


def harvest(
    model_or_reservoir: Any,
    data: Any,
    path: PathLike | None = None,
    windows: int = 1,
    resume: bool = False,
    *,
    features: Features = "counts",
    trace_ms: float = 20.0,
    piece: int = 1000,
    progress: Callable[[int, int], None] | None = None,
) -> Float32Array | Harvest:
    """Run samples through a liquid and collect their features, in pieces.

    With a path each piece is kept when it is done, in a folder of HDF5 files, and memory does not grow with the
    samples; a run that was stopped goes on with `resume=True`, and the bits are those of one go. A silent or
    saturated liquid is warned of.

    Args:
        model_or_reservoir: A `Reservoir`, or a model of layers whose output [T, B, N] is spikes, such as one on
            crossbars.
        data: `Events`, or a set that holds some (`SpikeSet`).
        path: Folder of the harvest; None keeps the features in memory.
        windows: As in `Reservoir.run`.
        resume: Go on with the harvest at `path`, if there is one.
        features: As in `Reservoir.run`.
        trace_ms: As in `Reservoir.run`.
        piece: Samples of a piece, >= 1.
        progress: Called after each piece with the samples done and the samples in all.

    Returns:
        Features, float32 [B, windows N], window by window: an array, or with a path a `Harvest`.

    Raises:
        FileExistsError: `path` holds a harvest, without `resume`.
        TypeError: Neither a liquid nor a model, or no events.
        ValueError: An argument is not as said, or `resume` finds the harvest of another liquid, other data or other
            settings, or a damaged piece.
        OSError: A piece could not be written; those before it are kept.
    """
    events = _events_of(data)
    settings = _Settings(windows, features, trace_ms, piece).checked()
    flag("resume", resume)
    run, watch = _runner(model_or_reservoir, events, settings), _Rate(events)
    if path is None:
        found = [run(0, 0)]
        for start, stop in _pieces(0, len(events), settings.piece, progress):
            found.append(watch.seen(run(start, stop), settings))
    else:
        head = {
            "liquid": _fingerprint(model_or_reservoir),
            "data": _digest(events),
            "settings": settings.text(),
        }
        done = _done(Path(path), head, resume)
        for start, stop in _pieces(done, len(events), settings.piece, progress):
            rows = watch.seen(run(start, stop), settings)
            write_tree(part_of(path, start, stop).path, FORMAT, VERSION, {**head, "features": rows})
    watch.warn()
    return np.concatenate(found) if path is None else Harvest(path)


def _events_of(data: Any) -> Events:
    """Give the samples of a set.

    Raises:
        TypeError: It has none.
    """
    events = getattr(data, "events", data)
    if not isinstance(events, Events):
        raise TypeError(f"data must be Events or a set that holds some, got {shown(data)}")
    return events


def _runner(given: Any, events: Events, settings: _Settings) -> Callable[[int, int], Float32Array]:
    """Give what makes the features of the samples from one number to another."""
    options = (settings.windows, settings.features, settings.trace_ms)
    if isinstance(given, Reservoir):
        given.check_input(events)
        return given.runner(events, *options)
    from snn.liquid.layers import model_spikes  # brings torch in

    spikes, size = model_spikes(given, events)
    return partial(spike_features, spikes, events, size, *options)


def _pieces(
    start: int, stop: int, piece: int, progress: Callable[[int, int], None] | None
) -> Iterator[tuple[int, int]]:
    """Give the bounds of the pieces, and report each when it is done."""
    for first in range(start, stop, piece):
        end = min(first + piece, stop)
        yield first, end
        if progress is not None:
            progress(end, stop)


def _fingerprint(given: Any) -> str:
    """Digest a liquid: of layers, what they are and hold; a model on crossbars says it itself."""
    own = getattr(given, "fingerprint", None)
    if isinstance(own, str):
        return own
    from snn.nn import to_config

    digest = hashlib.blake2b(json.dumps(to_config(given)).encode(), digest_size=16)
    for name, tensor in given.state_dict().items():
        digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _digest(events: Events) -> str:
    """Digest samples."""
    digest = hashlib.blake2b(repr((events.n_units, events.dt_ms)).encode(), digest_size=16)
    for column in (events.step, events.unit, events.offsets, events.n_steps):
        digest.update(column.data)
    return digest.hexdigest()


def _done(folder: Path, head: dict[str, str], resume: bool) -> int:
    """Give the samples that are done; make the folder where nothing is."""
    parts = parts_of(folder)
    remove_drafts(folder)  # of a run into it that was killed
    if not parts:
        folder.mkdir(parents=True, exist_ok=True)
        return 0
    if not resume:
        raise FileExistsError(f"{folder} holds a harvest of {parts[-1].stop} samples; resume=True goes on")
    for part in parts:
        _check_same(part, head)
    return parts[-1].stop


def _read_head(part: Part) -> dict[str, Any]:
    """Read what a piece is of."""
    with naming(part.path):
        fields = fields_of("harvest", read_values(part.path, FORMAT, VERSION), _FIELDS)
        return {name: fields[name] for name in _FIELDS if name != "features"}


def _check_same(part: Part, head: dict[str, Any]) -> None:
    """Refuse a piece that is of something else.

    Raises:
        ValueError: It is; the message says what differs.
    """
    for name, found in _read_head(part).items():
        if found != head[name]:
            raise ValueError(
                f"{part.path}: {name} must be {head[name]}, as of this harvest, got {shown(found)}"
            )


def _read_piece(part: Part) -> Float32Array:
    """Read the features of a piece."""

    def build(tree: dict[str, Any]) -> Float32Array:
        rows = fields_of("harvest", tree, _FIELDS)["features"]
        if rows.ndim != 2 or rows.dtype != np.float32 or len(rows) != part.stop - part.start:
            raise refusal("features", f"float32 [{part.stop - part.start}, F]", rows)
        return np.asarray(rows)

    return read_tree(part.path, FORMAT, VERSION, build)


class _Rate:
    """Watch the mean rate of a liquid: spikes of a neuron in a step."""

    def __init__(self, events: Events) -> None:
        self._steps, self._spikes, self._size = int(events.n_steps.sum()), 0.0, 0

    def seen(self, rows: Float32Array, settings: _Settings) -> Float32Array:
        """Note the features of a piece, and give them back."""
        self._spikes += float(rows.sum(dtype=np.float64)) if settings.features == "counts" else np.nan
        self._size = rows.shape[1] // settings.windows
        return rows

    def warn(self) -> None:
        """Warn of a liquid that is silent or saturated."""
        places = self._steps * self._size
        rate = self._spikes / places if places else np.nan
        if rate < _SILENT or rate > _SATURATED:
            what = "silent" if rate < _SILENT else "saturated"
            warnings.warn(
                f"the liquid is {what}: {rate:.3g} spikes per neuron and step, so its features tell little; "
                f"{'raise' if rate < _SILENT else 'lower'} its weights",
                stacklevel=3,
            )

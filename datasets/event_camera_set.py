"""Recordings of an event camera that stay in their files: read, checked and framed batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snn.core import Events
from snn.datasets.formats.class_tree import Files
from snn.datasets.formats.locate import Source
from snn.datasets.spike_set import Batch, SpikeSet, batch_indices

__all__ = ["EventCameraSet", "FrameBinning", "Frames", "Pixels"]

Frames = Literal["time", "count"]


class Pixels(NamedTuple):
    """Hold the events of one recording, in order of time."""

    time_us: NDArray[np.int64]
    """Microseconds from the start of the recording, [E]."""
    x: NDArray[np.int64]
    """Column, [E]."""
    y: NDArray[np.int64]
    """Row, [E]."""
    polarity: NDArray[np.int64]
    """1 where light rose, 0 where it fell, [E]."""


@dataclass(frozen=True, slots=True)
class FrameBinning:
    """Say how the events of a recording become steps.

    Raises:
        ValueError: A value is impossible; the message names it.
    """

    n_bins: int | None = 10
    """Frames of every recording, >= 1: equal parts of it. None: as many as frames of `dt_ms` it takes."""
    dt_ms: float | None = None
    """Length of a frame, ms, from the start of the recording; None where `n_bins` is given."""
    frames: Frames = "time"
    """What is equal in the `n_bins` parts: "time", between the first and the last event, or "count" of events."""

    def __post_init__(self) -> None:
        if (self.n_bins is None) == (self.dt_ms is None):
            raise ValueError(f"give n_bins or dt_ms, one of the two; got {self.n_bins!r} and {self.dt_ms!r}")
        if self.n_bins is not None and (
            isinstance(self.n_bins, bool) or int(self.n_bins) != self.n_bins or self.n_bins < 1
        ):
            raise ValueError(f"n_bins must be a whole number >= 1, got {self.n_bins!r}")
        if self.dt_ms is not None and not 0.001 <= self.dt_ms < np.inf:
            raise ValueError(f"dt_ms must be finite and at least 0.001 ms, got {self.dt_ms!r}")
        if self.frames not in get_args(Frames):
            raise ValueError(f"frames must be one of {', '.join(get_args(Frames))}, got {self.frames!r}")
        if self.frames == "count" and self.n_bins is None:
            raise ValueError("frames 'count' needs n_bins, not dt_ms")

    def __call__(self, time_us: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
        """Give the step of each event [E] (at least one, in order of time) and the number of steps."""
        if self.dt_ms is not None:
            step = np.floor(time_us / (self.dt_ms * 1000.0)).astype(np.int64)
            return step, int(step[-1]) + 1
        assert self.n_bins is not None
        if self.frames == "count":
            return np.arange(len(time_us)) * self.n_bins // len(time_us), self.n_bins
        since = time_us - time_us[0]
        return since * self.n_bins // (int(since[-1]) + 1), self.n_bins


@dataclass(frozen=True, slots=True)
class EventCameraSet:
    """Hold a labelled set of recordings by their files; what it takes in memory is a batch.

    It serves as a `SpikeSet` does: unit (polarity H + y) W + x counts the events of a pixel and polarity.
    """

    name: str
    """What the data really are, to be printed with every result."""
    files: Files
    """Where the recordings are, and their classes."""
    shape: tuple[int, int, int]
    """Axes of a frame: (2 polarities, H rows, W columns)."""
    read_file: Callable[[Source], Pixels]
    """Read and check one file."""
    framing: FrameBinning
    """How events become steps."""
    nominal_ms: float
    """Length of a recording, ms, by which a step's length is told where `framing` has none."""

    def __len__(self) -> int:
        """Return the number of recordings."""
        return len(self.files)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class of each recording, [B]."""
        return self.files.labels

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.files.classes

    @property
    def n_units(self) -> int:
        """Number of inputs: pixels times polarities."""
        return int(np.prod(self.shape))

    @property
    def dt_ms(self) -> float:
        """Length of a step, ms; nominal where frames are parts of each recording."""
        if self.framing.dt_ms is not None:
            return self.framing.dt_ms
        assert self.framing.n_bins is not None
        return self.nominal_ms / self.framing.n_bins

    @property
    def events(self) -> Events:
        """All recordings on their grid, in memory at once."""
        return self.read().events

    def __add__(self, other: EventCameraSet) -> EventCameraSet:
        """Put two splits of one set together, such as for a cross-validation."""
        return replace(self, files=self.files + other.files)

    def subset(self, indices: ArrayLike) -> EventCameraSet:
        """Take recordings by index, in the order given.

        Raises:
            IndexError: An index is out of range.
        """
        return replace(self, files=self.files.subset(indices))

    def read(self, indices: ArrayLike | None = None) -> SpikeSet:
        """Read recordings into memory; None is all.

        Raises:
            OSError: A file cannot be read.
            DataError: A file is damaged or holds an impossible value; the message names it.
        """
        part = self.files if indices is None else self.files.subset(indices)
        _, height, width = self.shape
        steps, units, lengths = [], [], []
        for source in part.sources:
            pixels = self.read_file(source)
            step, length = self.framing(pixels.time_us)
            steps.append(step)
            units.append((pixels.polarity * height + pixels.y) * width + pixels.x)
            lengths.append(length)
        events = Events.from_lists(
            steps, units, n_units=self.n_units, dt_ms=self.dt_ms, n_steps=np.array(lengths, dtype=np.int64)
        )
        speakers = np.full(len(part), -1, dtype=np.int64)
        return SpikeSet(self.name, events, part.labels, speakers, part.classes, shape=self.shape)

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Batch]:
        """Give batches of frames [T, B, 2, H, W] as `SpikeSet.batches` does, reading them as they are asked for.

        Raises:
            ValueError: batch_size or min_batch is below 1.
            DataError: A file has been damaged since it was checked.
        """
        for index in batch_indices(len(self), batch_size, seed, min_batch):
            batch = next(self.read(index).batches(len(index)))
            yield batch._replace(sample=index)

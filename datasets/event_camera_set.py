"""Recordings of an event camera that stay in their files: read, checked and binned into frames batch by batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from snn.core import Events, event_steps
from snn.core.arrays import Float32Array, Int64Array
from snn.core.checks import choice, number, refusal, shown, whole, wholes
from snn.datasets.formats.camera_events import CameraEvents
from snn.datasets.formats.class_tree import LabelledFiles
from snn.datasets.formats.locate import Source
from snn.datasets.samples import batch_indices, sample_index
from snn.datasets.spike_set import Batch, SpikeSet

__all__ = ["EqualFrames", "EventCameraSet", "FrameBinning", "camera_frames"]

EqualFrames = Literal["time", "count"]
"""What is equal in all frames of a recording: their length in time, or their count of events."""
_MOST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class FrameBinning:
    """Say how the events of a recording become steps.

    Attributes:
        n_bins: Frames of every recording that has events, >= 1: equal parts of it. None: as many as frames of
            `dt_ms` it takes.
        dt_ms: Length of a frame, ms, >= 0.001, from the start of the recording; None where `n_bins` is given.
        frames: What is equal in the `n_bins` parts: "time", between the first and the last event, or "count" of
            events.

    Raises:
        ValueError: A value is impossible; the message names it.
    """

    n_bins: int | None = 10
    dt_ms: float | None = None
    frames: EqualFrames = "time"

    @classmethod
    def of(cls, n_bins: int | None, dt_ms: float | None, frames: EqualFrames) -> FrameBinning:
        """Make one of arguments that may all be left out: the default number of frames where neither is given."""
        return cls(cls().n_bins if n_bins is None and dt_ms is None else n_bins, dt_ms, frames)

    def __post_init__(self) -> None:
        if (self.n_bins is None) == (self.dt_ms is None):
            both = f"{shown(self.n_bins)} and {shown(self.dt_ms)}"
            raise ValueError(f"give n_bins or dt_ms, one of the two; got {both}")
        if self.n_bins is not None:
            object.__setattr__(self, "n_bins", whole("n_bins", self.n_bins, low=1))
        if self.dt_ms is not None:
            object.__setattr__(self, "dt_ms", number("dt_ms", self.dt_ms, low=0.001))
        choice("frames", self.frames, EqualFrames)
        if self.frames == "count" and self.n_bins is None:
            raise ValueError(f"frames 'count' needs n_bins, got dt_ms {self.dt_ms!r}")

    def __call__(self, time_us: Int64Array) -> tuple[Int64Array, int]:
        """Give the step of each event [E], in order of time, and the number of steps: 0 where there are no events.

        Raises:
            ValueError: A time is no whole number of microseconds >= 0, or so many frames cannot be counted.
        """
        time = wholes("time_us", time_us, low=0)
        if not time.size:
            return time, 0
        if self.dt_ms is not None:
            step = event_steps(time, self.dt_ms, unit_ms=0.001)
            return step, int(step[-1]) + 1
        assert self.n_bins is not None
        order = np.arange(len(time)) if self.frames == "count" else time - time[0]
        parts = int(order[-1]) + 1
        if self.n_bins * parts > _MOST:
            raise refusal("n_bins", f"at most {_MOST // parts} for a recording of {parts} parts", self.n_bins)
        return order * self.n_bins // parts, self.n_bins

    def step_ms(self, nominal_ms: float) -> float:
        """Give the length of a step, ms; where frames are parts of a recording, of one that lasts `nominal_ms`."""
        if self.dt_ms is not None:
            return self.dt_ms
        assert self.n_bins is not None
        return nominal_ms / self.n_bins


def camera_frames(
    recordings: Iterable[CameraEvents],
    shape: tuple[int, int, int],
    frame_binning: FrameBinning,
    nominal_ms: float,
) -> Events:
    """Put recordings on a grid of steps; unit (polarity H + y) W + x is a pixel and polarity.

    Args:
        recordings: Events in the order of time.
        shape: Axes of a frame: (2 polarities, H rows, W columns).
        frame_binning: How events become steps.
        nominal_ms: Length of a recording, ms, > 0, which gives that of a step where frames are its parts.

    Raises:
        ValueError: A pixel or a polarity is outside `shape`, or times are no whole microseconds >= 0.
    """
    steps, units, lengths = [], [], []
    for i, seen in enumerate(recordings):
        place = (seen.polarity, seen.y, seen.x)
        for name, values, size in zip(("polarity", "y", "x"), place, shape, strict=True):
            wholes(f"{name} of recordings[{i}]", values, low=0, high=size - 1)
        step, length = frame_binning(seen.time_us)
        steps.append(step)
        units.append(np.ravel_multi_index(place, shape))
        lengths.append(length)
    return Events.from_lists(
        steps,
        units,
        n_units=math.prod(shape),
        dt_ms=frame_binning.step_ms(nominal_ms),
        n_steps=np.array(lengths, dtype=np.int64),
    )


@dataclass(frozen=True, slots=True)
class EventCameraSet:
    """Hold a labelled set of recordings by their files; what it takes in memory is a batch.

    It serves as a `SpikeSet` does: unit (polarity H + y) W + x counts the events of a pixel and polarity.

    Attributes:
        name: What the data really are, to be printed with every result.
        files: Where the recordings are, and their classes.
        shape: Axes of a frame: (2 polarities, H rows, W columns).
        read_file: Reads and checks one file.
        frame_binning: How events become steps.
        nominal_ms: Length of a recording, ms, > 0; it gives the length of a step where frames are parts of a
            recording.

    Raises:
        TypeError: A field is of another kind.
        ValueError: `shape` is not (2, H, W), or `nominal_ms` not above 0.
    """

    name: str
    files: LabelledFiles
    shape: tuple[int, int, int]
    read_file: Callable[[Source], CameraEvents]
    frame_binning: FrameBinning
    nominal_ms: float

    def __post_init__(self) -> None:
        for name, fits in (
            ("files", isinstance(self.files, LabelledFiles)),
            ("read_file", callable(self.read_file)),
            ("frame_binning", isinstance(self.frame_binning, FrameBinning)),
        ):
            if not fits:
                raise TypeError(
                    f"{name} must be as in the class's description, got {shown(getattr(self, name))}"
                )
        axes = self.shape if isinstance(self.shape, tuple | list) else ()
        if len(axes) != 3:
            raise refusal("shape", "(2 polarities, H rows, W columns)", self.shape)
        for i, size in enumerate(axes):
            whole(f"shape[{i}]", size, low=1)
        if axes[0] != 2:
            raise refusal("shape[0]", "2 (polarities)", axes[0])
        object.__setattr__(self, "shape", tuple(map(int, axes)))
        object.__setattr__(self, "nominal_ms", number("nominal_ms", self.nominal_ms, above=0))

    def __len__(self) -> int:
        """Return the number of recordings."""
        return len(self.files)

    def __getitem__(self, index: SupportsIndex) -> tuple[Events | Float32Array, int]:
        """Read one recording: its frames [T, 2, H, W] of event counts, and its label.

        Raises:
            IndexError: There is no such recording.
            TypeError: The index is no integer.
            DataError: The file has been damaged since it was checked.
        """
        return self.read([sample_index(index, len(self))])[0]

    @property
    def labels(self) -> Int64Array:
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
        return self.frame_binning.step_ms(self.nominal_ms)

    @property
    def events(self) -> Events:
        """All recordings on their grid, in memory at once."""
        return self.read().events

    def __add__(self, other: EventCameraSet) -> EventCameraSet:
        """Put two splits of one set together, such as for a cross-validation.

        Raises:
            TypeError: The other is no such set.
            ValueError: Its classes, shape or binning are others.
        """
        if not isinstance(other, EventCameraSet):
            raise TypeError(f"other must be an EventCameraSet, got {shown(other)}")
        for name in ("shape", "frame_binning"):
            if getattr(self, name) != getattr(other, name):
                raise refusal(
                    f"{name} of the other set", f"{getattr(self, name)}, as here", getattr(other, name)
                )
        return replace(self, files=self.files + other.files)

    def subset(self, indices: ArrayLike) -> EventCameraSet:
        """Take recordings in the order given: by index, or those marked in truth values [B].

        Raises:
            ValueError: The indices are no whole numbers.
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
        recordings = map(self.read_file, part.sources)
        events = camera_frames(recordings, self.shape, self.frame_binning, self.nominal_ms)
        speakers = np.full(len(part), -1, dtype=np.int64)
        return SpikeSet(self.name, events, part.labels, speakers, part.classes, shape=self.shape)

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Batch]:
        """Give batches of frames [T, B, 2, H, W] as `SpikeSet.batches` does, reading them as they are asked for.

        Raises:
            ValueError: The set is empty, batch_size or min_batch is below 1, or a seed is no whole number >= 0.
            DataError: A file has been damaged since it was checked.
        """
        for index in batch_indices(len(self), batch_size, seed, min_batch, self.name):
            batch = next(self.read(index).batches(len(index)))
            yield batch._replace(sample=index)

"""Data sets of tonic, from their events: tonic's own frames lose some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from snn.core.arrays import Int64Array
from snn.core.checks import choice, refusal, shown, whole, wholes
from snn.datasets.errors import data_refusal, reading
from snn.datasets.event_camera_set import EventCameraSet, FrameBinning, camera_frames
from snn.datasets.formats.camera_events import CameraEvents, check_events, from_first_event
from snn.datasets.formats.class_tree import LabelledFiles
from snn.datasets.formats.locate import Source
from snn.datasets.samples import one_per_sample
from snn.datasets.spike_set import SpikeSet

__all__ = ["from_tonic"]

Start = Literal["recording", "first_event"]
"""What time 0 is: that of the data set, or of each sample's first event."""

_MOST_CLASSES = 100_000


def from_tonic(
    dataset: Any,
    *,
    dt_ms: float | None = None,
    n_bins: int | None = None,
    shape: Sequence[int] | None = None,
    speaker: ArrayLike | None = None,
    off: Literal[0, -1] = 0,
    start: Start = "recording",
) -> SpikeSet | EventCameraSet:
    """Take a data set of tonic: its events, never its frames. Every sample is read once, and checked.

    Events may be in any order; the arrays that tonic gives are not changed. Samples without events have no steps.

    Args:
        dataset: A data set of tonic, or what gives (events, class) by index and has a length: events are a
            structured array with t (us), x and, where the sensor has them, y and p. It has no transform.
        dt_ms: Length of a step, ms.
        n_bins: Steps of a sample: equal parts of the time between its first and last event, in place of `dt_ms`.
        shape: (N,) units, or (2 polarities, H rows, W columns); None takes tonic's `sensor_size`.
        speaker: Speaker of each sample, [B]; None takes what the data set says, or -1.
        off: What p is where light fell: 0, or -1.
        start: What time 0 is: "recording", that of the data set, or "first_event" of each sample, for sets whose
            clock is the computer's (CIFAR10-DVS).

    Returns:
        A `SpikeSet` in memory for sensors of one row and one polarity (sound), else an `EventCameraSet` that reads
        samples through tonic batch by batch.

    Raises:
        TypeError: `dataset` is no such set.
        DataError: A sample holds an impossible value; the message names the sample.
        ValueError: An argument is impossible; the message names it.
    """
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise TypeError(f"dataset must give samples by index and have a length, got {shown(dataset)}")
    binning = FrameBinning(n_bins, dt_ms)
    axes = _axes(shape, getattr(dataset, "sensor_size", None))
    choice("off", off, (0, -1))
    samples = _Samples(dataset, axes, off, choice("start", start, Start))
    name = f"{type(dataset).__name__} (tonic)"
    sources = tuple(_Sample(Path(name), None, i) for i in range(len(dataset)))
    kept, targets, nominal_ms = samples.read_all(sources, keep=len(axes) == 1)
    labels, classes = _labels(name, targets, getattr(dataset, "classes", None))
    if len(axes) == 3:
        if speaker is not None:
            raise refusal("speaker", "None for a camera", speaker)
        files = LabelledFiles(sources, labels, classes)
        return EventCameraSet(name, files, axes, samples, binning, nominal_ms)
    said = getattr(dataset, "speaker", None) if speaker is None else speaker
    speakers = one_per_sample("speaker", [-1] * len(labels) if said is None else said, len(labels), low=-1)
    events = camera_frames(kept, (1, 1, axes[0]), binning, nominal_ms)
    return SpikeSet(name, events, labels, speakers, classes)


@dataclass(frozen=True, slots=True)
class _Sample(Source):
    """Name one sample of a data set that tonic reads."""

    index: int = 0

    def __str__(self) -> str:
        """Say which."""
        return f"{self.path}: sample {self.index}"


@dataclass(frozen=True, slots=True)
class _Samples:
    """Read samples of a data set, as `from_tonic` was told: its axes, what p is for OFF, and what time 0 is."""

    dataset: Any
    axes: tuple[int, ...]
    off: int
    start: Start

    def __call__(self, source: Source) -> CameraEvents:
        """Give the events of a sample."""
        return self.read(source)[0]

    def read_all(
        self, sources: Sequence[Source], *, keep: bool
    ) -> tuple[list[CameraEvents], list[Any], float]:
        """Give the events of all samples, where they shall be kept, their classes, and how long one lasts, ms."""
        kept, targets, total_us = [], [], 0
        for source in sources:
            seen, target = self.read(source)
            kept += [seen] if keep else []
            targets.append(target)
            total_us += int(np.ptp(seen.time_us)) + 1 if seen.time_us.size else 1
        return kept, targets, total_us / 1000 / max(len(sources), 1) or 1.0

    def read(self, source: Source) -> tuple[CameraEvents, Any]:
        """Give the events and the class of a sample."""
        assert isinstance(source, _Sample)
        sample = self.dataset[source.index]
        if not isinstance(sample, tuple | list) or len(sample) != 2:
            raise data_refusal(source, "it", "(events, target)", sample)
        events, target = sample
        fields = getattr(getattr(events, "dtype", None), "names", None) or ()
        needed = ("t", "x") if len(self.axes) == 1 else ("t", "x", "y", "p")
        if not set(needed) <= set(fields):
            rule = f"an array with the fields {', '.join(needed)} (of a data set without transform)"
            raise data_refusal(source, "events", rule, events)
        with reading(source, "holds an impossible value"):
            time_us, x = (wholes(name, events[name], low=0) for name in ("t", "x"))
            y = wholes("y", events["y"], low=0) if "y" in fields else np.zeros_like(x)
            polarity = self._polarity(events["p"]) if "p" in fields else np.zeros_like(x)
        sensor = (self.axes[1], self.axes[2]) if len(self.axes) == 3 else (1, self.axes[0])
        seen = check_events(source, CameraEvents(time_us, x, y, polarity), sensor, sort=True)
        return from_first_event(seen) if self.start == "first_event" else seen, target

    def _polarity(self, given: Any) -> Int64Array:
        values = wholes("p", given.astype(np.int64) if given.dtype == bool else given)
        bad = (values != self.off) & (values != 1)
        if bad.any():
            place = int(bad.argmax())
            told = "" if self.off else " (or off=-1 be given)"
            raise refusal(f"p[{place}]", f"{self.off} or 1{told}", values[place])
        if len(self.axes) == 3:
            return wholes("p", 1 * (values == 1))
        if (values != values[:1]).any():
            raise refusal("p", "the same in all events, of a sensor of one polarity", values)
        return np.zeros_like(values)


def _axes(shape: Sequence[int] | None, sensor_size: Any) -> tuple[int, ...]:
    """Give (N,) or (2, H, W)."""
    if shape is None:
        if sensor_size is None:
            raise refusal("shape", "(N,) or (2, H, W), as the data set names no sensor_size", shape)
        shape = tuple(sensor_size)[::-1]
        shape = shape[2:] if tuple(shape[:2]) == (1, 1) else shape
    if not isinstance(shape, tuple | list) or len(shape) not in (1, 3) or (len(shape) == 3 and shape[0] != 2):
        raise refusal("shape", "(N,) units or (2 polarities, H rows, W columns)", shape)
    return tuple(whole(f"shape[{i}]", size, low=1) for i, size in enumerate(shape))


def _labels(name: str, targets: list[Any], classes: Any) -> tuple[Int64Array, tuple[str, ...]]:
    """Give the class of each sample, and the names of the classes: those of the set, or what stands for them."""
    if targets and all(isinstance(target, str) for target in targets):
        names = tuple(sorted(set(targets)))
        return np.array([names.index(target) for target in targets], dtype=np.int64), names
    with reading(name, "has odd classes"):
        labels = wholes("class", np.array(targets, dtype=np.int64) if not targets else targets, low=0)
    if labels.max(initial=0) > _MOST_CLASSES:
        raise data_refusal(
            name, "class", f"<= {_MOST_CLASSES} (is it a number of something else?)", labels.max()
        )
    if isinstance(classes, dict):
        classes = sorted(classes, key=lambda name: classes[name])
    by_number = [] if classes is None else list(classes)
    texts = [text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text) for text in by_number]
    texts += [str(number) for number in range(len(texts), int(labels.max(initial=-1)) + 1)]
    return labels, tuple(texts)

"""Recordings of an event camera, native files in a folder for each class."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from snn.core.arrays import PathLike
from snn.core.checks import flag, number, refusal, whole
from snn.core.files.hdf5 import naming
from snn.datasets.event_camera_set import EqualFrames, EventCameraSet, FrameBinning
from snn.datasets.folds import hold_out
from snn.datasets.formats.camera_events import CameraEvents, check_events, from_first_event
from snn.datasets.formats.class_tree import class_folders, class_tree, holds_tree
from snn.datasets.formats.locate import Source, existing
from snn.datasets.formats.native import EVENT_ENDINGS, read_native

__all__ = ["event_folder"]


def event_folder(
    path: PathLike,
    shape: tuple[int, int, int],
    *,
    n_bins: int | None = None,
    dt_ms: float | None = None,
    frames: EqualFrames = "time",
    sort: bool = False,
    test_fraction: float = 0.1,
    valid_fraction: float = 0.1,
    seed: int = 0,
) -> tuple[EventCameraSet, EventCameraSet, EventCameraSet]:
    """Find native files of classes for training, validation and test, such as N-Caltech101 and N-Cars.

    Every file is checked, and frames are made batch by batch; time is counted from a recording's first event.

    Args:
        path: A folder or zip with train/<class>/* and test/<class>/*, or with <class>/* alone: files that
            `read_events` reads.
        shape: Axes of a frame: (2 polarities, H rows, W columns).
        n_bins: Frames of a recording: equal parts of it; 10 where neither this nor `dt_ms` is given.
        dt_ms: Length of a frame, ms, from the first event, in place of `n_bins`.
        frames: What is equal in the `n_bins` parts: "time" or "count" of events.
        sort: Put events in order of time where they are not, rather than refuse them.
        test_fraction: Share of the recordings to test on, the same of every class, in (0, 1), where there are no
            splits.
        valid_fraction: Share of the others, or of the training recordings, that validate, likewise.
        seed: Decides which.

    Returns:
        Training, validation and test set; a batch is frames [T, B, 2, H, W] of event counts.

    Raises:
        FileNotFoundError: The data are not there.
        DataError: A file is damaged or holds an impossible value, or folders are named otherwise.
        ValueError: An argument is impossible; the message names it.
    """
    test_fraction, valid_fraction, seed = (
        number("test_fraction", test_fraction, above=0, below=1),
        number("valid_fraction", valid_fraction, above=0, below=1),
        whole("seed", seed, low=0),
    )
    frame_binning = FrameBinning.of(n_bins, dt_ms, frames)
    read_file = partial(read_recording, sensor=_sensor(shape), sort=flag("sort", sort))
    splits = class_tree(path, EVENT_ENDINGS) if holds_tree(path, EVENT_ENDINGS) else None
    found = class_folders(path, EVENT_ENDINGS) if splits is None else splits["train"] + splits["test"]
    lasting = [_lasts_ms(read_file(source)) for source in found.sources]
    name, nominal_ms = f"recordings of {existing(path).name}", float(np.mean(lasting))
    whole_set = EventCameraSet(name, found, shape, read_file, frame_binning, nominal_ms)
    with naming(path):
        if splits is None:
            train, test = hold_out(found.labels, test_fraction, seed, name="test_fraction")
        else:
            train, test = np.split(np.arange(len(found)), [len(splits["train"])])
        kept, held_out = hold_out(found.labels[train], valid_fraction, seed)
    return whole_set.subset(train[kept]), whole_set.subset(train[held_out]), whole_set.subset(test)


def _sensor(shape: Any) -> tuple[int, int]:
    """Give rows and columns.

    Raises:
        ValueError: The axes are not (2, H, W).
    """
    if not isinstance(shape, tuple | list) or len(shape) != 3:
        raise refusal("shape", "(2 polarities, H rows, W columns)", shape)
    return whole("shape[1]", shape[1], low=1), whole("shape[2]", shape[2], low=1)


def read_recording(source: Source, sensor: tuple[int, int], sort: bool) -> CameraEvents:
    """Read a native file whose pixels lie on a sensor of so many rows and columns, time from its first event."""
    return from_first_event(check_events(source, read_native(source, sort=sort), sensor))


def _lasts_ms(seen: CameraEvents) -> float:
    return (float(seen.time_us[-1]) + 1) / 1000 if seen.time_us.size else 0.001

"""N-MNIST: MNIST digits filmed by an event camera in three saccades, in the native tree of .bin files.

An event is 5 bytes: column, row, and a big-endian 24-bit word of polarity (top bit) and microseconds.
Source: Orchard et al., "Converting static image datasets to spiking neuromorphic datasets using saccades", 2015.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from snn.datasets.errors import DataError
from snn.datasets.event_camera_set import EventCameraSet, FrameBinning, Frames, Pixels
from snn.datasets.folds import hold_out
from snn.datasets.formats.class_tree import class_tree
from snn.datasets.formats.locate import Source
from snn.datasets.known_folders import need

__all__ = ["ENDING", "NOMINAL_MS", "SHAPE", "load_nmnist", "nmnist", "read_recording"]

ENDING = ".bin"
SHAPE = (2, 34, 34)
"""Axes of a frame: polarities (0: light fell, 1: it rose), rows, columns."""
NOMINAL_MS = 300.0
"""Three saccades of 100 ms."""
_CLASSES = tuple("0123456789")
_OFFICIAL = (60_000, 10_000)
_BYTES = 5
_EDGE = SHAPE[1] - 1


def nmnist(
    path: str | Path | None = None,
    *,
    n_bins: int | None = None,
    dt_ms: float | None = None,
    frames: Frames = "time",
    valid_fraction: float = 0.1,
    seed: int = 0,
) -> tuple[EventCameraSet, EventCameraSet, EventCameraSet]:
    """Find N-MNIST for training, validation and test: every file is checked, and frames are made batch by batch.

    Args:
        path: A folder or zip with Train/<digit>/*.bin and Test/<digit>/*.bin, or a folder with train.zip and
            test.zip; None looks in $SNN_DATA and ~/.cache/snn.
        n_bins: Frames of a recording: equal parts of it; 10 where neither this nor `dt_ms` is given.
        dt_ms: Length of a frame, ms, from the start of the recording, in place of `n_bins`.
        frames: What is equal in the `n_bins` parts: "time" or "count" of events.
        valid_fraction: Share of the training recordings that validate, the same of every digit, in (0, 1).
        seed: Decides the validation recordings.

    Returns:
        Training, validation and test set; a batch is frames [T, B, 2, 34, 34] of event counts.

    Raises:
        FileNotFoundError: The data are not there.
        DataError: A file is damaged or holds an impossible value, or folders are named otherwise.
        ValueError: An argument is impossible; the message names it.
    """
    framing = FrameBinning(10 if n_bins is None and dt_ms is None else n_bins, dt_ms, frames)
    train, test = load_nmnist(need("nmnist") if path is None else path, framing)
    kept, held_out = hold_out(train.labels, valid_fraction, seed)
    return train.subset(kept), train.subset(held_out), test


def load_nmnist(path: str | Path, framing: FrameBinning) -> tuple[EventCameraSet, EventCameraSet]:
    """Find the official splits, training and test, and check every file; see `nmnist`."""
    splits = class_tree(path, (ENDING,), _CLASSES)
    sizes = tuple(len(files) for files in splits.values())
    name = "N-MNIST"
    if sizes != _OFFICIAL:
        name += f" sample ({sizes[0]} + {sizes[1]} of {_OFFICIAL[0]} + {_OFFICIAL[1]} recordings)"
    for files in splits.values():
        for source in files.sources:
            read_recording(source)
    train, test = (
        EventCameraSet(name, files, SHAPE, read_recording, framing, NOMINAL_MS) for files in splits.values()
    )
    return train, test


def read_recording(source: Source) -> Pixels:
    """Read one .bin file and check it.

    Raises:
        OSError: It cannot be read.
        DataError: It is empty, cut short or damaged, a pixel lies off the sensor, or time runs backwards; the
            message names the file and the event.
    """
    raw = np.frombuffer(source.read().getbuffer(), dtype=np.uint8)
    if not raw.size or raw.size % _BYTES:
        raise DataError(
            f"{source} is cut short or no N-MNIST recording: {raw.size} bytes, must be a multiple of {_BYTES}"
        )
    x, y, high, middle, low = raw.reshape(-1, _BYTES).astype(np.int64).T
    for axis, values in (("x", x), ("y", y)):
        if values.max() > _EDGE:
            at = int((values > _EDGE).argmax())
            raise DataError(f"{source}, event {at}: {axis} is {values[at]}, allowed 0 to {_EDGE}")
    time_us = (high & 127) << 16 | middle << 8 | low
    back = np.diff(time_us) < 0
    if back.any():
        at = int(back.argmax()) + 1
        raise DataError(
            f"{source}, event {at}: time is {time_us[at]} us, must not be before {time_us[at - 1]} us, "
            "that of the event ahead"
        )
    return Pixels(time_us, x, y, high >> 7)

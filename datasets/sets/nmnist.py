"""N-MNIST: MNIST digits filmed by an event camera in three saccades, in the native tree of .bin files."""

from __future__ import annotations

from snn.core.arrays import PathLike
from snn.datasets.event_camera_set import EqualFrames, EventCameraSet, FrameBinning
from snn.datasets.formats.atis_bin import ENDING, SENSOR, read_nmnist_bin
from snn.datasets.formats.class_tree import class_tree
from snn.datasets.sets.camera_splits import camera_splits

__all__ = ["NOMINAL_MS", "SHAPE", "load_nmnist", "nmnist"]

SHAPE = (2, *SENSOR)
"""Axes of a frame: polarities (0: light fell, 1: it rose), rows, columns."""
NOMINAL_MS = 300.0
"""Three saccades of 100 ms."""
_CLASSES = tuple("0123456789")
_OFFICIAL = (60_000, 10_000)


def nmnist(
    path: PathLike | None = None,
    *,
    n_bins: int | None = None,
    dt_ms: float | None = None,
    frames: EqualFrames = "time",
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
    return camera_splits(
        load_nmnist,
        "nmnist",
        path,
        n_bins=n_bins,
        dt_ms=dt_ms,
        frames=frames,
        valid_fraction=valid_fraction,
        seed=seed,
    )


def load_nmnist(path: PathLike, frame_binning: FrameBinning) -> tuple[EventCameraSet, EventCameraSet]:
    """Find the official splits, training and test, and check every file; see `nmnist`."""
    splits = class_tree(path, (ENDING,), _CLASSES)
    sizes = tuple(len(files) for files in splits.values())
    name = "N-MNIST"
    if sizes != _OFFICIAL:
        name += f" sample ({sizes[0]} + {sizes[1]} of {_OFFICIAL[0]} + {_OFFICIAL[1]} recordings)"
    for files in splits.values():
        for source in files.sources:
            read_nmnist_bin(source)
    train, test = (
        EventCameraSet(name, files, SHAPE, read_nmnist_bin, frame_binning, NOMINAL_MS)
        for files in splits.values()
    )
    return train, test

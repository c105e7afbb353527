"""CIFAR10-DVS: images of CIFAR-10 moved before an event camera, in the native folders of AEDAT 2.0 files."""

from __future__ import annotations

import re
from functools import partial

import numpy as np

from snn.core.arrays import PathLike
from snn.core.checks import flag
from snn.datasets.errors import DataError
from snn.datasets.event_camera_set import EqualFrames, EventCameraSet, FrameBinning
from snn.datasets.formats.aedat import DVS128, read_aedat2
from snn.datasets.formats.camera_events import CameraEvents, check_events, from_first_event
from snn.datasets.formats.class_tree import class_folders
from snn.datasets.formats.locate import Source
from snn.datasets.sets.camera_splits import camera_splits

__all__ = ["NOMINAL_MS", "cifar10_dvs", "load_cifar10_dvs"]

_CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
_OFFICIAL = 1000  # recordings of a class
_TEST = 100
NOMINAL_MS = 1300.0


def cifar10_dvs(
    path: PathLike | None = None,
    *,
    n_bins: int | None = None,
    dt_ms: float | None = None,
    frames: EqualFrames = "time",
    sort: bool = False,
    valid_fraction: float = 0.1,
    seed: int = 0,
) -> tuple[EventCameraSet, EventCameraSet, EventCameraSet]:
    """Find CIFAR10-DVS for training, validation and test: every file is checked, frames are made batch by batch.

    The set has no official split. The recordings numbered 0 to 99 of each class are the test set, as is common
    since Duan et al., "Temporal effective batch normalization in spiking neural networks", 2022; accuracies on it
    are higher than on a random tenth.

    Args:
        path: A folder or zip with <class>/cifar10_<class>_<number>.aedat, or a folder with a zip for each class, as
            published; None looks in $SNN_DATA and ~/.cache/snn.
        n_bins: Frames of a recording: equal parts of it; 10 where neither this nor `dt_ms` is given.
        dt_ms: Length of a frame, ms, from the first event, in place of `n_bins`.
        frames: What is equal in the `n_bins` parts: "time" or "count" of events.
        sort: Put events in order of time where they are not, rather than refuse them.
        valid_fraction: Share of the training recordings that validate, the same of every class, in (0, 1).
        seed: Decides the validation recordings.

    Returns:
        Training, validation and test set; a batch is frames [T, B, 2, 128, 128] of event counts, upright.

    Raises:
        FileNotFoundError: The data are not there.
        DataError: A file is damaged or holds an impossible value, or folders or files are named otherwise.
        ValueError: An argument is impossible; the message names it.

    Source: Li et al., "CIFAR10-DVS: an event-stream dataset for object classification", 2017.
    """
    return camera_splits(
        partial(load_cifar10_dvs, sort=flag("sort", sort)),
        "cifar10-dvs",
        path,
        n_bins=n_bins,
        dt_ms=dt_ms,
        frames=frames,
        valid_fraction=valid_fraction,
        seed=seed,
    )


def load_cifar10_dvs(
    path: PathLike, frame_binning: FrameBinning, *, sort: bool = False
) -> tuple[EventCameraSet, EventCameraSet]:
    """Find training and test set, and check every file; see `cifar10_dvs`."""
    files = class_folders(path, (".aedat",), _CLASSES)
    name = "CIFAR10-DVS"
    if len(files) != _OFFICIAL * len(_CLASSES):
        name += f" sample ({len(files)} of {_OFFICIAL * len(_CLASSES)} recordings)"
    read_file = partial(_read, sort=sort)
    for source in files.sources:
        read_file(source)
    test = np.array([_number(source) < _TEST for source in files.sources])
    for split, marked in (("training", ~test), ("test", test)):
        missing = set(range(len(_CLASSES))) - set(files.labels[marked].tolist())
        if missing:
            rule = f"files numbered {'from 100 on' if split == 'training' else '0 to 99'}, the {split} set"
            raise DataError(f"{path}: class {_CLASSES[min(missing)]!r} must have {rule}, got none")
    whole_set = EventCameraSet(name, files, (2, *DVS128), read_file, frame_binning, NOMINAL_MS)
    return whole_set.subset(~test), whole_set.subset(test)


def _number(source: Source) -> int:
    found = re.search(r"_(\d+)\.aedat$", source.name, re.IGNORECASE)
    if not found:
        raise DataError(f"{source}: name must be cifar10_<class>_<number>.aedat, got {source.name!r}")
    return int(found[1])


def _read(source: Source, sort: bool) -> CameraEvents:
    """Read a recording upright: the camera lay on its side, so that columns of images are its rows."""
    seen = read_aedat2(source, sort=sort)
    turned = check_events(source, seen._replace(x=seen.y, y=seen.x), DVS128)
    return from_first_event(turned)

"""DVS-Gesture: hand and arm gestures of 29 people before an event camera, official recordings or tonic's arrays."""

from __future__ import annotations

from functools import partial

from snn.core.arrays import PathLike
from snn.core.checks import flag
from snn.datasets.errors import DataError
from snn.datasets.event_camera_set import EqualFrames, EventCameraSet, FrameBinning
from snn.datasets.formats.gesture_trials import (
    SENSOR,
    find_arrays,
    find_trials,
    read_array,
    read_trial,
)
from snn.datasets.formats.locate import existing
from snn.datasets.sets.camera_splits import camera_splits

__all__ = ["NOMINAL_MS", "dvs_gesture", "load_dvs_gesture"]

_OFFICIAL, _OF_TONIC = (1176, 288), (1077, 264)
NOMINAL_MS = 6000.0


def dvs_gesture(
    path: PathLike | None = None,
    *,
    n_bins: int | None = None,
    dt_ms: float | None = None,
    frames: EqualFrames = "time",
    sort: bool = False,
    valid_fraction: float = 0.1,
    seed: int = 0,
) -> tuple[EventCameraSet, EventCameraSet, EventCameraSet]:
    """Find DVS-Gesture for training, validation and test: every file is checked, frames are made batch by batch.

    Args:
        path: The folder DvsGesture of the official archive, unpacked (trials_to_train.txt, trials_to_test.txt,
            *.aedat, *_labels.csv), or the folder that tonic filled (ibmGestureTrain, ibmGestureTest: fewer trials,
            time in whole ms); None looks in $SNN_DATA and ~/.cache/snn.
        n_bins: Frames of a trial: equal parts of it; 10 where neither this nor `dt_ms` is given.
        dt_ms: Length of a frame, ms, from the trial's first event, in place of `n_bins`.
        frames: What is equal in the `n_bins` parts: "time" or "count" of events.
        sort: Put events in order of time where they are not, rather than refuse them.
        valid_fraction: Share of the training trials that validate, the same of every class, in (0, 1); the same
            people are in both parts.
        seed: Decides the validation trials.

    Returns:
        Training, validation and test set; a batch is frames [T, B, 2, 128, 128] of event counts.

    Raises:
        FileNotFoundError: The data are not there.
        DataError: A file is damaged or holds an impossible value, or the folder is of another layout.
        ValueError: An argument is impossible; the message names it.

    Source: Amir et al., "A low power, fully event-based gesture recognition system", 2017.
    """
    return camera_splits(
        partial(load_dvs_gesture, sort=flag("sort", sort)),
        "dvs-gesture",
        path,
        n_bins=n_bins,
        dt_ms=dt_ms,
        frames=frames,
        valid_fraction=valid_fraction,
        seed=seed,
    )


def load_dvs_gesture(
    path: PathLike, frame_binning: FrameBinning, *, sort: bool = False
) -> tuple[EventCameraSet, EventCameraSet]:
    """Find the official splits, training and test, and check every file; see `dvs_gesture`."""
    where = existing(path)
    splits, read_file, full, name = None, read_trial, _OFFICIAL, "DVS-Gesture"
    if where.is_dir():
        splits = find_trials(where, sort=sort)
        if splits is None:
            splits, read_file = find_arrays(where, sort=sort), read_array
            full, name = _OF_TONIC, "DVS-Gesture (tonic)"
    if splits is None:
        both = "trials_to_train.txt and trials_to_test.txt, or ibmGestureTrain and ibmGestureTest"
        raise DataError(f"{where} must be a folder that holds {both}, got none of them")
    sizes = tuple(map(len, splits.values()))
    if sizes != full:
        name += f" sample ({sizes[0]} + {sizes[1]} of {full[0]} + {full[1]} trials)"
    train, test = (
        EventCameraSet(name, files, (2, *SENSOR), partial(read_file, sort=sort), frame_binning, NOMINAL_MS)
        for files in splits.values()
    )
    return train, test

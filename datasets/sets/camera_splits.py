"""Sets of an event camera that come with a test set: a share of the training recordings validates."""

from __future__ import annotations

from collections.abc import Callable

from snn.core.arrays import PathLike
from snn.core.checks import number, whole
from snn.core.files.hdf5 import naming
from snn.datasets.event_camera_set import EqualFrames, EventCameraSet, FrameBinning
from snn.datasets.folds import hold_out
from snn.datasets.known_folders import need

__all__ = ["camera_splits"]


def camera_splits(
    load: Callable[[PathLike, FrameBinning], tuple[EventCameraSet, EventCameraSet]],
    known_as: str,
    path: PathLike | None,
    *,
    n_bins: int | None,
    dt_ms: float | None,
    frames: EqualFrames,
    valid_fraction: float,
    seed: int,
) -> tuple[EventCameraSet, EventCameraSet, EventCameraSet]:
    """Load training and test set, and hold recordings of the first out to validate; see `nmnist`.

    Args:
        load: Finds the recordings below a path and checks them.
        known_as: Name of the set in `KNOWN_SETS`, where it is looked for if `path` is None.
        path: Where they are.
        n_bins: Frames of a recording; 10 where neither this nor `dt_ms` is given.
        dt_ms: Length of a frame, ms.
        frames: What is equal in the `n_bins` parts.
        valid_fraction: Share of the training recordings that validate, the same of every class, in (0, 1).
        seed: Decides the validation recordings.

    Raises:
        ValueError: An argument is impossible; the message names it.
    """
    share, seed = number("valid_fraction", valid_fraction, above=0, below=1), whole("seed", seed, low=0)
    binning = FrameBinning.of(n_bins, dt_ms, frames)
    train, test = load(need(known_as) if path is None else path, binning)
    with naming(train.name if path is None else path):
        kept, held_out = hold_out(train.labels, share, seed)
    return train.subset(kept), train.subset(held_out), test

"""MNIST, or images like it, filmed in three saccades by a simulated event camera, as N-MNIST was."""

from __future__ import annotations

import numpy as np

from snn.core.arrays import Int64Array, PathLike
from snn.core.checks import number, refusal, whole
from snn.core.files.hdf5 import naming
from snn.datasets.encode.saccades import SaccadeCamera, saccades
from snn.datasets.event_camera_set import EqualFrames, FrameBinning, camera_frames
from snn.datasets.folds import hold_out
from snn.datasets.formats.atis_bin import SENSOR
from snn.datasets.image_set import ImageSet
from snn.datasets.sets.images import load_images
from snn.datasets.sets.nmnist import NOMINAL_MS, SHAPE
from snn.datasets.spike_set import SpikeSet

__all__ = ["saccade_images"]


def saccade_images(
    path: PathLike,
    *,
    n_bins: int | None = None,
    dt_ms: float | None = None,
    frames: EqualFrames = "time",
    max_train: int = 1000,
    max_test: int = 1000,
    valid_fraction: float = 0.1,
    seed: int = 0,
    camera: SaccadeCamera | None = None,
) -> tuple[SpikeSet, SpikeSet, SpikeSet]:
    """Film images for training, validation and test; about 3 ms and 70 kB a recording.

    Args:
        path: As for `images`: a folder or zip with MNIST's four idx files, or with images of at most 34 x 34 pixels
            by split and class.
        n_bins: Frames of a recording: equal parts of it; 10 where neither this nor `dt_ms` is given.
        dt_ms: Length of a frame, ms, from the start of the recording, in place of `n_bins`.
        frames: What is equal in the `n_bins` parts: "time" or "count" of events.
        max_train: Training images to draw, the same share of every class, those that validate included.
        max_test: Test images to draw, the same share of every class.
        valid_fraction: Share of the training recordings that validate, the same of every class, in (0, 1).
        seed: Decides the images drawn and those that validate, and the camera's thresholds and noise.
        camera: None is the camera fitted to N-MNIST.

    Returns:
        Training, validation and test set; a batch is frames [T, B, 2, 34, 34] of event counts. The number of a
        sample (see `saccades`) is that of its image in its file, test images after all training images.

    Raises:
        FileNotFoundError: The data are not there.
        DataError: A file is damaged or of another layout or size.
        ValueError: An argument is impossible; the message names it.
    """
    most = (whole("max_train", max_train, low=2), whole("max_test", max_test, low=1))
    valid_fraction = number("valid_fraction", valid_fraction, above=0, below=1)
    seed = whole("seed", seed, low=0)
    binning = FrameBinning.of(n_bins, dt_ms, frames)
    splits = load_images(path, n_steps=1)
    if splits[0].shape[0] != 1 or splits[0].shape[1] > SENSOR[0] or splits[0].shape[2] > SENSOR[1]:
        rule = f"one channel of at most {SENSOR[0]} x {SENSOR[1]} pixels"
        raise refusal(f"images of {path}", rule, splits[0].shape)
    first, made = 0, []
    for images, wanted in zip(splits, most, strict=True):
        with naming(path):
            chosen = _drawn(images, wanted, seed)
        made.append(_filmed(images.subset(chosen), chosen + first, seed, camera, binning))
        first += len(images)
    train, test = made
    with naming(path):
        kept, held_out = hold_out(train.labels, valid_fraction, seed)
    return train.subset(kept), train.subset(held_out), test


def _drawn(images: ImageSet, most: int, seed: int) -> Int64Array:
    """Draw at most so many images, the same share of every class."""
    if most >= len(images):
        return np.arange(len(images))
    return hold_out(images.labels, most / len(images), seed)[1]


def _filmed(
    images: ImageSet, numbers: Int64Array, seed: int, camera: SaccadeCamera | None, binning: FrameBinning
) -> SpikeSet:
    recordings = saccades(images.pixels, seed=seed, samples=numbers, camera=camera)
    events = camera_frames(recordings, SHAPE, binning, NOMINAL_MS)
    speakers = np.full(len(images), -1, dtype=np.int64)
    name = f"{images.name} filmed by a simulated event camera"
    return SpikeSet(name, events, images.labels, speakers, images.classes, shape=SHAPE)

"""Images of an idx file, filmed: sizes, splits, and the numbers of samples."""

from __future__ import annotations

import numpy as np
import pytest
from samples import small_mnist

from snn.datasets import FrameBinning, camera_frames, saccade_images, saccades
from snn.datasets.formats.camera_events import CameraEvents


def test_splits_are_drawn_and_filmed(tmp_path):
    small_mnist(tmp_path)
    train, valid, test = saccade_images(
        tmp_path, n_bins=5, max_train=20, max_test=8, valid_fraction=0.2, seed=2
    )
    assert (len(train), len(valid), len(test)) == (16, 4, 8)
    assert np.bincount(test.labels).tolist() == [2, 2, 2, 2] and train.shape == (2, 34, 34)
    assert (train.events.n_steps == 5).all() and train.dt_ms == 60.0
    assert "filmed by a simulated event camera" in test.name


def test_a_recording_is_that_of_its_image(tmp_path):
    train, _ = small_mnist(tmp_path)
    made = sum(
        (part.events.offsets[-1] for part in saccade_images(tmp_path, max_train=40, max_test=20, seed=3)), 0
    )
    images = np.concatenate([np.asarray(part[0], np.uint8) for part in (train, _)])
    alone = saccades(images, seed=3)  # training images come first, then test images
    assert made == sum(len(one.time_us) for one in alone)
    _, _, test = saccade_images(tmp_path, dt_ms=1.0, max_train=8, max_test=20, seed=3)
    assert test.events == camera_frames(alone[40:], (2, 34, 34), FrameBinning(None, 1.0), 300.0)


def test_bad_input_is_refused(tmp_path):
    small_mnist(tmp_path)
    for arguments, message in (
        ({"max_train": 1}, "max_train must be a whole number >= 2, got 1"),
        ({"max_test": 0}, "max_test must be a whole number >= 1, got 0"),
        ({"valid_fraction": 0}, "valid_fraction must be a finite number > 0 and < 1, got 0"),
        ({"n_bins": 0}, "n_bins must be a whole number >= 1, got 0"),
        ({"camera": 3}, "camera must be a SaccadeCamera, got 3"),
        ({"seed": -1}, "seed must be a whole number >= 0, got -1"),
    ):
        with pytest.raises(ValueError, match=f"^{message}$"):
            saccade_images(tmp_path, **arguments)
    one = np.array([3])
    with pytest.raises(
        ValueError, match=r"^x of recordings\[0\]\[0\] must be a whole number >= 0 and <= 2, got 3$"
    ):
        camera_frames([CameraEvents(one, one, one * 0, one * 0)], (2, 3, 3), FrameBinning(1), 1.0)

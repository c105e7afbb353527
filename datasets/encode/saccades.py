"""Still images to recordings of an event camera that looks at them in three saccades, as N-MNIST was made."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from snn.core.arrays import ByteArray, Float32Array, Float64Array, Int64Array, Uint64Array
from snn.core.checks import instance, keep, number, refusal, whole
from snn.core.random import check_seed, keys, uniform
from snn.datasets.formats.atis_bin import SENSOR
from snn.datasets.formats.camera_events import CameraEvents
from snn.datasets.samples import one_per_sample

__all__ = ["PATH", "SaccadeCamera", "saccades"]

# The path was read off 1 100 recordings of N-MNIST and their images: for every 5 ms the shift at which the gradient
# of the images explains the events best. What a pixel takes to answer is in it.
PATH: Float64Array = np.array(
    [
        *((0, -2.50, -1.98), (12, -2.56, -1.85), (22, -2.60, -1.30), (32, -2.65, -0.40), (42, -2.60, 0.75)),
        *((51, -2.40, 1.80), (56, -2.10, 2.30), (61, -1.85, 2.70), (66, -1.45, 2.95), (72, -1.15, 3.12)),
        *((82, -0.98, 3.32), (105, -0.85, 3.35), (116, -0.65, 3.30), (121, -0.50, 3.25), (126, -0.25, 3.15)),
        *((131, 0.05, 2.95), (136, 0.45, 2.60), (141, 0.80, 2.15), (146, 1.10, 1.62), (151, 1.30, 0.97)),
        *((156, 1.50, 0.35), (161, 1.65, -0.15), (166, 1.80, -0.70), (172, 1.95, -1.05), (182, 2.15, -1.50)),
        *((190, 2.30, -1.65), (205, 2.70, -1.72), (225, 2.80, -1.80), (229, 2.70, -1.80), (235, 2.28, -1.80)),
        *(
            (240, 1.85, -1.81),
            (245, 1.35, -1.81),
            (250, 0.80, -1.81),
            (255, 0.25, -1.82),
            (261, -0.25, -1.82),
        ),
        *((267, -0.80, -1.82), (273, -1.25, -1.83), (279, -1.60, -1.83), (285, -1.82, -1.83)),
        *((294, -2.10, -1.84), (302, -2.17, -1.85), (308, -2.17, -1.85)),
    ]
)
"""Where the middle of the image is: ms, and pixels right of and below the middle of the sensor, [K, 3]."""
_STEP_US = 1000
_MARGIN = 6


@dataclass(frozen=True, slots=True)
class SaccadeCamera:
    """Describe the camera; the defaults are fitted to 1 100 recordings of N-MNIST.

    Attributes:
        threshold: Change of light that makes an event, of the range from black to white, > 0.
        mismatch: Thresholds of pixels and polarities differ by up to this share, triangular, in [0, 1).
        gamma: Light is brightness to this power, > 0.
        blur_px: Standard deviation of the blur of the optics, pixels, >= 0.
        pause_ms: Least time between two events of a pixel, whole ms, >= 1.
        jitter_ms: Events come earlier or later by up to this, triangular, ms, >= 0.
        noise: Events without a cause, per pixel and recording, in [0, 2].

    Raises:
        ValueError: A value is impossible; the message names it.
    """

    threshold: float = 0.125
    mismatch: float = 0.25
    gamma: float = 1.6
    blur_px: float = 0.7
    pause_ms: int = 3
    jitter_ms: float = 8.0
    noise: float = 0.095

    def __post_init__(self) -> None:
        keep(self, number, "threshold", "gamma", above=0)
        keep(self, number, "mismatch", low=0, below=1)
        keep(self, number, "blur_px", low=0, high=_MARGIN)
        keep(self, whole, "pause_ms", low=1)
        keep(self, number, "jitter_ms", low=0)
        keep(self, number, "noise", low=0, high=2)


def saccades(
    images: ArrayLike,
    *,
    seed: int = 0,
    samples: ArrayLike | None = None,
    camera: SaccadeCamera | None = None,
) -> tuple[CameraEvents, ...]:
    """Film images in three saccades, as N-MNIST filmed MNIST (see `PATH`).

    A sample depends on its image, its number and the seed, never on what is filmed beside it. The thresholds of the
    pixels belong to the camera: they are the same in all samples of a seed.

    Args:
        images: Brightness, 0 to 255, uint8 [B, H, W] or [B, 1, H, W] of at most 34 x 34 pixels.
        seed: Decides thresholds and noise.
        samples: Number of each sample, >= 0, [B]; None counts from 0.
        camera: None is the camera fitted to N-MNIST.

    Returns:
        A recording of 34 x 34 pixels for each image.

    Raises:
        ValueError: Images are no such bytes, or an argument is impossible; the message names it.
    """
    pixels = _pixels(images)
    seed = check_seed(seed)
    numbers = np.arange(len(pixels)) if samples is None else one_per_sample("samples", samples, len(pixels))
    made = _Studio(SaccadeCamera() if camera is None else instance("camera", camera, SaccadeCamera), seed)
    return tuple(made.film(image, int(number)) for image, number in zip(pixels, numbers, strict=True))


def _pixels(images: ArrayLike) -> ByteArray:
    pixels = np.asarray(images)
    if pixels.ndim == 4 and pixels.shape[1] == 1:
        pixels = pixels[:, 0]
    if (
        pixels.dtype != np.uint8
        or pixels.ndim != 3
        or not all(0 < size <= most for size, most in zip(pixels.shape[1:], SENSOR, strict=True))
    ):
        raise refusal("images", f"uint8 [B, H, W] of at most {SENSOR[0]} x {SENSOR[1]} pixels", images)
    return pixels


class _Studio:
    """A camera with its own thresholds, and the way of the image before it."""

    def __init__(self, camera: SaccadeCamera, seed: int) -> None:
        self.camera, self.seed = camera, seed
        spread = 1 + camera.mismatch * _triangular(keys(seed, "saccades/threshold"), (2, *SENSOR))
        self.threshold = (camera.threshold * spread).astype(np.float32)
        ms = np.arange(0, PATH[-1, 0], _STEP_US / 1000)
        shift = np.stack([np.interp(ms, PATH[:, 0], PATH[:, axis]) for axis in (2, 1)], axis=1)
        seen = (
            _MARGIN - shift
        )  # pixel (0, 0) looks at the scene where the image has not been moved away from it
        self.cell = np.floor(seen).astype(np.int64)
        self.share = (seen - self.cell).astype(np.float32)
        turns = -(-len(ms) // camera.pause_ms)
        self.room: Int64Array = np.empty((SENSOR[0] * SENSOR[1] * turns, 4), dtype=np.int64)

    def film(self, image: ByteArray, sample: int) -> CameraEvents:
        """Film one image."""
        from snn.datasets.encode.saccade_loop import watch  # brings numba in

        scene = _scene(image, self.camera)
        off, on = self.threshold
        phase = uniform(keys(self.seed, "saccades/phase", sample), np.arange(off.size)).reshape(off.shape)
        remembered = _view(scene, self.cell[0], self.share[0]) + 0.98 * ((off + on) * phase - on)
        reference = remembered.astype(np.float32)
        found = watch(
            scene, self.cell, self.share, reference, self.threshold, self.camera.pause_ms, self.room
        )
        step, y, x, polarity = self.room[:found].T
        late = self.camera.jitter_ms * _triangular(keys(self.seed, "saccades/jitter", sample), (found,))
        noise = self._noise(sample)
        time = np.concatenate([_STEP_US * (step + late), noise.time_us])
        time_us = np.clip(np.rint(time), 0, 1000 * PATH[-1, 0]).astype(np.int64)
        columns = [np.concatenate(pair) for pair in zip((x, y, polarity), noise[1:], strict=True)]
        order = np.argsort(time_us, kind="stable")
        return CameraEvents(time_us[order], *(column[order] for column in columns))

    def _noise(self, sample: int) -> CameraEvents:
        """Draw events without a cause: at most one for a pixel and polarity."""
        draws = np.arange(self.threshold.size)
        chance = uniform(keys(self.seed, "saccades/noise", sample), draws)
        struck = np.flatnonzero(chance < self.camera.noise / 2)
        polarity, y, x = np.unravel_index(struck, self.threshold.shape)
        time = 1000 * PATH[-1, 0] * uniform(keys(self.seed, "saccades/noise_time", sample), struck)
        return CameraEvents(time.astype(np.int64), x, y, polarity)


def _triangular(key: Uint64Array, shape: tuple[int, ...]) -> Float64Array:
    """Draw from -1 to 1, most often near 0."""
    draws = 2 * np.arange(math.prod(shape))
    return (uniform(key, draws) + uniform(key, draws + 1) - 1).reshape(shape)


def _scene(image: ByteArray, camera: SaccadeCamera) -> Float32Array:
    """Give the light of an image that stands in the middle of the sensor, blurred, with a dark margin."""
    scene = np.zeros([size + 2 * _MARGIN for size in SENSOR], dtype=np.float64)
    top, left = ((whole - part) // 2 for whole, part in zip(scene.shape, image.shape, strict=True))
    scene[top : top + image.shape[0], left : left + image.shape[1]] = image / 255
    if camera.blur_px:
        from scipy.ndimage import gaussian_filter  # slow to import

        scene = gaussian_filter(scene, camera.blur_px, mode="constant")
    return (scene**camera.gamma).astype(np.float32)


def _view(scene: Float32Array, cell: Int64Array, share: Float32Array) -> Float32Array:
    """Give what all pixels see at one step, as `watch` does."""
    corners = [
        scene[cell[0] + i : cell[0] + i + SENSOR[0], cell[1] + j : cell[1] + j + SENSOR[1]]
        for i in (0, 1)
        for j in (0, 1)
    ]
    above, below = (left + share[1] * (right - left) for left, right in (corners[:2], corners[2:]))
    return np.asarray(above + share[0] * (below - above))

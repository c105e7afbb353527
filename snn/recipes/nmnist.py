"""N-MNIST, digits seen by an event camera, with a convolutional net; what `snn train nmnist` runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from snn.datasets import EventCameraSet, FrameBinning, ImageAugment, nmnist
from snn.datasets.event_camera_set import Frames
from snn.datasets.sets.nmnist import SHAPE
from snn.recipes import vision
from snn.train import Progress, TrainConfig

__all__ = ["DATA_FIELDS", "NmnistConfig", "load_data", "run"]


@dataclass(frozen=True, slots=True)
class NmnistConfig:
    """Set up a run on N-MNIST.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    data: str | None = None
    """A folder or zip with Train/<digit>/*.bin and Test/<digit>/*.bin; None looks in $SNN_DATA and ~/.cache/snn."""
    steps: int = 10
    """Frames of a recording: equal parts of it, >= 1."""
    frames: Frames = "time"
    """What is equal in the parts: "time" or "count" of events."""
    dt_ms: float | None = None
    """Length of a frame, ms, in place of `steps`: recordings then differ in their number of frames."""
    valid_fraction: float = 0.1
    """Share of the training recordings that validate, the same of every digit, in (0, 1)."""
    channels: tuple[int, ...] = (16, 32, 64)
    """Channels of each convolution; a pooling that halves the image follows each."""
    tau: float = 1.1
    """Membrane time constant, steps, >= 1."""
    dropout: float = 0.1
    """Share of neurons silenced in training, in [0, 1)."""
    shift: int = 2
    """Training recordings are moved by up to this many pixels, >= 0."""
    train: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            epochs=30, batch_size=32, loss=vision.LOSS, lr=5e-3, weight_decay=1e-4
        )
    )
    """How to train; SLTT takes one step at a time unless `chunk` says otherwise."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "train", vision.per_step(self.train))
        framing(self)
        ImageAugment(self.shift)
        vision.build_model(SHAPE, 10, self.channels, self.tau, self.dropout, seed=0)


DATA_FIELDS = ("data", "steps", "frames", "dt_ms", "valid_fraction")
"""Fields of `NmnistConfig` that decide what a model is given; saved with it."""


def framing(config: NmnistConfig) -> FrameBinning:
    """Give how events become frames."""
    return FrameBinning(config.steps if config.dt_ms is None else None, config.dt_ms, config.frames)


def load_data(config: NmnistConfig) -> tuple[EventCameraSet, EventCameraSet, EventCameraSet]:
    """Find the training, validation and test recordings, and check them."""
    how = framing(config)
    return nmnist(
        config.data,
        n_bins=how.n_bins,
        dt_ms=how.dt_ms,
        frames=how.frames,
        valid_fraction=config.valid_fraction,
        seed=config.train.seed,
    )


def run(
    config: NmnistConfig,
    out: str | Path,
    *,
    resume: bool = False,
    callback: Callable[[Progress], None] | None = None,
    told: Callable[[str], None] | None = None,
) -> vision.RunResult:
    """Train, select on validation, test once, and fill the run's folder; see `snn.recipes.vision.run`."""
    return vision.run(
        "nmnist",
        config,
        out,
        lambda: load_data(config),
        DATA_FIELDS,
        resume=resume,
        callback=callback,
        told=told,
    )

"""N-MNIST, digits seen by an event camera, with a convolutional net; what `snn train nmnist` runs."""

from __future__ import annotations

from dataclasses import dataclass, field

import snn
from snn.datasets import EventCameraSet, ImageAugment
from snn.datasets.event_camera_set import EqualFrames
from snn.datasets.sets.nmnist import NOMINAL_MS, SHAPE
from snn.recipes import camera_frames, vision
from snn.recipes.experiment import Experiment, result_lines
from snn.recipes.recipe import Reading, Recipe
from snn.train.config import TrainConfig

__all__ = ["DATA_FIELDS", "EXPERIMENT", "RECIPE", "NmnistConfig", "load_data", "run"]


@dataclass(frozen=True, slots=True)
class NmnistConfig:
    """Set up a run on N-MNIST.

    Attributes:
        data: A folder or zip with Train/<digit>/*.bin and Test/<digit>/*.bin; None looks in $SNN_DATA and
            ~/.cache/snn.
        steps: Frames of a recording: equal parts of it, >= 1.
        frames: What is equal in the parts: "time" or "count" of events.
        dt_ms: Length of a frame, ms, in place of `steps`: recordings then differ in their number of frames.
        valid_fraction: Share of the training recordings that validate, the same of every digit, in (0, 1).
        channels: Channels of each convolution; a pooling that halves the image follows each.
        tau: Membrane time constant, steps, >= 1.
        dropout: Share of neurons silenced in training, in [0, 1).
        shift: Training recordings are moved by up to this many pixels, >= 0.
        train: How to train; SLTT takes one step at a time unless `chunk` says otherwise.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    data: str | None = None
    steps: int = 10
    frames: EqualFrames = "time"
    dt_ms: float | None = None
    valid_fraction: float = 0.1
    channels: tuple[int, ...] = (16, 32, 64)
    tau: float = 1.1
    dropout: float = 0.1
    shift: int = 2
    train: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            epochs=30, batch_size=32, loss=vision.LOSS, lr=5e-3, weight_decay=1e-4
        )
    )

    def __post_init__(self) -> None:
        camera_frames.check_frames(self)
        vision.check_net(self)
        ImageAugment(self.shift)
        vision.check_poolings(SHAPE, self.channels)


DATA_FIELDS = ("data", "steps", "frames", "dt_ms", "valid_fraction")
"""Fields of `NmnistConfig` that decide what a model is given; saved with it."""


def load_data(config: NmnistConfig) -> tuple[EventCameraSet, EventCameraSet, EventCameraSet]:
    """Find the training, validation and test recordings, and check them."""
    return snn.datasets.nmnist(
        config.data,
        **camera_frames.arguments(config),
        valid_fraction=config.valid_fraction,
        seed=config.train.seed,
    )


def _augmented(config: NmnistConfig, train: EventCameraSet) -> snn.train.Data:
    return vision.augmented(train, ImageAugment(config.shift))


EXPERIMENT = Experiment("nmnist", DATA_FIELDS, load_data, vision.model_for, _augmented, vision.figures)
run = EXPERIMENT.run
"""Train, select on validation, test once, and fill the run's folder; see `Experiment.run`."""

RECIPE = Recipe(
    name="nmnist",
    help="Train a convolutional spiking network on N-MNIST, digits seen by an event camera.",
    config=NmnistConfig,
    run=run,
    result_lines=result_lines,
    samples=Reading(
        DATA_FIELDS,
        load_data,
        step_ms=lambda config: camera_frames.step_ms(config, NOMINAL_MS),
        inputs="frame",
    ),
)

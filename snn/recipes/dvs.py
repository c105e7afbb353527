"""DVS-Gesture and CIFAR10-DVS with the network of SLTT; what `snn train dvs` runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import snn
from snn.core.checks import choice, keep, refusal, whole
from snn.datasets import EventCameraSet, ImageAugment
from snn.datasets.event_camera_set import EqualFrames
from snn.datasets.sets import cifar10_dvs, dvs_gesture
from snn.recipes import camera_frames, vision
from snn.recipes.experiment import Experiment, result_lines
from snn.recipes.fields import sizes
from snn.recipes.recipe import Reading, Recipe
from snn.train.config import TrainConfig

__all__ = ["DATA_FIELDS", "EXPERIMENT", "PAPER_CIFAR10", "RECIPE", "DvsConfig", "load_data", "run"]

DataSet = Literal["gesture", "cifar10"]
_NOMINAL_MS: dict[DataSet, float] = {"gesture": dvs_gesture.NOMINAL_MS, "cifar10": cifar10_dvs.NOMINAL_MS}
_SENSOR = (2, 128, 128)
_LEAST = 32  # rows of an image for VGG-11


def _published(batch_size: int, lr: float) -> TrainConfig:
    """Give how Meng et al. trained; one loss stands for both sets, whose other part is the error to the label."""
    return TrainConfig(
        epochs=300,
        batch_size=batch_size,
        min_batch=1,
        method="sltt",
        loss="step_cross_entropy_mse",
        optimizer="sgd",
        schedule="cosine",
        lr=lr,
        weight_decay=5e-4,
    )


@dataclass(frozen=True, slots=True)
class DvsConfig:
    """Set up a run on recordings of a DVS128 camera; the defaults are those of Meng et al., 2023, for DVS-Gesture.

    Attributes:
        data: Where the official files are, unpacked; None looks in $SNN_DATA and ~/.cache/snn.
        dataset: "gesture" (DVS-Gesture) or "cifar10" (CIFAR10-DVS).
        steps: Frames of a recording: equal parts of it, >= 1.
        frames: What is equal in the parts: "time" or "count" of events.
        dt_ms: Length of a frame, ms, in place of `steps`: recordings then differ in their number of frames.
        valid_fraction: Share of the training recordings that validate, the same of every class, in (0, 1);
            the paper had none.
        size: Rows and columns to which frames of 128 x 128 are averaged, 1 to 128; None leaves them.
        channels: Channels of each convolution, a pooling after each; None is VGG-11, 9.5 M parameters.
        tau: Membrane time constant, steps, >= 1.
        dropout: Share of neurons silenced in training, in [0, 1).
        shift: Training recordings are moved by up to this many pixels, >= 0.
        train: How to train; SLTT takes one step at a time unless `chunk` says otherwise.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    data: str | None = None
    dataset: DataSet = "gesture"
    steps: int = 20
    frames: EqualFrames = "count"
    dt_ms: float | None = None
    valid_fraction: float = 0.1
    size: int | None = None
    channels: tuple[int, ...] | None = None
    tau: float = 1.1
    dropout: float = 0.4
    shift: int = 0
    train: TrainConfig = field(default_factory=lambda: _published(16, 0.1))

    def __post_init__(self) -> None:
        keep(self, choice, "dataset", allowed=DataSet)
        keep(self, whole, "size", low=1, high=_SENSOR[1], optional=True)
        keep(self, sizes, "channels", optional=True)
        camera_frames.check_frames(self)
        vision.check_run(self)
        if self.channels is not None:
            vision.check_poolings(self.shape, self.channels)
        elif self.shape[1] < _LEAST:
            raise refusal("size", f">= {_LEAST}, since five poolings of VGG-11 halve it", self.size)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Axes of what the first convolution sees."""
        return _SENSOR if self.size is None else (_SENSOR[0], self.size, self.size)


DATA_FIELDS = ("data", "dataset", "steps", "frames", "dt_ms", "valid_fraction")
"""Fields of `DvsConfig` that decide what a model is given; saved with it."""

PAPER_CIFAR10 = DvsConfig(dataset="cifar10", steps=10, size=48, dropout=0.3, train=_published(128, 0.05))
"""The run published on CIFAR10-DVS with 77.3 % (replace `data`). There the last 100 recordings of each class were
the test set, which selected the epoch, and frames were shrunk by bilinear interpolation. Source: Meng et al., 2023,
and its repository."""


def load_data(config: DvsConfig) -> tuple[EventCameraSet, EventCameraSet, EventCameraSet]:
    """Find the training, validation and test recordings, and check them."""
    load = {"gesture": snn.datasets.dvs_gesture, "cifar10": snn.datasets.cifar10_dvs}[config.dataset]
    return load(
        config.data,
        **camera_frames.arguments(config),
        valid_fraction=config.valid_fraction,
        seed=config.train.seed,
    )


def _model_for(config: DvsConfig, train: EventCameraSet) -> snn.nn.Sequential:
    import torch

    nn, classes = snn.nn, len(train.classes)
    smaller = [] if config.size is None else [nn.AdaptiveAvgPool2d(config.size)]
    if config.channels is not None:
        sizes = config.channels, config.tau, config.dropout
        return nn.Sequential(*smaller, *vision.build_model(config.shape, classes, *sizes, config.train.seed))
    torch.manual_seed(config.train.seed)
    options = {**nn.SLTT_NEURON, "tau": config.tau}
    body = nn.vgg("vgg11", _SENSOR[0], classes, dropout=config.dropout, neurons=lambda: nn.LIF(**options))
    return nn.Sequential(*smaller, *body, nn.LeakyReadout(1.0))


def _augmented(config: DvsConfig, train: EventCameraSet) -> snn.train.Data:
    return vision.augmented(train, ImageAugment(config.shift))


EXPERIMENT = Experiment("dvs", DATA_FIELDS, load_data, _model_for, _augmented, vision.figures)
run = EXPERIMENT.run
"""Train, select on validation, test once, and fill the run's folder; see `Experiment.run`."""

RECIPE = Recipe(
    name="dvs",
    help="Train a convolutional spiking network on DVS-Gesture or CIFAR10-DVS, seen by an event camera.",
    config=DvsConfig,
    run=run,
    result_lines=result_lines,
    samples=Reading(
        DATA_FIELDS,
        load_data,
        step_ms=lambda config: camera_frames.step_ms(config, _NOMINAL_MS[config.dataset]),
        inputs="frame",
    ),
)

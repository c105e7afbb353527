"""Still images, shown for some steps, with a convolutional net; what `snn train images` runs."""

from __future__ import annotations

from dataclasses import dataclass, field

import snn
from snn.core.checks import flag, keep, whole
from snn.datasets import ImageAugment, ImageSet
from snn.recipes import vision
from snn.recipes.experiment import Experiment, result_lines
from snn.recipes.recipe import Reading, Recipe
from snn.train.config import TrainConfig

__all__ = ["DATA_FIELDS", "EXPERIMENT", "RECIPE", "ImagesConfig", "load_data", "run"]


@dataclass(frozen=True, slots=True)
class ImagesConfig:
    """Set up a run on still images; the neuron is that of Meng et al., 2023 (SLTT).

    Attributes:
        data: A folder or zip with MNIST's idx files or with train/<class>/* and test/<class>/*; None is
            Fashion-MNIST.
        steps: Steps that an image is shown, >= 1.
        max_train: Training images to draw, those that validate included; None takes all.
        valid_fraction: Share of these that validate, the same of every class, in (0, 1).
        channels: Channels of each convolution; a pooling that halves the image follows each.
        tau: Membrane time constant, steps, >= 1.
        dropout: Share of neurons silenced in training, in [0, 1).
        shift: Training images are moved by up to this many pixels, >= 0.
        mirror: Mirror every second training image, left for right: good for clothes and animals, not for digits.
        train: How to train; SLTT takes one step at a time unless `chunk` says otherwise.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    data: str | None = None
    steps: int = 6
    max_train: int | None = None
    valid_fraction: float = 0.1
    channels: tuple[int, ...] = (16, 32, 64)
    tau: float = 1.1
    dropout: float = 0.0
    shift: int = 2
    mirror: bool = False
    train: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            epochs=15, batch_size=128, loss=vision.LOSS, lr=5e-3, weight_decay=1e-4
        )
    )

    def __post_init__(self) -> None:
        keep(self, whole, "steps", low=1)
        keep(self, whole, "max_train", low=1, optional=True)
        keep(self, flag, "mirror")
        vision.check_net(self)
        ImageAugment(self.shift, self.mirror)


DATA_FIELDS = ("data", "steps", "max_train", "valid_fraction")
"""Fields of `ImagesConfig` that decide what a model is given; saved with it."""


def load_data(config: ImagesConfig) -> tuple[ImageSet, ImageSet, ImageSet]:
    """Read the training, validation and test images."""
    return snn.datasets.images(
        config.data,
        n_steps=config.steps,
        max_train=config.max_train,
        valid_fraction=config.valid_fraction,
        seed=config.train.seed,
    )


def _augmented(config: ImagesConfig, train: ImageSet) -> snn.train.Data:
    return vision.augmented(train, ImageAugment(config.shift, config.mirror))


EXPERIMENT = Experiment("images", DATA_FIELDS, load_data, vision.model_for, _augmented, vision.figures)
run = EXPERIMENT.run
"""Train, select on validation, test once, and fill the run's folder; see `Experiment.run`."""

RECIPE = Recipe(
    name="images",
    help="Train a convolutional spiking network on still images: Fashion-MNIST, MNIST, or a folder per class.",
    config=ImagesConfig,
    run=run,
    result_lines=result_lines,
    # a still image has no time of its own
    samples=Reading(DATA_FIELDS, load_data, step_ms=lambda _: 1.0, inputs="currents"),
)

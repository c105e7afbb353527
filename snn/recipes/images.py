"""Still images, shown for some steps, with a convolutional net; what `snn train images` runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from snn.datasets import ImageAugment, ImageSet, images
from snn.recipes import vision
from snn.train import Progress, TrainConfig

__all__ = ["DATA_FIELDS", "ImagesConfig", "load_data", "run"]


@dataclass(frozen=True, slots=True)
class ImagesConfig:
    """Set up a run on still images; the neuron is that of Meng et al., 2023 (SLTT).

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    data: str | None = None
    """A folder or zip with MNIST's idx files or with train/<class>/* and test/<class>/*; None is Fashion-MNIST."""
    steps: int = 6
    """Steps that an image is shown, >= 1."""
    max_train: int | None = None
    """Training images to draw, those that validate included; None takes all."""
    valid_fraction: float = 0.1
    """Share of these that validate, the same of every class, in (0, 1)."""
    channels: tuple[int, ...] = (16, 32, 64)
    """Channels of each convolution; a pooling that halves the image follows each."""
    tau: float = 1.1
    """Membrane time constant, steps, >= 1."""
    dropout: float = 0.0
    """Share of neurons silenced in training, in [0, 1)."""
    shift: int = 2
    """Training images are moved by up to this many pixels, >= 0."""
    mirror: bool = False
    """Mirror every second training image, left for right: good for clothes and animals, not for digits."""
    train: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            epochs=15, batch_size=128, loss=vision.LOSS, lr=5e-3, weight_decay=1e-4
        )
    )
    """How to train; SLTT takes one step at a time unless `chunk` says otherwise."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "train", vision.per_step(self.train))
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise ValueError(f"steps must be a whole number >= 1, got {self.steps!r}")
        ImageAugment(self.shift, self.mirror)


DATA_FIELDS = ("data", "steps", "max_train", "valid_fraction")
"""Fields of `ImagesConfig` that decide what a model is given; saved with it."""


def load_data(config: ImagesConfig) -> tuple[ImageSet, ImageSet, ImageSet]:
    """Read the training, validation and test images."""
    return images(
        config.data,
        n_steps=config.steps,
        max_train=config.max_train,
        valid_fraction=config.valid_fraction,
        seed=config.train.seed,
    )


def run(
    config: ImagesConfig,
    out: str | Path,
    *,
    resume: bool = False,
    callback: Callable[[Progress], None] | None = None,
    told: Callable[[str], None] | None = None,
) -> vision.RunResult:
    """Train, select on validation, test once, and fill the run's folder; see `snn.recipes.vision.run`."""
    return vision.run(
        "images",
        config,
        out,
        lambda: load_data(config),
        DATA_FIELDS,
        mirror=config.mirror,
        resume=resume,
        callback=callback,
        told=told,
    )

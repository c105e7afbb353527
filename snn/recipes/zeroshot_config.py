"""Settings of `snn train zeroshot`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from snn.core.checks import choice, flag, keep, number, refusal, whole
from snn.recipes.fields import path_text
from snn.train.config import TrainConfig

__all__ = ["ZeroShotConfig"]


@dataclass(frozen=True, slots=True)
class ZeroShotConfig:
    """Set up a run; the liquids are those of the resistive-memory paper, the rest was chosen by seen classes.

    Attributes:
        images: A folder or zip with MNIST's four idx files, filmed by a simulated event camera, or with N-MNIST's
            Train/<digit>/*.bin and Test/<digit>/*.bin.
        audio: A file, folder or zip of spoken words in SHD's layout with *train* and *test*, with the same classes.
        unseen: Classes that no pair shows, at least 2.
        seen: Classes that pairs are made of; None takes all others.
        weights: What the liquids' weights are: "rram", formed arrays of resistive memory, or "software", drawn from
            a normal distribution of the macro's spread.
        device_seed: Which device: decides the weights of both liquids.
        voltage: Forming voltage, volt: it decides the share of open cells.
        read_noise: Read the arrays of "rram" with noise in every step; else they weigh what they hold, which is far
            quicker.
        neurons: Neurons of each liquid.
        image_scale: Weight per microsiemens in the liquid of images, > 0.
        audio_scale: The same in that of sounds, > 0.
        windows: Parts of a sample whose spikes are counted apart.
        image_limit: Images to draw of an idx set for training and, a third as many, for test.
        dims: Size of the space that both are projected to.
        normalised: Compare points at length 1; the paper does not, and has a temperature of 1.
        temperature: What products are divided by in the loss, > 0.
        relabelings: Trainings on shuffled labels, >= 2.
        epochs: Passes over the pairs, of which held-out ones choose one, >= 1.
        batch_size: Pairs in a step, >= 2.
        lr: Learning rate of Adam, > 0.
        seed: Decides the images drawn, their noise and split, first weights and order of pairs.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    images: str | None = None
    audio: str | None = None
    unseen: tuple[int, ...] = (8, 9)
    seen: tuple[int, ...] | None = None
    weights: Literal["rram", "software"] = "rram"
    device_seed: int = 0
    voltage: float = 3.554
    read_noise: bool = True
    neurons: int = 200
    image_scale: float = 0.07
    audio_scale: float = 0.08
    windows: int = 1
    image_limit: int = 1500
    dims: int = 64
    normalised: bool = True
    temperature: float = 0.1
    relabelings: int = 20
    epochs: int = 10
    batch_size: int = 64
    lr: float = 3e-3
    seed: int = 0

    def __post_init__(self) -> None:
        keep(self, path_text, "images", "audio", optional=True)
        for name in ("unseen", "seen"):
            keep(self, _classes, name, optional=True)
        keep(self, choice, "weights", allowed=("rram", "software"))
        keep(self, whole, "device_seed", low=0)
        keep(self, number, "voltage", "image_scale", "audio_scale", "temperature", above=0)
        keep(self, whole, "neurons", "windows", "dims", "epochs", low=1)
        keep(self, whole, "image_limit", low=30)
        keep(self, flag, "normalised", "read_noise")
        keep(self, whole, "relabelings", low=2)
        keep(self, whole, "batch_size", low=2)
        keep(self, number, "lr", above=0)
        keep(self, whole, "seed", low=0)

    @property
    def train(self) -> TrainConfig:
        """How to train; projections take these fields alone."""
        return TrainConfig(epochs=self.epochs, batch_size=self.batch_size, lr=self.lr, seed=self.seed)


def _classes(name: str, values: Any) -> tuple[int, ...]:
    """Return classes, at least two, each once."""
    if not isinstance(values, tuple | list) or len(set(values)) < max(2, len(values)):
        raise refusal(name, "at least 2 classes, each once", values)
    return tuple(whole(f"{name}[{i}]", one, low=0) for i, one in enumerate(values))

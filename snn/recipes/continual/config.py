"""What a run over tasks is set up by, and the images that its tasks are made of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

import snn
from snn.core.checks import choice, flag, instance, keep, number, refusal, whole
from snn.datasets import ImageSet, hold_out
from snn.recipes.fields import path_text, sizes
from snn.train.config import TrainConfig

__all__ = ["DATA_FIELDS", "ContinualConfig", "load_data"]

Stream = Literal["permuted", "split", "rotated"]
Scenario = Literal["domain", "task", "class"]
LearnerName = Literal["none", "hlop", "gpm", "ewc", "replay", "hlop-replay", "joint"]

_NORMS = {"MNIST": (0.1307, 0.3081)}
"""Mean and deviation of the pixels that are taken in place of those of the training images, by the set's name."""


@dataclass(frozen=True, slots=True)
class ContinualConfig:
    """Set up a run over tasks; the defaults are the permuted images, network and training of Xiao et al., 2024.

    Attributes:
        data: A folder or zip with MNIST's idx files or with train/<class>/* and test/<class>/*; None is
            Fashion-MNIST.
        stream: What tells tasks apart: "permuted" pixels, "split" classes, or images "rotated" by
            i · 180 / tasks degrees.
        scenario: "domain", the same outputs for all tasks; "task", outputs of its own for each, and the task is
            known in the test; "class", outputs of its own, and it is not known.
        tasks: Number of tasks, >= 1.
        model: "mlp", or "conv" with a pooling behind each convolution.
        learner: What is done against forgetting: "none"; "hlop", Hebbian orthogonal projection; "gpm", gradient
            projection memory; "ewc", elastic weights; "replay"; both "hlop-replay"; or "joint", all data so far.
        ranks: Rows of the subspaces of "hlop": "published", a "tenth" of these, or a share of the inputs' energy
            in (0, 1).
        lateral: Lateral neurons of "hlop": "linear" or "spiking".
        feed: What subspaces of "hlop" learn from: "rates", "spikes" or "traces".
        hebbian_lr: Rate of the Hebbian rule of "hlop", a tenth of it in the first layer, > 0; 0.01 was
            published, at which subspaces fed by rates may run away in late tasks.
        steps: Steps that an image is shown, >= 1.
        max_train: Training images of a task, those that validate included; None takes all.
        max_test: Test images to draw, the same share of every class; None takes all, as every result should.
        valid_fraction: Share of a task's training images that validate, the same of every class, in (0, 1).
        hidden: Neurons of each hidden layer of the "mlp".
        channels: Channels of each convolution of "conv".
        gpm_share: Share of the inputs' squared norm that the bases of "gpm" are to hold, in (0, 1].
        ewc_strength: Weight of the penalty of "ewc", >= 0.
        per_class: Images of every class of a task that "replay" keeps, >= 1.
        mean_output: With BPTT the loss is that of the mean output (mean_cross_entropy), as in the authors' code;
            else `loss`, as with the other methods.
        train: How to train on a task.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    data: str | None = None
    stream: Stream = "permuted"
    scenario: Scenario = "domain"
    tasks: int = 10
    model: Literal["mlp", "conv"] = "mlp"
    learner: LearnerName = "none"
    ranks: str = "published"
    lateral: Literal["linear", "spiking"] = "linear"
    feed: Literal["rates", "spikes", "traces"] = "rates"
    hebbian_lr: float = 0.005
    steps: int = 6
    max_train: int | None = None
    max_test: int | None = None
    valid_fraction: float = 0.05
    hidden: tuple[int, ...] = (800, 800)
    channels: tuple[int, ...] = (32, 64, 128)
    gpm_share: float = 0.95
    ewc_strength: float = 100.0
    per_class: int = 50
    mean_output: bool = True
    train: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            epochs=1,
            batch_size=64,
            min_batch=1,
            loss="step_cross_entropy",
            optimizer="sgd",
            momentum=0.0,
            schedule="constant",
            lr=0.1,
            weight_decay=0.0,
        )
    )

    def __post_init__(self) -> None:
        keep(self, path_text, "data", optional=True)
        allowed = {
            "stream": Stream,
            "scenario": Scenario,
            "model": ("mlp", "conv"),
            "learner": LearnerName,
            "lateral": ("linear", "spiking"),
            "feed": ("rates", "spikes", "traces"),
        }
        for name, values in allowed.items():
            keep(self, choice, name, allowed=values)
        for name in ("tasks", "steps", "per_class"):
            keep(self, whole, name, low=1)
        for name in ("max_train", "max_test"):
            keep(self, whole, name, low=2, optional=True)
        keep(self, number, "valid_fraction", above=0, below=1)
        for name in ("hidden", "channels"):
            keep(self, sizes, name)
        keep(self, number, "hebbian_lr", above=0)
        keep(self, number, "gpm_share", above=0, high=1)
        keep(self, number, "ewc_strength", low=0)
        keep(self, flag, "mean_output")
        keep(self, instance, "train", kind=TrainConfig)
        if self.ranks not in ("published", "tenth"):
            number("ranks", _as_number(self.ranks), above=0, below=1)
        if self.learner == "joint" and self.scenario == "task":
            raise refusal("scenario", "'domain' or 'class' with learner 'joint'", self.scenario)

    @property
    def training(self) -> TrainConfig:
        """How a task is trained, with the loss that goes with the method."""
        plain = self.train.method == "bptt" and self.train.chunk is None and self.mean_output
        return replace(self.train, loss="mean_cross_entropy") if plain else self.train


def _as_number(text: Any) -> float:
    """Read a share.

    Raises:
        ValueError: It is none.
    """
    try:
        return float(text)
    except (TypeError, ValueError):
        raise refusal("ranks", "'published', 'tenth' or a number in (0, 1)", text) from None


DATA_FIELDS = ("data", "stream", "tasks", "steps", "max_train", "valid_fraction")
"""Fields of `ContinualConfig` that decide what a model is given; saved with it."""


def load_data(config: ContinualConfig) -> tuple[ImageSet, ImageSet, ImageSet]:
    """Read the training, validation and test images of which the tasks are made, normalised."""
    each = config.max_train
    train, valid, test = snn.datasets.images(
        config.data,
        n_steps=config.steps,
        max_train=each if each is None or config.stream != "split" else each * config.tasks,
        valid_fraction=config.valid_fraction,
        seed=config.train.seed,
    )
    if config.max_test is not None and config.max_test < len(test):
        test = test.subset(hold_out(test.labels, config.max_test / len(test), config.train.seed)[1])
    measured = (round(float(found) / 255, 4) for found in (np.mean(train.pixels), np.std(train.pixels)))
    mean, deviation = _NORMS.get(train.name) or measured
    one, two, three = (replace(part, mean=mean, deviation=deviation) for part in (train, valid, test))
    return one, two, three

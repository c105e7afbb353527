"""What the experiments on images share: the convolutional net, how images are varied, the figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Protocol

import snn
from snn.core.checks import instance, keep, number, whole
from snn.datasets import AugmentedImages, ImageAugment
from snn.recipes.experiment import Figures, SampleSet
from snn.recipes.fields import path_text, sizes
from snn.train.config import TrainConfig

__all__ = [
    "LOSS",
    "augmented",
    "build_model",
    "check_net",
    "check_poolings",
    "check_run",
    "figures",
    "model_for",
    "per_step",
    "pooled_plan",
]

LOSS = "step_cross_entropy"
"""Mean over steps of each step's own cross-entropy: what SLTT needs, and BPTT is given for a fair comparison."""


class _RunConfig(Protocol):
    """What a run needs of a recipe's settings."""

    @property
    def tau(self) -> float: ...
    @property
    def dropout(self) -> float: ...
    @property
    def train(self) -> TrainConfig: ...


class _NetConfig(_RunConfig, Protocol):
    """What the net needs of a recipe's settings."""

    @property
    def channels(self) -> tuple[int, ...]: ...


def per_step(train: TrainConfig) -> TrainConfig:
    """Let SLTT and OTTT take one step at a time if nothing else is said: least memory, as fast for convolutions."""
    return replace(train, chunk=1) if train.method != "bptt" and train.chunk is None else train


def check_net(config: _NetConfig) -> None:
    """Check the settings that recipes on images share, and keep them in their plain form.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """
    keep(config, sizes, "channels")
    check_run(config)


def check_run(config: _RunConfig) -> None:
    """Check these settings but for the convolutions; see `check_net`.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """
    keep(config, path_text, "data", optional=True)
    keep(config, number, "valid_fraction", above=0, below=1)
    keep(config, number, "tau", low=1)
    keep(config, number, "dropout", low=0, below=1)
    keep(config, whole, "shift", low=0)
    object.__setattr__(config, "train", per_step(instance("train", config.train, TrainConfig)))


def check_poolings(shape: tuple[int, ...], channels: tuple[int, ...]) -> None:
    """Check that images (C, H, W) are large enough for the pooling that follows each convolution.

    Raises:
        ValueError: There are too many.
    """
    most = min(shape[1:]).bit_length() - 1
    if len(channels) > most:
        why = f"each halves an image of {shape[1]} x {shape[2]}"
        raise ValueError(f"channels must be at most {most} sizes, since {why}, got {len(channels)}")


def pooled_plan(shape: tuple[int, ...], channels: tuple[int, ...]) -> tuple[list[int | str], tuple[int, int]]:
    """Give the plan of `snn.nn.vgg` for convolutions that are each pooled, and rows and columns that are left.

    Raises:
        ValueError: As `check_poolings`.
    """
    check_poolings(shape, channels)
    rows, columns = (size // 2 ** len(channels) for size in shape[1:])
    return [part for size in channels for part in (size, "A")], (rows, columns)


def build_model(
    shape: tuple[int, ...], n_out: int, channels: tuple[int, ...], tau: float, dropout: float, seed: int
) -> snn.nn.Sequential:
    """Build the net: per entry of `channels` a 3x3 convolution, BatchNorm over steps, LIF and average pooling.

    A linear layer and a readout without memory follow: its output in a step is the current of that step.

    Raises:
        ValueError: The image is too small for so many poolings.
    """
    import torch

    plan, features = pooled_plan(shape, channels)
    torch.manual_seed(seed)
    nn = snn.nn
    options = {**nn.SLTT_NEURON, "tau": tau}
    body = nn.vgg(
        plan,
        shape[0],
        n_out,
        features=features,
        dropout=dropout,
        neurons=lambda: nn.LIF(**options),
    )
    return nn.Sequential(*body, nn.LeakyReadout(1.0))


def model_for(config: _NetConfig, train: SampleSet) -> snn.nn.Sequential:
    """Build the net that a recipe's settings describe, for a training set."""
    sizes = config.channels, config.tau, config.dropout
    return build_model(train.shape, len(train.classes), *sizes, seed=config.train.seed)


def augmented(train: SampleSet, augment: ImageAugment) -> snn.train.Data:
    """Give a training set with its images varied; itself where there is nothing to vary."""
    return AugmentedImages(train, augment) if augment else train


def figures(folder: Path, model: snn.nn.Sequential, test: SampleSet, loss: str) -> Figures:
    """Make what draws the figures of a run on images."""
    from snn.recipes.pictures import ImageFigures  # brings matplotlib in

    return ImageFigures(folder, model, test, loss)

"""What the experiments on images share: the convolutional net, how images are varied, the figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import torch

from snn.core.checks import refusal
from snn.datasets import AugmentedImages, ImageAugment
from snn.nn import LIF, SLTT_NEURON, LeakyReadout, Sequential, vgg
from snn.plot import frames
from snn.recipes import pictures
from snn.recipes.experiment import SampleSet
from snn.train import Data, FitResult, TrainConfig, prepare

__all__ = ["LOSS", "ImageFigures", "augmented", "build_model", "model_for", "per_step"]

LOSS = "step_cross_entropy"
"""Mean over steps of each step's own cross-entropy: what SLTT needs, and BPTT is given for a fair comparison."""


class _NetConfig(Protocol):
    """What the net needs of a recipe's settings."""

    @property
    def channels(self) -> tuple[int, ...]: ...
    @property
    def tau(self) -> float: ...
    @property
    def dropout(self) -> float: ...
    @property
    def train(self) -> TrainConfig: ...


def per_step(train: TrainConfig) -> TrainConfig:
    """Let SLTT take one step at a time where nothing else is said: least memory, and no slower for convolutions."""
    return replace(train, chunk=1) if train.method == "sltt" and train.chunk is None else train


def build_model(
    shape: tuple[int, ...], n_out: int, channels: tuple[int, ...], tau: float, dropout: float, seed: int
) -> Sequential:
    """Build the net: per entry of `channels` a 3x3 convolution, BatchNorm over steps, LIF and average pooling.

    A linear layer and a readout without memory follow: its output in a step is the current of that step.

    Raises:
        ValueError: A value is impossible for a layer, or the image too small for so many poolings.
    """
    if not channels:
        raise refusal("channels", "at least one size >= 1", channels)
    features = tuple(size // 2 ** len(channels) for size in shape[1:])
    if min(features) < 1:
        most = min(shape[1:]).bit_length() - 1
        why = f"each halves an image of {shape[1]} x {shape[2]}"
        raise ValueError(f"channels must be at most {most} sizes, since {why}, got {len(channels)}")
    torch.manual_seed(seed)
    plan = [part for size in channels for part in (size, "A")]
    options = {**SLTT_NEURON, "tau": tau}
    body = vgg(
        plan,
        shape[0],
        n_out,
        features=(features[0], features[1]),
        dropout=dropout,
        neurons=lambda: LIF(**options),
    )
    return Sequential(*body, LeakyReadout(1.0))


def model_for(config: _NetConfig, train: SampleSet) -> Sequential:
    """Build the net that a recipe's settings describe, for a training set."""
    sizes = config.channels, config.tau, config.dropout
    return build_model(train.shape, len(train.classes), *sizes, seed=config.train.seed)


def augmented(train: SampleSet, augment: ImageAugment) -> Data:
    """Give a training set with its images varied; itself where there is nothing to vary."""
    return AugmentedImages(train, augment) if augment else train


class ImageFigures(pictures.RunFigures[SampleSet]):
    """Draw also sample.png: the first test sample, its frames and what the net makes of them."""

    @torch.no_grad()
    def after(self, result: FitResult) -> None:
        """Draw all figures of a run that is trained."""
        super().after(result)
        x, lengths, label = prepare(next(self.test.batches(1)), self.model)
        y, _ = self.model(x, None, lengths)
        classes = self.test.classes
        title = f"{self.test.name}: “{classes[int(label[0])]}”"
        drawn = frames(x[:, 0].double().numpy(), y[:, 0].double().numpy(), classes, title=title)
        pictures.write(drawn, self.folder / "sample.png")

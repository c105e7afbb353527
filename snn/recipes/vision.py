"""What the experiments on images share: the convolutional net, the run, its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch

from snn.datasets import AugmentedImages, Batch, ImageAugment
from snn.nn import LIF, SLTT_NEURON, LeakyReadout, Sequential, vgg
from snn.plot import confusion, firing_rates, frames, training_curves
from snn.recipes import folder, pictures
from snn.recipes.experiment import About, carry_out
from snn.train import FitResult, Progress, Scores, TrainConfig, prepare

__all__ = ["LOSS", "ImageData", "RunResult", "build_model", "per_step", "run"]

LOSS = "step_cross_entropy"
"""Mean over steps of each step's own cross-entropy: what SLTT needs, and BPTT is given for a fair comparison."""


class ImageData(Protocol):
    """What the run needs of a set: `snn.datasets.EventCameraSet` and `snn.datasets.ImageSet` are such."""

    @property
    def name(self) -> str:
        """What the data really are."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Axes of an image: (C, H, W)."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        ...

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Batch]:
        """Give batches of images in time [T, B, C, H, W]."""
        ...


class _Config(Protocol):
    """What the run needs of a recipe's config."""

    @property
    def channels(self) -> tuple[int, ...]: ...
    @property
    def tau(self) -> float: ...
    @property
    def dropout(self) -> float: ...
    @property
    def shift(self) -> int: ...
    @property
    def train(self) -> TrainConfig: ...


@dataclass(frozen=True, slots=True)
class RunResult:
    """Hold what a run made."""

    model: Sequential
    """With the selected weights, in evaluation mode."""
    fit: FitResult
    """Metrics by epoch."""
    test: Scores
    """The selected weights on the test set."""
    sets: tuple[ImageData, ImageData, ImageData]
    """Training, validation and test samples."""


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
        raise ValueError("channels must be at least one size >= 1, got ()")
    features = tuple(size // 2 ** len(channels) for size in shape[1:])
    if min(features) < 1:
        raise ValueError(
            f"channels: {len(channels)} poolings leave nothing of an image of {shape[1]} x {shape[2]}"
        )
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


def run(
    recipe: str,
    config: _Config,
    out: str | Path,
    load: Callable[[], tuple[ImageData, ImageData, ImageData]],
    data_fields: tuple[str, ...],
    *,
    mirror: bool = False,
    resume: bool = False,
    callback: Callable[[Progress], None] | None = None,
    told: Callable[[str], None] | None = None,
) -> RunResult:
    """Train, select on validation, test once, and fill the run's folder.

    Args:
        recipe: Name of the experiment.
        config: What to run, a dataclass.
        out: Folder for config.json, metrics.jsonl, timing.jsonl, model.safetensors, checkpoint/, figures/.
        load: Reads training, validation and test samples.
        data_fields: Fields of `config` that decide what a model is given.
        mirror: Whether training images may be mirrored.
        resume: Go on with the run in `out`; the end has the bits of an uncut one.
        callback: Told of every batch and epoch.
        told: Told in words what is used and made.

    Raises:
        ValueError: The folder holds a run already (or, resuming, one with other settings), or bad data.
        FileNotFoundError: The data are not there.
    """
    say = told or (lambda _: None)
    settings = asdict(config)  # type: ignore[call-overload]
    path = folder.check(out, settings, resume)
    sets = train, valid, test = load()
    folder.write_config(path, settings)
    say(f"data: {train.name}; {len(train)} training, {len(valid)} validation, {len(test)} test samples")
    sizes = config.channels, config.tau, config.dropout
    model = build_model(train.shape, len(train.classes), *sizes, seed=config.train.seed)
    shift = ImageAugment(config.shift, mirror)
    figures = path / "figures"
    made = carry_out(
        path,
        model,
        (AugmentedImages(train, shift) if shift else train, valid, test),
        config.train,
        About(recipe, {name: settings[name] for name in data_fields}, test.name, test.classes, test.shape),
        early=lambda history: _early(figures, history),
        resume=resume,
        callback=callback,
    )
    _final(figures, model, made.fit, test, config.train.loss)
    return RunResult(model, made.fit, made.test, sets)


def _early(figures: Path, history: list[dict[str, Any]], selected: int | None = None) -> None:
    pictures.write(training_curves(history, selected), figures / "training.png")
    pictures.write(firing_rates(history), figures / "rates.png")


@torch.no_grad()
def _final(figures: Path, model: Sequential, fit: FitResult, test: ImageData, loss: str) -> None:
    _early(figures, fit.history, fit.selected_epoch)
    true, predicted = pictures.predictions(model, test, loss)
    pictures.write(confusion(true, predicted, test.classes), figures / "confusion.png")
    x, lengths, label = prepare(next(test.batches(1)), model)
    y, _ = model(x, None, lengths)
    title = f"{test.name}: “{test.classes[int(label[0])]}”"
    drawn = frames(x[:, 0].double().numpy(), y[:, 0].double().numpy(), test.classes, title=title)
    pictures.write(drawn, figures / "sample.png")

"""The figures that a run leaves in its folder."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from matplotlib.figure import Figure

from snn.core import Events, Raster, TimeGrid
from snn.core.arrays import Float64Array, Int64Array
from snn.core.files.whole import write_whole
from snn.datasets import SpikeSet
from snn.nn import DelayedLayer, Layer, Sequential, populations
from snn.plot import confusion, delay_histogram, firing_rates, frames, sample_activity, training_curves
from snn.recipes.experiment import SampleSet
from snn.train import LOSSES, Data, FitResult, prepare
from snn.train.batches import prepare_batch, with_steps
from snn.train.data_loaders import as_data

__all__ = [
    "DelayFigures",
    "DelaysMs",
    "ImageFigures",
    "RunFigures",
    "WordFigures",
    "delay_change",
    "delays_ms",
    "one_sample",
    "predictions",
    "write",
]

DelaysMs = dict[str, Float64Array]
"""Delays by projection, ms."""
S = TypeVar("S", bound=SampleSet)


class _Words(SampleSet, Protocol):
    """A set whose steps have a length."""

    @property
    def dt_ms(self) -> float: ...


W = TypeVar("W", bound=_Words)


class RunFigures(Generic[S]):
    """Draw what every run leaves: curves and firing rates as it goes, the confusion of the test set at the end."""

    def __init__(self, folder: Path, model: Sequential, test: S, loss: str) -> None:
        """Draw into `folder`; scores are those that go with `loss`."""
        self.folder, self.model, self.test, self.loss = folder, model, test, loss

    def during(self, history: list[dict[str, Any]], selected_epoch: int | None = None) -> None:
        """Draw training.png and rates.png."""
        write(training_curves(history, selected_epoch), self.folder / "training.png")
        write(firing_rates(history), self.folder / "rates.png")

    def after(self, result: FitResult) -> None:
        """Draw these with the selected epoch marked, and confusion.png."""
        self.during(result.history, result.selected_epoch)
        true, predicted = predictions(self.model, self.test, self.loss)
        write(confusion(true, predicted, self.test.classes), self.folder / "confusion.png")


class DelayFigures(RunFigures[W]):
    """Draw also delays.png, where there are delays."""

    def __init__(self, folder: Path, model: Sequential, test: W, loss: str) -> None:
        """Draw into `folder`; the model is untrained, and its delays are those that training starts from."""
        super().__init__(folder, model, test, loss)
        self.delays_before = delays_ms(model, test.dt_ms)

    def during(self, history: list[dict[str, Any]], selected_epoch: int | None = None) -> None:
        """Draw training.png, rates.png and, where there are delays, delays.png."""
        super().during(history, selected_epoch)
        if self.delays_before:
            change = delay_change(self.delays_before, self.model, self.test.dt_ms)
            write(change, self.folder / "delays.png")


class WordFigures(DelayFigures[SpikeSet]):
    """Draw also raster.png, a test word on its way through the model."""

    def after(self, result: FitResult) -> None:
        """Draw all figures of a run that is trained."""
        super().after(result)
        write(one_sample(self.model, self.test), self.folder / "raster.png")


class ImageFigures(RunFigures[SampleSet]):
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
        write(drawn, self.folder / "sample.png")


def write(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    write_whole(path, buffer.getvalue())
    return path


def delays_ms(model: Sequential, dt_ms: float) -> DelaysMs:
    """Give the delays of every projection that has some, ms."""
    parts: list[tuple[str, Layer]] = []
    for part in populations.split(model):
        parts += [(part.projection, part.connection), (f"{part.post}-{part.post}", part.neuron)]
    return {
        name: layer.delays().detach().double().cpu().numpy() * dt_ms
        for name, layer in parts
        if isinstance(layer, DelayedLayer)
    }


def delay_change(before: DelaysMs, model: Sequential, dt_ms: float) -> Figure:
    """Draw the delays of a model beside those that it had."""
    after = delays_ms(model, dt_ms)
    return delay_histogram({name: (before[name], after[name]) for name in before}, dt_ms)


@torch.no_grad()
def predictions(model: Sequential, data: Data, loss: str = "softmax_sum") -> tuple[Int64Array, Int64Array]:
    """Give the true and the predicted class of every sample that has steps, by the scores that go with a loss.

    Raises:
        ValueError: No sample has one.
    """
    model.eval()
    true, predicted = [], []
    for batch in as_data("data", data).batches(256):
        x, lengths, label, _ = with_steps(prepare_batch(batch, model), model)
        if not len(lengths):
            continue
        true.append(label.numpy())
        predicted.append(LOSSES.find(loss).score(model(x, None, lengths)[0], lengths).argmax(1).numpy())
    if not true:
        raise ValueError("data must hold at least one sample with a step, got none")
    return np.concatenate(true), np.concatenate(predicted)


def one_sample(model: Sequential, data: SpikeSet, sample: int = 0) -> Figure:
    """Draw one sample on its way through the model."""
    chosen = data.subset([sample])
    x, lengths, label = prepare(next(iter(chosen.batches(1))), model)
    parts = populations.split(model)
    traced = populations.trace(model, x, lengths)
    grid = TimeGrid(x.shape[0], data.dt_ms)
    spikes: dict[str, Events] = {"in": _events(traced[0][0], grid)}
    for part, (_, z) in zip(parts[:-1], traced, strict=False):
        spikes[part.post] = _events(z, grid)
    title = f"{data.name}: “{data.classes[int(label[0])]}”"
    return sample_activity(spikes, traced[-1][1].double().numpy(), data.classes, title=title)


def _events(z: torch.Tensor, grid: TimeGrid) -> Events:
    return Raster(z.numpy().astype(np.int32), grid).to_events()

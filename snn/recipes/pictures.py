"""The figures that a run leaves in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snn.core import Events, Raster, TimeGrid
from snn.datasets import SpikeSet
from snn.nn import DelayedLayer, Layer, Sequential, populations
from snn.plot import confusion, delay_histogram, firing_rates, sample_activity, training_curves
from snn.train import LOSSES, Data, FitResult, prepare

__all__ = ["delays_ms", "early", "final", "predictions", "write"]

DelaysMs = dict[str, NDArray[np.float64]]


def write(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    return path


def delays_ms(model: Sequential, dt_ms: float) -> DelaysMs:
    """Give the delays of every projection that has some, ms."""
    parts: list[tuple[str, Layer]] = []
    for part in populations.split(model):
        parts += [(part.projection, part.connection), (f"{part.post}-{part.post}", part.neuron)]
    return {
        name: layer.delays().detach().double().numpy() * dt_ms
        for name, layer in parts
        if isinstance(layer, DelayedLayer)
    }


def early(
    path: Path, history: list[dict[str, Any]], model: Sequential, before: DelaysMs, dt_ms: float
) -> None:
    """Write the figures that show whether a run is on its way: curves, rates, delays."""
    write(training_curves(history), path / "training.png")
    write(firing_rates(history), path / "rates.png")
    if before:
        after = delays_ms(model, dt_ms)
        pairs = {name: (before[name], after[name]) for name in before}
        write(delay_histogram(pairs, dt_ms), path / "delays.png")


def final(
    path: Path, result: FitResult, model: Sequential, before: DelaysMs, test: SpikeSet, loss: str
) -> None:
    """Write all figures of a finished run, those of the test set included, scored as under `loss`."""
    early(path, result.history, model, before, test.dt_ms)
    write(training_curves(result.history, result.selected_epoch), path / "training.png")
    write(one_word(model, test), path / "raster.png")
    true, predicted = predictions(model, test, loss)
    write(confusion(true, predicted, test.classes), path / "confusion.png")


@torch.no_grad()
def predictions(
    model: Sequential, data: Data, loss: str = "softmax_sum"
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the true and the predicted class of every sample, by the scores that go with a loss."""
    model.eval()
    true, predicted = [], []
    for batch in data.batches(256):
        x, lengths, label = prepare(batch, model)
        true.append(label.numpy())
        predicted.append(LOSSES.find(loss).score(model(x, None, lengths)[0], lengths).argmax(1).numpy())
    return np.concatenate(true), np.concatenate(predicted)


def one_word(model: Sequential, data: SpikeSet, sample: int = 0) -> Figure:
    """Draw one word on its way through the model."""
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

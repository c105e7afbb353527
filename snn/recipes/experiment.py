"""What every experiment does once its data and model are there: fit, test, and fill the run's folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snn.nn import Sequential
from snn.recipes import folder
from snn.train import Data, FitResult, Progress, Scores, TrainConfig, evaluate, fit, save, write_metrics

__all__ = ["About", "Outcome", "carry_out"]

PICTURES_EVERY = 10
"""Epochs between looks at the figures of a run under way."""


@dataclass(frozen=True, slots=True)
class About:
    """Say what is saved with a model, so that it can be used."""

    recipe: str
    """Name of the experiment."""
    data: dict[str, Any]
    """How its data are read: arguments of the loader, and `data`, where from."""
    data_name: str
    """What the data really are."""
    classes: tuple[str, ...]
    """Names of the classes."""
    shape: tuple[int, ...] = ()
    """Axes of a step's input where it is an image: (C, H, W)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold what a run made; the model has the selected weights."""

    fit: FitResult
    """Metrics by epoch."""
    test: Scores
    """The selected weights on the test set."""


def carry_out(
    path: Path,
    model: Sequential,
    sets: tuple[Data, Data, Data],
    config: TrainConfig,
    about: About,
    *,
    early: Callable[[list[dict[str, Any]]], None],
    resume: bool = False,
    callback: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Train, select on validation, test once; write metrics.jsonl, timing.jsonl, checkpoint/ and model.safetensors.

    Args:
        path: The run's folder, with its config.json.
        model: Trained in place.
        sets: Training (varied as it may be), validation and test samples.
        config: How to train.
        about: What is saved with the model.
        early: Draws figures of a run under way, given its history: in the first epoch and every tenth after it.
        resume: Go on with the run in `path`; the end has the bits of an uncut one.
        callback: Told of every batch and epoch.
    """
    train, valid, test = sets
    clock = folder.Clock(path, resume)

    def watch(progress: Progress) -> None:
        if progress.metrics is None:
            clock.mark()
        else:
            clock.lap(progress.epoch)
            if progress.epoch % PICTURES_EVERY == 0:
                early(folder.read_metrics(path))
        if callback is not None:
            callback(progress)

    result = fit(model, train, valid, config, out=path, resume=resume, callback=watch)
    scores = evaluate(model, test, loss=config.loss, batch_size=config.batch_size)
    summary = {
        "selected_epoch": result.selected_epoch,
        "valid_accuracy": result.selected["valid_accuracy"],
        "test_accuracy": scores.accuracy,
        "test_loss": scores.loss,
        "test_samples": scores.samples,
        "data": about.data_name,
    }
    write_metrics(path, [*result.history, summary])
    info = {
        "recipe": about.recipe,
        "data": about.data,
        "data_name": about.data_name,
        "seed": config.seed,
        "loss": config.loss,
        "classes": list(about.classes),
        "test_accuracy": scores.accuracy,
        **({"shape": list(about.shape)} if about.shape else {}),
    }
    save(model, path / "model.safetensors", info)
    return Outcome(result, scores)

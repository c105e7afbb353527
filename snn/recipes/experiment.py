"""What every experiment does: read its data, build, train, select, test, and fill the run's folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import Field, asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from snn.core.arrays import PathLike
from snn.nn import Sequential
from snn.recipes import folder
from snn.train import Data, FitResult, Progress, Scores, TrainConfig, evaluate, fit, save, write_metrics

__all__ = ["Callback", "Config", "Figures", "Log", "Recipe", "RunResult", "SampleSet"]

FIGURES_EVERY = 10
"""Epochs after which the figures of a run are drawn anew."""

Callback = Callable[[Progress], None]
"""Takes a report of every batch and epoch."""
Log = Callable[[str], None]
"""Takes a line of text."""


class SampleSet(Protocol):
    """What a run needs of a set: `SpikeSet`, `EventCameraSet` and `ImageSet` of `snn.datasets` are such."""

    @property
    def name(self) -> str:
        """What the data really are."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Axes of a step's input where it is an image, (C, H, W); else ()."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        ...

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Any]:
        """Give batches with numpy `x` [T, B, ...], `lengths` [B] and `label` [B]; in order without a seed."""
        ...


class Config(Protocol):
    """What a run needs of a recipe's settings, which are a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def train(self) -> TrainConfig:
        """How to train."""
        ...


class Figures(Protocol):
    """What draws the figures of one run."""

    def during(self, history: list[dict[str, Any]]) -> None:
        """Draw what shows whether a run is on its way, given its metrics by epoch."""
        ...

    def after(self, result: FitResult) -> None:
        """Draw all figures of a run that is trained; the model has the selected weights."""
        ...


C = TypeVar("C", bound=Config)
S = TypeVar("S", bound=SampleSet)


@dataclass(frozen=True, slots=True)
class RunResult(Generic[S]):
    """Hold what a run made.

    Attributes:
        model: With the selected weights, in evaluation mode.
        fit: Metrics by epoch.
        test: The selected weights on the test set.
        sets: Training (not varied), validation and test samples.
    """

    model: Sequential
    fit: FitResult
    test: Scores
    sets: tuple[S, S, S]


@dataclass(frozen=True, slots=True)
class Recipe(Generic[C, S]):
    """Describe a named experiment, and run it.

    Attributes:
        name: Its name on the command line and in saved models.
        config: Class of its settings.
        data_fields: Fields of the settings that decide what a model is given; saved with it.
        load_data: Reads training, validation and test samples.
        build_model: Builds the untrained model for a training set.
        augment: Gives the training set with its samples varied as the settings say.
        figures: Makes what draws the figures into a folder, from the untrained model, the test set and the name of
            the loss.
    """

    name: str
    config: type[C]
    data_fields: tuple[str, ...]
    load_data: Callable[[C], tuple[S, S, S]]
    build_model: Callable[[C, S], Sequential]
    augment: Callable[[C, S], Data]
    figures: Callable[[Path, Sequential, S, str], Figures]

    def run(
        self,
        config: C,
        out: PathLike,
        *,
        resume: bool = False,
        callback: Callback | None = None,
        log: Log | None = None,
    ) -> RunResult[S]:
        """Train, select on validation, test once, and fill the run's folder.

        Args:
            config: The settings.
            out: Folder for config.json, metrics.jsonl, timing.jsonl, model.safetensors, checkpoint/, figures/.
            resume: Go on with the run in `out`; the end has the bits of an uncut one.
            callback: Called after every batch and epoch.
            log: Called with a line of text that says what data are used.

        Raises:
            ValueError: The folder holds a run already (or, resuming, one with other settings), or bad data.
            FileNotFoundError: The data are not there.
        """
        settings = asdict(config)
        path = folder.check(out, settings, resume)
        sets = train, valid, test = self.load_data(config)
        folder.write_config(path, settings)
        if log is not None:
            sizes = f"{len(train)} training, {len(valid)} validation, {len(test)} test samples"
            log(f"data: {train.name}; {sizes}")
        model = self.build_model(config, train)
        figures = self.figures(path / "figures", model, test, config.train.loss)
        varied = self.augment(config, train)
        on_progress = _progress(path, figures, resume, callback)
        result = fit(model, varied, valid, config.train, out=path, resume=resume, callback=on_progress)
        scores = evaluate(model, test, loss=config.train.loss, batch_size=config.train.batch_size)
        write_metrics(path, [*result.history, _summary(test, result, scores)])
        how = {name: settings[name] for name in self.data_fields}
        info = {"recipe": self.name, "data": how, **_model_info(test, config.train, scores)}
        save(model, path / "model.safetensors", info)
        figures.after(result)
        return RunResult(model, result, scores, sets)


def _progress(path: Path, figures: Figures, resume: bool, callback: Callback | None) -> Callback:
    """Make the callback of `fit`: write what each epoch took, and draw figures in the first and every tenth."""
    clock = folder.Clock(path, resume)

    def on_progress(progress: Progress) -> None:
        if progress.metrics is None:
            clock.mark()
        else:
            clock.lap(progress.epoch)
            if progress.epoch % FIGURES_EVERY == 0:
                figures.during(folder.read_metrics(path))
        if callback is not None:
            callback(progress)

    return on_progress


def _summary(test: SampleSet, result: FitResult, scores: Scores) -> dict[str, Any]:
    """Give the last line of metrics.jsonl: what the run came to."""
    return {
        "selected_epoch": result.selected_epoch,
        "valid_accuracy": result.selected["valid_accuracy"],
        "test_accuracy": scores.accuracy,
        "test_loss": scores.loss,
        "test_samples": scores.samples,
        "data": test.name,
    }


def _model_info(test: SampleSet, train: TrainConfig, scores: Scores) -> dict[str, Any]:
    """Say what is saved with a model, beside how its data are read, so that it can be used."""
    return {
        "data_name": test.name,
        "seed": train.seed,
        "loss": train.loss,
        "classes": list(test.classes),
        "test_accuracy": scores.accuracy,
        **({"shape": list(test.shape)} if test.shape else {}),
    }

"""What every experiment does: read its data, build, train, select, test, and fill the run's folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import snn
from snn.core.arrays import PathLike
from snn.core.checks import refusal
from snn.recipes import folder
from snn.recipes.recipe import Callback, Config, Log
from snn.train.config import TrainConfig

if TYPE_CHECKING:
    import torch

__all__ = ["Experiment", "Figures", "RunResult", "SampleSet", "check_device", "init_checksum", "result_lines"]

FIGURES_EVERY = 10
"""Epochs after which the figures of a run are drawn anew."""


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


class Figures(Protocol):
    """What draws the figures of one run."""

    def during(self, history: list[dict[str, Any]]) -> None:
        """Draw what shows whether a run is on its way, given its metrics by epoch."""
        ...

    def after(self, result: snn.train.FitResult) -> None:
        """Draw all figures of a run that is trained; the model has the selected weights and is on the CPU."""
        ...


C = TypeVar("C", bound=Config)
S = TypeVar("S", bound=SampleSet)


@dataclass(frozen=True, slots=True)
class RunResult(Generic[S]):
    """Hold what a run made.

    Attributes:
        folder: The run's folder.
        model: With the selected weights, in evaluation mode, on the CPU.
        fit: Metrics by epoch.
        test: The selected weights on the test set.
        sets: Training (not varied), validation and test samples.
    """

    folder: Path
    model: snn.nn.Sequential
    fit: snn.train.FitResult
    test: snn.train.Scores
    sets: tuple[S, S, S]


def result_lines(result: RunResult[Any]) -> list[str]:
    """Say what a run came to on the test set, and where everything is."""
    valid = f"{result.fit.selected['valid_accuracy']:.1%}"
    selected = f"epoch {result.fit.selected_epoch + 1} selected on validation, {valid}"
    test = f"test accuracy {result.test.accuracy:.1%} ({result.test.samples} samples; {selected})"
    return [
        f"{result.sets[2].name}: {test}",
        f"model: {result.folder}/model.safetensors, figures: {result.folder}/figures",
    ]


@dataclass(frozen=True, slots=True)
class Experiment(Generic[C, S]):
    """Train a model by `snn.train.fit` as a recipe says, and test it.

    Attributes:
        name: Name of the recipe, saved with the model.
        data_fields: Fields of the settings that decide what a model is given; saved with it.
        load_data: Reads training, validation and test samples.
        build_model: Builds the untrained model for a training set.
        augment: Gives the training set with its samples varied as the settings say.
        figures: Makes what draws the figures into a folder, from the untrained model, the test set and the name of
            the loss.
    """

    name: str
    data_fields: tuple[str, ...]
    load_data: Callable[[C], tuple[S, S, S]]
    build_model: Callable[[C, S], snn.nn.Sequential]
    augment: Callable[[C, S], snn.train.Data]
    figures: Callable[[Path, snn.nn.Sequential, S, str], Figures]

    def run(
        self,
        config: C,
        out: PathLike,
        *,
        resume: bool = False,
        init: PathLike | None = None,
        torch_device: str = "cpu",
        callback: Callback | None = None,
        log: Log | None = None,
    ) -> RunResult[S]:
        """Train, select on validation, test once, and fill the run's folder, which no other run may use meanwhile.

        Args:
            config: The settings.
            out: Folder for config.json, metrics.jsonl, timing.jsonl, model.safetensors, checkpoint/, figures/.
            resume: Go on with the run in `out`; the end has the bits of an uncut one. More epochs may be asked for.
            init: A model file of the same description, whose weights the run begins with. A run that is resumed
                begins, if it was stopped before its first checkpoint, with those that it began with.
            torch_device: Where torch computes, such as "cpu" or "cuda".
            callback: Called after every batch and epoch.
            log: Called with a line of text that says what data are used.

        Raises:
            ValueError: The folder holds a run already (or, resuming, one with other settings) or is in use by one,
                torch has no such device, or the data or `init` are bad.
            FileNotFoundError: The data or `init` are not there.
        """
        with folder.hold(out) as path:
            return self.run_in(
                path, config, resume=resume, init=init, torch_device=torch_device, callback=callback, log=log
            )

    def run_in(
        self,
        path: Path,
        config: C,
        *,
        resume: bool,
        init: PathLike | None = None,
        torch_device: str = "cpu",
        callback: Callback | None = None,
        log: Log | None = None,
    ) -> RunResult[S]:
        """Do what `run` does, in a folder that the caller holds."""
        from snn.train.checkpoint import has_checkpoint

        settings = asdict(config)
        given, init = init, folder.check(path, settings, resume, init)
        device = check_device(torch_device)
        sets = train, valid, test = self.load_data(config)
        model = self.build_model(config, train)
        if given is None and has_checkpoint(path):
            begin = None  # the run goes on from there, and what it began with need not be there any more
        else:
            begin = init
        folder.write_config(path, settings, init, init_checksum(path, begin, model))
        if log is not None:
            sizes = f"{len(train)} training, {len(valid)} validation, {len(test)} test samples"
            log(f"data: {train.name}; {sizes}")
        figures = self.figures(path / "figures", model, test, config.train.loss)
        model.to(device)
        on_progress = _progress(path, figures, resume, callback)
        varied = self.augment(config, train)
        result = snn.train.fit(
            model, varied, valid, config.train, out=path, resume=resume, init=begin, callback=on_progress
        )
        loss, batch_size = config.train.loss, config.train.batch_size
        scores = snn.train.evaluate(model, test, loss=loss, batch_size=batch_size)
        snn.train.write_metrics(path, [*result.history, _summary(test, result, scores)])
        model.cpu()
        how = {name: settings[name] for name in self.data_fields}
        info = {"recipe": self.name, "data": how, **_model_info(test, config.train, scores)}
        snn.train.save(model, path / "model.safetensors", info)
        figures.after(result)
        return RunResult(path, model, result, scores, sets)


def init_checksum(path: Path, init: PathLike | None, model: snn.nn.Layer) -> str | None:
    """Give the checksum of the model file that a run begins with, before config.json says that it began.

    Raises:
        FileNotFoundError: The file is not there.
        ValueError: It is no file of this model, or not the one that the run in the folder began with.
    """
    from snn.train.initial_weights import check_initial_weights

    began = folder.init_checksum(path)
    if init is None:
        return began
    found = check_initial_weights(init, model)
    if began not in (None, found):
        raise refusal("init", f"{init} as it was when the run in {path} began, of sha256 {began}", found)
    return found


def check_device(name: str) -> torch.device:
    """Give torch's device of that name.

    Raises:
        ValueError: There is none, or it is not on this machine.
    """
    import torch

    try:
        device = torch.device(name)
        torch.ones(1, device=device).item()
    except (
        RuntimeError,
        AssertionError,
    ) as error:  # torch says with the one or the other that it cannot use it
        here = ", ".join(["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))])
        raise refusal("torch_device", f"a device that torch can use here ({here})", name) from error
    return device


def _progress(path: Path, figures: Figures, resume: bool, callback: Callback | None) -> Callback:
    """Make the callback of `fit`: write what each epoch took, and draw figures in the first and every tenth."""
    clock = folder.Clock(path, resume)

    def on_progress(progress: snn.train.Progress) -> None:
        if progress.metrics is None:
            clock.mark()
        else:
            clock.lap(progress.epoch)
            if progress.epoch % FIGURES_EVERY == 0:
                figures.during(folder.read_metrics(path))
        if callback is not None:
            callback(progress)

    return on_progress


def _summary(test: SampleSet, result: snn.train.FitResult, scores: snn.train.Scores) -> dict[str, Any]:
    """Give the last line of metrics.jsonl: what the run came to."""
    return {
        "selected_epoch": result.selected_epoch,
        "valid_accuracy": result.selected["valid_accuracy"],
        "test_accuracy": scores.accuracy,
        "test_loss": scores.loss,
        "test_samples": scores.samples,
        "data": test.name,
    }


def _model_info(test: SampleSet, train: TrainConfig, scores: snn.train.Scores) -> dict[str, Any]:
    """Say what is saved with a model, beside how its data are read, so that it can be used."""
    return {
        "data_name": test.name,
        "seed": train.seed,
        "loss": train.loss,
        "classes": list(test.classes),
        "test_accuracy": scores.accuracy,
        **({"shape": list(test.shape)} if test.shape else {}),
    }

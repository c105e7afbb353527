"""Tasks one after another, made of a set of still images; what `snn train continual` runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

import snn
from snn.core.arrays import PathLike
from snn.core.checks import choice, flag, instance, keep, number, refusal, whole
from snn.datasets import ImageSet, hold_out
from snn.recipes import folder
from snn.recipes.experiment import check_device, init_checksum
from snn.recipes.fields import path_text, sizes
from snn.recipes.recipe import Callback, Log, Reading, Recipe
from snn.train.config import TrainConfig

if TYPE_CHECKING:
    from snn.continual import AccuracyMatrix, ContinualScores, TaskProgress

__all__ = ["DATA_FIELDS", "RECIPE", "ContinualConfig", "ContinualResult", "load_data", "run"]

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


@dataclass(frozen=True, slots=True)
class ContinualResult:
    """Hold what a run over tasks made.

    Attributes:
        folder: The run's folder.
        model: As after the last task, on the CPU.
        matrix: Accuracy on every task after each.
        scores: What it comes to.
        data: What the images are.
    """

    folder: Path
    model: snn.nn.Sequential
    matrix: AccuracyMatrix
    scores: ContinualScores
    data: str


def run(
    config: ContinualConfig,
    out: PathLike,
    *,
    resume: bool = False,
    init: PathLike | None = None,
    torch_device: str = "cpu",
    callback: Callback | None = None,
    log: Log | None = None,
) -> ContinualResult:
    """Train on task after task, test on all of them after each, and fill the run's folder.

    Args:
        config: The settings.
        out: Folder for config.json, metrics.jsonl (a line per task, then the result), model.safetensors,
            checkpoint/, figures/.
        resume: Go on with the run in `out`, within a task too; the end has the bits of an uncut run.
        init: A model file of the same description, whose weights the run begins with.
        torch_device: Where torch computes.
        callback: Called after every batch, epoch and task.
        log: Called with a line of text that says what data are used.

    Raises:
        ValueError: The folder holds a run already (or, resuming, one with other settings) or is in use by one,
            torch has no such device, or the data, `init` or the settings of the learner are bad.
        FileNotFoundError: The data or `init` are not there.
    """
    with folder.hold(out) as path:
        return _run_in(path, config, resume, init, torch_device, callback, log)


def _run_in(
    path: Path,
    config: ContinualConfig,
    resume: bool,
    init: PathLike | None,
    torch_device: str,
    callback: Callback | None,
    log: Log | None,
) -> ContinualResult:
    from snn.recipes import continual_parts as parts

    settings = asdict(config)
    init = folder.check(path, settings, resume, init)
    device = check_device(torch_device)
    sets = load_data(config)
    train, test = sets[0], sets[2]
    tasks = parts.tasks(config, sets)
    model = parts.build_model(config, train.shape, snn.continual.outputs_needed(tasks))
    folder.write_config(path, settings, init, init_checksum(path, init, model))
    if log is not None:
        size = f"{len(tasks[0].train)} training, {len(tasks[0].valid)} validation, {len(tasks[0].test)} test"
        log(
            f"data: {train.name}; {len(tasks)} tasks ({config.stream}, {config.scenario}), the first of {size}"
        )
    if init is not None:
        parts.begin_with(init, model, path)
    model.to(device)
    learner = parts.learner(config, model)
    matrix = snn.continual.run_tasks(
        model,
        tasks,
        config.training,
        learner,
        out=path,
        resume=resume,
        callback=lambda done: _report(done, path, callback),
    )
    found = snn.continual.scores(matrix)
    lines = _task_lines(matrix.values.tolist(), [task.name for task in tasks])
    summary = {
        **found._asdict(),
        "matrix": matrix.values.tolist(),
        "lateral_weights": matrix.kept[-1],
        "network_weights": sum(parameter.numel() for parameter in model.parameters()),
        "seconds_per_task": list(matrix.seconds),
        "learner": config.learner,
        "method": config.train.method,
        "untrained": matrix.untrained.tolist(),
        "valid_acc": float(matrix.valid.mean()),
        "kept_per_task": list(matrix.kept),
        "data": test.name,
    }
    snn.train.write_metrics(path, [*lines, summary])
    model.cpu().eval()
    how = {name: settings[name] for name in DATA_FIELDS}
    info = {"recipe": "continual", "data": how, "data_name": test.name, "seed": config.train.seed}
    more = {"loss": config.training.loss, "shape": list(test.shape), "test_accuracy": found.acc}
    snn.train.save(model, path / "model.safetensors", {**info, **more})
    parts.draw(path / "figures", matrix, found)
    return ContinualResult(path, model, matrix, found, test.name)


def _task_lines(rows: list[list[float]], names: list[str]) -> list[dict[str, Any]]:
    """Give the lines of metrics.jsonl: what came out after each task."""
    return [
        {"task": i, "name": name, "accuracy": row}
        for i, (row, name) in enumerate(zip(rows, names, strict=False))
    ]


def _report(done: TaskProgress, path: Path, callback: Callback | None) -> None:
    """Pass on where the run stands, and write metrics.jsonl when a task is done."""
    told = done.training
    if told is None:
        rows = [list(row) for row in done.rows]
        names = [f"task {i + 1}" for i in range(done.task)] + [done.name]
        snn.train.write_metrics(path, _task_lines(rows, names))
        told = snn.train.Progress(done.task, done.tasks, 0, 0, 0.0, {"rows": rows, "name": done.name})
    elif told.metrics is not None:
        told = told._replace(metrics={**told.metrics, "task": done.task, "tasks": done.tasks})
    if callback is not None:
        callback(told)


def _line(progress: snn.train.Progress) -> str:
    """Say in a line what an epoch, or a task, came to."""
    m = progress.metrics or {}
    if "rows" in m:
        row = m["rows"][-1]
        seen = sum(row[: progress.epoch + 1]) / (progress.epoch + 1)
        each = " ".join(f"{100 * accuracy:.1f}" for accuracy in row)
        task = f"task {progress.epoch + 1:>2}/{progress.epochs} done"
        return f"{task}  tasks so far {seen:.1%}  all: {each} %  ({m['name']})"
    return (
        f"task {m['task'] + 1:>2}/{m['tasks']} epoch {progress.epoch + 1}/{progress.epochs}  "
        f"loss {m['train_loss']:.3f}  train {m['train_accuracy']:.1%}  valid {m['valid_accuracy']:.1%}"
    )


def _result_lines(result: ContinualResult) -> list[str]:
    """Say what a run came to, and where everything is."""
    acc, bwt, fwt = result.scores
    more = (
        ""
        if bwt is None
        else f", backward transfer {100 * bwt:+.2f}, forward transfer {100 * (fwt or 0):+.2f}"
    )
    return [
        f"{result.data}: average accuracy {acc:.2%}{more} (points)",
        f"model: {result.folder}/model.safetensors, figures: {result.folder}/figures",
    ]


RECIPE = Recipe(
    name="continual",
    help="Learn tasks one after another without forgetting: permuted, split or rotated images.",
    config=ContinualConfig,
    run=run,
    result_lines=_result_lines,
    # a still image has no time of its own
    samples=Reading(DATA_FIELDS, load_data, step_ms=lambda _: 1.0, inputs="currents"),
    epoch_line=_line,
)

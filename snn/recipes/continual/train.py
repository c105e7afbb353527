"""Tasks one after another, made of a set of still images; what `snn train continual` runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import snn
from snn.core.arrays import PathLike
from snn.recipes import folder
from snn.recipes.continual.config import DATA_FIELDS, ContinualConfig, load_data
from snn.recipes.experiment import check_device, init_checksum
from snn.recipes.recipe import Callback, Log, Reading, Recipe

if TYPE_CHECKING:
    from snn.continual import AccuracyMatrix, ContinualScores, TaskProgress

__all__ = ["RECIPE", "ContinualResult", "run"]


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
    from snn.recipes.continual import parts

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

"""Train a model on tasks, one after another, and test it on all of them after each."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from snn.continual.learner import Learner
from snn.continual.matrix import AccuracyMatrix
from snn.continual.task_files import TaskState, load_tasks, run_identity, save_tasks
from snn.continual.tasks import Task, check_tasks, seen_by
from snn.core.arrays import PathLike
from snn.core.checks import flag, instance, refusal
from snn.nn import Layer, frozen
from snn.train import LOSSES, Progress, evaluate, fit, processes
from snn.train.arguments import check_config, check_functions, check_layer, check_paths
from snn.train.config import TrainConfig

__all__ = ["TaskProgress", "run_tasks"]


class TaskProgress(NamedTuple):
    """Where a run over tasks stands: what a callback is given.

    Attributes:
        task: The task, from 0.
        tasks: Tasks of the run.
        name: Name of the task.
        training: Where its training stands, after every batch and epoch; None when the task is done and tested.
        rows: When the task is done, accuracies on the test samples of all tasks after each so far; () before.
    """

    task: int
    tasks: int
    name: str
    training: Progress | None
    rows: tuple[tuple[float, ...], ...] = ()


def run_tasks(
    model: Layer,
    tasks: Sequence[Task],
    config: TrainConfig,
    learner: Learner | None = None,
    *,
    out: PathLike | None = None,
    resume: bool = False,
    hold_norm: bool = True,
    callback: Callable[[TaskProgress], None] | None = None,
) -> AccuracyMatrix:
    """Train on each task by `snn.train.fit`, and test on all tasks after each.

    The model ends as after the last task. Every task has a fresh optimiser; (seed, task) decide the order of its
    batches. The global random numbers of torch, numpy and Python are left as they were. Nothing is selected on test
    samples.

    Args:
        model: Maps [T, B, ...] to outputs [T, B, C]; trained in place.
        tasks: What is learned, in this order, as `permuted`, `rotated` or `split` make them.
        config: How each task is trained.
        learner: What is done against forgetting; None: nothing (sequential training).
        out: Folder for checkpoint/ and, of the task in training, tasks/NUMBER/; None writes nothing. What a run
            before left in these is overwritten, unless `resume` is true.
        resume: Go on from the last task, and the last epoch in it, that is kept in `out`; the end has the bits of
            an uncut run, what the learner keeps included.
        hold_norm: From the second task on, BatchNorm keeps statistics, scale and offset, and neurons keep threshold
            and leak: no learner could protect them.
        callback: Called after every batch, epoch and task.

    Raises:
        ValueError: Tasks do not go with the model or each other, the learner does not go with model or config, or
            the run in `out` was another: of other tasks, order, settings, learner or data.
        FloatingPointError: The loss is not a number any more.
        OSError: A checkpoint could not be written.
    """
    check_layer(model)
    check_config(config)
    check_functions(callback=callback)
    check_paths(out=out)
    resume, hold_norm = flag("resume", resume), flag("hold_norm", hold_norm)
    if resume and out is None:
        raise refusal("out", "the folder of the run to resume", out)
    if not LOSSES.find(config.loss).has_classes:
        raise refusal("loss", "one that has classes, to give accuracies", config.loss)
    learner = Learner() if learner is None else instance("learner", learner, Learner)
    folder = None if out is None else Path(out)
    with _random_numbers_kept():
        given = check_tasks(model, tasks)
        learner.start(model, config)
        run = _Run(model, given, config, learner, folder, hold_norm, callback)
        return run.all_tasks(resume)


class _Run:
    """Run tasks; what stays the same from one to the next."""

    def __init__(
        self,
        model: Layer,
        tasks: list[Task],
        config: TrainConfig,
        learner: Learner,
        folder: Path | None,
        hold_norm: bool,
        callback: Callable[[TaskProgress], None] | None,
    ) -> None:
        self.model, self.tasks, self.config, self.learner = model, tasks, config, learner
        self.folder, self.hold_norm = folder, hold_norm
        self.report = callback if callback and processes.rank() == 0 else (lambda _: None)

    def all_tasks(self, resume: bool) -> AccuracyMatrix:
        """Run what is still to be run."""
        state, identity = None, {}
        if self.folder is not None:
            identity = run_identity(self.model, self.tasks, self.config, self.learner, self.hold_norm)
            if resume:
                state = load_tasks(self.folder, self.model, self.learner, identity)
        going_on = state is not None
        if state is None:
            state = TaskState(untrained=self._test())
            self._save(state, identity)
        for number in range(len(state.rows), len(self.tasks)):
            start = time.process_time()
            self._learn(number, going_on)
            going_on = False
            state.seconds.append(time.process_time() - start)
            state.kept.append(self.learner.kept)
            state.rows.append(self._test())
            if number == len(self.tasks) - 1:
                state.valid = self._test("valid")
            self._save(state, identity)
            rows = tuple(map(tuple, state.rows))
            self.report(TaskProgress(number, len(self.tasks), self.tasks[number].name, None, rows))
        found, untrained, valid = (np.array(part) for part in (state.rows, state.untrained, state.valid))
        return AccuracyMatrix(found, untrained, valid, tuple(state.seconds), tuple(state.kept))

    def _learn(self, number: int, going_on: bool) -> None:
        """Train on a task, and let the learner keep what it needs of it.

        Args:
            number: The task, from 0.
            going_on: Whether what its folder holds is of this very run.
        """
        task, model = self.tasks[number], self.model
        seed = int(np.random.SeedSequence((self.config.seed, number)).generate_state(1)[0])
        config, seen = replace(self.config, seed=seed), seen_by(task, model)
        folder = None if self.folder is None else self.folder / "tasks" / f"{number + 1:02d}"
        if folder is not None and not going_on and processes.rank() == 0:
            shutil.rmtree(folder, ignore_errors=True)
        with frozen(model) if number and self.hold_norm else nullcontext():
            fit(
                seen,
                self.learner.training_data(self.tasks, number),
                task.valid,
                config,
                out=folder,
                resume=going_on,
                on_gradients=self.learner,
                callback=lambda done: self.report(TaskProgress(number, len(self.tasks), task.name, done)),
            )
            self.learner.finish_task(seen, task, config)
        model.eval()

    def _test(self, part: str = "test") -> list[float]:
        """Give the accuracy on every task."""
        found = []
        for task in self.tasks:
            scored = evaluate(seen_by(task, self.model), getattr(task, part), loss=self.config.loss)
            assert scored.accuracy is not None  # run_tasks refuses losses without classes
            found.append(scored.accuracy)
        return found

    def _save(self, state: TaskState, identity: dict[str, object]) -> None:
        """Write the checkpoint of the run, and take away that of the task which is done."""
        if self.folder is None or processes.rank() != 0:
            return
        save_tasks(self.folder, state, self.model, self.learner, identity)
        shutil.rmtree(self.folder / "tasks", ignore_errors=True)


@contextmanager
def _random_numbers_kept() -> Iterator[None]:
    """Leave the global random numbers of torch, numpy and Python behind as they were before."""
    kept = np.random.get_state(), random.getstate()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            np.random.set_state(kept[0])
            random.setstate(kept[1])

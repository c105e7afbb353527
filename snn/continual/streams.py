"""Streams of tasks made of one data set: its inputs permuted, its images turned, its classes split.

In every stream a task's classes are known by the scenario (van de Ven and Tolias, 2019): "domain", the same outputs
for all tasks; "task", outputs of its own for each, and which task it is is known; "class", outputs of its own, and
it is not known.
"""

from __future__ import annotations

from typing import Any, Literal, cast, get_args

import numpy as np
import torch

from snn.continual.derived import Permuted, Relabelled, Rotated, rotation
from snn.continual.tasks import Task
from snn.core.arrays import Int64Array
from snn.core.checks import choice, number, refusal, whole, wholes
from snn.train.batches import Data
from snn.train.losses import IGNORED

__all__ = ["SCENARIOS", "Scenario", "permuted", "rotated", "split"]

Scenario = Literal["domain", "task", "class"]
SCENARIOS: tuple[Scenario, ...] = get_args(Scenario)
"""What is known of a task when it is tested, and which outputs it has."""


def permuted(
    train: Data, valid: Data, test: Data, n_tasks: int = 10, *, scenario: Scenario = "domain", seed: int = 0
) -> list[Task]:
    """Make tasks with the inputs of a data set in another order each; the first task has them as they are.

    Args:
        train: Training samples.
        valid: Validation samples.
        test: Test samples.
        n_tasks: Tasks, >= 1.
        scenario: "domain": all tasks have the same outputs; "task" and "class": outputs of their own.
        seed: Decides the permutations, >= 0; torch's random numbers are not touched.

    Raises:
        ValueError: An argument is impossible, or a set has no `batches`.
    """
    n_tasks, seed = whole("n_tasks", n_tasks, low=1), whole("seed", seed, low=0)
    sets = _checked(train, valid, test)
    n = int(np.prod(_shape(train)))
    tasks: list[tuple[str, list[Data]]] = []
    for i in range(n_tasks):
        order = np.arange(n) if i == 0 else np.random.default_rng((seed, i)).permutation(n)
        parts: list[Data] = [Permuted(part, order) for part in sets] if i else sets
        tasks.append((f"permutation {i + 1}", parts))
    return _with_all_classes(tasks, train, scenario)


def rotated(
    train: Data, valid: Data, test: Data, n_tasks: int = 10, *, scenario: Scenario = "domain"
) -> list[Task]:
    """Make tasks with the images of a data set turned: task i, from 0, by i · 180 / `n_tasks` degrees.

    Args:
        train: Training samples: images, [T, B, ..., H, W].
        valid: Validation samples.
        test: Test samples.
        n_tasks: Tasks, >= 1.
        scenario: As for `permuted`.

    Raises:
        ValueError: An argument is impossible, a set has no `batches`, or its samples are no images.
    """
    n_tasks = whole("n_tasks", n_tasks, low=1)
    sets, shape = _checked(train, valid, test), _shape(train)
    if len(shape) < 2:
        raise refusal("train", "of images [T, B, ..., H, W] to be turned", list(shape))
    tasks: list[tuple[str, list[Data]]] = []
    height, width = shape[-2:]
    for i in range(n_tasks):
        degrees = number("degrees", 180.0 * i / n_tasks)
        turn = rotation(height, width, degrees)
        parts: list[Data] = [Rotated(part, turn) for part in sets] if i else sets
        tasks.append((f"turned by {degrees:g} degrees", parts))
    return _with_all_classes(tasks, train, scenario)


def split(train: Any, valid: Any, test: Any, n_tasks: int = 5, *, scenario: Scenario = "class") -> list[Task]:
    """Make tasks of a part of the classes each, in the order of their numbers.

    Args:
        train: Training samples, with `labels` [B] and `subset(indices)`; `collect` makes such of any.
        valid: Validation samples, likewise.
        test: Test samples, likewise.
        n_tasks: Tasks, >= 1, of equally many classes.
        scenario: "class": outputs of all tasks stand side by side; "task": only those of the task count; "domain":
            all tasks share as many outputs as a task has classes.

    Raises:
        ValueError: An argument is impossible, a set cannot be split, or the classes do not go into so many tasks.
    """
    n_tasks, scenario = whole("n_tasks", n_tasks, low=1), choice("scenario", scenario, Scenario)
    sets = _checked(train, valid, test)
    for name, part in zip(("train", "valid", "test"), sets, strict=True):
        if not (hasattr(part, "labels") and hasattr(part, "subset")):
            raise refusal(name, "a data set with labels and subset(), as snn.continual.collect makes", part)
    classes = _classes(train)
    size = len(classes) // n_tasks
    least = 1 if scenario == "class" else 2
    if size * n_tasks != len(classes) or size < least:
        rule = f"a divisor of the {len(classes)} classes that leaves each task at least {least}"
        raise refusal("n_tasks", rule, n_tasks)
    tasks = []
    for i in range(n_tasks):
        own = classes[size * i : size * (i + 1)]
        chosen: list[Data] = [
            cast(Any, part).subset(np.flatnonzero(np.isin(cast(Any, part).labels, own))) for part in sets
        ]
        name = f"classes {', '.join(map(str, own.tolist()))}"
        tasks.append(_task(name, chosen, own, size * i, scenario))
    return tasks


def _checked(*sets: Data) -> list[Data]:
    """Refuse what is no data set: of a loader's batches no task can be made."""
    for name, part in zip(("train", "valid", "test"), sets, strict=True):
        if not hasattr(part, "batches"):
            raise refusal(name, "a data set with batches(), as snn.continual.collect makes of a loader", part)
    return list(sets)


def _shape(data: Data) -> tuple[int, ...]:
    """Give the axes of a step's input."""
    first = next(iter(data.batches(1)), None)
    if first is None:
        raise ValueError("train must hold at least one sample, got none")
    return tuple(torch.as_tensor(first.x).shape[2:])


def _classes(data: Data) -> Int64Array:
    """Give the class numbers of a data set, ascending."""
    labels = getattr(data, "labels", None)
    if labels is None:
        labels = np.concatenate([np.asarray(batch.label).ravel() for batch in data.batches(1024)])
    found: Int64Array = np.unique(wholes("labels", labels))
    return np.setdiff1d(found, [IGNORED])


def _with_all_classes(tasks: list[tuple[str, list[Data]]], train: Data, scenario: Scenario) -> list[Task]:
    """Finish tasks of which each has all classes."""
    choice("scenario", scenario, Scenario)
    classes = _classes(train)
    return [_task(name, parts, classes, i * len(classes), scenario) for i, (name, parts) in enumerate(tasks)]


def _task(name: str, sets: list[Data], classes: Int64Array, first: int, scenario: Scenario) -> Task:
    """Give a task its labels and outputs.

    Args:
        name: Name of the task.
        sets: Training, validation and test samples.
        classes: Class numbers of these, ascending.
        first: Output of the first of them, where tasks have outputs of their own.
        scenario: What the task shares.
    """
    own = np.arange(first, first + len(classes))
    labels = own if scenario == "class" else np.arange(len(classes))
    if not np.array_equal(labels, classes):
        sets = [Relabelled(part, classes, labels) for part in sets]
    outputs = tuple(own.tolist()) if scenario == "task" else None
    train, valid, test = sets
    return Task(name, train, valid, test, labels=tuple(labels.tolist()), outputs=outputs)

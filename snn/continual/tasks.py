"""What a task is, and how the model looks to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from snn.core.checks import instance, refusal
from snn.nn import Layer
from snn.train.batches import Data, prepare

__all__ = ["Task", "TaskHead", "check_tasks", "outputs_needed", "seen_by"]


@dataclass(frozen=True, slots=True)
class Task:
    """Hold one task of a stream.

    Attributes:
        name: What it is.
        train: Training samples.
        valid: Validation samples, on which epochs and settings are selected.
        test: Test samples.
        labels: Class numbers that its samples may have; () where not known.
        outputs: Outputs of the model that are the task's own, to which its labels point in order, where the task is
            known when it is tested; None: all outputs count.

    Raises:
        ValueError: A set has no `batches`, or there is a label beyond the outputs.
    """

    name: str
    train: Data
    valid: Data
    test: Data
    labels: tuple[int, ...] = ()
    outputs: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for part in ("train", "valid", "test"):
            if not hasattr(getattr(self, part), "batches"):
                raise refusal(f"{part} of task {self.name!r}", "a data set", getattr(self, part))
        if self.outputs is not None and max(self.labels, default=-1) >= len(self.outputs):
            rule = f"below {len(self.outputs)}, the outputs of task {self.name!r}"
            raise refusal("labels", rule, max(self.labels))


class TaskHead(Layer):
    """Show only some outputs of a model, which it holds and does not copy: the head of one task."""

    def __init__(self, model: Layer, outputs: Sequence[int]) -> None:
        """Show `outputs` of `model`, in this order."""
        super().__init__()
        self.model = model
        self.outputs = tuple(outputs)

    def forward(self, x: Tensor, state: Any = None, lengths: Tensor | None = None) -> tuple[Tensor, Any]:
        """Run the model, and take its outputs y [T, B, C] apart."""
        y, state = self.model(x, state, lengths)
        return y.index_select(-1, torch.tensor(self.outputs, device=y.device)), state

    def config(self) -> dict[str, Any]:
        """Return the outputs; the model is described by itself."""
        return {"outputs": list(self.outputs)}


def seen_by(task: Task, model: Layer) -> Layer:
    """Give the model as a task sees it: through its head, if it has one."""
    return model if task.outputs is None else TaskHead(model, task.outputs)


def outputs_needed(tasks: Sequence[Task]) -> int:
    """Give the outputs that a model needs for these tasks, as far as their labels are known."""
    return 1 + max((max(task.outputs or task.labels, default=0) for task in tasks), default=0)


@torch.no_grad()
def check_tasks(model: Layer, tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks that a model can be trained on, one after another.

    Raises:
        ValueError: There are none, two have one name, one has no validation samples, inputs differ in shape, or a
            label or output lies outside the model's outputs.
    """
    if isinstance(tasks, Task) or not isinstance(tasks, Sequence) or not tasks:
        raise refusal("tasks", "a list of at least one Task", tasks)
    found = [instance(f"tasks[{i}]", task, Task) for i, task in enumerate(tasks)]
    names = [task.name for task in found]
    if len({*names}) < len(names):
        raise refusal("names of the tasks", "different", names)
    shape: tuple[int, ...] | None = None
    for task in found:
        for part in ("train", "valid", "test"):
            first = _first_batch(task, part)
            axes = tuple(torch.as_tensor(first.x).shape[2:])
            shape = axes if shape is None else shape
            if axes != shape:
                rule = f"of shape {list(shape)} a step, as in task {found[0].name!r}"
                raise refusal(f"x of task {task.name!r} ({part})", rule, list(axes))
    _check_outputs(model, found)
    return found


def _first_batch(task: Task, part: str) -> Any:
    """Give the first sample of a part of a task.

    Raises:
        ValueError: There is none.
    """
    data: Data = getattr(task, part)
    first = next(iter(data.batches(1)), None) if len(data) else None
    if first is None:
        what = {"train": "training", "valid": "validation", "test": "test"}[part]
        raise ValueError(f"task {task.name!r} must have at least one {what} sample, got none")
    return first


def _check_outputs(model: Layer, tasks: Sequence[Task]) -> None:
    """Refuse labels and heads beyond the outputs that a model has."""
    mode = model.training
    model.eval()
    try:
        x, lengths, _ = prepare(_first_batch(tasks[0], "train"), model)
        outputs = model(x, None, lengths)[0].shape[-1]
    finally:
        model.train(mode)
    for task in tasks:
        most = max(task.outputs or task.labels, default=0)
        if most >= outputs:
            what = "labels" if task.outputs is None else "outputs"
            rule = f"below {outputs}, the outputs of the model"
            raise refusal(f"{what} of task {task.name!r}", rule, most)

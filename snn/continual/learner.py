"""What is done against forgetting: to gradients, at the end of a task, and to the data that are learned."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from snn.continual.derived import Mixed
from snn.continual.tasks import Task
from snn.core.checks import refusal
from snn.nn import Layer
from snn.train.batches import Data
from snn.train.config import TrainConfig

__all__ = ["Joint", "Learner"]


class Learner:
    """Learn tasks one after another and do nothing against forgetting: the base of all learners.

    A learner is an `on_gradients` of `snn.train.fit`: it is called before every step of the optimiser. A learner
    of your own overrides what it needs: `__call__` changes gradients, `finish_task` keeps what is to be known of a
    task, `training_data` says what is learned from. What it keeps belongs into `state_dict`, so that a run can be
    resumed.

    Attributes:
        model: The model, from `start` on.
    """

    model: Layer

    def start(self, model: Layer, config: TrainConfig) -> None:
        """Begin a run: look at the model and at how it is trained, and forget what was kept.

        Raises:
            ValueError: The learner does not go with them.
        """
        self.model = model

    def check(self, seen: Layer, config: TrainConfig) -> None:
        """Look at the model as the coming task sees it, and at how it is trained; `fit` calls it.

        Raises:
            ValueError: The learner does not go with them.
        """

    def __call__(self, seen: Layer) -> None:
        """Change the gradients before a step of the optimiser.

        Args:
            seen: The model as the task sees it; its parameters are those of `model`.
        """

    def training_data(self, tasks: Sequence[Task], number: int) -> Data:
        """Give what is learned from in task `number`, from 0."""
        return tasks[number].train

    def finish_task(self, seen: Layer, task: Task, config: TrainConfig) -> None:
        """Keep what is to be known of a task that is learned."""

    def paused(self) -> AbstractContextManager[None]:
        """Look at nothing that goes through the model while the block runs."""
        return nullcontext()

    @property
    def kept(self) -> int:
        """Numbers that the learner keeps at present, beside the model."""
        return 0

    def describe(self) -> dict[str, Any]:
        """Give its settings as JSON values; a run is resumed only with the same."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Give what it keeps: tensors and JSON values."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave, after `start`."""


class Joint(Learner):
    """Learn from the data of all tasks so far at once: what a learner that may keep everything reaches."""

    def training_data(self, tasks: Sequence[Task], number: int) -> Data:
        """Give batches to which every task so far adds its share.

        Raises:
            ValueError: Tasks have heads of their own, which one batch cannot have.
        """
        if any(task.outputs is not None for task in tasks):
            raise refusal("scenario", "'domain' or 'class' to learn all tasks jointly", "task")
        parts = tuple(task.train for task in tasks[: number + 1])
        return parts[0] if len(parts) == 1 else Mixed(parts)

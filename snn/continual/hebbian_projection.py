"""Hebbian orthogonal projection as a learner of `run_tasks`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from snn.continual.learner import Learner
from snn.continual.orthogonal_projection import OrthogonalProjection
from snn.continual.tasks import Task
from snn.nn import Layer
from snn.train.config import TrainConfig

__all__ = ["HebbianProjection"]

_JSON = (bool, int, float, str, type(None), list, tuple, dict)


class HebbianProjection(Learner):
    """Let an `OrthogonalProjection` follow a run: it is made when the run starts, and finishes every task.

    Attributes:
        projection: The projection, from `start` on.
    """

    projection: OrthogonalProjection

    def __init__(self, ranks: Any, **options: Any) -> None:
        """Set up; the arguments are those of `OrthogonalProjection`, which checks them in `start`."""
        self.ranks, self.options = ranks, options

    def start(self, model: Layer, config: TrainConfig) -> None:
        """Install the projection on a model; that of a run before is taken off."""
        super().start(model, config)
        if hasattr(self, "projection"):
            self.projection.remove()
        self.projection = OrthogonalProjection(model, self.ranks, **self.options)

    def check(self, seen: Layer, config: TrainConfig) -> None:
        """Let the projection look at the model and the settings."""
        self.projection.check(self.model, config)

    def __call__(self, seen: Layer) -> None:
        """Project the gradients, and let the subspaces learn."""
        self.projection(self.model)

    def finish_task(self, seen: Layer, task: Task, config: TrainConfig) -> None:
        """Freeze what the subspaces learned."""
        self.projection.finish_task()

    def paused(self) -> AbstractContextManager[None]:
        """Let the projection look at nothing, nor at the step that comes, which other gradients turn."""
        return self.projection.paused()

    @property
    def kept(self) -> int:
        """Lateral weights."""
        return sum(layer.subspace.rows.numel() for layer in self.projection.layers.values())

    def describe(self) -> dict[str, Any]:
        """Give the ranks and options."""
        ranks = (
            {name: list(rows) for name, rows in self.ranks.items()}
            if isinstance(self.ranks, dict)
            else self.ranks
        )
        return {"ranks": ranks, **{name: _plain(value) for name, value in self.options.items()}}

    def state_dict(self) -> dict[str, Any]:
        """Give the state of the projection."""
        return self.projection.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put the projection back."""
        self.projection.load_state_dict(state)


def _plain(value: Any) -> Any:
    """Give an option as JSON can hold it."""
    return value if isinstance(value, _JSON) else repr(value)

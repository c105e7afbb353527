"""Continual learning: task streams, Hebbian orthogonal projection, and baselines.

Each name loads with its module when first used: all bring torch in.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "AccuracyMatrix",
    "ContinualScores",
    "ElasticWeights",
    "GradientProjectionMemory",
    "HebbianProjection",
    "HebbianSubspace",
    "Joint",
    "Learner",
    "Mixed",
    "OrthogonalProjection",
    "Permuted",
    "Relabelled",
    "Replay",
    "Rotated",
    "Samples",
    "SpikingLateral",
    "SubspaceCircuit",
    "Task",
    "TaskCost",
    "TaskProgress",
    "collect",
    "outputs_needed",
    "permuted",
    "rotated",
    "run_tasks",
    "scores",
    "signed_events",
    "split",
]

_MODULES = {
    "AccuracyMatrix": "matrix",
    "ContinualScores": "matrix",
    "ElasticWeights": "ewc",
    "GradientProjectionMemory": "gpm",
    "HebbianProjection": "hebbian_projection",
    "HebbianSubspace": "hebbian_subspace",
    "Joint": "learner",
    "Learner": "learner",
    "Mixed": "derived",
    "OrthogonalProjection": "orthogonal_projection",
    "Permuted": "derived",
    "Relabelled": "derived",
    "Replay": "replay",
    "Rotated": "derived",
    "Samples": "samples",
    "SpikingLateral": "lateral_neurons",
    "SubspaceCircuit": "event_circuit",
    "Task": "tasks",
    "TaskCost": "lateral_cost",
    "TaskProgress": "task_run",
    "collect": "samples",
    "outputs_needed": "tasks",
    "permuted": "streams",
    "rotated": "streams",
    "run_tasks": "task_run",
    "scores": "matrix",
    "signed_events": "event_circuit",
    "split": "streams",
}

if TYPE_CHECKING:
    from snn.continual.derived import Mixed, Permuted, Relabelled, Rotated
    from snn.continual.event_circuit import SubspaceCircuit, signed_events
    from snn.continual.ewc import ElasticWeights
    from snn.continual.gpm import GradientProjectionMemory
    from snn.continual.hebbian_projection import HebbianProjection
    from snn.continual.hebbian_subspace import HebbianSubspace
    from snn.continual.lateral_cost import TaskCost
    from snn.continual.lateral_neurons import SpikingLateral
    from snn.continual.learner import Joint, Learner
    from snn.continual.matrix import AccuracyMatrix, ContinualScores, scores
    from snn.continual.orthogonal_projection import OrthogonalProjection
    from snn.continual.replay import Replay
    from snn.continual.samples import Samples, collect
    from snn.continual.streams import permuted, rotated, split
    from snn.continual.task_run import TaskProgress, run_tasks
    from snn.continual.tasks import Task, outputs_needed
else:

    def __getattr__(name: str) -> Any:
        """Load a name with its module."""
        if name in _MODULES:
            return getattr(import_module(f"snn.continual.{_MODULES[name]}"), name)
        raise AttributeError(f"module 'snn.continual' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

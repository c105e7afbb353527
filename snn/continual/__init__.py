"""Continual learning: task streams, Hebbian orthogonal projection, and baselines."""

from __future__ import annotations

from snn.continual.derived import Mixed, Permuted, Relabelled, Rotated
from snn.continual.ewc import ElasticWeights
from snn.continual.gpm import GradientProjectionMemory
from snn.continual.hebbian_projection import HebbianProjection
from snn.continual.hebbian_subspace import HebbianSubspace
from snn.continual.lateral_neurons import SpikingLateral
from snn.continual.learner import Joint, Learner
from snn.continual.matrix import AccuracyMatrix, ContinualScores, scores
from snn.continual.orthogonal_projection import OrthogonalProjection
from snn.continual.replay import Replay
from snn.continual.samples import Samples, collect
from snn.continual.streams import permuted, rotated, split
from snn.continual.task_run import TaskProgress, run_tasks
from snn.continual.tasks import Task, outputs_needed

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
    "Task",
    "TaskProgress",
    "collect",
    "outputs_needed",
    "permuted",
    "rotated",
    "run_tasks",
    "scores",
    "split",
]

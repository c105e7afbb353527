"""The accuracy matrix of a run over tasks, and the three numbers that are made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from snn.core.arrays import Float64Array
from snn.core.checks import finite, refusal

__all__ = ["AccuracyMatrix", "ContinualScores", "scores"]


class ContinualScores(NamedTuple):
    """What a run over N tasks came to; R[i, j] is the accuracy on task j after task i.

    Attributes:
        acc: Average accuracy: mean of the last row, the mean over tasks and not over samples.
        bwt: Backward transfer: mean over j < N - 1 of R[N - 1, j] - R[j, j]; below 0 is forgetting. None for one
            task.
        fwt: Forward transfer: mean over j > 0 of R[j - 1, j] less the accuracy of the untrained model on task j.
            None for one task, or where that is not known.
    """

    acc: float
    bwt: float | None
    fwt: float | None


@dataclass(frozen=True, slots=True)
class AccuracyMatrix:
    """Hold what `run_tasks` found; indexing and numpy see the matrix.

    Attributes:
        values: Accuracy on the test samples of task j after task i, in [0, 1], [N, N].
        untrained: Accuracy of the untrained model on each task, [N].
        valid: Accuracy on each task's validation samples after the last task, [N]: settings are selected by these.
        seconds: CPU seconds of training each task, what the learner does at its end included, tests not, [N]; of a
            task that was resumed, those since then.
        kept: Numbers that the learner kept after each task: lateral weights, bases, penalties, samples; [N].
    """

    values: Float64Array
    untrained: Float64Array
    valid: Float64Array
    seconds: tuple[float, ...]
    kept: tuple[int, ...]

    def __len__(self) -> int:
        """Return the number of tasks."""
        return len(self.values)

    def __getitem__(self, index: Any) -> Any:
        """Give a row, or an accuracy by [i, j]."""
        return self.values[index]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Float64Array:
        """Give the matrix to numpy."""
        return np.array(self.values, dtype=dtype) if copy else np.asarray(self.values, dtype=dtype)


def scores(matrix: AccuracyMatrix | ArrayLike, untrained: ArrayLike | None = None) -> ContinualScores:
    """Give average accuracy, backward and forward transfer of an accuracy matrix.

    Avalanche names the same things, but its stream accuracy pools samples (tasks with more of them weigh more), and
    its "forgetting" is the negative of this backward transfer.
    Source: Lopez-Paz and Ranzato, "Gradient Episodic Memory for Continual Learning", 2017.

    Args:
        matrix: What `run_tasks` gave, or accuracies [N, N]: in row i those after task i.
        untrained: Accuracy of the untrained model on each task, [N]; None: that of the run, if it is one.

    Raises:
        ValueError: The matrix is not square, a value is no share in [0, 1], or `untrained` is of another length.
    """
    if isinstance(matrix, AccuracyMatrix) and untrained is None:
        untrained = matrix.untrained
    r = finite("matrix", np.asarray(matrix), low=0.0, high=1.0)
    n = len(r) if r.ndim else 0
    if r.shape != (n, n) or not n:
        raise refusal("matrix", "square, [N, N] with N >= 1", r)
    last = np.arange(n - 1)
    bwt = float((r[n - 1, last] - r[last, last]).mean()) if n > 1 else None
    if untrained is None:
        return ContinualScores(float(r[-1].mean()), bwt, None)
    before = finite("untrained", untrained, low=0.0, high=1.0)
    if before.shape != (n,):
        raise refusal("untrained", f"of shape [{n}], one for each task", before)
    fwt = float((r[last, last + 1] - before[1:]).mean()) if n > 1 else None
    return ContinualScores(float(r[-1].mean()), bwt, fwt)

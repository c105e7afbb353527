"""Average accuracy and transfer, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from snn.continual import AccuracyMatrix, ContinualScores, scores

R = [[0.9, 0.2, 0.1], [0.8, 0.95, 0.3], [0.7, 0.85, 0.99]]
BEFORE = [0.1, 0.15, 0.05]


def matrix(values=R, untrained=BEFORE):
    n = len(values)
    return AccuracyMatrix(np.array(values), np.array(untrained), np.zeros(n), (1.0,) * n, (0,) * n)


def test_scores_are_those_of_the_definitions():
    acc, bwt, fwt = scores(matrix())
    assert acc == pytest.approx((0.7 + 0.85 + 0.99) / 3)
    assert bwt == pytest.approx(((0.7 - 0.9) + (0.85 - 0.95)) / 2)
    assert fwt == pytest.approx(((0.2 - 0.15) + (0.3 - 0.05)) / 2)
    assert scores(R, BEFORE) == scores(matrix()) and isinstance(scores(R), ContinualScores)
    assert scores(R).fwt is None and scores(R).bwt == scores(matrix()).bwt


def test_the_mean_is_over_tasks_and_the_upper_triangle_counts_for_nothing_else():
    changed = [[0.9, 0.2, 0.77], [0.8, 0.95, 0.3], [0.7, 0.85, 0.99]]
    assert scores(matrix(changed)) == scores(matrix())


def test_one_task_has_no_transfer():
    assert scores(matrix([[0.5]], [0.1])) == ContinualScores(0.5, None, None)


def test_the_matrix_is_seen_by_indexing_and_by_numpy():
    found = matrix()
    assert len(found) == 3 and found[1][2] == found[1, 2] == 0.3
    assert np.array_equal(np.asarray(found), R) and np.asarray(found, dtype=np.float32).dtype == np.float32
    copied = np.array(found)
    copied[0] = 0
    assert found[0, 0] == 0.9


@pytest.mark.parametrize(
    ("values", "untrained", "message"),
    [
        ([[0.5, 0.5]], None, r"^matrix must be square, \[N, N\] with N >= 1, got"),
        ([], None, r"^matrix must be square"),
        ([[1.5]], None, r"^matrix\[0, 0\] must be finite and >= 0 and <= 1, got 1.5$"),
        ([[float("nan")]], None, r"^matrix\[0, 0\] must be finite"),
        (R, [0.1], r"^untrained must be of shape \[3\], one for each task, got"),
        (R, [0.1, 0.2, -0.1], r"^untrained\[2\] must be finite and >= 0 and <= 1, got -0.1$"),
    ],
)
def test_refusals(values, untrained, message):
    with pytest.raises(ValueError, match=message):
        scores(values, untrained)

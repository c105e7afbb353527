"""Figures of runs over tasks: what is known of each task after each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike

from snn.core.arrays import Float64Array
from snn.core.checks import finite, refusal
from snn.plot.checks import labels
from snn.plot.style import COLOURS, figure, plain_text

__all__ = ["accuracy_curves", "accuracy_matrix"]


def accuracy_matrix(matrix: ArrayLike, names: Sequence[str] | None = None, *, title: str = "") -> Figure:
    """Draw the accuracy on every task after each, as a heat map; on and below the diagonal are tasks learned.

    Args:
        matrix: Accuracy on task j after task i, in [0, 1], [N, N].
        names: Names of the tasks, N; None: their numbers.
        title: What stands above.

    Raises:
        ValueError: The matrix is not square, a value is no share, or there are not as many names.
    """
    r = _square(matrix)
    n = len(r)
    shown = [str(i + 1) for i in range(n)] if names is None else labels("names", names)
    if len(shown) != n:
        raise refusal("names", f"{n} names, one for each task", names)
    side = max(0.42 * n + 1.6, 3.0)
    made, axes = figure(width=side + 1.0, height=side)
    ax = axes[0, 0]
    ax.grid(False)
    image = ax.imshow(100 * r, cmap="Blues", vmin=0, vmax=100)
    for (row, column), value in np.ndenumerate(100 * r):
        shade = "white" if value > 60 else "0.25"
        ax.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=7, color=shade)
    texts = [plain_text(name) for name in shown]
    ax.set_xticks(range(n), texts, rotation=0 if names is None else 90)
    ax.set_yticks(range(n), texts)
    ax.set(xlabel="accuracy on task", ylabel="after task", title=plain_text(title))
    ax.title.set_size(9)
    made.colorbar(image, ax=ax, shrink=0.8, format=PercentFormatter(100, decimals=0))
    return made


def accuracy_curves(matrix: ArrayLike) -> Figure:
    """Draw the accuracy on each task from when it was learned, and the mean over the tasks so far.

    Args:
        matrix: Accuracy on task j after task i, in [0, 1], [N, N].

    Raises:
        ValueError: The matrix is not square, or a value is no share.
    """
    r = _square(matrix)
    n = len(r)
    made, axes = figure(width=5.6, height=3.2)
    ax = axes[0, 0]
    after = np.arange(1, n + 1)
    for task in range(n):
        label = "one task" if task == 0 else None
        ax.plot(after[task:], r[task:, task], ".-", color="0.7", linewidth=1, markersize=4, label=label)
    means = [float(r[i, : i + 1].mean()) for i in range(n)]
    ax.plot(after, means, "o-", color=COLOURS[0], linewidth=1.8, markersize=4, label="mean of tasks so far")
    ax.set(xlabel="after task", ylabel="test accuracy")
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.legend(frameon=False, fontsize=8, loc="lower left")
    return made


def _square(matrix: ArrayLike) -> Float64Array:
    r = finite("matrix", matrix, low=0.0, high=1.0)
    if r.ndim != 2 or r.shape[0] != r.shape[1] or not r.size:
        raise refusal("matrix", "square, [N, N] with N >= 1", r)
    return r

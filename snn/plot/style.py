"""One look for all figures."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

__all__ = ["COLOURS", "figure", "plain_text", "tidy"]

COLOURS = ("#2f6690", "#d1603d", "#3a7d44", "#8f5aa8", "#b08900")
"""Colours of curves, in the order of their use."""


def figure(
    rows: int = 1, columns: int = 1, *, width: float = 7.0, height: float = 3.4, **options: Any
) -> tuple[Figure, NDArray[Any]]:
    """Make a figure that belongs to no window, and its axes as an array [rows, columns].

    Args:
        rows: Rows of axes.
        columns: Columns of axes.
        width: Inches.
        height: Inches.
        options: For `Figure.subplots`.
    """
    made = Figure(figsize=(width, height), layout="constrained")
    axes = made.subplots(rows, columns, squeeze=False, **options)
    for ax in axes.flat:
        tidy(ax)
    return made, axes


def tidy(ax: Axes) -> None:
    """Take away what carries no information."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=8)
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)


def plain_text(text: object) -> str:
    """Give a name that matplotlib draws letter by letter: a dollar starts no formula, and legends show it."""
    shown = str(text).replace("$", r"\$")
    return f"\u200b{shown}" if shown.startswith("_") else shown  # a space without width

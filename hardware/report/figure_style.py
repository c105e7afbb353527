"""Give the figures of reports one look: their colours, their canvas, quiet axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, GRID = "#1d2733", "#5b6875", "#d5dbe1"
"""Text, text that steps back, lines of the grid."""

DARK_BLUE, BLUE = "#1f4e79", "#4f86b8"
DARK_ORANGE, ORANGE, PALE_ORANGE = "#c9701a", "#e69a4c", "#f2bf8a"


def canvas(height: float, width: float = 9.0) -> tuple[Figure, Axes]:
    """Make an empty figure with one pair of axes, sizes in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def plain_text(text: object) -> str:
    """Give a name that matplotlib draws letter by letter: a dollar starts no formula, and legends show it."""
    shown = str(text).replace("$", r"\$")
    return f"\u200b{shown}" if shown.startswith("_") else shown  # a space without width


def quiet_axes(axes: Axes, grid: bool = True) -> None:
    """Set the frame of the axes back behind what they hold; without `grid` (an image) there is no frame."""
    if grid:
        axes.grid(color=GRID, lw=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(color=GRID, labelcolor=SOFT)
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(grid and side in ("bottom", "left"))
        axes.spines[side].set_color(GRID)

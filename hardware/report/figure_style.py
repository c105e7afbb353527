"""Give the figures of reports one look: their colours, their canvas, quiet axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
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


def log_axis(axis: Axis, low: float, high: float) -> None:
    """Make an axis logarithmic over what it shows, its ticks few and written out where it spans little.

    A logarithmic axis of less than a decade and a half has one tick, or labels between that run into each other.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    (axis.axes.set_xscale if axis is axis.axes.xaxis else axis.axes.set_yscale)("log")
    if high / low > 30:
        axis.set_major_locator(LogLocator(numticks=8))
        return
    inside = [float(tick) for tick in MaxNLocator(5).tick_values(low, high) if low <= tick <= high]
    axis.set_ticks(inside)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_locator(NullLocator())


def words_of(key: str) -> str:
    """Write the name of a number for people: ``energy_pj`` is "energy (pJ)"."""
    *words, last = key.split("_")
    if words and last in _UNITS:
        return f"{' '.join(words)} ({_UNITS[last]})"
    return key.replace("_", " ")


_UNITS = {
    "j": "J", "mj": "mJ", "uj": "µJ", "nj": "nJ", "pj": "pJ", "fj": "fJ", "s": "s", "ms": "ms", "us": "µs",
    "ns": "ns", "mw": "mW", "uw": "µW", "mm2": "mm²", "um2": "µm²", "mv": "mV", "v": "V", "ohm": "ohm",
    "db": "dB", "hz": "Hz", "nm": "nm", "ghz": "GHz", "percent": "%",
}  # fmt: skip

"""Lay out horizontal bars: one per layer, population or network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from snn.core.arrays import Float64Array
from snn.hardware.report.figure_style import GRID, INK, SOFT, canvas, plain_text
from snn.hardware.report.text import energy_text, energy_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def bar_canvas(bars: int, legend_rows: int = 0) -> tuple[Figure, Axes]:
    """Make a canvas as high as so many bars, and rows of a legend above them, need."""
    return canvas(0.9 + 0.5 * max(bars, 1) + 0.28 * legend_rows)


def plot_stacked(labels: list[str], pj: Float64Array, names: list[str], colours: list[str]) -> Figure:
    """Draw horizontal bars of stacked parts.

    Args:
        labels: Names of the bars.
        pj: Energies, [parts, bars].
        names: Names of the parts.
        colours: Colours of the parts.
    """
    from matplotlib.ticker import FuncFormatter

    figure, axes = bar_canvas(len(labels), legend_rows=-(-len(names) // 4))
    totals = pj.sum(axis=0) if len(names) else np.zeros(len(labels))
    size, unit = energy_unit(float(totals.max(initial=0.0)))
    left = np.zeros(len(labels))
    for values, name, colour in zip(pj, names, colours, strict=True):
        axes.barh(range(len(labels)), values, left=left, color=colour, height=0.62, label=plain_text(name))
        left += values
    for i, total in enumerate(totals):
        note_bar(axes, i, float(total), energy_text(float(total)))
    axes.set_xlim(0, 1.15 * (float(totals.max(initial=0.0)) or 1.0))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / size:g}"))
    label_bars(axes, labels, f"energy per inference ({unit})")
    if names:
        figure.legend(loc="outside upper left", ncols=4, frameon=False, fontsize=9, labelcolor=INK)
    return figure


def note_bar(axes: Axes, bar: int, value: float, text: str) -> None:
    """Write a few words behind the end of a bar."""
    axes.annotate(
        text,
        (value, bar),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        color=INK,
        fontsize=9,
    )


def label_bars(axes: Axes, labels: list[str], xlabel: str) -> None:
    """Name the bars from the top down, and what their length is."""
    axes.set_yticks(range(len(labels)), [plain_text(label) for label in labels])
    axes.invert_yaxis()
    axes.set_xlabel(xlabel, color=SOFT)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.tick_params(axis="x", color=GRID, labelcolor=SOFT)
    axes.grid(axis="x", color=GRID, lw=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)

"""Figures of activity: spikes and membranes of one sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snn.core import Events
from snn.plot.style import COLOURS, figure

__all__ = ["membranes", "raster", "word"]


def _dots(ax: Axes, events: Events, sample: int, colour: str) -> None:
    rows = slice(*events.offsets[sample : sample + 2])
    time_ms = events.step[rows] * events.dt_ms
    size = float(np.clip(9000 / max(rows.stop - rows.start, 1), 0.8, 12.0))
    ax.scatter(time_ms, events.unit[rows], s=size, color=colour, linewidths=0, rasterized=True)
    ax.set_ylim(-0.5, events.n_units - 0.5)
    ax.set_xlim(-0.5 * events.dt_ms, (events.n_steps[sample] - 0.5) * events.dt_ms)


def raster(events: Events, sample: int = 0, *, title: str = "") -> Figure:
    """Draw the spikes of one sample: time across, units up."""
    made, axes = figure(width=7.0, height=2.8)
    _dots(axes[0, 0], events, sample, COLOURS[0])
    axes[0, 0].set(xlabel="time (ms)", ylabel="unit", title=title)
    return cast(Figure, made)


def _traces(ax: Axes, v: NDArray[np.float64], dt_ms: float, names: Sequence[str], marked: int | None) -> None:
    time_ms = np.arange(v.shape[0]) * dt_ms
    for unit in range(v.shape[1]):
        if unit != marked:
            ax.plot(time_ms, v[:, unit], color="0.72", linewidth=0.8)
    if marked is not None:
        ax.plot(time_ms, v[:, marked], color=COLOURS[1], linewidth=1.6, label=names[marked])
        ax.legend(frameon=False, fontsize=8, loc="upper left")


def membranes(
    v: NDArray[np.float64], dt_ms: float, names: Sequence[str], *, marked: int | None = None
) -> Figure:
    """Draw membranes [T, N] of one sample over time, one of them marked.

    Args:
        v: Membranes, [T, N].
        dt_ms: Length of a step, ms.
        names: Names of the units.
        marked: The unit to draw in colour.
    """
    made, axes = figure(width=7.0, height=2.8)
    _traces(axes[0, 0], v, dt_ms, names, marked)
    axes[0, 0].set(xlabel="time (ms)", ylabel="membrane")
    return cast(Figure, made)


def word(
    spikes: Mapping[str, Events],
    v: NDArray[np.float64],
    classes: Sequence[str],
    *,
    sample: int = 0,
    title: str = "",
) -> Figure:
    """Draw one sample on its way through a network: spikes of each population, then the readout.

    Args:
        spikes: Events by population, in order.
        v: Readout membranes, [T, B, C].
        classes: Names of the readout units.
        sample: Which sample of `spikes` and `v`.
        title: What stands above.
    """
    made, axes = figure(len(spikes) + 1, 1, width=7.0, height=1.5 * len(spikes) + 2.0, sharex=True)
    for ax, (name, events) in zip(axes[:, 0], spikes.items(), strict=False):
        _dots(ax, events, sample, COLOURS[0])
        ax.set_ylabel(name, fontsize=9)
    last = next(iter(spikes.values()))
    steps = int(last.n_steps[sample])
    trace = v[:steps, sample]
    score = np.exp(trace - trace.max(1, keepdims=True))
    winner = int((score / score.sum(1, keepdims=True)).sum(0).argmax())
    _traces(axes[-1, 0], trace, last.dt_ms, classes, winner)
    axes[-1, 0].set(xlabel="time (ms)", ylabel="readout")
    axes[0, 0].set_title(title, fontsize=10)
    return cast(Figure, made)

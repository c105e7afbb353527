"""Figures of activity: spikes and membranes of one sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from snn.core import Events
from snn.core.arrays import RealArray
from snn.core.checks import number, whole
from snn.core.timed_events import times_of
from snn.plot.checks import by_name, checked_sample, labels, shaped
from snn.plot.style import COLOURS, figure, plain_text

__all__ = ["draw_spikes", "membranes", "raster", "sample_activity"]


def raster(events: Events, sample: int = 0, *, title: str = "") -> Figure:
    """Draw the spikes of one sample: time across, units up.

    Args:
        events: Spikes of one population, on the grid or off it.
        sample: Which of its samples.
        title: What stands above.

    Raises:
        ValueError: There is no such sample.
    """
    sample = checked_sample(events, sample)
    made, axes = figure(width=7.0, height=2.8)
    draw_spikes(axes[0, 0], events, sample)
    axes[0, 0].set(xlabel="time (ms)", ylabel="unit", title=plain_text(title))
    return made


def membranes(
    v: ArrayLike, dt_ms: float, names: Sequence[str] | None = None, *, marked: int | None = None
) -> Figure:
    """Draw membranes [T, N] of one sample over time, one of them marked.

    Args:
        v: Membranes, [T, N].
        dt_ms: Length of a step, ms, > 0.
        names: Names of the units, N; None: their numbers.
        marked: The unit to draw in colour, and to name; None: none.

    Raises:
        ValueError: Shapes do not fit, or there is no such unit.
    """
    given = None if names is None else labels("names", names)
    traces = shaped("v", v, ("T", "N" if given is None else len(given)))
    dt_ms = number("dt_ms", dt_ms, above=0.0)
    names = [f"unit {i}" for i in range(traces.shape[1])] if given is None else given
    if marked is not None:
        marked = whole("marked", marked, low=0, high=len(names) - 1)
    made, axes = figure(width=7.0, height=2.8)
    _traces(axes[0, 0], traces, dt_ms, names, marked)
    axes[0, 0].set(xlabel="time (ms)", ylabel="membrane")
    return made


def sample_activity(
    spikes: Mapping[str, Events],
    v: ArrayLike,
    classes: Sequence[str],
    *,
    sample: int = 0,
    title: str = "",
) -> Figure:
    """Draw one sample on its way through a network: spikes of each population, then the readout.

    In colour is the class with the largest score, the sum of softmax(v) over the sample's steps.

    Args:
        spikes: Events by population, in order, all of the same samples.
        v: Readout membranes, [T, B, C].
        classes: Names of the readout units, C.
        sample: Which sample of `spikes` and `v`.
        title: What stands above.

    Raises:
        ValueError: No population is given, shapes do not fit, or there is no such sample.
    """
    by_name("spikes", spikes)
    classes = labels("classes", classes)
    first = next(iter(spikes.values()))
    sample = checked_sample(first, sample)
    readout = shaped("v", v, ("T", len(first), len(classes)))
    made, axes = figure(len(spikes) + 1, 1, width=7.0, height=1.5 * len(spikes) + 2.0, sharex=True)
    for ax, (name, events) in zip(axes[:-1, 0], spikes.items(), strict=True):
        draw_spikes(ax, events, checked_sample(events, sample))
        ax.set_ylabel(plain_text(name), fontsize=9)
    trace = readout[: int(first.n_steps[sample]), sample]
    score = np.exp(trace - trace.max(1, keepdims=True))
    winner = int((score / score.sum(1, keepdims=True)).sum(0).argmax())
    _traces(axes[-1, 0], trace, first.dt_ms, classes, winner)
    axes[-1, 0].set(xlabel="time (ms)", ylabel="readout")
    axes[0, 0].set_title(plain_text(title), fontsize=10)
    return made


def draw_spikes(ax: Axes, events: Events, sample: int) -> None:
    """Draw a dot for each spike of a sample, the smaller the more there are."""
    rows = slice(*events.offsets[sample : sample + 2])
    size = float(np.clip(9000 / max(rows.stop - rows.start, 1), 0.8, 12.0))
    time_ms, unit = times_of(events)[rows], events.unit[rows]
    ax.scatter(time_ms, unit, s=size, color=COLOURS[0], linewidths=0, rasterized=True)
    ax.set_ylim(-0.5, events.n_units - 0.5)
    ax.yaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    ax.set_xlim(-0.5 * events.dt_ms, max(events.n_steps[sample] - 0.5, 0.5) * events.dt_ms)
    if rows.stop == rows.start:  # an empty panel says nothing: was it silent, or not recorded?
        ax.text(
            0.5, 0.5, "no spikes", transform=ax.transAxes, ha="center", va="center", color="0.5", fontsize=9
        )


def _traces(ax: Axes, v: RealArray, dt_ms: float, names: Sequence[str], marked: int | None) -> None:
    """Draw membranes [T, N] in grey, the marked one in colour above them."""
    time_ms, dot = np.arange(v.shape[0]) * dt_ms, "o" if len(v) == 1 else None  # a line needs two steps
    for unit in range(v.shape[1]):
        if unit != marked:
            ax.plot(time_ms, v[:, unit], color="0.72", linewidth=0.8, marker=dot)
    if marked is not None:
        ax.plot(
            time_ms,
            v[:, marked],
            color=COLOURS[1],
            linewidth=1.6,
            marker=dot,
            label=plain_text(names[marked]),
        )
        ax.legend(frameon=False, fontsize=8, loc="upper left")

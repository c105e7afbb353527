"""Draw how active a network is beside published break-even lines, and its energy ratio over activity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from snn.hardware.report.bars import bar_canvas, label_bars
from snn.hardware.report.energy_sums import EnergySums
from snn.hardware.report.figure_style import (
    DARK_BLUE,
    DARK_ORANGE,
    INK,
    ORANGE,
    PALE_ORANGE,
    SOFT,
    canvas,
    log_axis,
    quiet_axes,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BASELINE = "ann_int8_once"


def plot_break_even(sums: EnergySums) -> Figure:
    """Draw spikes per synapse per inference, of the network and of each layer, against the published lines."""
    from matplotlib.ticker import FuncFormatter

    lines, ledger = sums.break_evens, sums.ledger
    points = [("whole network", ledger.spikes_per_synapse)]
    points += [(r.name, r.spikes_per_synapse) for r in ledger if r.pre is not None]
    figure, axes = bar_canvas(len(points) + len(lines))
    for i, line in enumerate(lines):
        axes.axvspan(line.low, max(line.high, line.low * 1.012), color=PALE_ORANGE, alpha=0.35, lw=0)
        axes.plot([line.low, line.high], [i, i], color=DARK_ORANGE, lw=5, marker="|", ms=12)
    for i, (_, value) in enumerate(points, start=len(lines)):
        if value > 0:
            axes.plot([value], [i], "o", color=DARK_BLUE, ms=9 if i == len(lines) else 6)
        axes.annotate(
            (f"{value:,.0f}" if value >= 1000 else f"{value:.3g}") if value > 0 else "no spikes",
            (value if value > 0 else lines[0].low, i),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=9,
        )
    seen = [value for _, value in points if value > 0] + [x for b in lines for x in (b.low, b.high)]
    axes.set_xlim(min(seen) / 2, max(seen) * 3)
    log_axis(axes.xaxis, min(seen) / 2, max(seen) * 3)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,g}" if x < 1e6 else f"{x:.0e}"))
    axes.set_ylim(-0.6, len(points) + len(lines) - 0.4)
    labels = [line.name for line in lines] + [name for name, _ in points]
    label_bars(axes, labels, "spikes per synapse per inference")
    return figure


def plot_break_even_curve(sums: EnergySums) -> Figure:
    """Draw network / dense int8 network over spikes per synapse per inference, the network's own point marked."""
    baseline = next(item for item in sums.baselines if item.name == _BASELINE)
    samples, here = sums.ledger.samples, sums.ledger.spikes_per_synapse
    figure, axes = canvas(4.2)
    for line in sums.break_evens:
        axes.axvspan(line.low, max(line.high, line.low * 1.02), color=PALE_ORANGE, alpha=0.35, lw=0)
        axes.annotate(line.name, (line.low, 1), xycoords=("data", "axes fraction"), xytext=(3, -4),
                      textcoords="offset points", rotation=90, va="top", fontsize=8, color=SOFT, zorder=3,
                      bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 1})  # fmt: skip
    known = [here] if here > 0 else []
    ends = [*known, *(x for line in sums.break_evens for x in (line.low, line.high))]
    x = np.geomspace(min(ends) / 5, max(ends) * 5, 200)
    share = x / here if here > 0 else np.zeros_like(x)
    lines = [("total, memory included", sums.idle.nominal, sums.total_pj, baseline.total_pj, DARK_BLUE)]
    if sums.splits_memory:
        lines.append(("compute only", 0.0, sums.compute_pj, baseline.compute_pj, ORANGE))
    for name, idle, total, dense, colour in lines:
        if dense > 0 and idle + (total - idle) > 0:
            axes.plot(x, (idle + share * (total - idle)) / samples / dense, color=colour, label=name)
            if here > 0:
                axes.plot([here], [total / samples / dense], "o", color=colour, ms=8, mec="white")
    axes.axhline(1, color=INK, lw=1, ls="--")
    heights = [1.0, *(float(y) for line in axes.lines for y in np.asarray(line.get_ydata()) if y > 0)]
    room = max(2.0, (max(heights) / min(heights)) ** 0.1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(min(heights) / room, max(heights) * room)
    axes.set_xlabel("spikes per synapse per inference (dots: this network)", color=SOFT)
    axes.set_ylabel("network / dense int8 network", color=SOFT)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=9, labelcolor=INK)
    quiet_axes(axes)
    return figure

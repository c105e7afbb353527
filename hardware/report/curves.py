"""Draw what a report says beyond its own point: the ratio over activity, and targets side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from snn.hardware.report.text import energy_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from snn.hardware.report.estimate import EnergyReport

_INK, _SOFT, _GRID = "#1d2733", "#5b6875", "#d5dbe1"
_TOTAL, _COMPUTE, _BAND = "#1f4e79", "#e69a4c", "#f2bf8a"
_BASELINE = "ann_int8_once"


def plot_curve(report: EnergyReport) -> Figure:
    """Draw network / dense int8 network over spikes per synapse per inference, the network's own point marked."""
    baseline = next(item for item in report.baselines if item.name == _BASELINE)
    samples, here = report.ledger.samples, report.ledger.spikes_per_synapse
    figure, axes = _canvas(4.2)
    for line in report.break_evens:
        axes.axvspan(line.low, max(line.high, line.low * 1.02), color=_BAND, alpha=0.35, lw=0)
        axes.annotate(line.name, (line.low, 1), xycoords=("data", "axes fraction"), xytext=(3, -4),
                      textcoords="offset points", rotation=90, va="top", fontsize=8, color=_SOFT)  # fmt: skip
    known = [here] if here > 0 else []
    ends = [*known, *(x for line in report.break_evens for x in (line.low, line.high))]
    x = np.geomspace(min(ends) / 5, max(ends) * 5, 200)
    share = x / here if here > 0 else np.zeros_like(x)
    lines = [("total, memory included", report.idle.nominal, report.total_pj, baseline.total_pj, _TOTAL)]
    if report.splits_memory:
        lines.append(("compute only", 0.0, report.compute_pj, baseline.compute_pj, _COMPUTE))
    for name, idle, total, dense, colour in lines:
        if dense > 0 and idle + (total - idle) > 0:
            axes.plot(x, (idle + share * (total - idle)) / samples / dense, color=colour, label=name)
            if here > 0:
                axes.plot([here], [total / samples / dense], "o", color=colour, ms=8, mec="white")
    axes.axhline(1, color=_INK, lw=1, ls="--")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("spikes per synapse per inference (dots: this network)", color=_SOFT)
    axes.set_ylabel("network / dense int8 network", color=_SOFT)
    axes.legend(frameon=False, fontsize=9, labelcolor=_INK, loc="lower right")
    _clean(axes)
    return figure


def plot_targets(reports: Sequence[EnergyReport]) -> Figure:
    """Draw the total of each report with its range, and compute-only where it is separate, on a log axis."""
    figure, axes = _canvas(1.1 + 0.42 * len(reports))
    for i, report in enumerate(reports):
        total = report.total_per_inference
        axes.plot([total.low, total.high], [i, i], color=_TOTAL, lw=6, alpha=0.35, solid_capstyle="round")
        axes.plot([total.nominal], [i], "o", color=_TOTAL, ms=8)
        if report.splits_memory and report.compute_pj > 0:
            axes.plot([report.compute_pj_per_inference], [i], "|", color=_COMPUTE, ms=14, mew=3)
        axes.annotate(energy_text(total.nominal), (total.high, i), xytext=(9, 0), textcoords="offset points",
                      va="center", fontsize=9, color=_INK)  # fmt: skip
    values = [x for r in reports for x in (r.total_per_inference.low, r.total_per_inference.high) if x > 0]
    values += [r.compute_pj_per_inference for r in reports if r.splits_memory and r.compute_pj > 0]
    axes.set_xscale("log")
    if values:
        axes.set_xlim(min(values) / 3, max(values) * 12)
    axes.set_yticks(range(len(reports)), [report.target for report in reports])
    axes.invert_yaxis()
    axes.set_xlabel("energy per inference (pJ; bar: range, dot: total, stroke: compute only)", color=_SOFT)
    _clean(axes)
    return figure


def _canvas(height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, height), layout="constrained")
    return figure, figure.add_subplot()


def _clean(axes: Axes) -> None:
    axes.grid(color=_GRID, lw=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(color=_GRID, labelcolor=_SOFT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(_GRID)

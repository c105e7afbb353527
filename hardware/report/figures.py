"""Draw an energy report with matplotlib's object interface: figures are returned, never shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np

from snn.hardware.report.curves import plot_curve, plot_targets
from snn.hardware.report.text import count_text, energy_text, energy_unit
from snn.hardware.targets.target import CATEGORIES, Category

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from snn.hardware.report.estimate import EnergyReport

__all__ = ["PlotKind", "plot_report", "plot_targets"]

PlotKind = Literal["energy", "baselines", "spikes", "break_even", "break_even_curve"]

_WIDTH_IN, _BAR_IN = 9.0, 0.5
_INK, _SOFT, _GRID = "#1d2733", "#5b6875", "#d5dbe1"
# One hue per category (distinct to colour-blind readers); components of it from dark to light.
_SHADES: dict[Category, tuple[str, ...]] = {
    "compute": ("#1f4e79", "#4f86b8", "#8fbbdc", "#16344f", "#b9d4ea"),
    "memory": ("#8a4b08", "#c9701a", "#e69a4c", "#f2bf8a", "#f8dcc0"),
    "neuron": ("#2f6f4f", "#74b393"),
    "routing": ("#7b3f73", "#b583ae"),
    "static": ("#5b6875", "#9aa6b2"),
}
_MAIN: dict[Category, str] = {
    "compute": "#1f4e79",
    "memory": "#e69a4c",
    "neuron": "#2f6f4f",
    "routing": "#7b3f73",
    "static": "#9aa6b2",
}


def plot_report(report: EnergyReport, kind: PlotKind) -> Figure:
    """Draw one view of a report.

    Args:
        report: What to draw.
        kind: ``"energy"`` per layer and component, ``"baselines"`` beside dense networks,
            ``"spikes"`` per population, ``"break_even"`` activity against published lines,
            ``"break_even_curve"`` ratio to a dense network over activity.

    Raises:
        ValueError: Unknown kind.
    """
    views: dict[str, Callable[[EnergyReport], Figure]] = {
        "energy": _energy,
        "baselines": _baselines,
        "spikes": _spikes,
        "break_even": _break_even,
        "break_even_curve": plot_curve,
    }
    if kind not in views:
        raise ValueError(f"kind is {kind!r}; allowed: {', '.join(views)}")
    return views[kind](report)


def _energy(report: EnergyReport) -> Figure:
    layers = [row.name for row in report.ledger]
    samples = report.ledger.samples
    used = [name for name in report.components if report.energy_pj(component=name) > 0]
    energy = np.array([[report.energy_pj(layer=x, component=c) for x in layers] for c in used])
    return _stacked(layers, energy / samples, used, [_shade(report, c) for c in used])


def _baselines(report: EnergyReport) -> Figure:
    labels = ["this network", *(b.label for b in report.baselines)]
    mine = [report.energy_pj(category=c) / report.ledger.samples for c in CATEGORIES]
    theirs = [(b.compute_pj, b.memory_pj, b.neuron_pj, 0.0, 0.0) for b in report.baselines]
    energy = np.array([mine, *theirs]).T
    names: list[str] = [*CATEGORIES]
    if not report.splits_memory:
        names[0] = "compute (this network: with memory)"
    return _stacked(labels, energy, names, [_MAIN[c] for c in CATEGORIES])


def _spikes(report: EnergyReport) -> Figure:
    counts: dict[str, tuple[float, int]] = {}
    for row in report.ledger:
        if row.pre is not None:
            counts.setdefault(row.pre, (row.per_sample("input_spikes"), row.n_pre))
        if row.updates_dense and row.post not in counts:
            counts[row.post] = (row.per_sample("output_spikes"), row.n_post)
    steps = report.ledger.steps / report.ledger.samples
    figure, axes = _canvas(len(counts))
    values = [spikes for spikes, _ in counts.values()]
    axes.barh(range(len(counts)), values, color=_SHADES["compute"][1], height=0.62)
    for i, (spikes, size) in enumerate(counts.values()):
        rate = spikes / (size * steps) if size * steps else 0.0
        text = "no spikes" if spikes == 0 else f"{count_text(round(spikes))}  ({rate:.1%} of steps)"
        _note(axes, i, spikes, text)
    axes.set_xlim(0, 1.3 * max(max(values), 1e-12))
    _finish(axes, list(counts), "spikes per inference (share: spikes per neuron and step)")
    return figure


def _break_even(report: EnergyReport) -> Figure:
    from matplotlib.ticker import FuncFormatter

    lines, ledger = report.break_evens, report.ledger
    points = [("whole network", ledger.spikes_per_synapse)]
    points += [(r.name, r.spikes_per_synapse) for r in ledger if r.pre is not None]
    figure, axes = _canvas(len(points) + len(lines))
    for i, line in enumerate(lines):
        axes.axvspan(line.low, max(line.high, line.low * 1.012), color=_SHADES["memory"][3], alpha=0.35, lw=0)
        axes.plot([line.low, line.high], [i, i], color=_SHADES["memory"][1], lw=5, marker="|", ms=12)
    for i, (_, value) in enumerate(points, start=len(lines)):
        if value > 0:
            axes.plot([value], [i], "o", color=_SHADES["compute"][0], ms=9 if i == len(lines) else 6)
        axes.annotate(
            f"{value:.3g}" if value > 0 else "no spikes",
            (value if value > 0 else lines[0].low, i),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            color=_INK,
            fontsize=9,
        )
    axes.set_xscale("log")
    seen = [value for _, value in points if value > 0] + [x for b in lines for x in (b.low, b.high)]
    axes.set_xlim(min(seen) / 2, max(seen) * 3)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    labels = [line.name for line in lines] + [name for name, _ in points]
    _finish(axes, labels, "spikes per synapse per inference")
    return figure


def _stacked(labels: list[str], pj: np.ndarray, names: list[str], colours: list[str]) -> Figure:
    """Draw horizontal stacked bars; `pj` is [components, bars]."""
    from matplotlib.ticker import FuncFormatter

    figure, axes = _canvas(len(labels), legend_rows=-(-len(names) // 4))
    totals = pj.sum(axis=0) if len(names) else np.zeros(len(labels))
    size, unit = energy_unit(float(totals.max(initial=0.0)))
    left = np.zeros(len(labels))
    for values, name, colour in zip(pj, names, colours, strict=True):
        axes.barh(range(len(labels)), values, left=left, color=colour, height=0.62, label=name)
        left += values
    for i, total in enumerate(totals):
        _note(axes, i, float(total), energy_text(float(total)))
    axes.set_xlim(0, 1.15 * max(float(totals.max(initial=0.0)), 1e-12))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / size:g}"))
    _finish(axes, labels, f"energy per inference ({unit})")
    if names:
        figure.legend(loc="outside upper left", ncols=4, frameon=False, fontsize=9, labelcolor=_INK)
    return figure


def _canvas(bars: int, legend_rows: int = 0) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    height = 0.9 + _BAR_IN * max(bars, 1) + 0.28 * legend_rows
    figure = Figure(figsize=(_WIDTH_IN, height), layout="constrained")
    return figure, figure.add_subplot()


def _note(axes: Axes, row: int, value: float, text: str) -> None:
    axes.annotate(
        text,
        (value, row),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        color=_INK,
        fontsize=9,
    )


def _finish(axes: Axes, labels: list[str], xlabel: str) -> None:
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.set_xlabel(xlabel, color=_SOFT)
    axes.tick_params(axis="y", length=0, labelcolor=_INK)
    axes.tick_params(axis="x", color=_GRID, labelcolor=_SOFT)
    axes.grid(axis="x", color=_GRID, lw=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_GRID)


def _shade(report: EnergyReport, component: str) -> str:
    """Colour a component by its category and its place in it."""
    category = next(row.category for row in report.rows if row.component == component)
    siblings = dict.fromkeys(r.component for r in report.rows if r.category == category)
    shades = _SHADES[category]
    return shades[list(siblings).index(component) % len(shades)]

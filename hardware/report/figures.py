"""Draw an energy report with matplotlib's object interface: figures are returned, never shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np

from snn.core.checks import choice
from snn.hardware.report.activity_figures import plot_break_even, plot_break_even_curve
from snn.hardware.report.bars import bar_canvas, label_bars, note_bar, plot_stacked
from snn.hardware.report.energy_sums import EnergySums
from snn.hardware.report.figure_style import BLUE
from snn.hardware.report.text import count_text
from snn.hardware.targets.target import CATEGORIES, Category

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PlotKind = Literal["energy", "baselines", "spikes", "break_even", "break_even_curve"]

_SHADES: dict[Category, tuple[str, ...]] = {
    "compute": ("#1f4e79", "#4f86b8", "#8fbbdc", "#16344f", "#b9d4ea"),
    "memory": ("#8a4b08", "#c9701a", "#e69a4c", "#f2bf8a", "#f8dcc0"),
    "neuron": ("#2f6f4f", "#74b393"),
    "routing": ("#7b3f73", "#b583ae"),
    "static": ("#5b6875", "#9aa6b2"),
}
"""One hue per category, distinct to colour-blind readers; its components take their shade in turn."""

_MAIN: dict[Category, str] = {
    "compute": "#1f4e79",
    "memory": "#e69a4c",
    "neuron": "#2f6f4f",
    "routing": "#7b3f73",
    "static": "#9aa6b2",
}
"""The colour of a category that is drawn as one part."""


def plot_report(sums: EnergySums, kind: PlotKind) -> Figure:
    """Draw one view of a report.

    Args:
        sums: What to draw.
        kind: ``"energy"`` per layer and component, ``"baselines"`` beside dense networks,
            ``"spikes"`` per population, ``"break_even"`` activity against published lines,
            ``"break_even_curve"`` ratio to a dense network over activity.

    Raises:
        ValueError: Unknown kind.
    """
    views: dict[str, Callable[[EnergySums], Figure]] = {
        "energy": _energy,
        "baselines": _baselines,
        "spikes": _spikes,
        "break_even": plot_break_even,
        "break_even_curve": plot_break_even_curve,
    }
    choice("kind", kind, PlotKind)
    return views[kind](sums)


def _energy(sums: EnergySums) -> Figure:
    layers = [row.name for row in sums.ledger]
    samples = sums.ledger.samples
    used = [name for name in sums.components if sums.energy_pj(component=name) > 0]
    energy = np.array([[sums.energy_pj(layer=x, component=c) for x in layers] for c in used])
    return plot_stacked(layers, energy / samples, used, [_shade(sums, c) for c in used])


def _baselines(sums: EnergySums) -> Figure:
    labels = ["this network", *(b.label for b in sums.baselines)]
    mine = [sums.energy_pj(category=c) / sums.ledger.samples for c in CATEGORIES]
    theirs = [(b.compute_pj, b.memory_pj, b.neuron_pj, 0.0, 0.0) for b in sums.baselines]
    energy = np.array([mine, *theirs]).T
    names: dict[Category, str] = {category: category for category in CATEGORIES}
    if not sums.splits_memory:
        names["compute"] = "compute (this network: with memory)"
    used = [i for i, parts in enumerate(energy) if parts.any()]
    kept = [CATEGORIES[i] for i in used]
    return plot_stacked(labels, energy[used], [names[c] for c in kept], [_MAIN[c] for c in kept])


def _spikes(sums: EnergySums) -> Figure:
    counts: dict[str, tuple[float, int]] = {}
    for row in sums.ledger:
        if row.pre is not None:
            counts.setdefault(row.pre, (row.per_sample("input_spikes"), row.n_pre))
        if row.updates_dense and row.post not in counts:
            counts[row.post] = (row.per_sample("output_spikes"), row.n_post)
    steps = sums.ledger.steps / sums.ledger.samples
    figure, axes = bar_canvas(len(counts))
    values = [spikes for spikes, _ in counts.values()]
    axes.barh(range(len(counts)), values, color=BLUE, height=0.62)
    for i, (spikes, size) in enumerate(counts.values()):
        rate = spikes / (size * steps) if size * steps else 0.0
        often = f"{rate:.1%} of steps" if rate <= 1 else f"{rate:.3g} a step"
        text = (
            "no spikes"
            if spikes == 0
            else f"{count_text(spikes if spikes < 10 else round(spikes))}  ({often})"
        )
        note_bar(axes, i, spikes, text)
    axes.set_xlim(0, 1.35 * (max(values) or 1.0))
    label_bars(axes, list(counts), "spikes per inference (share: spikes per neuron and step)")
    return figure


def _shade(sums: EnergySums, component: str) -> str:
    """Colour a component by its category and its place in it."""
    category = next(row.category for row in sums.rows if row.component == component)
    siblings = dict.fromkeys(r.component for r in sums.rows if r.category == category)
    shades = _SHADES[category]
    return shades[list(siblings).index(component) % len(shades)]

"""Figures of a training run: from its metrics, one line per epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike

from snn.core.arrays import Int64Array, RealArray
from snn.core.checks import finite, refusal, whole
from snn.core.units import check_dt
from snn.plot.checks import by_name, labels, shaped
from snn.plot.style import COLOURS, figure, plain_text

__all__ = ["confusion", "delay_histogram", "firing_rates", "training_curves"]

_MOST_BARS = 100
"""Bars of a histogram of delays."""


def training_curves(history: Sequence[Mapping[str, Any]], selected: int | None = None) -> Figure:
    """Draw loss and accuracy of training and validation over epochs.

    Args:
        history: Metrics per epoch, as `snn.train.fit` returns them: train_loss, valid_loss, train_accuracy,
            valid_accuracy.
        selected: Epoch to mark, from 0; None: none.

    Raises:
        ValueError: No epoch is given, one lacks a metric, or there is no such epoch.
    """
    curves = {
        what: {part: _column(history, f"{part}_{what}") for part in ("train", "valid")}
        for what in ("loss", "accuracy")
    }
    if selected is not None:
        selected = whole("selected", selected, low=0, high=len(history) - 1)
    made, axes = figure(1, 2, width=8.0, height=3.1)
    epochs = np.arange(1, len(history) + 1)
    for ax, (what, parts) in zip(axes[0], curves.items(), strict=True):
        for part, colour in (("train", COLOURS[0]), ("valid", COLOURS[1])):
            label = "training, during the epoch" if part == "train" else "validation"
            ax.plot(epochs, parts[part], "o-", color=colour, markersize=2.5, linewidth=1.4, label=label)
        if selected is not None:
            ax.axvline(selected + 1, color="0.5", linewidth=1, linestyle=":", label="selected epoch")
        ax.set(ylabel=what)
        _epoch_axis(ax, len(history))
    axes[0, 1].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes[0, 1].set_ylim(0, 1.02)
    axes[0, 0].legend(frameon=False, fontsize=8)
    return made


def firing_rates(history: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the mean spikes per neuron and step of each hidden layer over epochs (validation set).

    Args:
        history: Metrics per epoch, as `snn.train.fit` returns them: "rates" holds one number per layer.

    Raises:
        ValueError: No epoch is given, or one lacks the rates or a layer.
    """
    rates = _column(history, "rates")
    made, axes = figure(width=5.0, height=3.0)
    ax = axes[0, 0]
    epochs = np.arange(1, len(history) + 1)
    styles = (
        style for line in cycle(("o-", "s--", "^:")) for style in ((colour, line) for colour in COLOURS)
    )
    for layer, (colour, line) in zip(rates[0], styles, strict=False):
        values = _column(rates, layer, name="rates")
        ax.plot(epochs, values, line, color=colour, markersize=2.5, linewidth=1.4, label=plain_text(layer))
    ax.set(ylabel="neurons that spike in a step")
    _epoch_axis(ax, len(history))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made


def _epoch_axis(ax: Axes, epochs: int) -> None:
    """Mark whole epochs, however few."""
    ax.set_xlabel("epoch")
    margin = 0.5 if epochs == 1 else 0.04 * epochs
    ax.set_xlim(1 - margin, epochs + margin)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))


def delay_histogram(delays_ms: Mapping[str, tuple[ArrayLike, ArrayLike]], dt_ms: float) -> Figure:
    """Draw how many synapses have which delay, before and after training, per projection.

    Args:
        delays_ms: Delays before and after, ms, >= 0, any shape, by projection name.
        dt_ms: Length of a step, ms, > 0: the width of a bar, or of as many steps as keep it to a hundred bars.

    Raises:
        ValueError: No projection is given, or a delay or the step is out of range.
    """
    dt_ms = check_dt(dt_ms)
    by_name("delays_ms", delays_ms)
    for name, both in delays_ms.items():
        if not isinstance(both, Sequence) or len(both) != 2:
            raise refusal(f"delays_ms[{name!r}]", "delays before and after", both)
    made, axes = figure(1, len(delays_ms), width=3.0 * len(delays_ms) + 0.6, height=2.9)
    for ax, (name, pair) in zip(axes[0], delays_ms.items(), strict=True):
        before, after = (
            finite(f"delays_ms[{name!r}]", values, low=0.0, unit="ms").ravel() for values in pair
        )
        top = max(before.max(initial=0.0), after.max(initial=0.0))
        each = -(-(round(top / dt_ms) + 1) // _MOST_BARS)
        edges = (np.arange(round(top / dt_ms) // each + 2) * each - 0.5) * dt_ms
        ax.hist(before, edges, color="0.75", label="before")
        ax.hist(after, edges, histtype="step", color=COLOURS[0], linewidth=1.5, label="after training")
        lines = [line for part in plain_text(name).split("\n") for line in wrap(part, 30)]
        ax.set(xlabel="delay (ms)", title="\n".join(lines))
        ax.title.set_size(9)
    axes[0, 0].set_ylabel("synapses")
    axes[0, 0].legend(frameon=False, fontsize=8)
    return made


def confusion(true: ArrayLike, predicted: ArrayLike, classes: Sequence[str]) -> Figure:
    """Draw which class was taken for which, as counts.

    Args:
        true: True class of each sample, [B], from 0.
        predicted: Predicted class, [B].
        classes: Names, in the order of the numbers.

    Raises:
        ValueError: Shapes do not fit, or a number is no class.
    """
    classes = labels("classes", classes)
    n = len(classes)
    rows = _classes("true", shaped("true", true, ("B",)), n)
    pairs = rows * n + _classes("predicted", shaped("predicted", predicted, (rows.size,)), n)
    counts = np.bincount(pairs, minlength=n * n).reshape(n, n)
    side = max(0.28 * n + 1.6, 2.6)
    made, axes = figure(width=side + 0.6, height=side)
    ax = axes[0, 0]
    ax.grid(False)
    ax.imshow(counts, cmap="Blues", vmin=0)
    for row, column in np.argwhere(counts):
        shade = "white" if counts[row, column] > counts.max() / 2 else "0.25"
        ax.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=7, color=shade)
    names = [plain_text(name) for name in classes]
    ax.set_xticks(range(n), names, rotation=90)
    ax.set_yticks(range(n), names)
    ax.set(xlabel="predicted", ylabel="true")
    return made


def _column(lines: Sequence[Mapping[str, Any]], key: str, *, name: str = "history") -> list[Any]:
    """Take one metric of every epoch."""
    if not isinstance(lines, Sequence) or not lines or not all(isinstance(line, Mapping) for line in lines):
        raise refusal(name, "metrics of at least one epoch", lines)
    for epoch, line in enumerate(lines):
        if key not in line:
            raise refusal(f"{name}[{epoch}]", f"metrics with {key!r} among them", list(line))
    return [line[key] for line in lines]


def _classes(name: str, values: RealArray, n: int) -> Int64Array:
    """Check that all are numbers of classes."""
    bad = (values < 0) | (values >= n) | (values != np.floor(values))
    if bad.any():
        at = int(bad.argmax())
        whole(f"{name}[{at}]", values[at], low=0, high=n - 1)
    return values.astype(np.int64)

"""Figures of a training run: from its metrics, one line per epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike

from snn.plot.style import COLOURS, figure

__all__ = ["confusion", "delay_histogram", "firing_rates", "training_curves"]


def training_curves(history: Sequence[Mapping[str, Any]], selected: int | None = None) -> Figure:
    """Draw loss and accuracy of training and validation over epochs.

    Args:
        history: Metrics per epoch, as `snn.train.fit` returns them.
        selected: Epoch to mark, from 0.
    """
    made, axes = figure(1, 2, width=8.0, height=3.1)
    epochs = np.arange(1, len(history) + 1)
    for ax, what in zip(axes[0], ("loss", "accuracy"), strict=True):
        for part, colour in (("train", COLOURS[0]), ("valid", COLOURS[1])):
            label = "training, during the epoch" if part == "train" else "validation"
            values = [line[f"{part}_{what}"] for line in history]
            ax.plot(epochs, values, "o-", color=colour, markersize=2.5, linewidth=1.4, label=label)
        if selected is not None:
            ax.axvline(selected + 1, color="0.5", linewidth=1, linestyle=":", label="selected epoch")
        ax.set(xlabel="epoch", ylabel=what)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0, 1].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes[0, 1].set_ylim(0, 1.02)
    axes[0, 0].legend(frameon=False, fontsize=8)
    return cast(Figure, made)


def firing_rates(history: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the mean spikes per neuron and step of each hidden layer over epochs (validation set)."""
    made, axes = figure(width=5.0, height=3.0)
    ax = axes[0, 0]
    epochs = np.arange(1, len(history) + 1)
    for layer, colour in zip(history[0]["rates"], COLOURS * 3, strict=False):
        rates = [line["rates"][layer] for line in history]
        ax.plot(epochs, rates, "o-", color=colour, markersize=2.5, linewidth=1.4, label=layer)
    ax.set(xlabel="epoch", ylabel="neurons that spike in a step")
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False, fontsize=8)
    return cast(Figure, made)


def delay_histogram(delays_ms: Mapping[str, tuple[ArrayLike, ArrayLike]], dt_ms: float) -> Figure:
    """Draw how many synapses have which delay, before and after training, per projection.

    Args:
        delays_ms: Delays before and after, ms, any shape, by projection name.
        dt_ms: Length of a step, ms: the width of a bar.
    """
    made, axes = figure(1, len(delays_ms), width=3.0 * max(len(delays_ms), 1) + 0.6, height=2.9)
    for ax, (name, pair) in zip(axes[0], delays_ms.items(), strict=True):
        before, after = (np.asarray(values, dtype=np.float64).ravel() for values in pair)
        top = max(before.max(initial=0.0), after.max(initial=0.0))
        edges = (np.arange(round(top / dt_ms) + 2) - 0.5) * dt_ms
        ax.hist(before, edges, color="0.75", label="before")
        ax.hist(after, edges, histtype="step", color=COLOURS[0], linewidth=1.5, label="after training")
        ax.set(xlabel="delay (ms)", title=name)
        ax.title.set_size(9)
    axes[0, 0].set_ylabel("synapses")
    axes[0, 0].legend(frameon=False, fontsize=8)
    return cast(Figure, made)


def confusion(true: ArrayLike, predicted: ArrayLike, classes: Sequence[str]) -> Figure:
    """Draw which class was taken for which, as counts.

    Args:
        true: True class of each sample, [B].
        predicted: Predicted class, [B].
        classes: Names, in the order of the numbers.
    """
    n = len(classes)
    pairs = np.asarray(true, dtype=np.int64) * n + np.asarray(predicted, dtype=np.int64)
    counts = np.bincount(pairs, minlength=n * n).reshape(n, n)
    side = 0.28 * n + 1.6
    made, axes = figure(width=side + 0.6, height=side)
    ax = axes[0, 0]
    ax.grid(False)
    ax.imshow(counts, cmap="Blues", vmin=0)
    for row, column in np.argwhere(counts):
        shade = "white" if counts[row, column] > counts.max() / 2 else "0.25"
        ax.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=7, color=shade)
    ax.set_xticks(range(n), classes, rotation=90)
    ax.set_yticks(range(n), classes)
    ax.set(xlabel="predicted", ylabel="true")
    return cast(Figure, made)

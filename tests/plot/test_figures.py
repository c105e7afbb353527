"""Figures: drawn from arrays and core types, and never on a screen."""

from __future__ import annotations

import io

import numpy as np
import pytest

import snn
from snn.plot import (
    COLOURS,
    confusion,
    delay_histogram,
    firing_rates,
    frames,
    membranes,
    raster,
    training_curves,
    word,
)

HISTORY = [
    {
        "train_loss": 2 / (e + 1),
        "valid_loss": 2.5 / (e + 1),
        "train_accuracy": e / 10,
        "valid_accuracy": e / 12,
        "rates": {"hid1": 0.1, "hid2": 0.05},
    }
    for e in range(5)
]
EVENTS = snn.Events.from_lists([[0, 3, 3], []], [[1, 0, 1], []], n_units=4, dt_ms=2.0, n_steps=[6, 3])


def drawn(figure):
    """Render a figure, so that layout and text are really worked out."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=40)
    assert buffer.getbuffer().nbytes > 1000
    return figure.axes


def test_training_curves():
    loss, accuracy = drawn(training_curves(HISTORY, selected=4))
    assert loss.lines[0].get_ydata().tolist() == [line["train_loss"] for line in HISTORY]
    assert loss.lines[1].get_ydata().tolist() == [line["valid_loss"] for line in HISTORY]
    assert accuracy.lines[1].get_ydata()[-1] == HISTORY[-1]["valid_accuracy"]
    assert loss.lines[2].get_xdata()[0] == 5


def test_firing_rates():
    (axes,) = drawn(firing_rates(HISTORY))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["hid1", "hid2"]
    assert axes.lines[0].get_color() == COLOURS[0]


def test_delay_histogram():
    before, after = np.array([[0.0, 10.0], [20.0, 20.0]]), np.array([[0.0, 0.0], [0.0, 20.0]])
    (axes,) = drawn(delay_histogram({"in-out": (before, after)}, 10.0))
    assert [bar.get_height() for bar in axes.patches[:3]] == [1, 1, 2]
    assert axes.get_title() == "in-out"


def test_raster_shows_every_spike():
    (axes,) = drawn(raster(EVENTS, 0, title="x"))
    assert sorted(map(tuple, axes.collections[0].get_offsets().tolist())) == [(0, 1), (6, 0), (6, 1)]
    assert axes.get_xlim() == (-1.0, 11.0)
    (axes,) = drawn(raster(EVENTS, 1))
    assert len(axes.collections[0].get_offsets()) == 0


def test_membranes_and_word():
    v = np.random.default_rng(0).normal(size=(6, 2, 3))
    v[:, 0, 1] += 5
    (axes,) = drawn(membranes(v[:, 0], 2.0, ["a", "b", "c"], marked=1))
    assert len(axes.lines) == 3
    axes = drawn(word({"in": EVENTS, "hid1": EVENTS}, v, ["a", "b", "c"], title="t"))
    assert len(axes) == 3
    assert axes[-1].get_legend().get_texts()[0].get_text() == "b"


@pytest.mark.parametrize("n", [2, 20])
def test_confusion(n):
    true = np.repeat(np.arange(n), 3)
    (axes,) = drawn(
        confusion(true, (true + (np.arange(len(true)) % 3 == 0)) % n, [f"c{i}" for i in range(n)])
    )
    assert np.asarray(axes.images[0].get_array()).sum() == 3 * n
    assert np.diag(np.asarray(axes.images[0].get_array())).tolist() == [2] * n


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_frames(channels):
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(14, 3))
    outputs[:, 1] += 3
    axes = drawn(frames(rng.random((14, channels, 6, 5)), outputs, ("a", "b", "c"), title="a sample"))
    strip = axes[0].images[0].get_array()
    assert strip.shape == (6, 10 * 5 + 9, 3) and axes[0].get_title() == "a sample"
    assert axes[1].get_legend().get_texts()[0].get_text() == "b" and len(axes[1].lines) == 3

"""Figures: drawn from arrays and core types, and never on a screen."""

from __future__ import annotations

import re

import numpy as np
import pytest
from figures import NASTY, drawn

import snn
from snn.plot import (
    COLOURS,
    accuracy_curves,
    accuracy_matrix,
    confusion,
    delay_histogram,
    firing_rates,
    frames,
    membranes,
    raster,
    sample_activity,
    training_curves,
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


def test_membranes_and_the_activity_of_a_sample():
    v = np.random.default_rng(0).normal(size=(6, 2, 3))
    v[:, 0, 1] += 5
    (axes,) = drawn(membranes(v[:, 0], 2.0, ["a", "b", "c"], marked=1))
    assert len(axes.lines) == 3
    axes = drawn(sample_activity({"in": EVENTS, "hid1": EVENTS}, v, ["a", "b", "c"], title="t"))
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


def test_a_raster_off_the_grid_keeps_the_times():
    events = snn.TimedEvents.from_times([[0.5, 7.25]], [[0, 1]], n_units=2, dt_ms=2.0, n_steps=5)
    (axes,) = drawn(raster(events))
    assert sorted(axes.collections[0].get_offsets()[:, 0].tolist()) == [0.5, 7.25]


V = np.zeros((6, 2, 3))
REFUSED = {
    "sample must be a whole number >= 0 and <= 1, got 2": lambda: raster(EVENTS, 2),
    "v must be real numbers [T, 2], got ndarray of shape [6, 3] and dtype float64": lambda: membranes(
        V[:, 0], 1.0, "ab"
    ),
    "marked must be a whole number >= 0 and <= 2, got 3": lambda: membranes(V[:, 0], 1.0, "abc", marked=3),
    "dt_ms must be a finite number > 0, got 0": lambda: membranes(V[:, 0], 0, "abc"),
    "spikes must be values by name, at least one, got {}": lambda: sample_activity({}, V, "abc"),
    "v must be real numbers [T, 2, 4], got ": lambda: sample_activity({"in": EVENTS}, V, "abcd"),
    "history must be metrics of at least one epoch, got []": lambda: training_curves([]),
    "history[1] must be metrics with 'train_loss' among them, got ['rates']": lambda: training_curves(
        [HISTORY[0], {"rates": {}}]
    ),
    "selected must be a whole number >= 0 and <= 4, got 5": lambda: training_curves(HISTORY, 5),
    "rates[1] must be metrics with 'hid1' among them, got ['hid2']": lambda: firing_rates(
        [HISTORY[0], {"rates": {"hid2": 0.1}}]
    ),
    "delays_ms must be values by name, at least one, got {}": lambda: delay_histogram({}, 1.0),
    "delays_ms['p'][1] must be finite and >= 0 ms, got -1.0": lambda: delay_histogram(
        {"p": ([0.0], [0.0, -1.0])}, 1.0
    ),
    "true[1] must be a whole number >= 0 and <= 1, got 2": lambda: confusion([0, 2], [0, 1], "ab"),
    "predicted must be real numbers [2], got ": lambda: confusion([0, 1], [0], "ab"),
    "x must be frames [T, C, H, W] of 1, 2 or 3 channels": lambda: frames(
        np.zeros((2, 4, 3, 3)), np.zeros((2, 2)), "ab"
    ),
    "x[0, 0, 0, 0] must be finite and >= 0, got -1.0": lambda: frames(
        -np.ones((2, 1, 3, 3)), np.zeros((2, 2)), "ab"
    ),
    "outputs must be real numbers [2, 2], got ": lambda: frames(
        np.zeros((2, 1, 3, 3)), np.zeros((3, 2)), "ab"
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_drawn_is_refused(message):
    with pytest.raises(ValueError, match=re.escape(message)):
        REFUSED[message]()


def test_membranes_without_names():
    (axes,) = drawn(membranes(np.ones((4, 3)), 1.0, marked=2))
    assert axes.get_legend().get_texts()[0].get_text() == "unit 2" and len(axes.lines) == 3
    (axes,) = drawn(membranes(np.ones((1, 2)), 1.0))
    assert {line.get_marker() for line in axes.lines} == {"o"}  # one step is no line


def test_a_panel_without_spikes_says_so():
    silent = snn.Events.from_lists([[]], [[]], n_units=4, dt_ms=1.0, n_steps=5)
    axes = drawn(sample_activity({"in": silent}, np.zeros((5, 1, 2)), ["a", "b"]))
    assert [text.get_text() for text in axes[0].texts] == ["no spikes"]


def test_ticks_of_epochs_and_units_are_whole():
    for axes in (*drawn(training_curves(HISTORY[:1])), *drawn(firing_rates(HISTORY[:1]))):
        assert axes.get_xlabel() == "epoch" and 1.0 in axes.get_xticks()
        assert all(float(tick).is_integer() for tick in axes.get_xticks())
    (axes,) = drawn(raster(EVENTS, 0))
    assert all(float(tick).is_integer() for tick in axes.get_yticks())


def test_long_delays_have_bars_that_can_be_seen():
    delays = np.arange(5000.0)
    (axes,) = drawn(delay_histogram({"in-out": (delays, delays)}, 1.0))
    bars = axes.patches[:-1]  # the last is the outline of those after training
    assert len(bars) <= 101 and sum(bar.get_height() for bar in bars) == 5000


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("name", NASTY)
def test_names_are_drawn_letter_by_letter(name):
    v = np.random.default_rng(0).random((6, 2))
    lines = [{**line, "rates": {name: 0.1}} for line in HISTORY]
    delays = (np.arange(3.0), np.arange(3.0))
    made = (
        raster(EVENTS, title=name),
        membranes(v, 1.0, [name, "b"], marked=0),
        sample_activity({name: EVENTS}, np.stack([v, v], 1), [name, name], title=name),
        frames(np.ones((6, 1, 2, 2)), v, [name, name], title=name),
        firing_rates(lines),
        delay_histogram({name: delays}, 1.0),
        confusion([0, 1], [1, 0], [name, name]),
    )
    for figure in made:
        drawn(figure)
        texts = [
            text for text in figure.findobj(lambda one: hasattr(one, "get_parse_math")) if name in _seen(text)
        ]
        assert texts


def _seen(text):
    """Give what a reader sees of a text: no escape, no space without width, and no formula."""
    shown, is_math = text._preprocess_math(text.get_text())
    assert not is_math
    return shown.removeprefix("\u200b")


def test_accuracy_over_tasks():
    r = [[0.9, 0.1, 0.2], [0.8, 0.95, 0.3], [0.7, 0.85, 1.0]]
    axes, bar = drawn(accuracy_matrix(r, ["a", "b", "c"], title="three tasks"))
    assert [text.get_text() for text in axes.texts] == ["90", "10", "20", "80", "95", "30", "70", "85", "100"]
    assert np.array_equal(axes.images[0].get_array(), 100 * np.array(r)) and bar is not axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["a", "b", "c"]
    (axes,) = drawn(accuracy_curves(r))
    assert axes.lines[0].get_ydata().tolist() == [0.9, 0.8, 0.7]
    assert axes.lines[1].get_ydata().tolist() == [0.95, 0.85]
    assert np.allclose(axes.lines[-1].get_ydata(), [0.9, 0.875, 0.85])
    drawn(accuracy_matrix([[0.5]]))
    drawn(accuracy_curves([[0.5]]))


@pytest.mark.parametrize("draw", [accuracy_matrix, accuracy_curves])
@pytest.mark.parametrize("r", [[[0.5, 0.5]], [], [0.5], [[1.2]], [[np.nan]]])
def test_no_accuracy_matrix(draw, r):
    with pytest.raises(ValueError, match="^matrix"):
        draw(r)


def test_names_of_tasks_are_as_many():
    with pytest.raises(ValueError, match=r"^names must be 1 names, one for each task, got \['a', 'b'\]$"):
        accuracy_matrix([[0.5]], ["a", "b"])

"""Figures of liquids show the numbers that they are given."""

from __future__ import annotations

import re

import numpy as np
import pytest
from figures import NASTY, drawn

import snn
from snn.plot import class_features, liquid_activity, memory_curve, parameter_map, perturbation_curve

EVENTS = snn.Events.from_lists([[0, 3, 3], []], [[1, 0, 1], []], n_units=4, dt_ms=2.0, n_steps=[6, 3])


def texts(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_liquid_activity_shows_spikes_and_their_share():
    spread = snn.Events.from_lists([[0, 3, 3]], [[1, 0, 1]], n_units=2, dt_ms=2.0, n_steps=[6])
    source, liquid, share = drawn(liquid_activity({"in": EVENTS.select([0]), "liquid": spread}, title="t"))
    assert [ax.get_ylabel() for ax in (source, liquid)] == ["in", "liquid"] and source.get_title() == "t"
    assert len(liquid.collections[0].get_offsets()) == 3
    assert share.lines[0].get_xdata().tolist() == [0, 2, 4, 6, 8, 10]
    assert share.lines[0].get_ydata().tolist() == [0.5, 0, 0, 1.0, 0, 0]


def test_perturbation_curve():
    (axes,) = drawn(perturbation_curve({"a": [0, 0.2, 0.1], "b": [0, 0, 0.3]}, 4.0, step=1))
    assert axes.lines[0].get_xdata().tolist() == [0, 4, 8] and texts(axes) == ["a", "b"]
    assert axes.lines[1].get_ydata().tolist() == [0, 0, 0.3]
    assert axes.lines[2].get_xdata()[0] == 4.0


def test_memory_curve_begins_at_delay_1_and_names_sums():
    (axes,) = drawn(memory_curve({"a": [1.0, 0.5], "b": [0.25, 0.0]}, floor=0.01))
    assert axes.lines[0].get_xdata().tolist() == [1, 2]
    assert texts(axes) == ["a: 1.5 bits", "b: 0.2 bits", "knows nothing"]


def test_parameter_map_puts_the_first_row_below():
    values = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    axes = drawn(parameter_map({"memory": values, "rate": values}, [0.5, 1.0], [0, 1, 2]))
    assert [ax.get_title() for ax in axes[:2]] == ["memory", "rate"]
    image = axes[0].images[0]
    assert np.asarray(image.get_array()).tolist() == values.tolist() and image.origin == "lower"
    assert [text.get_text() for text in axes[0].get_yticklabels()] == ["0.5", "1"]
    assert [text.get_text() for text in axes[0].get_xticklabels()] == ["0", "1", "2"]


def test_class_features_are_projected_on_their_widest_directions():
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    flat = np.array([[3.0, 1], [-3, 1], [3, -1], [-3, -1]])  # variances 9 and 1
    features = np.pad(flat, ((0, 0), (0, 3))) @ turn + 7.0
    (axes,) = drawn(class_features(features, [0, 1, 0, 1], ["left", "right"], title="t"))
    places = np.concatenate([np.asarray(part.get_offsets()) for part in axes.collections])
    np.testing.assert_allclose(np.abs(places), [[3, 1]] * 4, atol=1e-12)
    assert len(set(np.sign(places[:2, 0]))) == 1  # a class lies on one side
    assert "90%" in axes.get_xlabel() and "10%" in axes.get_ylabel() and texts(axes) == ["left", "right"]


def test_class_features_of_one_sample_one_feature_and_many_classes():
    drawn(class_features([[1.0, 2.0]], [0], ["a"]))
    drawn(class_features([[1.0], [2.0]], [0, 1], ["a", "b"]))
    many = [f"class {i}" for i in range(30)]
    (axes,) = drawn(class_features(np.random.default_rng(0).normal(size=(30, 4)), np.arange(30), many))
    colours = {tuple(part.get_facecolor()[0]) for part in axes.collections}
    assert len(colours) == 30


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("name", NASTY)
def test_names_of_liquids_are_drawn_letter_by_letter(name):
    made = (
        liquid_activity({name: EVENTS}, title=name),
        perturbation_curve({name: [0.0]}, 1.0),
        memory_curve({name: [0.0]}),
        parameter_map({name: [[1.0]]}, [1], [1], row_name=name, column_name=name),
        class_features([[1.0]], [0], [name], title=name),
    )
    for figure in made:
        drawn(figure)


REFUSED = {
    "spikes must be values by name, at least one, got {}": lambda: liquid_activity({}),
    "sample must be a whole number >= 0 and <= 1, got 2": lambda: liquid_activity({"a": EVENTS}, sample=2),
    "distances must be values by name, at least one, got [1]": lambda: perturbation_curve([1], 1.0),
    "distances['a'] must be real numbers [T], got ": lambda: perturbation_curve({"a": [[1.0]]}, 1.0),
    "distances['a'][0] must be finite, got nan": lambda: perturbation_curve({"a": [np.nan]}, 1.0),
    "dt_ms must be a finite number > 0, got 0": lambda: perturbation_curve({"a": [1.0]}, 0),
    "step must be a whole number >= 0, got -1": lambda: perturbation_curve({"a": [1.0]}, 1.0, step=-1),
    "parts['a'] must be real numbers [K], at least one, got ": lambda: memory_curve({"a": np.zeros(0)}),
    "floor must be a finite number >= 0, got -1": lambda: memory_curve({"a": [1.0]}, floor=-1),
    "values['m'] must be real numbers [2, 1], got ": lambda: parameter_map({"m": [[1.0]]}, [1, 2], [1]),
    "rows must be real numbers [N], got ": lambda: parameter_map({"m": [[1.0]]}, 1, [1]),
    "rows must be real numbers [N], at least one, got ": lambda: parameter_map(
        {"m": np.zeros((0, 1))}, np.zeros(0), [1]
    ),
    "features must be real numbers [B, F], got ": lambda: class_features([1.0], [0], ["a"]),
    "features must be features [B, F], none empty, got ": lambda: class_features(np.zeros((0, 2)), [], ["a"]),
    "label must be real numbers [1], got ": lambda: class_features([[1.0]], [0, 1], ["a"]),
    "label[0] must be a whole number >= 0 and <= 0, got 1": lambda: class_features([[1.0]], [1], ["a"]),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_drawn_of_a_liquid_is_refused(message):
    with pytest.raises(ValueError, match=re.escape(message)):
        REFUSED[message]()

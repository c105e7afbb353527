"""Sweeps: every point once, taken up where they stopped, fronts that nothing beats."""

from __future__ import annotations

import csv
import io
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn.hardware import Sweep, sweep
from snn.hardware.report.sweep import Run

GRID = {"bits": [4, 8], "mode": ["a", None], "gated": [True, False]}


def cost(config, seed):
    energy = config["bits"] * (2.0 if config["gated"] else 3.0) + seed
    return {"energy_pj": energy, "accuracy": 0.5 + config["bits"] / 20 + (config["mode"] == "a") / 10}


def test_every_point_and_seed_once_in_order():
    calls = []
    found = sweep(lambda c, s: calls.append((c, s)) or cost(c, s), GRID, seeds=(3, 1))
    assert isinstance(found, Sweep) and len(calls) == len(found.runs) == 16
    assert calls[:3] == [
        ({"bits": 4, "mode": "a", "gated": True}, 3),
        ({"bits": 4, "mode": "a", "gated": True}, 1),
        ({"bits": 4, "mode": "a", "gated": False}, 3),
    ]
    assert all(run.metrics == cost(run.config, run.seed) for run in found)
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert [float(row["energy_pj"]) for row in rows] == [run.metrics["energy_pj"] for run in found]


def test_points_average_over_seeds():
    point = sweep(cost, {**GRID, "bits": [4]}, seeds=(0, 1, 2)).points()[0]
    assert point.seeds == 3 and point.mean["energy_pj"] == 9.0 and point.spread["energy_pj"] == 1.0
    assert sweep(cost, GRID).points()[0].spread["energy_pj"] == 0.0


def test_a_stopped_sweep_goes_on(tmp_path):
    path, calls = tmp_path / "s.jsonl", []

    def stops(config, seed):
        if len(calls) == 5:
            raise KeyboardInterrupt
        calls.append((config, seed))
        return cost(config, seed)

    with pytest.raises(KeyboardInterrupt):
        sweep(stops, GRID, seeds=(0, 1), path=path)
    with path.open("a") as file:
        file.write('{"config": {"bi')  # a line cut by a crash
    later = []
    found = sweep(lambda c, s: later.append((c, s)) or cost(c, s), GRID, seeds=(0, 1), path=path)
    assert len(calls) == 5 and len(later) == 11 and not [c for c in calls if c in later]
    assert found == sweep(cost, GRID, seeds=(0, 1))
    assert found == sweep(lambda c, s: pytest.fail("ran again"), GRID, seeds=(0, 1), path=path)
    wider = sweep(cost, {**GRID, "bits": [2, 4, 8]}, seeds=(0,), path=path)
    assert len(wider.runs) == 12 and len(path.read_text().splitlines()) == 1 + 16 + 4
    assert [json.loads(line)["seed"] for line in path.read_text().splitlines()[1:3]] == [0, 1]


def test_a_file_that_cannot_be_written_is_said_before_the_first_run(tmp_path):
    with pytest.raises(OSError, match="could not write"):
        sweep(lambda c, s: pytest.fail("ran"), GRID, path=tmp_path / "no_folder" / "s.jsonl")


def test_files_and_grids_that_are_refused(tmp_path):
    path = tmp_path / "s.jsonl"
    sweep(cost, GRID, path=path)
    with pytest.raises(ValueError, match="another sweep"):
        sweep(cost, {"width": [1]}, path=path)
    with pytest.raises(ValueError, match="bits must be at least one value, and none twice, got .4, 4."):
        sweep(cost, {"bits": [4, 4]})
    with pytest.raises(ValueError, match="seeds must be at least one value, .* got .."):
        sweep(cost, GRID, seeds=())
    with pytest.raises(
        ValueError, match="grid must be of at least one parameter, none of them called seed, got .'seed'."
    ):
        sweep(cost, {"seed": [1]})
    with pytest.raises(ValueError, match="metric 'x' at {'a': 1}, seed 0 must be a finite number, got nan"):
        sweep(lambda c, s: {"x": float("nan")}, {"a": [1]})
    with pytest.raises(ValueError, match="metric must be one of 'energy_pj', 'accuracy', got 'volts'"):
        sweep(cost, GRID).pareto("volts", "accuracy")
    with pytest.raises(
        ValueError, match=r"metrics at {'a': 1} must be \['x'\] as for other seeds, got \['y'\]"
    ):
        Sweep((Run({"a": 1}, 0, {"x": 1}), Run({"a": 1}, 1, {"y": 1}))).points()


numbers = st.tuples(st.integers(0, 6), st.integers(0, 6))


@given(st.lists(numbers, min_size=1, max_size=12), st.booleans(), st.booleans())
def test_the_front_is_what_nothing_beats(values, small_x, small_y):
    found = sweep(
        lambda c, s: {"x": values[c["i"]][0], "y": values[c["i"]][1]}, {"i": list(range(len(values)))}
    )
    front = {p.config["i"] for p in found.pareto("x", "y", minimise=(small_x, small_y))}
    sx, sy = (1 if small_x else -1), (1 if small_y else -1)
    for i, (x, y) in enumerate(values):
        beaten = any(
            sx * a <= sx * x and sy * b <= sy * y and (sx * a < sx * x or sy * b < sy * y) for a, b in values
        )
        assert (i in front) == (not beaten)


def test_the_plot_marks_the_front():
    found = sweep(cost, GRID, seeds=(0, 1))
    (axes,) = found.plot("energy_pj", "accuracy").axes
    front = found.pareto("energy_pj", "accuracy")
    assert any(list(line.get_xdata()) == [p.mean["energy_pj"] for p in front] for line in axes.lines)
    assert [p.config["gated"] for p in front] == [True] * len(front)


@pytest.mark.parametrize(
    "energies", [[5.0], [3000.0, 3300.0, 5200.0], [1e6, 1.001e6], [3e2, 4e6], [0.0, 4.0]]
)
def test_ticks_stand_apart_and_keys_become_words(energies):
    runs = tuple(
        Run({"neuron_updates": i}, 0, {"energy_pj": e, "accuracy": 0.5}) for i, e in enumerate(energies)
    )
    figure = Sweep(runs).plot("energy_pj", "accuracy")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert axes.get_xlabel() == "energy (pJ)" and axes.texts[0].get_text() == "neuron updates 0"
    ticks = [t for t in axes.get_xticklabels(which="both") if t.get_text()]
    low, high = axes.get_xlim()
    shown = [t.get_window_extent() for t in ticks if low <= t.get_position()[0] <= high]
    assert len(shown) >= 2
    assert not any(a.overlaps(b) for a, b in itertools.pairwise(shown))

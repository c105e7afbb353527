"""Damaged and foreign event files: path and field are named."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from damage import edit

from snn.core import Events

EVENTS = Events.from_lists([[0, 2, 2], []], [[1, 0, 0], []], n_units=2, dt_ms=1.0, n_steps=[10, 4])


def replaced(name, value):
    def change(file):
        del file[name]
        if value is dict:
            file.create_group(name)
        else:
            file[name] = value

    return change


def without_format(name, value):
    def of_others(file):
        del file.attrs["format"]
        replaced(name, value)(file)

    return of_others


def rows(*values, dtype="f8"):
    made = np.empty(len(values), dtype=object)
    made[:] = [np.asarray(row, dtype) for row in values]

    def change(file):
        del file["spikes/times"]
        file.create_dataset("spikes/times", (len(values),), h5py.vlen_dtype(np.dtype(dtype)))[:] = made

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (replaced("steps", dict), "incomplete: no data set 'steps'"),
        (replaced("steps", [0.0, 2.0, 2.0]), "step must be integers, got ndarray"),
        (replaced("steps", [0, 2, 99]), "spikes/times must be the middle of each step"),
        (replaced("n_steps", [2, 4]), r"step\[1\] must be in \[0, 2\) \(n_steps of sample 0\), got 2"),
        (replaced("offsets", [0, 3, 2]), "spikes/units must have rows as long as offsets says, got others"),
        (replaced("n_steps", [10, -4]), r"n_steps\[1\] must be >= 0, got -4"),
        (replaced("spikes/units", [1, 0, 0]), r"spikes/units\[0\] must be a list of whole numbers"),
        (replaced("spikes", dict), "incomplete: no data set 'spikes/units'"),
        (lambda file: file.attrs.__delitem__("dt_ms"), "incomplete: no attribute 'dt_ms'"),
        (lambda file: file.attrs.__setitem__("n_units", "two"), "n_units must be a whole number >= 1, got 'two'"),
        (rows([0.0005, 0.0025, 0.003], []), "spikes/times must be the middle of each step, .* got other times"),
        (rows([0.0005, 0.0025], []), "spikes/times must have rows as long as offsets says, got others"),
        (rows([0.0005, 0.0025, 0.0025], [], dtype="f4"), "spikes/times must be the middle of each step"),
        (lambda file: file.attrs.__setitem__("dt_ms", 2.0), "spikes/times must be the middle of each step"),
        (lambda file: file.attrs.__setitem__("version", 1), "must be 2, which this release reads, got 1"),
        (without_format("spikes/times", dict), "incomplete: no data set 'spikes/times'"),
        (without_format("spikes/times", 3.0), r"spikes/times\[0\] must be a list of numbers, got 3.0"),
        (without_format("spikes/units", [[0.5], [1.5]]), r"spikes/units\[0\] must be a list of whole numbers"),
        (without_format("spikes/times", [[-1.0] * 3, []][:1]), "spikes/times and spikes/units differ in shape"),
        (without_format("spikes/units", np.zeros((0, 3))), "differ in shape"),
    ],
)  # fmt: skip
def test_damage_is_named(tmp_path, change, message):
    path = tmp_path / "events.h5"
    EVENTS.save(path)
    edit(path, change)
    if change.__name__ == "of_others":
        path.write_bytes(path.read_bytes()[512:])
    with pytest.raises(ValueError, match=f"^{path}: .*{message}"):
        Events.load(path, dt_ms=1.0, n_units=2)


def test_times_below_zero_are_named(tmp_path):
    path = tmp_path / "shd.h5"
    with h5py.File(path, "w") as file:
        file["spikes/times"], file["spikes/units"] = [[0.1, -0.5]], [[0, 1]]
    with pytest.raises(ValueError, match=rf"^{path}: spikes/times\[1\] must be finite and >= 0 s, got -0.5"):
        Events.load(path, dt_ms=1.0, n_units=2)
    with pytest.raises(ValueError, match=f"^{path}: the file holds times in seconds on no grid"):
        Events.load(path)

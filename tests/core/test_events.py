"""Events and rasters: exact round trips, slices that add up, files, and every refusal."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from damage import edit
from hypothesis import given, settings
from hypothesis import strategies as st

from snn.core import Events, Raster, TimeGrid, delay_steps, event_steps

SHARED = Path(os.environ.get("SNN_SHARED", Path(__file__).resolve().parents[2].parent / "shared"))
FEW = settings(max_examples=60, deadline=None)


@st.composite
def events(draw, min_samples=0):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    samples, units = draw(st.integers(min_samples, 4)), draw(st.integers(1, 5))
    lengths = rng.integers(0, 12, samples)
    sizes = rng.integers(0, 15, samples) * (lengths > 0)
    steps = [rng.integers(0, max(n, 1), size) for n, size in zip(lengths, sizes, strict=True)]
    return Events.from_lists(
        steps,
        [rng.integers(0, units, size) for size in sizes],
        n_units=units,
        dt_ms=draw(st.sampled_from([1.0, 0.1, 4.0])),
        n_steps=lengths,
    )


def one(steps, units, n_steps=10, n_units=4):
    return Events.from_lists([steps], [units], n_units=n_units, dt_ms=1.0, n_steps=n_steps)


@FEW
@given(events())
def test_raster_round_trip(ev):
    raster = ev.to_raster()
    assert raster.z.sum() == ev.n_events
    assert raster.to_events() == ev
    assert ev.to_raster(n_steps=20).to_events() == ev


@FEW
@given(events())
def test_file_round_trip(ev):
    with tempfile.TemporaryDirectory() as folder:  # tmp_path is one for all examples
        ev.save(Path(folder, "events.h5"))
        assert Events.load(Path(folder, "events.h5")) == ev


@FEW
@given(events(), st.integers(0, 14), st.integers(0, 14))
def test_slices_put_together_are_the_whole(ev, a, b):
    a, b = sorted((a, b))
    parts = [(0, ev.slice(0, a)), (a, ev.slice(a, b)), (b, ev.slice(b))]
    assert sum(part.n_steps for _, part in parts).tolist() == ev.n_steps.tolist()
    steps = [np.concatenate([p.step[p.sample == i] + at for at, p in parts]) for i in range(len(ev))]
    units = [np.concatenate([p.unit[p.sample == i] for _, p in parts]) for i in range(len(ev))]
    joined = Events.from_lists(steps, units, n_units=ev.n_units, dt_ms=ev.dt_ms, n_steps=ev.n_steps)
    assert joined == ev


@FEW
@given(events(min_samples=1), st.data())
def test_select_takes_samples_in_order(ev, data):
    chosen = data.draw(st.lists(st.integers(-len(ev), len(ev) - 1), max_size=5))
    np.testing.assert_array_equal(ev.select(chosen).to_raster(12).z, ev.to_raster(12).z[:, chosen])
    mask = np.arange(len(ev)) % 2 == 0
    assert ev.select(mask) == ev.select(np.flatnonzero(mask))


def test_from_lists_sorts_and_keeps_multiplicity():
    ev = one([3, 1, 3, 3], [2, 0, 1, 2])
    assert ev.step.tolist() == [1, 3, 3, 3]
    assert ev.unit.tolist() == [0, 1, 2, 2]
    assert (len(ev), ev.n_events) == (1, 4)
    assert ev.to_raster().z[3, 0].tolist() == [0, 1, 2, 0]
    assert "4 events" in repr(ev)
    assert ev != one([1, 3, 3], [0, 1, 2])
    assert ev != "events"
    with pytest.raises(ValueError, match="read-only"):
        ev.step[0] = 5


def test_collisions():
    ev = one([3, 3, 4], [2, 2, 0])
    assert ev.to_raster(on_collision="clip").z.max() == 1
    with pytest.raises(ValueError, match="unit 2 spikes 2 times in step 3 of sample 0"):
        ev.to_raster(on_collision="raise")
    with pytest.raises(ValueError, match="on_collision must be"):
        ev.to_raster(on_collision="drop")
    with pytest.raises(ValueError, match=r"n_steps must be >= 10 .* got 5"):
        ev.to_raster(n_steps=5)


BAD_EVENTS = [
    ({"unit": [0, 4]}, r"unit\[1\] must be in \[0, 4\) .*got 4$"),
    ({"unit": [-1, 0]}, r"unit\[0\] must be in \[0, 4\) .*got -1$"),
    ({"step": [1, 9]}, r"step\[1\] must be in \[0, 5\) \(n_steps of sample 0\), got 9$"),
    ({"step": [2, 1]}, "must be sorted by"),
    ({"step": [1, 1], "unit": [1, 0]}, "must be sorted by"),
    ({"step": [1]}, "must have one shape"),
    ({"offsets": [0, 1]}, r"offsets must be ascending from 0 to 2, .* got \[0, 1\]"),
    ({"offsets": []}, r"offsets must be of shape \[B \+ 1\]"),
    ({"n_steps": [5, 5]}, r"n_steps must be one number or of shape \[1\]"),
    ({"n_steps": -1}, r"n_steps\[0\] must be >= 0, got -1"),
    ({"n_units": 0}, "n_units must be a whole number >= 1, got 0"),
    ({"dt_ms": 0.0}, "dt_ms must be a finite number > 0, got 0.0"),
]


@pytest.mark.parametrize(("change", "message"), BAD_EVENTS)
def test_bad_events_are_named(change, message):
    good = {"step": [1, 2], "unit": [0, 1], "offsets": [0, 2], "n_units": 4, "dt_ms": 1.0, "n_steps": 5}
    Events(**good)
    with pytest.raises(ValueError, match=message):
        Events(**(good | change))


def test_wrong_types_and_lists():
    with pytest.raises(
        TypeError, match=r"steps\[0\] must be integers, got ndarray of shape .1. and dtype float64"
    ):
        one([0.5], [0])
    with pytest.raises(ValueError, match="units must be 1 lists, as many as steps, got 2"):
        Events.from_lists([[1]], [[1], [2]], n_units=3, dt_ms=1.0, n_steps=5)
    with pytest.raises(
        ValueError, match=r"units\[0\] must be a list of 2, as steps\[0\], got ndarray of shape \[1\]"
    ):
        one([1, 2], [0])
    with pytest.raises(ValueError, match="stop must be a whole number >= 3, got 2"):
        one([], []).slice(3, 2)
    with pytest.raises(IndexError):
        one([], []).select([1])
    with pytest.raises(TypeError, match="indices must be integers, got"):
        one([], []).select([0.5])


@FEW
@given(events(), st.sampled_from([np.float16, np.float32, np.float64]))
def test_floats_without_a_fraction_are_counts(ev, kind):
    counts = ev.to_raster()
    raster = Raster(counts.z.astype(kind), counts.grid, counts.lengths)
    assert raster.z.dtype == np.int64 and raster.to_events() == ev
    assert Raster(counts.z > 0, counts.grid, counts.lengths).z.dtype == np.bool_


def test_raster_refusals():
    grid = TimeGrid(3, 1.0)
    z = np.zeros((3, 2, 4), dtype=int)
    z[2, 1, 0] = 1
    assert "[3, 2, 4]" in repr(Raster(z, grid))
    for change, error, message in [
        (
            {"z": z.astype(complex)},
            TypeError,
            "z must be integers, booleans or floats without a fraction, got",
        ),
        ({"z": z.astype(str)}, TypeError, "z must be integers, booleans or floats without a fraction, got"),
        ({"z": z[:2]}, ValueError, r"z must be of shape \[3, B, N >= 1\]"),
        ({"z": -z}, ValueError, r"z\[2, 1, 0\] must be a whole number >= 0, got -1$"),
        ({"z": -1.0 * z}, ValueError, r"z\[2, 1, 0\] must be a whole number >= 0, got -1.0$"),
        ({"z": z * np.float32(0.5)}, ValueError, r"z\[2, 1, 0\] must be a whole number >= 0, got 0.5$"),
        ({"z": np.where(z, np.nan, 0.0)}, ValueError, r"z\[2, 1, 0\] must be a whole number >= 0, got nan$"),
        ({"z": np.where(z, np.inf, 0.0)}, ValueError, r"z\[2, 1, 0\] must be a whole number >= 0, got inf$"),
        ({"z": np.where(z, 1e30, 0.0)}, ValueError, r"z\[2, 1, 0\] must be a whole number >= 0, got 1e\+30$"),
        ({"lengths": [3, 4]}, ValueError, "lengths must be"),
        ({"lengths": [3, 2]}, ValueError, "sample 1 has a spike in step 2 but length 2"),
    ]:
        with pytest.raises(error, match=message):
            Raster(**({"z": z, "grid": grid} | change))


def test_time_grid():
    assert TimeGrid(10, 0.5).t_end_ms == 5.0
    with pytest.raises(ValueError, match="n_steps must be a whole number >= 0, got -1"):
        TimeGrid(-1, 1.0)
    with pytest.raises(ValueError, match="dt_ms must be a finite number > 0, got nan"):
        TimeGrid(1, float("nan"))


def test_rounding_rules():
    assert delay_steps([0.5, 1.5, 2.5, 0.3], 1.0).tolist() == [0, 2, 2, 0]
    assert event_steps([0.0, 0.99, 1.0, 0.3], 1.0).tolist() == [0, 0, 1, 0]
    assert event_steps(0.3, 0.1) == 3  # 0.3 / 0.1 is below 3 in binary
    with pytest.raises(ValueError, match=r"time\[1\] must be from 0 to .* steps\), got -1.0"):
        event_steps([0.0, -1.0], 1.0)
    with pytest.raises(ValueError, match=r"time\[1\] must be from 0 to .* steps\), got 1e\+300"):
        event_steps([0.0, 1e300], 1.0)
    with pytest.raises(ValueError, match="delay_ms must be finite"):
        delay_steps(float("inf"), 1.0)


def write_shd(path, times, units):
    with h5py.File(path, "w") as file:
        for name, rows, kind in (("times", times, np.float16), ("units", units, np.uint16)):
            data = file.create_dataset(f"spikes/{name}", (len(rows),), h5py.vlen_dtype(kind))
            for b, row in enumerate(rows):
                data[b] = np.asarray(row, dtype=kind)


def test_shd_layout_loads(tmp_path):
    """Times in s as float16: 0.1 is stored as 0.09998, which is in step 99 of 1 ms by floor."""
    path = tmp_path / "shd.h5"
    write_shd(path, [[0.25, 0.0, 0.1], []], [[3, 699, 1], []])
    ev = Events.load(path, dt_ms=1.0, n_units=700)
    assert ev.step.tolist() == [0, 99, 250]
    assert ev.unit.tolist() == [699, 1, 3]
    assert ev.n_steps.tolist() == [251, 0]
    with pytest.raises(ValueError, match="pass dt_ms and n_units"):
        Events.load(path)
    write_shd(path, [[0.25, 0.0]], [[3]])
    with pytest.raises(ValueError, match="differ in shape"):
        Events.load(path, dt_ms=1.0, n_units=700)


def test_shd_like_data_set_loads(tmp_path):
    packed = SHARED / "data" / "espeak-spikes" / "espeak20_spikes_test.h5.gz"
    if not packed.exists():
        pytest.skip(f"needs {packed.name} in ../shared")
    with gzip.open(packed) as source, (tmp_path / "test.h5").open("wb") as target:
        shutil.copyfileobj(source, target)
    ev = Events.load(tmp_path / "test.h5", dt_ms=10.0, n_units=700)
    with h5py.File(tmp_path / "test.h5") as file:
        assert len(ev) == len(file["spikes/times"])
        assert ev.n_events == sum(len(row) for row in file["spikes/times"])


def test_other_programs_can_read_our_files(tmp_path):
    ev = one([3, 1], [2, 0])
    ev.save(tmp_path / "e.h5")
    with h5py.File(tmp_path / "e.h5") as file:
        np.testing.assert_allclose(file["spikes/times"][0], [0.0015, 0.0035])  # the middle of each step
        assert file["spikes/units"][0].tolist() == [0, 2]


def test_broken_files_are_refused(tmp_path):
    path = tmp_path / "e.h5"
    with pytest.raises(FileNotFoundError, match="no file"):
        Events.load(path)
    path.write_bytes(b"not HDF5")
    with pytest.raises(ValueError, match="not a whole HDF5 file"):
        Events.load(path)
    with h5py.File(path, "w"):
        pass
    with pytest.raises(ValueError, match="must begin with the checksum that snn writes"):
        Events.load(path)
    one([1], [0]).save(path)
    edit(path, lambda file: file.__delitem__("offsets"))
    with pytest.raises(ValueError, match="incomplete"):
        Events.load(path)
    edit(path, lambda file: file.attrs.__setitem__("version", 99))
    with pytest.raises(
        ValueError, match="version of the format 'snn.events' must be 2, which this release reads, got 99"
    ):
        Events.load(path)


def test_pad_appends_silence():
    events = Events.from_lists([[0, 2], []], [[1, 0], []], n_units=2, dt_ms=1.0, n_steps=[3, 1])
    longer = events.pad(4)
    assert longer.n_steps.tolist() == [7, 5] and longer.step.tolist() == [0, 2]
    assert longer.slice(0, 3).n_steps.tolist() == [3, 3]
    with pytest.raises(ValueError, match="steps must be a whole number >= 0, got -1"):
        events.pad(-1)


def test_a_raster_needs_a_time_grid():
    with pytest.raises(TypeError, match=r"^grid must be a TimeGrid\(n_steps, dt_ms\), got 1.0$"):
        Raster(np.zeros((2, 1, 1), int), 1.0)

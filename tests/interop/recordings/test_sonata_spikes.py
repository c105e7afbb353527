"""Spike files of SONATA: ours read by libsonata, those of others read here, no spike moved."""

from __future__ import annotations

import re

import h5py
import numpy as np
import pytest
from recorded import SERIES, random_spikes

import snn
from snn.interop import sonata

DT = 0.1


def foreign(path, time, unit, *, units="ms", sorting="by_time", **options):
    """Write one population, "v1", as others do: `sorting` as text, packed."""
    with h5py.File(path, "w") as file:
        group = file.create_group("spikes/v1")
        stamps = group.create_dataset("timestamps", data=time, **options)
        group.create_dataset("node_ids", data=np.asarray(unit), **options)
        if units is not None:
            stamps.attrs["units"] = units
        if sorting is not None:
            group.attrs["sorting"] = sorting
    return path


@pytest.mark.parametrize("n_steps", [10**9, 2 * 10**9 + 1, 10**11 + 1])
def test_no_step_is_lost_of_a_long_recording(tmp_path, n_steps):
    given = {"p": snn.Events.from_lists([[n_steps - 1]], [[0]], n_units=1, dt_ms=DT, n_steps=n_steps)}
    sonata.write_spikes(given, tmp_path / "long.h5")
    assert sonata.read_spikes(tmp_path / "long.h5").spikes == given


@pytest.mark.parametrize(("dt_ms", "stamp"), [(0.1, "middle"), (1 / 3, "start"), (16.1, "middle")])
def test_round_trip(tmp_path, dt_ms, stamp):
    path, spikes = tmp_path / "spikes.h5", random_spikes(1, dt_ms)
    sonata.write_spikes(spikes, path, stamp=stamp)
    found = sonata.read_spikes(path)
    assert isinstance(found, sonata.SonataSpikes) and found.spikes == spikes and found.notes == ()
    assert {name: type(one) for name, one in found.spikes.items()} == {n: type(s) for n, s in spikes.items()}
    coarse = sonata.read_spikes(path, 2 * dt_ms).spikes  # another grid: times stay, and are placed on it
    assert np.array_equal(coarse["grid"].step, spikes["grid"].step // 2)
    assert coarse["grid"].n_steps[0] == 350 and isinstance(coarse["grid"], snn.TimedEvents)


@pytest.mark.parametrize("stamp", ["middle", "start"])
def test_libsonata_reads_the_same_spikes(tmp_path, stamp):
    libsonata = pytest.importorskip("libsonata", reason="libsonata is not installed")
    path, spikes = tmp_path / "spikes.h5", random_spikes(2, DT)
    sonata.write_spikes(spikes, path, stamp=stamp)
    reader = libsonata.SpikeReader(str(path))
    assert set(reader.get_population_names()) == set(spikes)
    for name, events in spikes.items():
        population = reader[name]
        assert population.sorting == "by_time" and population.time_units == "ms"
        unit, time = np.array(population.get(), dtype=float).reshape(-1, 2).T
        assert (np.diff(time) >= 0).all()
        own = events.time_ms if isinstance(events, snn.TimedEvents) else None
        expected = (events.step + 0.5 * (stamp == "middle")) * DT if own is None else own
        order = np.lexsort((events.unit, expected))
        assert np.array_equal(unit, events.unit[order]) and np.array_equal(time, expected[order])
        if stamp == "middle" and own is None:  # Brian2 floors, NEST rounds up to the end of the step
            assert np.array_equal(np.floor(time / DT), events.step[order])
            assert np.array_equal(np.ceil(time / DT), events.step[order] + 1)


SERIES_MS = SERIES * DT
ROUNDED = {
    "float64 ms": (SERIES_MS, "ms", 0.0, 200),
    "float32 ms": (SERIES_MS.astype(np.float32), "ms", 0.0, 1998),
    "float32 s": ((SERIES_MS / 1000).astype(np.float32), "s", 0.0, 2471),
    "epoch seconds": (1e9 + SERIES_MS / 1000, "s", 1e12, 2496),
}


@pytest.mark.parametrize("name", ROUNDED)
def test_times_that_were_rounded_keep_their_steps(tmp_path, name):
    time, units, start_ms, moved = ROUNDED[name]
    scale = {"ms": 1.0, "s": 1000.0}[units]
    plain = np.floor((time.astype(np.float64) - start_ms / scale) * scale / DT)
    assert (plain != SERIES).sum() == moved, "what a plain floor moves, as the guide says"
    path = foreign(tmp_path / "f.h5", time, SERIES % 7, units=units)
    found = sonata.read_spikes(path, DT, start_ms=start_ms)
    events = found.spikes["v1"]
    assert np.array_equal(events.step, SERIES) and np.array_equal(events.unit, SERIES % 7)
    assert found.notes == ("spikes/v1: 7 units, as far as they spike.",), "no word on a type too coarse"
    sonata.write_spikes(found.spikes, path)  # what was a rounding below its step is written on it
    again = sonata.read_spikes(path).spikes["v1"]
    assert again.on_grid() == events.on_grid() and np.abs(again.time_ms - events.time_ms).max() < 1e-3 * DT


def test_times_too_coarse_for_the_step_are_told(tmp_path):
    path = foreign(tmp_path / "f.h5", np.array([9.0], np.float32), [0], units="s")
    notes = sonata.read_spikes(path, 0.1).notes
    assert (
        "spikes/v1/timestamps: float32 is off by up to 0.0048 of a step; spikes may lie a step early."
        in notes
    )
    assert not any("float32" in note for note in sonata.read_spikes(path, 1.0).notes)


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ({"sorting": "none", "compression": "gzip"}, None),
        ({"sorting": np.uint8(0)}, None),
        ({"sorting": None}, "spikes/v1: no sorting; sorted here."),
        ({"sorting": "by_id"}, "spikes/v1: sorting says by_id, which the spikes are not; sorted here."),
        ({"units": None}, "spikes/v1/timestamps: no units; taken as ms."),
    ],
)
def test_files_of_others(tmp_path, options, note):
    options = {"sorting": "none", **options}
    path = foreign(tmp_path / "f.h5", np.array([3.0, 1.0, 2.0, 1.0]), [2, 1, 0, 1], **options)
    found = sonata.read_spikes(path, 1.0)
    events = found.spikes["v1"]
    assert events.step.tolist() == [1, 1, 2, 3] and events.unit.tolist() == [1, 1, 0, 2]
    assert events.n_units == 3 and events.n_steps.tolist() == [4]
    assert found.notes == tuple(n for n in ("spikes/v1: 3 units, as far as they spike.", note) if n)


BAD = [
    ({"units": "us"}, {}, "units of spikes/v1/timestamps must be one of 'ms', 's', got 'us'"),
    ({"sorting": "by_name"}, {}, "sorting of spikes/v1 must be one of none, by_id, by_time, got 'by_name'"),
    ({"sorting": np.uint8(7)}, {}, "sorting of spikes/v1 must be one of none, by_id, by_time, got 7"),
    ({"time": [1.0, np.nan]}, {}, r"spikes/v1/timestamps\[1\] must be finite, got nan"),
    ({"time": [1.0, -2.0]}, {}, r"spikes/v1/timestamps\[1\] must be from 0 to"),
    ({"time": [[1.0, 2.0]]}, {}, "spikes/v1/timestamps must be a list of numbers"),
    ({"unit": [0]}, {}, "spikes/v1/node_ids must be of 2 values, as the columns beside it, got 1"),
    (
        {"unit": [0, 9]},
        {"n_units": 5},
        r"spikes/v1/node_ids\[1\] must be a whole number >= 0 and <= 4, got 9",
    ),
    ({"unit": [0, 2**40]}, {}, r"spikes/v1/node_ids\[1\] must be a whole number >= 0"),
    ({}, {"n_units": {"v2": 5}}, "name in n_units must be one of 'v1', got 'v2'"),
    ({}, {"dt_ms": None}, "dt_ms must be given, as spikes/v1/timestamps says no time step"),
    (
        {},
        {"n_steps": 2},
        r"timestamps\[1\] must be before the end, 2 \(2 steps\): windows here are half-open, got 2",
    ),
    ({}, {"start_ms": 1.5}, r"spikes/v1/timestamps\[0\] must be from 1.5 to"),
]


@pytest.mark.parametrize(("edit", "given", "message"), BAD)
def test_refused(tmp_path, edit, given, message):
    columns = {"time": [1.0, 2.0], "unit": [0, 1], **edit}
    path = foreign(tmp_path / "f.h5", np.array(columns.pop("time")), columns.pop("unit"), **columns)
    with pytest.raises(ValueError, match="^" + re.escape(str(path)) + ": .*" + message):
        sonata.read_spikes(path, **{"dt_ms": 1.0, **given})


def test_no_spikes_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["nodes"] = [1]
    with pytest.raises(
        ValueError, match=r"a\.h5: file must be SONATA, with spikes/POPULATION, got \['nodes'\]"
    ):
        sonata.read_spikes(tmp_path / "a.h5", 1.0)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["spikes/v1/node_ids"] = [1]
    with pytest.raises(
        ValueError, match=r"b\.h5: the file is incomplete: no data set 'spikes/v1/timestamps'"
    ):
        sonata.read_spikes(tmp_path / "b.h5", 1.0)


def test_what_sonata_cannot_hold_is_refused(tmp_path):
    path, events = tmp_path / "f.h5", random_spikes(0, DT)["grid"]
    cases = [
        (
            {"in": events.select([0, 0])},
            {},
            r"spikes\['in'\] must be of one sample for SONATA; select.* got 2",
        ),
        ({"a/b": events}, {}, "name of a population must be a non-empty string without '/'"),
        ({".": events}, {}, "name of a population must be a name that a group of HDF5 may have, got '.'"),
        ({}, {}, "spikes must be events by name"),
        ({"in": [1.0]}, {}, r"spikes\['in'\] must be a Events, got"),
        ({"in": events}, {"stamp": "end"}, "stamp must be one of 'middle', 'start', got 'end'"),
    ]
    late = snn.Events([2**52], [0], [0, 1], 1, DT, 2**53)
    cases.append(({"in": late}, {}, r"step of spikes\['in'\] must be at most 4503599627370: a float64"))
    for spikes, given, message in cases:
        with pytest.raises(ValueError, match=message):
            sonata.write_spikes(spikes, path, **given)
    assert not path.exists()


def test_description(tmp_path):
    path = tmp_path / "f.h5"
    sonata.write_spikes({"in": random_spikes(0, DT)["silent"]}, path)
    with h5py.File(path, "a") as file:
        file["report/v"] = [1.0]
    nodes = {"in": {"spikes": 0, "largest_node": -1}}
    assert sonata.describe(path) == {
        "kind": "SONATA spikes",
        "version": "0.1",
        "nodes": nodes,
        "lost": ["report/v"],
    }

"""Tables of units in NWB: ours again and in pynwb, those of others, no spike moved."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import h5py
import numpy as np
import pytest
from recorded import SERIES, random_spikes

import snn
from snn.interop import nwb

DT = 0.1


def on_grid(spikes):
    return {name: events for name, events in spikes.items() if not isinstance(events, snn.TimedEvents)}


@pytest.mark.parametrize(("dt_ms", "stamp"), [(0.1, "middle"), (1 / 3, "start")])
def test_round_trip_on_the_grid(tmp_path, dt_ms, stamp):
    path, spikes = tmp_path / "f.nwb", on_grid(random_spikes(1, dt_ms))
    nwb.write(spikes, path, stamp=stamp)
    found = nwb.read(path)
    assert found.spikes == spikes and found.notes == ()
    assert {name: ids.tolist() for name, ids in found.ids.items()} == {
        "grid": list(range(10)), "silent": list(range(10, 20))
    }  # fmt: skip


def test_round_trip_off_the_grid(tmp_path):
    path, spikes = tmp_path / "f.nwb", random_spikes(2, DT)
    nwb.write(spikes, path)
    found = nwb.read(path, DT).spikes
    assert list(found) == list(spikes)
    for name, events in spikes.items():
        at = getattr(events, "time_ms", (events.step + 0.5) * DT)
        assert found[name].on_grid() == getattr(events, "on_grid", lambda e=events: e)()
        assert np.abs(found[name].time_ms - at).max(initial=0.0) <= np.spacing(70.0), "ms to s and back"
    with pytest.raises(
        ValueError, match="dt_ms must be given, as units/spike_times of population 'grid' says no"
    ):
        nwb.read(path)


def test_pynwb_reads_the_same_spikes(tmp_path):
    pynwb = pytest.importorskip("pynwb", reason="pynwb is not installed")
    path, spikes = tmp_path / "f.nwb", random_spikes(3, DT)
    nwb.write(spikes, path, session_start=datetime(2026, 1, 1, tzinfo=UTC))
    assert pynwb.validate(path=str(path)) == []
    with pynwb.NWBHDF5IO(path, "r") as io:
        units, row = io.read().units, 0
        for name, events in spikes.items():
            at = getattr(events, "time_ms", (events.step + 0.5) * DT) / 1000.0
            for unit in range(events.n_units):
                assert units["population"][row] == name
                own = np.sort(at[events.unit == unit])
                assert np.allclose(units.get_unit_spike_times(row), own, rtol=4e-16, atol=0.0)
                assert units.get_unit_obs_intervals(row).tolist() == [[0.0, 0.07]]
                row += 1


def foreign(path, time=(0.4, 0.2, 0.3), ends=(2, 2, 3), ids=(7, 3, 9), resolution=None, **columns):
    """Write a table of units in the layout of pynwb."""
    with h5py.File(path, "w") as file:
        file.attrs["nwb_version"] = "2.6.0"
        stamps = file.create_dataset("units/spike_times", data=np.asarray(time))
        if resolution is not None:
            stamps.attrs["resolution"] = resolution
        file["units/spike_times_index"] = np.asarray(ends)
        file["units/id"] = np.asarray(ids)
        for name, values in columns.items():
            file[f"units/{name}"] = values
    return path


def test_tables_of_others(tmp_path):
    watched = {
        "obs_intervals": [[0.0, 0.1], [0.15, 0.45], [0.0, 1.0], [0.0, 0.9]],
        "obs_intervals_index": [2, 3, 4],
    }
    path = foreign(tmp_path / "f.nwb", quality=[1.0, 2.0, 3.0], **watched)
    found = nwb.read(path, 100.0)
    events = found.spikes["units"]
    assert (events.step.tolist(), events.unit.tolist(), events.n_units) == ([2, 3, 4], [0, 2, 0], 3)
    assert events.n_steps.tolist() == [10] and found.ids["units"].tolist() == [7, 3, 9]
    assert found.notes == (
        "units/obs_intervals: gaps in what was watched are not kept.",
        "units/quality is not read.",
    )
    assert nwb.describe(path) == {
        "kind": "NWB", "version": "2.6.0", "nodes": {"units": {"units": 3, "spikes": 3}}, "lost": ["units/quality"]
    }  # fmt: skip


def test_a_false_resolution_is_not_believed(tmp_path):
    path = foreign(tmp_path / "f.nwb", time=(0.4001, 0.2001, 0.3003), resolution=0.1)
    events = nwb.read(path).spikes["units"]
    assert isinstance(events, snn.TimedEvents) and np.allclose(events.time_ms, [200.1, 300.3, 400.1])
    path = foreign(tmp_path / "g.nwb", resolution=0.1)
    assert type(nwb.read(path).spikes["units"]) is snn.Events


@pytest.mark.parametrize("epoch", [0.0, 1e9])
def test_times_that_were_rounded_keep_their_steps(tmp_path, epoch):
    seconds = epoch + SERIES * DT / 1000
    time = seconds if epoch else seconds.astype(np.float32)
    assert (np.floor((time.astype(np.float64) - epoch) * 1000 / DT) != SERIES).mean() > 0.39
    path = foreign(tmp_path / "f.nwb", time, [SERIES.size], [0])
    assert np.array_equal(nwb.read(path, DT, start_s=epoch).spikes["units"].step, SERIES)


BAD = [
    (
        {"ends": [2, 1, 3]},
        {},
        r"units/spike_times_index\[1\] must be >= 2, the end of the unit before it, got 1",
    ),
    ({"ends": [2, 2, 4]}, {}, "units/spike_times_index must be up to 3, the number of spikes"),
    ({"ends": [2, 3]}, {}, "units/id must be of 2 rows, as the table, got 3"),
    ({"ids": [7, 3, 7]}, {}, "units/id must be a number of its own for each unit"),
    ({"population": ["a", "b"]}, {}, "units/population must be of 3 rows, as the table, got 2"),
    (
        {"time": [0.1, np.inf, 0.2]},
        {},
        r"units/spike_times of population 'units'\[1\] must be finite, got inf",
    ),
    ({"obs_intervals": [[0.0, 1.0]]}, {}, "the file is incomplete: no data set 'units/obs_intervals_index'"),
    (
        {"obs_intervals": [[0.0, 0.3]] * 3, "obs_intervals_index": [1, 2, 3]},
        {},
        r"'units'\[0\] must be before the end, 0.3 \(3 steps\): windows here are half-open, got 0.4",
    ),
    ({}, {"start_s": 0.25}, r"'units'\[1\] must be from 0.25 to"),
]


@pytest.mark.parametrize(("table", "given", "message"), BAD)
def test_refused(tmp_path, table, given, message):
    path = foreign(tmp_path / "f.nwb", **table)
    with pytest.raises(ValueError, match="^" + re.escape(str(path)) + ": .*" + message):
        nwb.read(path, 100.0, **given)


def test_what_cannot_be_written_is_refused(tmp_path):
    spikes = on_grid(random_spikes(0, DT, samples=2))
    with pytest.raises(ValueError, match=r"spikes\['grid'\] must be of one sample for NWB; select"):
        nwb.write(spikes, tmp_path / "f.nwb")
    one = {"grid": spikes["grid"].select([0])}
    with pytest.raises(ValueError, match="session_start must be of a time zone"):
        nwb.write(one, tmp_path / "f.nwb", session_start=datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="description must be a sentence, got ''"):
        nwb.write(one, tmp_path / "f.nwb", description="")
    assert not list(tmp_path.iterdir())

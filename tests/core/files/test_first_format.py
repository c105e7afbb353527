"""Files of the first formats: events are read as ever, the others are refused by their version."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import pytest

import snn
from snn.core import Events, Network, Recording, SimulationState

FIRST = Path(__file__).resolve().parents[2] / "data" / "first_format"
EVENTS = Events.from_lists([[0, 2, 2, 7], []], [[1, 0, 0, 1], []], n_units=2, dt_ms=1.0, n_steps=[10, 4])


def test_events_are_read():
    assert Events.load(FIRST / "events.h5") == EVENTS


def test_events_are_still_written_so(tmp_path):
    EVENTS.save(tmp_path / "events.h5")
    with h5py.File(FIRST / "events.h5") as old, h5py.File(tmp_path / "events.h5") as new:
        assert dict(old.attrs) == dict(new.attrs)
        names: list[str] = []
        old.visit(names.append)
        for name in names:
            if isinstance(old[name], h5py.Group):
                continue
            assert new[name].dtype == old[name].dtype
            assert [*map(str, new[name][()])] == [*map(str, old[name][()])]


def test_the_shd_layout_is_read():
    """Times in s as float16, labels and speakers beside them: 0.1 is stored as 0.09998, by floor step 99."""
    events = Events.load(FIRST / "shd.h5", dt_ms=1.0, n_units=700)
    assert events.step.tolist() == [0, 99, 250] and events.unit.tolist() == [699, 1, 3]
    assert events.offsets.tolist() == [0, 3, 3] and events.n_steps.tolist() == [251, 0]


@pytest.mark.parametrize(
    ("name", "load", "text"),
    [
        ("network.h5", Network.load, "'snn.network' must be 3, which this release reads, got 2"),
        ("state.h5", SimulationState.load, "'snn.state' must be 3, which this release reads, got 2"),
        ("recording", Recording.load, "'snn.recording' must be 2, which this release reads, got 1"),
    ],
)
def test_the_others_are_refused_by_version(name, load, text):
    with pytest.raises(ValueError, match=f"^{FIRST / name}.*: version of the format {text}$"):
        load(FIRST / name)


def test_a_recording_of_the_first_format_does_not_go_on(tmp_path):
    shutil.copytree(FIRST / "recording", tmp_path / "run")
    net = Network(1.0, [snn.Population("n", 2, snn.LIFParams(decay=0.5))])
    with pytest.raises(ValueError, match="version of the format 'snn.recording' must be 2"):
        snn.stream(net, None, tmp_path / "run", 20, resume=True)

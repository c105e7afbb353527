"""How files are written; those of the first formats, which have no checksum, are refused."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

import snn
from snn.core import Events, Network, Recording, SimulationState

FIRST = Path(__file__).resolve().parents[2] / "data" / "first_format"
EVENTS = Events.from_lists([[0, 2, 2, 7], []], [[1, 0, 0, 1], []], n_units=2, dt_ms=1.0, n_steps=[10, 4])


def test_events_are_written_so(tmp_path):
    """Ahead of the file a checksum; in it times for other readers, in the middle of steps."""
    path = tmp_path / "events.h5"
    EVENTS.save(path)
    content = path.read_bytes()
    rest, digest = content[512:], hashlib.sha256(content[512:]).hexdigest()
    line = f"snn file, sha256 of the following {len(rest)} bytes: {digest}\n"
    assert content[:512] == line.encode().ljust(512, b"\0") and rest.startswith(b"\x89HDF\r\n")
    with h5py.File(path) as file:
        assert dict(file.attrs) == {"format": "snn.events", "version": 2, "dt_ms": 1.0, "n_units": 2}
        times = file["spikes/times"]
        assert dict(times.attrs) == {"times_are": "the middle of the step", "unit": "s"}
        assert [row.tolist() for row in times] == [[0.0005, 0.0025, 0.0025, 0.0075], []]
        assert times[0].dtype == np.float64 and (times[0].astype("f4") // np.float32(0.001)).tolist() == [
            0,
            2,
            2,
            7,
        ]
        assert [row.tolist() for row in file["spikes/units"]] == [[1, 0, 0, 1], []]
        assert file["steps"][()].tolist() == [0, 2, 2, 7] and file["offsets"][()].tolist() == [0, 4, 4]


def test_the_shd_layout_is_read():
    """Times in s as float16, labels and speakers beside them: 0.1 is stored as 0.09998, by floor step 99."""
    events = Events.load(FIRST / "shd.h5", dt_ms=1.0, n_units=700)
    assert events.step.tolist() == [0, 99, 250] and events.unit.tolist() == [699, 1, 3]
    assert events.offsets.tolist() == [0, 3, 3] and events.n_steps.tolist() == [251, 0]


@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("events.h5", Events.load),
        ("network.h5", Network.load),
        ("state.h5", SimulationState.load),
        ("recording", Recording.load),
    ],
)
def test_files_without_a_checksum_are_refused(name, load):
    text = "must begin with the checksum that snn writes .* of a version of snn that wrote none$"
    with pytest.raises(ValueError, match=f"^{FIRST / name}.* {text}"):
        load(FIRST / name)


def test_a_recording_of_the_first_format_does_not_go_on(tmp_path):
    shutil.copytree(FIRST / "recording", tmp_path / "run")
    net = Network(1.0, [snn.Population("n", 2, snn.LIFParams(decay=0.5))])
    with pytest.raises(ValueError, match="must begin with the checksum that snn writes"):
        snn.stream(net, None, tmp_path / "run", 20, resume=True)

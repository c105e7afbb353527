"""Recordings of N-MNIST: read as written, and as tonic does; a bad one is named, with its event."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from samples import pack_events, write_recordings

from snn.datasets import DataError, nmnist, verify
from snn.datasets.formats.atis_bin import read_nmnist_bin
from snn.datasets.formats.locate import Source


def test_a_file_is_read_as_it_was_written(tmp_path):
    events = [(0, 33, 1, 0), (33, 0, 0, 255), (7, 8, 1, 65_536), (7, 8, 0, 8_388_607)]
    (tmp_path / "a.bin").write_bytes(pack_events(events))
    seen = read_nmnist_bin(Source(tmp_path / "a.bin"))
    got = zip(seen.x, seen.y, seen.polarity, seen.time_us, strict=True)
    assert [tuple(map(int, row)) for row in got] == events


def test_marks_of_overflow_are_read_as_tonic_does(tmp_path):
    from tonic.datasets import NMNIST
    from tonic.io import read_mnist_file

    events = [(9, 1, 1, 8000), (0, 240, 0, 8191), (9, 1, 0, 5), (0, 240, 0, 7), (8, 2, 1, 7)]
    (tmp_path / "a.bin").write_bytes(pack_events(events))
    seen, theirs = (
        read_nmnist_bin(Source(tmp_path / "a.bin")),
        read_mnist_file(tmp_path / "a.bin", NMNIST.dtype),
    )
    assert seen.time_us.tolist() == [8000, 8197, 16391] == theirs["t"].tolist()
    assert all(np.array_equal(column, theirs[name]) for column, name in zip(seen[1:], "xyp", strict=True))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "size must be a multiple of 5 bytes, and more than 0 .*, got 0"),
        (pack_events([(1, 2, 0, 5)])[:-1], "size must be a multiple of 5 bytes.*, got 4"),
        (pack_events([(1, 2, 0, 5), (34, 2, 0, 6)]), "x of event 1 must be 0 to 33, got 34"),
        (pack_events([(1, 241, 0, 5)]), "y of event 0 must be 0 to 33, got 241"),
        (
            pack_events([(1, 2, 0, 5), (1, 2, 0, 4)]),
            "time of event 1 must be >= 5 us, that of the event before it, got 4",
        ),
    ],
)
def test_a_bad_file_is_named(tmp_path, data, message):
    tree = write_recordings(tmp_path, 2, 1)
    (tree / "Train" / "3" / "00001.bin").write_bytes(data)
    with pytest.raises(DataError, match=f"Train/3/00001.bin: {message}"):
        nmnist(tree)
    packed = tmp_path / "bad.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(tree.rglob("*.bin")):
            archive.write(file, file.relative_to(tree))
    with pytest.raises(DataError, match=f"bad.zip:Train/3/00001.bin: {message}"):
        verify(packed)

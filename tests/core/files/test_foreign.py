"""HDF5 of other programs, read in a process of its own: values in their types, and what is refused without harm."""

from __future__ import annotations

import re

import h5py
import numpy as np
import pytest

from snn.core import Events
from snn.core.files import foreign
from snn.core.files.foreign import read_foreign


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.h5"


def refused(path, message, names=("a",)):
    with pytest.raises(ValueError, match="^" + re.escape(str(path)) + "[: ].*" + message) as caught:
        read_foreign(path, names)
    assert type(caught.value) is ValueError


@pytest.mark.parametrize("kind", ["<f2", "<f4", "<f8", ">f4", ">f8", "<u2", ">i8", "u1", "<u8"])
def test_numbers_come_in_their_own_type(path, kind):
    native = np.dtype(kind).newbyteorder("=")
    rows = [np.array([0, 1, 3], kind), np.array([], kind), np.array([2], kind)]
    with h5py.File(path, "w") as file:
        ragged = file.create_dataset("deep/rows", (3,), h5py.vlen_dtype(native))
        for b, row in enumerate(rows):
            ragged[b] = row
        file["table"] = np.arange(6).astype(kind).reshape(2, 3)
        file["packed"] = file["table"][()]
        file.create_dataset("chunks", data=np.arange(3000).astype(kind), compression="gzip")
        file["soft"] = h5py.SoftLink("/deep/rows")
        file.attrs["format"], file.attrs["version"] = "theirs", 3
    found = read_foreign(path, ("deep/rows", "table", "chunks", "soft", "none"))
    for name in ("deep/rows", "soft"):
        values, sizes = found.rows(name, "uif")
        assert values.dtype == native and values.tolist() == [0, 1, 3, 2] and sizes.tolist() == [3, 0, 1]
    values, sizes = found.rows("table", "uif")
    assert values.dtype == native and sizes.tolist() == [3, 3] and values.tolist() == list(range(6))
    assert np.array_equal(found.columns["chunks"].values, np.arange(3000).astype(kind))
    assert "none" not in found.columns and found.attributes == {"format": "theirs", "version": 3}
    assert set(found.there) == {"deep", "table", "packed", "chunks", "soft"}


def test_outline(path):
    with h5py.File(path, "w") as file:
        for name in ("one", "two"):
            file[f"deep/{name}/x"], file[f"deep/{name}/y/z"] = [1], [2]
        file["deep"].attrs["of"] = np.array([1, 2], "u4")
        order = h5py.enum_dtype({"none": 0, "by_id": 1}, basetype="u1")
        file["deep/two"].attrs.create("sorting", 1, dtype=order)
        file["deep/two/x"].attrs["units"], file["deep/two/x"].attrs["scale"] = "ms", 0.5
        file["deep/two/x"].attrs["columns"] = ["a", "b"]
        file["deep/two/x"].attrs["ref"] = file["deep/one/x"].ref
        file["deep/one/y/z"].attrs["unread"] = 1
    found = read_foreign(path, ("deep/*/x", "deep/none"), outline=True)
    assert list(found.columns) == ["deep/one/x", "deep/two/x"]
    assert found.names == ("deep/one/x", "deep/one/y/z", "deep/two/x", "deep/two/y/z")
    assert found.inner == {
        "deep": {"of": [1, 2]},
        "deep/one": {},
        "deep/one/x": {},
        "deep/two": {"sorting": "by_id"},
        "deep/two/x": {"units": "ms", "scale": 0.5, "columns": ["a", "b"]},
    }
    plain = read_foreign(path, ("deep/one/x",))
    assert plain.names == () and plain.inner == {}


def test_rows_of_the_other_byte_order_are_refused(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (1,), h5py.vlen_dtype(np.dtype(">f4")))[0] = np.array([1.0], ">f4")
    refused(path, "a must hold rows in this machine's byte order, got >f4")


def test_texts(path):
    with h5py.File(path, "w") as file:
        file["a"], file["b"] = np.array([b"one", "fünf".encode()]), ["x", "yz"]
        file["c"] = np.array([b"\xff\xfe"])
    assert read_foreign(path, ("a", "b")).texts == {"a": ["one", "fünf"], "b": ["x", "yz"]}
    refused(path, "c must be text in UTF-8, got", ("c",))


def link_out(file, folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["a"] = [1.0]
    file["a"] = h5py.ExternalLink("other.h5", "/a")


def soft_link_out(file, folder):
    file["group/x"] = [1]
    file["group/out"] = h5py.ExternalLink("other.h5", "/")
    file["a"] = h5py.SoftLink("/group/out/a")


def stored_elsewhere(file, folder):
    (folder / "raw").write_bytes(bytes(80))
    file.create_dataset("a", (10,), "f8", external=[(str(folder / "raw"), 0, 80)])


def virtual(file, folder):
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "a", (4,))
    file.create_virtual_dataset("a", layout)


def in_circles(file, folder):
    file["a"], file["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/a")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (link_out, "a must lie in the file itself, got a link to 'other.h5'"),
        (soft_link_out, "a must lie in the file itself, got a link to 'other.h5'"),
        (stored_elsewhere, "a must lie in the file itself, got values kept in another file"),
        (virtual, "a must lie in the file itself, got values kept in another file"),
        (in_circles, "a must be reached by at most 16 links"),
        (lambda file, _: file.create_dataset("a", (10**6,), "f8"), "shape of a must take at most .*, got 8000000"),
        (
            lambda file, _: file.create_dataset("a", (10**9,), "f8", chunks=(1000,), compression="gzip"),
            "shape of a must take at most .* got 8000000000",
        ),
        (
            lambda file, _: file.create_dataset("a", (5,), "f8", chunks=(10**8,), maxshape=(None,)),
            "chunks of a must take at most .* got 800000000",
        ),
        (lambda file, _: file.create_dataset("a", data=h5py.Empty("f8")), "a must hold values, got none"),
        (lambda file, _: file.create_dataset("a", data=np.zeros(2, "f8,i4")), "a must hold numbers or text, got"),
    ],
)  # fmt: skip
def test_what_reaches_out_or_is_too_large_is_refused(path, make, message):
    with h5py.File(path, "w") as file:
        make(file, path.parent)
    refused(path, message)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("while True: pass", "is damaged: the HDF5 library did not finish within 1 s of processor time"),
        ("import time; time.sleep(9)", "is damaged: the HDF5 library did not finish within 2 s"),
        ("import os; os.abort()", r"is damaged: the HDF5 library crashed on it \(signal 6\)"),
        ("raise SystemError('out of order')", "is damaged: .* could not read it: SystemError: out of order"),
    ],
)
def test_a_library_that_hangs_or_crashes_does_no_harm(path, tmp_path, monkeypatch, script, message):
    with h5py.File(path, "w") as file:
        file["a"] = [1]
    source = foreign._READER.read_text(encoding="utf-8")
    broken = tmp_path / "reader.py"
    broken.write_text(
        source.replace("    try:\n        arrays =", f"    {script}\n    try:\n        arrays =")
    )
    monkeypatch.setattr(foreign, "_READER", broken)
    monkeypatch.setattr(foreign, "CPU_S", 1)
    monkeypatch.setattr(foreign, "WALL_S", 2 if "sleep" in script else 30)
    refused(path, message)


def test_memory_is_limited(path, tmp_path, monkeypatch):
    with h5py.File(path, "w") as file:
        file["a"] = [1]
    broken = tmp_path / "reader.py"
    source = foreign._READER.read_text(encoding="utf-8")
    broken.write_text(
        source.replace("        with file:\n", "        with file:\n            bytes(1 << 33)\n", 1)
    )
    monkeypatch.setattr(foreign, "_READER", broken)
    refused(path, "needs more than the 4.. MiB that a file of its size may take")


def test_no_file(path, tmp_path):
    with pytest.raises(FileNotFoundError, match="no file at"):
        read_foreign(path, ("a",))
    with pytest.raises(FileNotFoundError, match="no file at"):
        read_foreign(tmp_path, ("a",))
    path.write_bytes(b"")
    refused(path, "is not a whole HDF5 file")


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("dt_ms", [0.1, 1.0, 10.0, 4.03])
def test_times_on_the_grid_keep_their_steps_in_every_type(path, kind, dt_ms):
    step = np.arange(3000)
    with h5py.File(path, "w") as file:
        for name, values in (("times", (step * dt_ms / 1000).astype(kind)), ("units", step % 7)):
            ragged = file.create_dataset(f"spikes/{name}", (1,), h5py.vlen_dtype(values.dtype))
            ragged[0] = values
    assert np.array_equal(Events.load(path, dt_ms=dt_ms, n_units=7).step, step)

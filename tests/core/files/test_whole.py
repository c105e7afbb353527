"""Files are there whole or not at all, and what killed writers left is removed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from snn.core.files.whole import remove_drafts, write_whole

HALF = """
import os, signal, sys
import snn.core.files.whole as whole
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
os.fsync = die
whole.write_whole(sys.argv[1], b"half")
"""


def test_the_draft_of_a_killed_writer_is_removed_by_the_next(tmp_path):
    path = tmp_path / "report [1].html"
    write_whole(path, b"old")
    assert subprocess.run([sys.executable, "-c", HALF, str(path)]).returncode == -signal.SIGKILL
    (draft,) = tmp_path.glob(".report*.part")
    alive = tmp_path / f".{path.name}.{os.getppid()}.part"
    other = tmp_path / f".other.html.{draft.name.split('.')[-2]}.part"
    for file in (alive, other):
        file.write_bytes(b"")
    assert path.read_bytes() == b"old"
    write_whole(path, b"new", memoryview(b" report"))
    assert path.read_bytes() == b"new report"
    assert sorted(tmp_path.iterdir()) == sorted([path, alive, other])
    remove_drafts(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([path, alive])
    remove_drafts(tmp_path / "none")


@pytest.mark.parametrize("place", ["none/a", "file/a", "folder"])
def test_what_cannot_be_written_is_named(tmp_path, place):
    (tmp_path / "file").write_bytes(b"here")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="could not write") as caught:
        write_whole(tmp_path / place, b"new")
    assert str(tmp_path / place) in str(caught.value)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "folder"]


def test_what_is_no_path_is_refused():
    with pytest.raises(TypeError, match="path must be the path of a file, got None"):
        write_whole(None, b"")
    for name in ("", "a\0b"):
        with pytest.raises(ValueError, match="path must be the path of a file, got"):
            write_whole(name, b"")

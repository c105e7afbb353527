"""A mapped file is what it was when it was opened, or it is refused."""

from __future__ import annotations

import os

import pytest

from snn.core.files.text import MappedText


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(b"some text\n" * 2000)
    return path


def test_bytes_lie_in_the_file(file):
    text = MappedText(file)
    text.check()
    assert bytes(text.data) == file.read_bytes()
    assert not text.data.flags.writeable and not text.data.flags.owndata


def test_a_file_that_was_changed_is_refused(file):
    text = MappedText(file)
    with file.open("r+b") as opened:
        opened.write(b"S")
    os.utime(file, ns=(0, 1))
    with pytest.raises(
        ValueError, match=r"text.txt must stay as it is while it is read, got one written since"
    ):
        text.check()


def test_a_file_that_was_cut_is_refused(file):
    text = MappedText(file)
    os.truncate(file, 100)
    with pytest.raises(ValueError, match="must stay as it is while it is read, got 100 bytes, not 20000"):
        text.check()


def test_another_file_in_its_place_is_refused(file):
    text = MappedText(file)
    other = file.with_name("other")
    other.write_bytes(file.read_bytes())
    os.utime(other, ns=(0, file.stat().st_mtime_ns))
    os.replace(other, file)
    with pytest.raises(ValueError, match="got one written since"):
        text.check()
    file.unlink()
    with pytest.raises(FileNotFoundError, match="must stay while it is read"):
        text.check()


def test_nothing_to_read_is_refused(tmp_path):
    (tmp_path / "empty").touch()
    with pytest.raises(ValueError, match="empty must hold text, got an empty file"):
        MappedText(tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match="no file at"):
        MappedText(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        MappedText(tmp_path)

"""Data sets by name: listed, found, verified, never fetched unasked."""

from __future__ import annotations

import shutil
import sys
import types
from pathlib import Path

import pytest

import snn.datasets
from snn.datasets import DataError, fetch, find, list_sets, shd, verify
from snn.datasets.embed import choose
from snn.datasets.formats.locate import locate
from snn.datasets.formats.shd_file import read_words

EMBEDDED = Path(snn.datasets.__file__).resolve().parent / "embedded"


def test_list_and_find(tmp_path, monkeypatch):
    monkeypatch.setenv("SNN_DATA", str(tmp_path))
    assert [known.name for known in list_sets()] == ["embedded", "shd", "nmnist", "mnist", "fashion-mnist"]
    assert shd(find("embedded"))[0].events == shd()[0].events
    with pytest.raises(
        FileNotFoundError, match="shd is not in .*set SNN_DATA to its folder, or: snn data fetch shd"
    ):
        find("shd")
    with pytest.raises(ValueError, match="no data set 'ssc'; known: embedded, shd, nmnist"):
        find("ssc")
    (tmp_path / "SHD").mkdir()
    (tmp_path / "SHD" / "shd_train.h5").write_bytes(b"")
    assert find("shd") == tmp_path / "SHD"


def test_verify(tmp_path):
    train, test = verify()
    assert (train.samples, test.samples) == (480, 120)
    assert train.checksum == test.checksum == "as published"
    assert train.name == "synthetic speech (espeak-ng number words)"
    for file in EMBEDDED.iterdir():
        shutil.copy(file, tmp_path)
    (tmp_path / "checksums.json").unlink()
    assert verify(tmp_path)[0].checksum == "unknown"
    (tmp_path / "checksums.json").write_text('{"espeak_words_test.h5.gz": "0"}')
    with pytest.raises(DataError, match="has sha256 .* published is 0"):
        verify(tmp_path)


def test_the_embedded_choice_is_even():
    words = read_words(locate(EMBEDDED)["train"])
    chosen = choose(words, 5)
    assert len(chosen) == 100 and len(set(chosen)) == 100
    speakers = {label: words.speakers[chosen][words.labels[chosen] == label] for label in range(20)}
    assert all(len(set(voices)) == 5 for voices in speakers.values())
    assert (choose(words, 5) == chosen).all()


def test_fetch_asks_tonic(tmp_path, monkeypatch):
    asked = []
    fake = types.SimpleNamespace(
        datasets=types.SimpleNamespace(
            SHD=lambda save_to, train: asked.append((save_to, train)),
            NMNIST=lambda save_to, train: asked.append((save_to, train)),
        )
    )
    monkeypatch.setitem(sys.modules, "tonic", fake)
    assert fetch("shd", tmp_path) == tmp_path / "SHD"
    assert asked == [(str(tmp_path), True), (str(tmp_path), False)]
    assert fetch("nmnist", tmp_path) == tmp_path / "NMNIST" and asked[2:] == asked[:2]

    def broken(**_):
        raise RuntimeError("no connection")

    fake.datasets.SHD = broken
    with pytest.raises(OSError, match="could not fetch shd: no connection"):
        fetch("shd", tmp_path)
    with pytest.raises(ValueError, match="cannot fetch 'embedded'; can: shd, nmnist"):
        fetch("embedded")

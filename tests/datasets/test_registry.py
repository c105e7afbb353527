"""Data sets by name: listed, found, verified, never fetched unasked."""

from __future__ import annotations

import shutil
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from event_files import write_cifar10_dvs, write_gesture_arrays, write_gestures
from samples import write_recordings

import snn.datasets
from snn.cli import main
from snn.datasets import DataError, fetch, find, images, list_sets, shd, verify

EMBEDDED = Path(snn.datasets.__file__).resolve().parent / "embedded"
FASHION = Path("/usr/share/datasets/fashion-mnist")


def test_list_and_find(tmp_path, monkeypatch):
    monkeypatch.setenv("SNN_DATA", str(tmp_path))
    names = [
        "embedded",
        "shd",
        "ssc",
        "gsc",
        "nmnist",
        "dvs-gesture",
        "cifar10-dvs",
        "mnist",
        "fashion-mnist",
    ]
    assert [known.name for known in list_sets()] == names
    assert list_sets()[0].folder == find("embedded")
    assert shd(find("embedded"))[0].events == shd()[0].events
    with pytest.raises(
        FileNotFoundError, match="shd is not in .*set SNN_DATA to its folder, or: snn data fetch shd"
    ):
        find("shd")
    with pytest.raises(ValueError, match="name must be one of 'embedded', 'shd', .*, got 'sss'"):
        find("sss")
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
    with pytest.raises(DataError, match="test.h5.gz: sha256 must be 0 as published, got"):
        verify(tmp_path)


def test_verify_counts_every_event(tmp_path, capsys):
    tree = write_recordings(tmp_path)
    train, test = verify(tree)
    assert (train.samples, test.samples) == (40, 20) and train.about == "40 recordings, 2400 events"
    assert train.name == "N-MNIST sample (40 + 20 of 60000 + 10000 recordings)"
    assert main(["data", "verify", str(tree)]) == 0
    assert "40 recordings, 2400 events, every one in range" in capsys.readouterr().out


def test_verify_knows_other_recordings(tmp_path):
    train, test = verify(write_gestures(tmp_path / "gestures"))
    assert (train.samples, test.samples) == (22, 22) and train.about.startswith("22 recordings, 7")
    arrays, _ = verify(write_gesture_arrays(tmp_path / "arrays", people=1))
    assert arrays.about == "11 recordings, 330 events"
    objects, _ = verify(write_cifar10_dvs(tmp_path / "objects"))
    assert objects.about == "20 recordings, 600 events" and "CIFAR10-DVS" in objects.name


@pytest.mark.skipif(not FASHION.is_dir(), reason="the Debian package dataset-fashion-mnist is not here")
def test_fashion_mnist_is_found_and_whole():
    train, test = verify(FASHION)
    assert (train.name, train.samples, test.samples) == ("Fashion-MNIST", 60_000, 10_000)
    assert train.checksum == test.checksum == "as published"
    small, _, _ = images(max_train=100)
    assert small.classes[9] == "ankle boot" and np.bincount(small.labels).tolist() == [9] * 10


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
    with pytest.raises(ValueError, match="name must be one of 'shd', 'nmnist', got 'embedded'"):
        fetch("embedded")

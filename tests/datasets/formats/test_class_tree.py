"""Files by split and class: in folders, in one folder below, in zips; damaged and odd trees are named."""

from __future__ import annotations

import shutil
import zipfile

import pytest
from samples import write_recordings

from snn.datasets import DataError, nmnist


def zipped(folder, target, inside=""):
    with zipfile.ZipFile(target, "w") as archive:
        for file in sorted(folder.rglob("*.bin")):
            archive.write(file, f"{inside}{file.relative_to(folder)}")
    return target


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write_recordings(tmp_path_factory.mktemp("nmnist"))


def same(one, two):
    return all(a.events == b.events and (a.labels == b.labels).all() for a, b in zip(one, two, strict=True))


def test_every_way_to_the_tree_gives_the_same(tree, tmp_path, monkeypatch):
    deep = tmp_path / "deep" / "N-MNIST"
    shutil.copytree(tree, deep)
    for split in ("Train", "Test"):
        zipped(tree / split, tmp_path / f"{split.lower()}.zip", f"{split}/")
    (tmp_path / "pair").mkdir()
    for split in ("train", "test"):
        (tmp_path / f"{split}.zip").rename(tmp_path / "pair" / f"{split}.zip")
    ways = [deep, tmp_path / "deep", zipped(tree, tmp_path / "set.zip", "top/"), tmp_path / "pair"]
    first = nmnist(tree, valid_fraction=0.25)
    assert [len(part) for part in first] == [30, 10, 20]
    for way in ways:
        assert same(first, nmnist(way, valid_fraction=0.25)), way
    monkeypatch.setenv("SNN_DATA", str(tmp_path / "deep"))
    shutil.move(deep, tmp_path / "deep" / "NMNIST")
    assert same(first, nmnist(valid_fraction=0.25))
    monkeypatch.setenv("SNN_DATA", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="nmnist is not in .*snn data fetch nmnist"):
        nmnist()


def test_a_damaged_zip_is_named(tree, tmp_path):
    packed = zipped(tree, tmp_path / "set.zip")
    data = bytearray(packed.read_bytes())
    with zipfile.ZipFile(packed) as archive:
        info = archive.getinfo("Train/4/00002.bin")
    data[info.header_offset + 60] ^= 255
    (tmp_path / "bad.zip").write_bytes(data)
    with pytest.raises(DataError, match="bad.zip:Train/4/00002.bin is damaged: Bad CRC"):
        nmnist(tmp_path / "bad.zip")
    (tmp_path / "short.zip").write_bytes(data[:-200])
    with pytest.raises(DataError, match="short.zip is not a whole zip"):
        nmnist(tmp_path / "short.zip")


def test_wrong_trees_are_refused(tree, tmp_path):
    with pytest.raises(FileNotFoundError, match="no file, folder or zip at /nowhere"):
        nmnist("/nowhere")
    for place in (tmp_path, tree / "Train", tree / "Train" / "0" / "00000.bin"):
        with pytest.raises(
            DataError,
            match=r"must be a folder or zip that holds Train/<class>/\*.bin and .*, got none of train",
        ):
            nmnist(place)
    odd = write_recordings(tmp_path / "odd", 1, 1)
    (odd / "Test" / "9").rename(odd / "Test" / "nine")
    with pytest.raises(DataError, match="names of classes in test must be among 0, 1, .*, got nine"):
        nmnist(odd)
    half = write_recordings(tmp_path / "half", 1, 1)
    shutil.rmtree(half / "Test")
    with pytest.raises(
        DataError, match=r"holds Train/<class>/\*.bin and Test/<class>/\*.bin, got none of test"
    ):
        nmnist(half)

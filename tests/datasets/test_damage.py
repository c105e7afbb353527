"""Damaged files of every layout: read all the same, or refused in one way, with the name of the file."""

from __future__ import annotations

import gzip
import json
import shutil
import zipfile

import numpy as np
import pytest
from damages import damages
from PIL import Image
from samples import idx_bytes, small_mnist, write_image_folders, write_recordings, write_shd

from snn.core.files import foreign
from snn.datasets import DataError, images, nmnist, shd, verify
from snn.datasets.formats.atis_bin import read_nmnist_bin
from snn.datasets.formats.locate import Source
from snn.datasets.formats.shd_file import read_shd
from snn.datasets.known_folders import EMBEDDED


def check(read, target, whole, count, seed, name=None):
    """Read damaged forms of a file; every one must be read, or refused as it should be."""
    refused = 0
    for data in damages(whole, count, seed):
        target.write_bytes(data)
        try:
            read()
        except (ValueError, OSError, MemoryError) as error:
            assert isinstance(error, DataError | OSError | MemoryError) or type(error) is ValueError
            assert (name or target.name) in str(error), f"no file named: {error!r}"
            refused += 1
    assert refused > count / 20
    target.write_bytes(whole)


def shd_bytes(folder):
    rng = np.random.default_rng(0)
    times = [np.sort(rng.uniform(0, 0.1, 12)) for _ in range(6)]
    units = [rng.integers(0, 700, 12) for _ in times]
    write_shd(folder / "one.h5", times, units, np.arange(6) % 2, speakers=np.zeros(6))
    return (folder / "one.h5").read_bytes()


def test_hdf5(tmp_path, monkeypatch):
    monkeypatch.setattr(foreign, "CPU_S", 2)
    target = tmp_path / "damaged.h5"
    check(lambda: read_shd(Source(target)), target, shd_bytes(tmp_path), 30, 1)


def test_hdf5_packed(tmp_path):
    target = tmp_path / "damaged.h5.gz"
    check(lambda: read_shd(Source(target)), target, gzip.compress(shd_bytes(tmp_path)), 200, 2)


def test_a_recording(tmp_path):
    tree = write_recordings(tmp_path, 1, 1, digits=1)
    target = tree / "Train" / "0" / "00000.bin"
    check(lambda: read_nmnist_bin(Source(target)), target, target.read_bytes(), 200, 3)


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_a_zip_of_recordings(tmp_path, method):
    tree = write_recordings(tmp_path / "digits", 2, 1, digits=2)
    target = tmp_path / "set.zip"
    with zipfile.ZipFile(target, "w", method) as archive:
        for file in sorted(tree.rglob("*.bin")):
            archive.write(file, str(file.relative_to(tree)))
    check(lambda: nmnist(target, valid_fraction=0.5), target, target.read_bytes(), 200, 4 + method)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_idx(tmp_path, name, packed):
    small_mnist(tmp_path, packed)
    target = tmp_path / (name + ".gz" * packed)
    check(lambda: images(tmp_path), target, target.read_bytes(), 200, 20)


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGB"), ("PNG", "P"), ("JPEG", "L"), ("BMP", "RGB")])
def test_a_picture(tmp_path, kind, mode):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 10, 3)).astype(np.uint8)
    tree = write_image_folders(tmp_path, 2, 1, dict.fromkeys("ab", lambda _: pixels))
    target = tree / "train" / "b" / "1.png"
    Image.fromarray(pixels).convert(mode).convert(mode).save(target, kind)
    whole = target.read_bytes()
    for other in tree.rglob("*.png"):
        other.write_bytes(whole)
    check(lambda: images(tree, valid_fraction=0.5), target, whole, 200, 30)


def test_a_record_of_checksums(tmp_path):
    for file in EMBEDDED.iterdir():
        shutil.copy(file, tmp_path)
    record = tmp_path / "checksums.json"
    whole = record.read_bytes()
    odd = [
        b"[" * 100_000,
        b"[]",
        b"null",
        b"\xff\xfe",
        b"",
        b'{"espeak_words_train.h5.gz": 5}',
        b"1" * 5000,
        b" " * 2**21,
    ]
    odd += [json.dumps({"espeak_words_train.h5.gz": {}}).encode(), *damages(whole, 12, 40)]
    for data in odd:
        record.write_bytes(data)
        with pytest.raises(DataError, match="checksums.json|_words_t.*gz"):
            verify(tmp_path)
            raise DataError("checksums.json left as it was in all that matters")


@pytest.mark.parametrize("what", ["encrypted", "method", "missing"])
def test_zips_that_python_cannot_unpack(tmp_path, what):
    target = tmp_path / "set.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for split in ("train", "test"):
            archive.writestr(f"{split}.h5", shd_bytes(tmp_path))
    data = bytearray(target.read_bytes())
    with zipfile.ZipFile(target) as archive:
        for info in archive.infolist():
            central = data.index(b"PK\x01\x02", info.header_offset)
            if what == "encrypted":
                data[info.header_offset + 6] |= 1
                data[central + 8] |= 1
            elif what == "method":
                data[info.header_offset + 8] = data[central + 10] = 99
            else:
                data[info.header_offset : info.header_offset + 4] = b"none"
    target.write_bytes(data)
    with pytest.raises(DataError, match=r"set.zip:t.*\.h5 is damaged: "):
        shd(target, valid_fraction=0.5)


def test_labels_that_name_no_class(tmp_path):
    (tmp_path / "set").mkdir()
    small_mnist(tmp_path / "set", packed=False)
    images_file = tmp_path / "set" / "train-images-idx3-ubyte"
    for shape in ((0, 6, 5), (-1, 6, 5), (40, 0, 5), (2**31 - 1, 2**31 - 1, 2**31 - 1)):
        head = b"".join(int(size).to_bytes(4, "big", signed=True) for size in shape)
        images_file.write_bytes(idx_bytes(np.zeros((40, 6, 5)))[:4] + head + bytes(1200))
        with pytest.raises(DataError, match="train-images-idx3-ubyte"):
            images(tmp_path / "set")

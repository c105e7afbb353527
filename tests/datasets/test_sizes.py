"""Sizes that a file declares are held against the file before anything of that size is made."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
import warnings
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image
from samples import SMALL_SHD, idx_bytes, small_mnist, write_image_folders, write_recordings, write_small_shd

from snn.datasets import DataError, images, nmnist, shd
from snn.datasets.formats.locate import Source

ZEROS = gzip.compress(bytes(1 << 24), 9)
"""16 MiB of zeros in 16 kB: parts of a gzip file follow each other."""


def refused(read, message):
    """Read what must be refused, within 40 MB."""
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=message):
            read()
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("parts", [6, 64])
def test_hdf5_of_zeros(tmp_path, parts):
    for split in ("train", "test"):
        (tmp_path / f"{split}.h5.gz").write_bytes(ZEROS * parts)
    refused(lambda: shd(tmp_path), r"train.h5.gz: size must be at most \d+ bytes, unpacked, got more")


@pytest.mark.parametrize(
    "head", [b"", idx_bytes(np.zeros((40, 6, 5))), struct.pack(">4i", 0x803, 2**30, 1, 1)]
)
def test_idx_of_zeros(tmp_path, head):
    small_mnist(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(head) + ZEROS * 64)
    refused(
        lambda: images(tmp_path),
        "train-images-idx3-ubyte.gz: (first bytes|size|bytes by its sizes .*) must be",
    )


def with_member(folder, target, name, parts):
    """Pack a folder, and a member of `parts` times 16 MiB of zeros."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*.*")):
            archive.write(file, str(file.relative_to(folder)))
        with archive.open(name, "w") as member:
            for _ in range(parts):
                member.write(bytes(1 << 24))
    return target


def test_members_of_zeros(tmp_path):
    tree = write_recordings(tmp_path / "digits", 1, 1, digits=2)
    packed = with_member(tree, tmp_path / "digits.zip", "Train/1/zeros.bin", 2)
    refused(
        lambda: nmnist(packed, valid_fraction=0.5),
        "digits.zip:Train/1/zeros.bin: size must be at most 16777216",
    )
    made = dict.fromkeys("ab", lambda _: np.zeros((2, 2)))
    pictures = write_image_folders(tmp_path / "pictures", 2, 1, made)
    packed = with_member(pictures, tmp_path / "pictures.zip", "test/b/9.png", 5)
    refused(lambda: images(packed), "pictures.zip:test/b/9.png: size must be at most 67108864")


def test_a_zip_that_declares_less_than_it_holds(tmp_path):
    tree = write_recordings(tmp_path / "digits", 1, 1, digits=1)
    packed = with_member(tree, tmp_path / "digits.zip", "Train/0/zeros.bin", 1)
    data = packed.read_bytes().replace(struct.pack("<I", 1 << 24), struct.pack("<I", 50))
    packed.write_bytes(data)
    with pytest.raises(DataError, match="digits.zip:Train/0/zeros.bin"):
        nmnist(packed, valid_fraction=0.5)


def png(width, height, mode=2, depth=8):
    """A picture that declares a size, and holds next to nothing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, mode, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (png(20_000, 20_000), "is cut short or no image"),
        (png(12_000, 12_000), "size \(W, H\) must be of at most 16777216 pixels, got \(12000, 12000\)"),
        (png(3000, 3000), r"shape \(C, H, W\) must be \(1, 2, 2\) like the images before.*, got \(3, 3000, 3000\)"),
        (png(2, 2, 0, 16), "mode must be one of 8 bits a channel, got 'I;16'"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is cut short or no image"),
    ],
)  # fmt: skip
def test_pictures_are_measured_before_they_are_decoded(tmp_path, data, message):
    tree = write_image_folders(tmp_path, 2, 1, dict.fromkeys("ab", lambda _: np.zeros((2, 2))))
    (tree / "train" / "b" / "1.png").write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        refused(lambda: images(tree), f"train/b/1.png:? ({message})")


def test_two_members_of_one_name(tmp_path):
    for split in ("train", "test"):
        write_small_shd(tmp_path / f"{split}.h5", *SMALL_SHD)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for split in ("train", "test", "train"):
            archive.write(tmp_path / f"{split}.h5", f"{split}.h5")
    with pytest.raises(DataError, match="set.zip: names of files must differ, got 'train.h5' twice"):
        shd(tmp_path / "set.zip", valid_fraction=0.5)


def test_members_that_point_out_of_the_zip_are_refused(tmp_path):
    (tmp_path / "in").mkdir()
    for split in ("train", "test"):
        write_small_shd(tmp_path / f"{split}.h5", *SMALL_SHD)
    with zipfile.ZipFile(tmp_path / "in" / "set.zip", "w") as archive:
        archive.write(tmp_path / "train.h5", "../../train.h5")
        archive.write(tmp_path / "test.h5", "/test.h5")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="set.zip: names of files must stay within the zip, got"):
        shd(tmp_path / "in" / "set.zip", valid_fraction=0.5)
    assert sorted(tmp_path.rglob("*")) == before


def test_files_that_are_large_and_honest_are_read(tmp_path):
    whole = bytes(80 << 20)
    (tmp_path / "a.bin").write_bytes(whole)
    assert Source(tmp_path / "a.bin").read().getbuffer().nbytes == len(whole)
    (tmp_path / "b.gz").write_bytes(ZEROS * 3)
    assert Source(tmp_path / "b.gz").read().getbuffer().nbytes == 48 << 20

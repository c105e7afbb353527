"""Small data files of every layout that the package reads."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

SHARED = Path(os.environ.get("SNN_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"
"""Real data that some machines have."""


def write_shd(
    path: Path,
    times: Sequence[Any],
    units: Sequence[Any],
    labels: Any,
    *,
    speakers: Any = None,
    classes: Sequence[str] = ("a", "b"),
    time_type: Any = np.float16,
    unit_type: Any = np.uint16,
) -> None:
    """Write a file in SHD's layout; `times` (s) and `units` hold a row for each sample."""
    with h5py.File(path, "w") as file:
        for name, rows, kind in (("times", times, time_type), ("units", units, unit_type)):
            ragged = file.create_dataset(f"spikes/{name}", (len(rows),), h5py.vlen_dtype(np.dtype(kind)))
            for i, row in enumerate(rows):
                ragged[i] = np.asarray(row, dtype=kind)
        file["labels"] = np.asarray(labels, dtype=np.uint16)
        if speakers is not None:
            file["extra/speaker"] = np.asarray(speakers, dtype=np.uint16)
        file["extra/keys"] = np.array([name.encode() for name in classes])


SMALL_SHD = ([[0.1, 0.2], [0.3], [0.1], [0.2, 0.2]], [[1, 2], [3], [4], [699, 0]], [0, 1, 0, 1])
"""Times (s), units and labels of four samples."""


def write_small_shd(path: Path, times: Any, units: Any, labels: Any) -> None:
    """Write a file in SHD's layout in types that hold impossible values too."""
    write_shd(path, times, units, labels, time_type=np.float64, unit_type=np.int32)


def small_shd(folder: Path) -> Path:
    """Write train.h5 and test.h5 of the four samples of `SMALL_SHD`, without speakers."""
    for split in ("train", "test"):
        write_small_shd(folder / f"{split}.h5", *SMALL_SHD)
    return folder


def pack_events(events: Iterable[tuple[int, int, int, int]]) -> bytes:
    """Write (x, y, polarity, microseconds) as N-MNIST does: 5 bytes each, 23 bits of time, big-endian."""
    rows = bytearray()
    for x, y, p, t in events:
        rows += bytes([x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255])
    return bytes(rows)


def write_recordings(
    folder: Path,
    train: int = 4,
    test: int = 2,
    digits: int = 10,
    make: Callable[[int, int], Iterable[tuple[int, int, int, int]]] | None = None,
) -> Path:
    """Write N-MNIST's tree with so many recordings of each digit.

    `make` gives the events of a recording from its digit and number; by default 60 of them in three columns of the
    sensor that belong to the digit, in about 300 ms.
    """
    rng = np.random.default_rng(0)

    def in_columns(digit: int, _: int) -> list[tuple[int, int, int, int]]:
        times = np.sort(rng.integers(0, 305_000, 60))
        return [
            (3 * digit + int(rng.integers(3)), int(rng.integers(34)), int(rng.integers(2)), int(t))
            for t in times
        ]

    for split, count in (("Train", train), ("Test", test)):
        for digit in range(digits):
            place = folder / split / str(digit)
            place.mkdir(parents=True)
            for i in range(count):
                (place / f"{i:05d}.bin").write_bytes(pack_events((make or in_columns)(digit, i)))
    return folder


def idx_bytes(array: np.ndarray) -> bytes:
    """Write the idx format: two zeros, type 8 (bytes), axes, big-endian sizes, values."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def write_idx(
    folder: Path, train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], *, packed: bool
) -> None:
    """Write MNIST's four files; a split is pixels [B, H, W] and labels [B]."""
    for split, (pixels, labels) in (("train", train), ("t10k", test)):
        for name, array in (("images-idx3-ubyte", pixels), ("labels-idx1-ubyte", labels)):
            data = idx_bytes(array)
            file = folder / f"{split}-{name}{'.gz' if packed else ''}"
            file.write_bytes(gzip.compress(data) if packed else data)


def small_mnist(
    folder: Path, packed: bool = True
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Write 40 training and 20 test images of 6 x 5 in four classes; gives pixels and labels of both."""
    rng = np.random.default_rng(0)
    train, test = ((rng.integers(0, 256, (n, 6, 5)), np.arange(n) % 4) for n in (40, 20))
    write_idx(folder, train, test, packed=packed)
    return train, test


def write_image_folders(
    folder: Path, train: int, test: int, make: dict[str, Callable[[int], np.ndarray]]
) -> Path:
    """Write train/<class>/<i>.png and test/<class>/<i>.png; `make` gives the pixels of image i of each class."""
    for split, count in (("train", train), ("test", test)):
        for name, pixels in make.items():
            (folder / split / name).mkdir(parents=True)
            for i in range(count):
                Image.fromarray(pixels(i).astype(np.uint8)).save(folder / split / name / f"{i}.png")
    return folder

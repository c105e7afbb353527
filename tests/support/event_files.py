"""Small recordings of event cameras in every native format, written word by word."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from snn.datasets.formats.camera_events import CameraEvents

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def drawn_events(
    n: int, sensor: tuple[int, int], seed: int = 0, span_us: int = 100_000, start_us: int = 0
) -> CameraEvents:
    """Draw events anywhere on a sensor of so many rows and columns, in order of time."""
    rng = np.random.default_rng(seed)
    time_us = start_us + np.sort(rng.integers(0, span_us, n))
    return CameraEvents(
        time_us, rng.integers(0, sensor[1], n), rng.integers(0, sensor[0], n), rng.integers(0, 2, n)
    )


def rows(seen: CameraEvents) -> list[tuple[int, ...]]:
    """Give (microseconds, x, y, polarity) of each event."""
    return [tuple(map(int, row)) for row in zip(*seen, strict=True)]


def aedat2(words: Iterable[tuple[int, int]], header: Sequence[str] = ()) -> bytes:
    """Write AEDAT 2.0: (address, microseconds) of each event."""
    lines = ("#!AER-DAT2.0", "# This is a raw AE data file - do not edit", *header)
    return "".join(f"{line}\r\n" for line in lines).encode() + b"".join(
        struct.pack(">II", address, time % 2**32) for address, time in words
    )


def of_dvs128(seen: CameraEvents) -> list[tuple[int, int]]:
    """Give addresses and times as a DVS128 has them: rows from the bottom, columns from the right, 0 is ON."""
    return [(127 - y << 8 | 127 - x << 1 | 1 - p, t) for t, x, y, p in rows(seen)]


def packet(words: Iterable[tuple[int, int]], overflow: int = 0, kind: int = 1, spare: int = 0) -> bytes:
    """Write a packet of AEDAT 3.1 with room for `spare` more events than there are."""
    body = b"".join(struct.pack("<II", *word) for word in words) + bytes(8 * max(spare, 0))
    number = len(body) // 8 - max(spare, 0)
    return struct.pack("<hhiiiiii", kind, 1, 8, 4, overflow, number + spare, number, number) + body


def polarity_words(seen: CameraEvents) -> list[tuple[int, int]]:
    """Give the words of events in AEDAT 3.1."""
    return [(x << 17 | y << 2 | p << 1 | 1, t % 2**31) for t, x, y, p in rows(seen)]


def aedat3(*packets: bytes, header: Sequence[str] = ("#Format: RAW", "#Source 1: DVS128")) -> bytes:
    """Write AEDAT 3.1."""
    lines = ("#!AER-DAT3.1", *header, "#!END-HEADER")
    return "".join(f"{line}\r\n" for line in lines).encode() + b"".join(packets)


def write_cifar10_dvs(folder: Path, numbers: Sequence[int] = (0, 100, 101), n: int = 30) -> Path:
    """Write CIFAR10-DVS's folders with the recordings of these numbers in each class."""
    for label, name in enumerate(CIFAR10):
        (folder / name).mkdir(parents=True)
        for number in numbers:
            words = of_dvs128(drawn_events(n, (128, 128), 1000 * label + number, start_us=5000))
            (folder / name / f"cifar10_{name}_{number}.aedat").write_bytes(aedat2(words))
    return folder


def write_gestures(folder: Path, people: int = 2, trials: int = 11, n: int = 400) -> Path:
    """Write DVS-Gesture's official files: so many people in each split, each with one trial of each class."""
    folder.mkdir(parents=True, exist_ok=True)
    for first, split in ((1, "train"), (24, "test")):
        names = [f"user{first + i:02d}_led" for i in range(people)]
        (folder / f"trials_to_{split}.txt").write_text("".join(f"{name}.aedat\n" for name in names))
        for i, name in enumerate(names):
            seen = drawn_events(n, (128, 128), first + i, span_us=1000 * trials, start_us=10**6)
            words = polarity_words(seen)
            packets = [packet(words[k : k + 16]) for k in range(0, n, 16)]
            (folder / f"{name}.aedat").write_bytes(aedat3(*packets))
            table = [f"{k + 1},{10**6 + 1000 * k},{10**6 + 1000 * k + 900}\n" for k in range(trials)]
            (folder / f"{name}_labels.csv").write_text("class,startTime_usec,endTime_usec\n" + "".join(table))
    return folder


def write_gesture_arrays(folder: Path, people: int = 2) -> Path:
    """Write what tonic leaves of DVS-Gesture: an array for each trial, in milliseconds."""
    for first, split in ((1, "Train"), (24, "Test")):
        for user in range(first, first + people):
            place = folder / f"ibmGesture{split}" / f"user{user:02d}_led"
            place.mkdir(parents=True)
            for label in range(11):
                seen = drawn_events(30, (128, 128), 100 * user + label, span_us=600, start_us=80_000)
                array = np.stack([seen.x, seen.y, seen.polarity, seen.time_us], axis=1).astype(float)
                np.save(place / f"{label}.npy", array)
    return folder

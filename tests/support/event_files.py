"""Small recordings of event cameras in every native format, written word by word."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from samples import pack_events
from scipy.io import savemat

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


def evt(words: Iterable[int], version: str = "3.0", header: Sequence[str] = ()) -> bytes:
    """Write EVT 2.0 or 3.0."""
    lines = ("% Date 2020-09-25 07:48:29", f"% evt {version}", *header)
    text = "".join(f"{line}\n" for line in lines).encode()
    return text + np.array(list(words), "<u4" if version == "2.0" else "<u2").tobytes()


def evt2_words(seen: CameraEvents) -> list[int]:
    """Give the words of events in EVT 2.0: the upper bits of time before each."""
    return [
        word
        for t, x, y, p in rows(seen)
        for word in (8 << 28 | (t >> 6) % 2**28, p << 28 | (t & 63) << 22 | x << 11 | y)
    ]


def evt3_words(seen: CameraEvents) -> list[int]:
    """Give the words of events in EVT 3.0: both halves of time, the row, and a vector or one pixel in turn."""
    words = []
    for i, (t, x, y, p) in enumerate(rows(seen)):
        words += [0x8000 | (t >> 12) % 4096, 0x6000 | t % 4096, y]
        if i % 3 == 0:
            words += [0x2000 | p << 11 | x]
        else:
            width, kind = (12, 0x4000) if i % 3 == 1 else (8, 0x5000)
            base = max(x - width + 1, 0)  # in the last pixel of the second vector, or near to it
            words += (
                [0x3000 | p << 11 | max(base - width, 0), kind, kind | 1 << x - base]
                if base >= width
                else [
                    0x3000 | p << 11 | base,
                    kind | 1 << x - base,
                ]
            )
    return words


def dat(seen: CameraEvents, header: Sequence[str] = ("% Version 2",), kind: int = 12) -> bytes:
    """Write DAT."""
    text = "".join(f"{line}\n" for line in header).encode() + bytes([kind, 8])
    return text + b"".join(struct.pack("<II", t % 2**32, p << 28 | y << 14 | x) for t, x, y, p in rows(seen))


def stmnist_matrix(seen: CameraEvents) -> np.ndarray:
    """Give ST-MNIST's matrix: a row for each of 100 sensors and one for the time, s."""
    matrix = np.zeros((101, len(seen.x)))
    matrix[10 * seen.y + seen.x, np.arange(len(seen.x))] = 2 * seen.polarity - 1
    matrix[-1] = seen.time_us / 1e6
    return matrix


def lz4_frame(data: bytes, block: int = 1 << 16) -> bytes:
    """Write an LZ4 frame in which no byte is repeated: each block as it is, and as literals, in turn."""
    frame = struct.pack("<IBBB", 0x184D2204, 0x40, 0x40, 0xC0)
    for i, start in enumerate(range(0, len(data), block)):
        piece = data[start : start + block]
        if i % 2:
            frame += struct.pack("<I", 1 << 31 | len(piece)) + piece
        else:
            more, rest = divmod(max(len(piece) - 15, 0), 255)
            size = bytes([len(piece) << 4]) if len(piece) < 15 else b"\xf0" + b"\xff" * more + bytes([rest])
            frame += struct.pack("<I", len(size + piece)) + size + piece
    return frame + bytes(4)


def aedat4(packets: Sequence[CameraEvents], packing: int = 1, sensor: tuple[int, int] = (260, 346)) -> bytes:
    """Write AEDAT 4.0: the events of each packet, and one of another stream among them."""
    stream = '<node name="{}"><attr key="typeIdentifier">{}</attr><node name="info">{}</node></node>'
    size = "".join(f'<attr key="size{axis}">{n}</attr>' for axis, n in zip("YX", sensor, strict=True))
    streams = stream.format(0, "EVTS", size) + stream.format(2, "IMUS", "")
    text = f'<dv version="2.0"><node name="outInfo">{streams}</node></dv>'.encode()
    head = (
        struct.pack("<I4sHHHHH2xiiqII", 20, b"IOHE", 10, 20, 4, 8, 16, 12, packing, -1, 4, len(text)) + text
    )
    data = b"#!AER-DAT4.0\r\n" + struct.pack("<I", len(head)) + head + struct.pack("<ii3s", 2, 3, b"imu")
    for seen in packets:
        body = b"".join(struct.pack("<qhhB3x", *row) for row in rows(seen))
        table = struct.pack("<I4sHHH2xiII", 16, b"EVTS", 6, 8, 4, 8, 4, len(seen.x)) + body
        plain = struct.pack("<I", len(table)) + table
        stored = lz4_frame(plain) if packing else plain
        data += struct.pack("<ii", 0, len(stored)) + stored
    return data


def write_event_files(folder: Path) -> Path:
    """Write one recording in every native format."""
    seen, in_mat = drawn_events(40, (34, 34)), drawn_events(40, (10, 10))
    for name, data in {
        "2.aedat": aedat2(of_dvs128(seen)),
        "3.aedat": aedat3(packet(polarity_words(seen))),
        "4.aedat4": aedat4([seen]),
        "evt2.raw": evt(evt2_words(seen), "2.0"),
        "evt3.raw": evt(evt3_words(seen)),
        "a.dat": dat(seen),
        "a.bin": pack_events((x, y, p, t) for t, x, y, p in rows(seen)),
    }.items():
        (folder / name).write_bytes(data)
    savemat(folder / "a.mat", {"spiketrain": stmnist_matrix(in_mat)}, do_compression=True)
    return folder

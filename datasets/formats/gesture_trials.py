"""The files of DVS-Gesture: recordings of a person with a table of trials, or tonic's arrays, one for each trial.

Source: Amir et al., "A low power, fully event-based gesture recognition system", 2017.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snn.core.checks import wholes
from snn.datasets.errors import DataError, data_refusal, reading
from snn.datasets.formats.aedat3 import after_header, find_packets, packed_words, valid_events
from snn.datasets.formats.camera_events import CameraEvents, check_events, from_first_event
from snn.datasets.formats.class_tree import LabelledFiles
from snn.datasets.formats.locate import SPLITS, Source

__all__ = ["GESTURES", "SENSOR", "Trial", "find_arrays", "find_trials", "read_array", "read_trial"]

SENSOR = (128, 128)
"""Rows and columns of the camera."""
GESTURES = (
    *("hand clapping", "right hand wave", "left hand wave"),
    *("right arm clockwise", "right arm counter-clockwise"),
    *("left arm clockwise", "left arm counter-clockwise"),
    *("arm roll", "air drums", "air guitar", "other gestures"),
)
"""Names of the classes, in the order of their numbers."""
_TABLE = "class,startTime_usec,endTime_usec"
_ARRAY = re.compile(r"^\d+\.npy$")
_MOST_TEXT = 1 << 20
_MOST_MS = 2**40


@dataclass(frozen=True, slots=True)
class Trial(Source):
    """Name one trial of a recording.

    Attributes:
        row: Its row in the table, from 1.
        time_us: Its start and end by the clock of the recording, us; the end is no part of it.
        place: First byte of the packets that hold it, and the byte after them.
    """

    row: int = 0
    time_us: tuple[int, int] = (0, 0)
    place: tuple[int, int] = (0, 0)

    def __str__(self) -> str:
        """Say where it is."""
        return f"{self.path}, trial {self.row}"


_Labelled = list[tuple[Source, int]]


def find_trials(where: Path, *, sort: bool = False) -> dict[str, LabelledFiles] | None:
    """Find the trials of both splits ("train", "test") in the official files; None where there are none.

    Every recording is read and checked.

    Args:
        where: The folder.
        sort: Put events in order of time where they are not.

    Raises:
        OSError: A file cannot be read.
        DataError: A list, a table or a recording is damaged, or a trial holds no events.
    """
    lists = {split: where / f"trials_to_{split}.txt" for split in SPLITS}
    if not any(file.is_file() for file in lists.values()):
        return None
    return {
        split: _files([trial for name in _names(file) for trial in _trials(where / name, sort)])
        for split, file in lists.items()
    }


def _files(found: _Labelled) -> LabelledFiles:
    labels = np.array([label for _, label in found], dtype=np.int64)
    return LabelledFiles(tuple(source for source, _ in found), labels, GESTURES)


def _names(file: Path) -> list[str]:
    lines = [line.strip() for line in _text(file).splitlines()]
    names = [line for line in lines if line]
    for name in names:
        if not re.fullmatch(r"[\w.-]+\.aedat", name):
            raise data_refusal(file, "each line", "the name of a recording, *.aedat", name)
    if not names:
        raise data_refusal(file, "lines", "names of recordings", names)
    return names


def _text(file: Path) -> str:
    with reading(file, "must hold text"):
        return Source(file).read(_MOST_TEXT).getvalue().decode("ascii")


def _trials(recording: Path, sort: bool) -> _Labelled:
    """Cut a recording into the trials of its table; trials may overlap, as two of the official ones do."""
    source, data = Source(recording), Source(recording).read().getbuffer()
    packets = find_packets(source, data, after_header(source, data))
    time_us, word = packed_words(data, packets)
    check_events(source, valid_events(time_us, word), SENSOR, sort=sort)
    table = recording.with_name(f"{recording.stem}_labels.csv")
    found: _Labelled = []
    for row, (label, start, stop) in enumerate(_rows(table), 1):
        own = np.flatnonzero((time_us >= start) & (time_us < stop) & (word & 1 == 1))
        if not own.size:
            rule = f"a time within the events of {recording.name}"
            raise data_refusal(table, f"row {row}", rule, (start, stop))
        place = packets.bytes_of(int(own[0]), int(own[-1]))
        found.append((Trial(recording, None, row, (start, stop), place), label - 1))
    return found


def _rows(table: Path) -> list[tuple[int, int, int]]:
    head, *lines = _text(table).splitlines() or [""]
    if head.replace(" ", "") != _TABLE:
        raise data_refusal(table, "first line", _TABLE, head)
    rows = []
    for number, line in enumerate(filter(None, map(str.strip, lines)), 1):
        found = re.fullmatch(r"(\d{1,18}) *, *(\d{1,18}) *, *(\d{1,18})", line)
        label, start, stop = map(int, found.groups()) if found else (0, 0, 0)
        if not 1 <= label <= len(GESTURES) or start >= stop:
            rule = f"a class from 1 to {len(GESTURES)}, a start and a later end"
            raise data_refusal(table, f"row {number}", rule, line)
        rows.append((label, start, stop))
    return rows


def read_trial(source: Source, *, sort: bool = False) -> CameraEvents:
    """Read a trial that `find_trials` found, time counted from its first event.

    Raises:
        OSError: It cannot be read.
        DataError: The file has been damaged since.
    """
    assert isinstance(source, Trial)
    with source.opened() as file:
        file.seek(source.place[0])
        data = memoryview(file.read(source.place[1] - source.place[0]))
    time_us, word = packed_words(data, find_packets(source, data, 0))
    own = (time_us >= source.time_us[0]) & (time_us < source.time_us[1])
    return from_first_event(check_events(source, valid_events(time_us[own], word[own]), SENSOR, sort=sort))


def find_arrays(where: Path, *, sort: bool = False) -> dict[str, LabelledFiles] | None:
    """Find the trials of both splits as tonic leaves them; None where they are not in the folder or one below it.

    Every file is read and checked.

    Args:
        where: The folder.
        sort: Put events in order of time where they are not.

    Raises:
        OSError: A file cannot be read.
        DataError: A split is missing or empty, a file is named after no class, or damaged.
    """
    names = {split: f"ibmGesture{split.capitalize()}" for split in SPLITS}
    tops = [
        top
        for top in (where, *sorted(where.iterdir()))
        if any((top / name).is_dir() for name in names.values())
    ]
    return {split: _files(_arrays(tops[0] / name, sort)) for split, name in names.items()} if tops else None


def _arrays(folder: Path, sort: bool) -> _Labelled:
    files = [file for file in sorted(folder.glob("*/*.npy")) if _ARRAY.match(file.name)]
    if not files:
        raise DataError(f"{folder} must hold <user>/<class>.npy, got none")
    for file in files:
        if int(file.stem) >= len(GESTURES):
            raise data_refusal(file, "name", f"a class from 0 to {len(GESTURES) - 1}", file.name)
        read_array(Source(file), sort=sort)
    return [(Source(file), int(file.stem)) for file in files]


def read_array(source: Source, *, sort: bool = False) -> CameraEvents:
    """Read a trial that tonic left: column, row, polarity and milliseconds of each event, [E, 4].

    Time is counted from the first event.

    Raises:
        OSError: It cannot be read.
        DataError: It is damaged, of another shape, a value is no whole number or impossible, or time runs back.
    """
    data = source.read()
    data.seek(0)
    with reading(source):
        array = np.load(data, allow_pickle=False)
    if array.ndim != 2 or array.shape[1] != 4:
        raise data_refusal(source, "the array", "of shape [E, 4]: x, y, polarity, ms", array)
    with reading(source, "is of another layout"):
        x, y, polarity, time_ms = wholes("the array", array, low=0, high=_MOST_MS).T.copy()
    if not time_ms.size:
        raise data_refusal(source, "the array", "of one event or more", array)
    seen = check_events(source, CameraEvents(1000 * time_ms, x, y, polarity), SENSOR, sort=sort)
    return from_first_event(seen)

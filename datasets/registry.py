"""The data sets known by name: where they are found, whether they are whole, and fetching one when asked."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from snn.datasets.errors import DataError
from snn.datasets.locate import Source, locate
from snn.datasets.shd import EMBEDDED, true_name
from snn.datasets.shd_file import read_words

__all__ = ["DataSet", "Report", "fetch", "find", "list_sets", "verify"]


@dataclass(frozen=True, slots=True)
class DataSet:
    """Describe a data set."""

    name: str
    """Name for `find` and `fetch`."""
    what: str
    """What it holds."""
    licence: str
    """Under which it is published."""
    size: str
    """Words and bytes."""
    folder: Path | None
    """Where it is on this machine, None where it is not."""


@dataclass(frozen=True, slots=True)
class Report:
    """Say what `verify` found in one split."""

    split: str
    """"train" or "test"."""
    source: str
    """The file."""
    name: str
    """What the file really holds."""
    words: int
    """Words, all checked."""
    spikes: int
    """Spikes, all checked."""
    sha256: str
    """Of the file as it lies there."""
    checksum: str
    """"as published", or "unknown" where no checksum is on record."""


def _folders() -> list[Path]:
    given = os.environ.get("SNN_DATA")
    return [*([Path(given)] if given else []), Path.home() / ".cache" / "snn"]


def _known(name: str) -> Path | None:
    for folder in _folders():
        for place in (folder / name, folder / name.upper(), folder):
            if place.is_dir() and any(place.glob(f"{name}_train.h5*")):
                return place
    return None


def list_sets() -> tuple[DataSet, ...]:
    """List the data sets, and where they are on this machine."""
    return (
        DataSet(
            "embedded",
            "synthetic speech: English and German number words, espeak-ng voices through SHD's cochlea model",
            "Apache-2.0 (part of this package)",
            "600 words, 6 MB",
            EMBEDDED,
        ),
        DataSet(
            "shd",
            "SHD, the Spiking Heidelberg Digits: real speech",
            "CC BY 4.0",
            "10 420 words, 130 MB",
            _known("shd"),
        ),
    )


def find(name: str) -> Path:
    """Give the folder of a data set on this machine: in $SNN_DATA or ~/.cache/snn.

    Raises:
        ValueError: No data set of that name is known.
        FileNotFoundError: It is not on this machine; the message says how to get it.
    """
    for known in list_sets():
        if known.name == name:
            if known.folder is None:
                places = ", ".join(map(str, _folders()))
                raise FileNotFoundError(
                    f"{name} is not in {places}; set SNN_DATA to its folder, or: snn data fetch {name}"
                )
            return known.folder
    names = ", ".join(known.name for known in list_sets())
    raise ValueError(f"no data set {name!r}; known: {names}")


def verify(path: str | Path | None = None) -> tuple[Report, Report]:
    """Read both splits of a set and check every word; compare checksums where they are on record.

    Args:
        path: As for `shd`; None is the embedded set.

    Raises:
        FileNotFoundError: The data are not there.
        DataError: A file is damaged, holds an impossible value, or differs from its checksum.
    """
    where = EMBEDDED if path is None else Path(path)
    train, test = (_report(split, source) for split, source in sorted(locate(where).items(), reverse=True))
    return train, test


def _report(split: str, source: Source) -> Report:
    data = source.path.read_bytes() if source.member is None else source.read().getvalue()
    digest = hashlib.sha256(data).hexdigest()
    record = source.path.parent / "checksums.json"
    published = json.loads(record.read_text(encoding="utf-8")).get(source.name) if record.is_file() else None
    if published not in (None, digest):
        raise DataError(f"{source} has sha256 {digest}, published is {published}")
    words = read_words(source)
    return Report(
        split,
        str(source),
        true_name(source),
        len(words.labels),
        words.time_s.size,
        digest,
        "unknown" if published is None else "as published",
    )


def fetch(name: str, folder: str | Path | None = None) -> Path:
    """Download a data set through `tonic`, which checks the archive's checksum. Only called when asked for.

    Args:
        name: "shd".
        folder: Where to; None is $SNN_DATA or ~/.cache/snn.

    Returns:
        The folder that `shd` reads.

    Raises:
        ValueError: It cannot be fetched: unknown, or not published for download.
        OSError: The download failed.
    """
    if name != "shd":
        raise ValueError(f"cannot fetch {name!r}; can: shd")
    import tonic  # slow to import, and needed only here

    target = _folders()[0] if folder is None else Path(folder)
    try:
        for train in (True, False):
            tonic.datasets.SHD(save_to=str(target), train=train)
    except RuntimeError as error:
        raise OSError(f"could not fetch {name}: {error}") from error
    return target / "SHD"

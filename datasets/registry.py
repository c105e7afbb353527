"""The data sets known by name: where they are found, whether they are whole, and fetching one when asked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from snn.datasets import known_folders
from snn.datasets.errors import DataError
from snn.datasets.event_camera_set import FrameBinning
from snn.datasets.formats.class_tree import holds_tree
from snn.datasets.formats.idx import find_idx
from snn.datasets.formats.locate import SPLITS, Source, locate
from snn.datasets.formats.shd_file import read_words
from snn.datasets.sets.images import ENDINGS, IMAGE_SUMS, load_images
from snn.datasets.sets.nmnist import ENDING, load_nmnist, read_recording
from snn.datasets.sets.shd import EMBEDDED, true_name

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
    """Samples and bytes."""
    folder: Path | None
    """Where it is on this machine (a folder or zip), None where it is not."""
    hint: str = ""
    """How to get it."""


@dataclass(frozen=True, slots=True)
class Report:
    """Say what `verify` found in one split."""

    split: str
    """"train" or "test"."""
    source: str
    """The file, or the folder or zip that holds the files."""
    name: str
    """What the file really holds."""
    samples: int
    """Words, recordings or images, all checked."""
    about: str
    """What it holds, in numbers."""
    sha256: str
    """Of the file as it lies there; of a tree, of its files by class and name; of images, of pixels and labels."""
    checksum: str
    """"as published", or "unknown" where no checksum is on record."""


def list_sets() -> tuple[DataSet, ...]:
    """List the data sets, and where they are on this machine."""
    described = {
        "shd": ("SHD, the Spiking Heidelberg Digits: real speech", "CC BY 4.0", "10 420 words, 130 MB"),
        "nmnist": (
            "N-MNIST: MNIST digits filmed by an event camera",
            "CC BY-SA 4.0",
            "70 000 recordings, 1.2 GB",
        ),
        "mnist": ("MNIST: handwritten digits", "CC BY-SA 3.0", "70 000 images of 28 x 28, 12 MB"),
        "fashion-mnist": ("Fashion-MNIST: pieces of clothing", "MIT", "70 000 images of 28 x 28, 31 MB"),
    }
    embedded = DataSet(
        "embedded",
        "synthetic speech: English and German number words, espeak-ng voices through SHD's cochlea model",
        "Apache-2.0 (part of this package)",
        "600 words, 6 MB",
        EMBEDDED,
    )
    others = (
        DataSet(name, *facts, known_folders.known(name), known_folders.HINTS[name])
        for name, facts in described.items()
    )
    return (embedded, *others)


def find(name: str) -> Path:
    """Give the folder (or zip) of a data set on this machine: in $SNN_DATA or ~/.cache/snn.

    Raises:
        ValueError: No data set of that name is known.
        FileNotFoundError: It is not on this machine; the message says how to get it.
    """
    names = [known.name for known in list_sets()]
    if name not in names:
        raise ValueError(f"no data set {name!r}; known: {', '.join(names)}")
    return EMBEDDED if name == "embedded" else known_folders.need(name)


def verify(path: str | Path | None = None) -> tuple[Report, Report]:
    """Read both splits of a set and check every sample; compare checksums where they are on record.

    Args:
        path: Words as for `shd`, recordings as for `nmnist` or images as for `images`: what lies there decides.
            None is the embedded set.

    Raises:
        FileNotFoundError: The data are not there.
        DataError: A file is damaged, holds an impossible value, or differs from its checksum.
    """
    where = EMBEDDED if path is None else Path(path).expanduser()
    if holds_tree(where, (ENDING,)):
        return _recordings(where)
    if where.exists() and (find_idx(where) or holds_tree(where, ENDINGS)):
        return _images(where)
    train, test = (_words(split, source) for split, source in sorted(locate(where).items(), reverse=True))
    return train, test


def _words(split: str, source: Source) -> Report:
    data = source.path.read_bytes() if source.member is None else source.read().getvalue()
    digest = hashlib.sha256(data).hexdigest()
    record = source.path.parent / "checksums.json"
    published = json.loads(record.read_text(encoding="utf-8")).get(source.name) if record.is_file() else None
    if published not in (None, digest):
        raise DataError(f"{source} has sha256 {digest}, published is {published}")
    words = read_words(source)
    about = f"{len(words.labels)} words, {words.time_s.size} spikes"
    checksum = "unknown" if published is None else "as published"
    return Report(split, str(source), true_name(source), len(words.labels), about, digest, checksum)


def _recordings(where: Path) -> tuple[Report, Report]:
    reports = []
    sets = load_nmnist(where, FrameBinning())
    for split, part in zip(SPLITS, sets, strict=True):
        digest, events = hashlib.sha256(), 0
        for source in part.files.sources:
            digest.update(source.read().getbuffer())
            events += read_recording(source).time_us.size
        about = f"{len(part)} recordings, {events} events"
        reports.append(Report(split, str(where), part.name, len(part), about, digest.hexdigest(), "unknown"))
    return reports[0], reports[1]


def _images(where: Path) -> tuple[Report, Report]:
    reports = []
    for split, part in zip(SPLITS, load_images(where, 1), strict=True):
        about = f"{len(part)} images of {' x '.join(map(str, part.shape))}, {len(part.classes)} classes"
        digest = hashlib.sha256(part.pixels.tobytes() + part.labels.astype("<i8").tobytes()).hexdigest()
        published = IMAGE_SUMS.get((part.name, split))
        if published not in (None, digest):
            raise DataError(f"{where}, {split}: sha256 of {part.name} is {digest}, published is {published}")
        checksum = "unknown" if published is None else "as published"
        reports.append(Report(split, str(where), part.name, len(part), about, digest, checksum))
    return reports[0], reports[1]


def fetch(name: str, folder: str | Path | None = None) -> Path:
    """Download a data set through `tonic`, which checks the archives' checksums. Only called when asked for.

    Args:
        name: "shd" or "nmnist".
        folder: Where to; None is $SNN_DATA or ~/.cache/snn.

    Returns:
        The folder that `shd` or `nmnist` reads.

    Raises:
        ValueError: It cannot be fetched: unknown, or not published for download.
        OSError: The download failed.
    """
    kinds = {"shd": "SHD", "nmnist": "NMNIST"}
    if name not in kinds:
        raise ValueError(f"cannot fetch {name!r}; can: {', '.join(kinds)}")
    import tonic  # slow to import, and needed only here

    target = known_folders.folders()[0] if folder is None else Path(folder)
    try:
        for train in (True, False):
            getattr(tonic.datasets, kinds[name])(save_to=str(target), train=train)
    except RuntimeError as error:
        raise OSError(f"could not fetch {name}: {error}") from error
    return target / kinds[name]

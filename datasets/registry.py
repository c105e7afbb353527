"""The data sets known by name: where they are found, whether they are whole, and fetching one when asked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from snn.core.arrays import PathLike
from snn.core.checks import choice
from snn.core.files.json_file import read_json, typed
from snn.datasets.errors import data_refusal, reading
from snn.datasets.event_camera_set import EventCameraSet, FrameBinning
from snn.datasets.formats.atis_bin import ENDING
from snn.datasets.formats.class_tree import holds_tree
from snn.datasets.formats.idx import find_idx
from snn.datasets.formats.image_files import IMAGE_ENDINGS
from snn.datasets.formats.locate import SPLITS, Source, existing, holds_split, locate
from snn.datasets.formats.shd_file import read_shd
from snn.datasets.formats.speech_commands import LISTS, speech_commands
from snn.datasets.formats.wav_file import read_wav
from snn.datasets.known_folders import EMBEDDED, KNOWN_SETS, DataSet, folders, need
from snn.datasets.sets.cifar10_dvs import load_cifar10_dvs
from snn.datasets.sets.dvs_gesture import load_dvs_gesture
from snn.datasets.sets.images import IMAGE_SUMS, load_images
from snn.datasets.sets.nmnist import load_nmnist
from snn.datasets.sets.shd import true_name
from snn.datasets.sets.ssc import SSC_SPLITS

__all__ = ["DataSet", "SplitReport", "fetch", "find", "list_sets", "verify"]


@dataclass(frozen=True, slots=True)
class SplitReport:
    """Say what `verify` found in one split.

    Attributes:
        split: "train", "valid" or "test".
        source: The file, or the folder or zip that holds the files.
        name: What the file really holds.
        samples: Spike trains, sounds, recordings or images, all checked.
        about: What it holds, in numbers.
        sha256: Of the file as it lies there; of a tree, of its files by class and name; of images, of pixels and
            labels.
        checksum: "as published", or "unknown" where no checksum is on record.
    """

    split: str
    source: str
    name: str
    samples: int
    about: str
    sha256: str
    checksum: str


def list_sets() -> tuple[DataSet, ...]:
    """List the data sets; `folder` of each is where it is on this machine."""
    return tuple(map(KNOWN_SETS.find, KNOWN_SETS))


def find(name: str) -> Path:
    """Give the folder (or zip) of a data set on this machine: in $SNN_DATA or ~/.cache/snn.

    Raises:
        ValueError: No data set of that name is known.
        FileNotFoundError: It is not on this machine; the message says how to get it.
    """
    return need(name)


def verify(path: PathLike | None = None) -> tuple[SplitReport, ...]:
    """Read the splits of a set, two or three, and check every sample; compare checksums where they are on record.

    Args:
        path: Spikes as for `shd` or `ssc`, sounds as for `gsc`, recordings as for `nmnist`, `dvs_gesture` or
            `cifar10_dvs`, or images as for `images`: what lies there decides. None is the embedded set.

    Raises:
        FileNotFoundError: The data are not there.
        DataError: A file is damaged, holds an impossible value, or differs from its checksum.
    """
    where = EMBEDDED if path is None else existing(path)
    if holds_tree(where, (ENDING,)):
        return _verify_recordings(where, load_nmnist)
    for name, load in (("dvs-gesture", load_dvs_gesture), ("cifar10-dvs", load_cifar10_dvs)):
        if where.is_dir() and any(next(where.glob(sign), None) for sign in KNOWN_SETS.find(name).signs):
            return _verify_recordings(where, load)
    if find_idx(where) or holds_tree(where, IMAGE_ENDINGS):
        return _verify_images(where)
    if (where / LISTS["valid"]).is_file():
        return _verify_sounds(where)
    sources = locate(where, SSC_SPLITS if holds_split(where, "valid") else SPLITS)
    return tuple(_verify_shd(split, source) for split, source in sources.items())


def _compare(where: object, digest: str, published: str | None) -> str:
    """Compare a checksum with the published one, if there is one, and say what was found."""
    if published not in (None, digest):
        raise data_refusal(where, "sha256", f"{published} as published", digest)
    return "unknown" if published is None else "as published"


def _verify_shd(split: str, source: Source) -> SplitReport:
    if source.member is None:
        with source.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    else:
        unpacked = hashlib.sha256()
        for piece in source.pieces():
            unpacked.update(piece)
        digest = unpacked.hexdigest()
    checksum = _compare(source, digest, _record(source.path.parent / "checksums.json").get(source.name))
    columns = read_shd(source)
    about = f"{len(columns)} samples, {columns.time_s.size} spikes"
    return SplitReport(split, str(source), true_name(source), len(columns), about, digest, checksum)


def _record(path: Path) -> dict[str, str]:
    """Read the checksums of files by name; none where there is no such file."""
    if not path.is_file():
        return {}
    with reading(path, "must hold a checksum for each name of a file"):
        sums = typed("the whole", read_json(path), dict, "checksums by name")
        return {name: typed(repr(name), digest, str, "a checksum as text") for name, digest in sums.items()}


def _verify_recordings(
    where: Path, load: Callable[[Path, FrameBinning], tuple[EventCameraSet, EventCameraSet]]
) -> tuple[SplitReport, SplitReport]:
    reports = []
    for split, part in zip(SPLITS, load(where, FrameBinning()), strict=True):
        digest, events = hashlib.sha256(), 0
        for source in part.files.sources:
            events += part.read_file(source).time_us.size
        for file in dict.fromkeys(Source(source.path, source.member) for source in part.files.sources):
            digest.update(file.read().getbuffer())
        about = f"{len(part)} recordings, {events} events"
        found = digest.hexdigest()
        reports.append(SplitReport(split, str(where), part.name, len(part), about, found, "unknown"))
    return reports[0], reports[1]


def _verify_sounds(where: Path) -> tuple[SplitReport, ...]:
    reports = []
    for split, files in speech_commands(where).items():
        digest, seconds = hashlib.sha256(), 0.0
        for source in files.sources:
            sound = read_wav(source)
            seconds += len(sound.values) / sound.rate_hz
            digest.update(source.read().getbuffer())
        about = f"{len(files)} sounds, {seconds:.1f} s, {len(files.classes)} words"
        found = digest.hexdigest()
        reports.append(SplitReport(split, str(where), "Speech Commands", len(files), about, found, "unknown"))
    return tuple(reports)


def _verify_images(where: Path) -> tuple[SplitReport, SplitReport]:
    reports = []
    for split, part in zip(SPLITS, load_images(where, 1), strict=True):
        about = f"{len(part)} images of {' x '.join(map(str, part.shape))}, {len(part.classes)} classes"
        digest = hashlib.sha256(part.pixels.tobytes() + part.labels.astype("<i8").tobytes()).hexdigest()
        checksum = _compare(f"{where}, {part.name} {split}", digest, IMAGE_SUMS.get((part.name, split)))
        reports.append(SplitReport(split, str(where), part.name, len(part), about, digest, checksum))
    return reports[0], reports[1]


def fetch(name: str, folder: PathLike | None = None) -> Path:
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
    classes = {"shd": "SHD", "nmnist": "NMNIST"}  # of tonic
    choice("name", name, classes)
    import tonic  # slow to import, and needed only here

    target = folders()[0] if folder is None else Path(folder)
    try:
        for train in (True, False):
            getattr(tonic.datasets, classes[name])(save_to=str(target), train=train)
    except Exception as error:  # of the network, the archive or the disk
        raise OSError(f"could not fetch {name}: {error}") from error
    return target / classes[name]

"""The data sets known by name, and where each is on this machine: $SNN_DATA, ~/.cache/snn, Debian's folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from snn.core.registry import Registry

__all__ = ["EMBEDDED", "KNOWN_SETS", "DataSet", "folders", "need"]

EMBEDDED = Path(__file__).parent / "embedded"
"""Folder of the set that is part of this package."""
_DEBIAN = Path("/usr/share/datasets")


def folders() -> list[Path]:
    """Give the folders in which data sets are looked for, the one that `fetch` fills first."""
    given = os.environ.get("SNN_DATA")
    try:
        cache = [Path.home() / ".cache" / "snn"]
    except RuntimeError:  # a user without a home
        cache = []
    return [*([Path(given)] if given else []), *cache]


@dataclass(frozen=True, slots=True)
class DataSet:
    """Describe a data set known by name.

    Attributes:
        name: Name for `find` and `fetch`.
        what: What it holds.
        licence: Under which it is published.
        size: Samples and bytes.
        hint: How to get it.
        signs: Patterns of files, one of which is in every folder that holds the set.
        own_folder: Whether its folder must carry its name, since the files of another set are named alike.
    """

    name: str
    what: str
    licence: str
    size: str
    hint: str
    signs: tuple[str, ...]
    own_folder: bool = False

    @property
    def folder(self) -> Path | None:
        """Where it is now, a folder or a zip; None where it is not on this machine."""
        if self.name == "embedded":
            return EMBEDDED
        for root in [*folders(), _DEBIAN]:
            for folder in (root / self.name, root / self.name.upper(), *([] if self.own_folder else [root])):
                for sign in self.signs:
                    found = sorted(folder.glob(sign)) if folder.is_dir() else []
                    if found:
                        is_the_set = sign.startswith(self.name) and sign.endswith(".zip")
                        return found[0] if is_the_set else folder
        return None


_IDX = ("train-images*idx3-ubyte*",)
_SETS = (
    DataSet(
        "embedded",
        "synthetic speech: English and German number words, espeak-ng voices through SHD's cochlea model",
        "Apache-2.0 (part of this package)",
        "600 words, 6 MB",
        "it is part of this package",
        (),
    ),
    DataSet(
        "shd",
        "SHD, the Spiking Heidelberg Digits: real speech",
        "CC BY 4.0",
        "10 420 words, 130 MB",
        "snn data fetch shd",
        ("shd_train.h5*",),
    ),
    DataSet(
        "ssc",
        "SSC, Spiking Speech Commands: SHD's cochlea model on Speech Commands",
        "CC BY 4.0",
        "105 829 words",
        "put ssc_train.h5, ssc_valid.h5 and ssc_test.h5 (zenkelab.org/datasets) into a folder named ssc there",
        ("ssc_train.h5*",),
    ),
    DataSet(
        "gsc",
        "Speech Commands v2: one-second sounds of 35 words",
        "CC BY 4.0",
        "105 829 sounds, 3.3 GB",
        "unpack speech_commands_v0.02.tar.gz into a folder named gsc there",
        ("validation_list.txt",),
    ),
    DataSet(
        "nmnist",
        "N-MNIST: MNIST digits filmed by an event camera",
        "CC BY-SA 4.0",
        "70 000 recordings, 1.2 GB",
        "snn data fetch nmnist",
        ("[Tt]rain/0/*.bin", "[Tt]rain.zip", "nmnist*.zip"),
    ),
    DataSet(
        "dvs-gesture",
        "DVS-Gesture: hand and arm gestures before an event camera",
        "CC BY 4.0",
        "1 464 trials, 3 GB",
        "put its unpacked folder there, named dvs-gesture",
        ("trials_to_train.txt", "ibmGestureTrain/*/*.npy"),
    ),
    DataSet(
        "cifar10-dvs",
        "CIFAR10-DVS: images of CIFAR-10 moved before an event camera",
        "CC BY 4.0",
        "10 000 recordings, 7 GB",
        "put its folders or zips of classes there, into a folder named cifar10-dvs",
        ("airplane/*.aedat", "airplane.zip"),
    ),
    DataSet(
        "mnist",
        "MNIST: handwritten digits",
        "CC BY-SA 3.0",
        "70 000 images of 28 x 28, 12 MB",
        "put its four idx files into a folder named mnist there",
        _IDX,
        own_folder=True,
    ),
    DataSet(
        "fashion-mnist",
        "Fashion-MNIST: pieces of clothing",
        "MIT",
        "70 000 images of 28 x 28, 31 MB",
        "the Debian package dataset-fashion-mnist",
        _IDX,
        own_folder=True,
    ),
)
KNOWN_SETS: Registry[DataSet] = Registry("name", ((known.name, known) for known in _SETS))
"""All of them, by name."""


def need(name: str) -> Path:
    """Give where a data set is, a folder or a zip.

    Raises:
        ValueError: No data set of that name is known.
        FileNotFoundError: It is not on this machine; the message says how to get it.
    """
    known = KNOWN_SETS.find(name)
    where = known.folder
    if where is None:
        searched = ", ".join(map(str, folders()))
        raise FileNotFoundError(f"{name} is not in {searched}; set SNN_DATA to its folder, or: {known.hint}")
    return where

"""Find the files of Google's Speech Commands: a folder of wav files for each word, two lists of what is held out.

Source: Warden, "Speech Commands: a dataset for limited-vocabulary speech recognition", 2018.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from snn.core.arrays import PathLike
from snn.datasets.errors import DataError, reading
from snn.datasets.formats.class_tree import LabelledFiles
from snn.datasets.formats.locate import Source, existing
from snn.datasets.formats.wav_file import ENDING

__all__ = ["LISTS", "speech_commands"]

LISTS = {"valid": "validation_list.txt", "test": "testing_list.txt"}
"""Where it stands what is held out; all else is for training."""


def speech_commands(path: PathLike) -> dict[str, LabelledFiles]:
    """Find the files of "train", "valid" and "test", by word and name.

    Args:
        path: The unpacked folder: <word>/*.wav, validation_list.txt and testing_list.txt, which hold a line
            <word>/<name> for each file. Folders whose name starts with _ or . are passed over, such as
            _background_noise_.

    Raises:
        FileNotFoundError: Nothing is there.
        DataError: It is no such folder, a list names a file that is not there, both lists name the same, or
            a part is left empty.
    """
    where = existing(path)
    if not where.is_dir() or not all((where / name).is_file() for name in LISTS.values()):
        raise DataError(
            f"{where} must be the unpacked folder of Speech Commands, with {' and '.join(LISTS.values())} and a "
            "folder of wav files for each word"
        )
    words = tuple(
        folder.name
        for folder in sorted(where.iterdir())
        if folder.is_dir() and not folder.name.startswith(("_", "."))
    )
    files = {
        f"{word}/{file.name}": (i, Source(file))
        for i, word in enumerate(words)
        for file in sorted((where / word).iterdir())
        if file.name.lower().endswith(ENDING)
    }
    held_out = {split: _listed(where / name, files) for split, name in LISTS.items()}
    both = held_out["valid"] & held_out["test"]
    if both:
        raise DataError(
            f"{where}: files must be in one of {' and '.join(LISTS.values())}, got {min(both)} in both"
        )
    parts = {"train": files.keys() - held_out["valid"] - held_out["test"], **held_out}
    for split, names in parts.items():
        if not names:
            raise DataError(f"{where} must hold files for train, valid and test, got none for {split}")
    return {
        split: LabelledFiles(
            tuple(source for name, (_, source) in files.items() if name in names),
            np.array([label for name, (label, _) in files.items() if name in names], dtype=np.int64),
            words,
        )
        for split, names in parts.items()
    }


def _listed(path: Path, files: dict[str, tuple[int, Source]]) -> set[str]:
    """Read a list of files, all of which are there."""
    with reading(path, "is no list of files"):
        lines = path.read_text(encoding="utf-8").splitlines()
    for i, line in enumerate(lines, 1):
        if line not in files:
            raise DataError(
                f"{path}: line {i} must name a wav file that is there, <word>/<name>, got {line[:80]!r}"
            )
    return set(lines)

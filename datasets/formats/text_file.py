"""Find the texts of a set: one file that is cut in three, or a file for each part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from snn.core.arrays import ByteArray, PathLike
from snn.core.checks import shown
from snn.core.files.text import MappedText
from snn.core.memory import check as check_memory
from snn.datasets.errors import DataError, data_refusal
from snn.datasets.formats.locate import Source, existing, open_zip

__all__ = ["PARTS", "TextSource", "find_texts", "open_text"]

PARTS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class TextSource:
    """Hold the bytes of a text.

    Attributes:
        where: The file, for messages.
        name: Its name.
        data: Its bytes, uint8 [n], read-only: mapped, or unpacked in memory.
        mapped: What tells whether a mapped file is still what it was; None in memory.
        start: Where in the file they start, bytes.
    """

    where: str
    name: str
    data: ByteArray
    mapped: MappedText | None
    start: int = 0

    def part(self, start: int, stop: int) -> TextSource:
        """Give the bytes from `start` to `stop`."""
        return replace(self, data=self.data[start:stop], start=self.start + start)


def open_text(source: Source) -> TextSource:
    """Map a plain file; unpack one that is packed (.gz, .bz2, .xz, in a zip) into memory.

    Raises:
        OSError: It cannot be read.
        DataError: It is empty or damaged.
        MemoryError: Unpacked it would not fit.
    """
    if not source.packed:
        try:
            mapped = MappedText(source.path)
        except ValueError as error:
            raise DataError(str(error)) from None
        return TextSource(str(source), source.name, mapped.data, mapped)
    check_memory(2 * source.path.stat().st_size, f"the text in {source}")
    data = np.frombuffer(source.read().getbuffer(), dtype=np.uint8)
    if not len(data):
        raise data_refusal(source, "text", "of at least one byte", len(data))
    return TextSource(str(source), source.name, data, None)


def find_texts(path: PathLike) -> dict[str, Source]:
    """Find the file of a text ("whole"), or those of its three parts ("train", "valid", "test").

    Args:
        path: A file, packed or not, such as enwik8; or a folder or zip that holds a single one, or one of each part
            with "train", "valid" and "test" in its name, as WikiText has them. Names that start with a dot, and
            licences and readmes, are passed over.

    Raises:
        FileNotFoundError: Nothing is there.
        DataError: It holds neither.
    """
    where = existing(path)
    if where.is_dir():
        found = [Source(file) for file in sorted(where.iterdir()) if file.is_file()]
    elif where.suffix.lower() == ".zip":
        found = [Source(where, name) for name in sorted(open_zip(where).namelist()) if not name.endswith("/")]
    else:
        return {"whole": Source(where)}
    return _of_several(where, [source for source in found if not _beside(source.name)])


def _beside(name: str) -> bool:
    """Tell whether a file stands beside the text of a set."""
    return name.startswith(".") or PurePosixPath(name).stem.lower() in ("readme", "license", "licence")


def _of_several(where: Path, found: list[Source]) -> dict[str, Source]:
    if len(found) == 1:
        return {"whole": found[0]}
    parts = {part: [source for source in found if part in source.name.lower()] for part in PARTS}
    if all(len(fitting) == 1 for fitting in parts.values()):
        return {part: fitting[0] for part, fitting in parts.items()}
    names = ", ".join(_names(found)) or "no file"
    raise DataError(
        f"{where} must hold one text, or one file each with train, valid and test in its name, got {names}"
    )


def _names(found: list[Source]) -> Iterator[str]:
    yield from (shown(source.name) for source in found[:6])
    if len(found) > 6:
        yield f"and {len(found) - 6} more"

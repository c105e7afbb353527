"""A file of any size as an array of bytes, read where it lies."""

from __future__ import annotations

import os

import numpy as np

from snn.core.arrays import ByteArray, PathLike
from snn.core.files.whole import existing_file

__all__ = ["MappedText"]


class MappedText:
    """Hold a file as bytes that the system reads when they are looked at.

    What is mapped is not held: where another program changes the file, its bytes change here too, and where it cuts
    the file, to look at what is gone ends the process. So whoever reads calls `check` first.
    """

    def __init__(self, path: PathLike) -> None:
        """Map a file.

        Raises:
            FileNotFoundError: Nothing is there.
            OSError: It is no ordinary file, or cannot be read.
            ValueError: It is empty.
        """
        self._path = existing_file(path)
        with self._path.open("rb") as file:
            self._state = _state(os.fstat(file.fileno()))
            if not self._state[0]:
                raise ValueError(f"{self._path} must hold text, got an empty file")
            self._bytes: ByteArray = np.memmap(file, dtype=np.uint8, mode="r")

    @property
    def data(self) -> ByteArray:
        """Its bytes, uint8 [n], read-only; see `check`."""
        return self._bytes

    def check(self) -> None:
        """Refuse a file that is not any more what it was when it was opened.

        Raises:
            FileNotFoundError: It is gone.
            ValueError: It has another length, was written to or is another file.
        """
        try:
            found = _state(self._path.stat())
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(f"{self._path} must stay while it is read, got no file there") from None
        if found[0] != self._state[0]:
            raise ValueError(
                f"{self._path} must stay as it is while it is read, got {found[0]} bytes, not {self._state[0]}"
            )
        if found != self._state:
            raise ValueError(f"{self._path} must stay as it is while it is read, got one written since")


def _state(stat: os.stat_result) -> tuple[int, int, int]:
    """Give what tells a file from what it was: length, time of the last change, and which file it is."""
    return stat.st_size, stat.st_mtime_ns, stat.st_ino

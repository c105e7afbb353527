"""Find the two splits of a set: in a folder, a zip, or beside a file; plain or packed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO, Any

from snn.core.arrays import PathLike
from snn.core.checks import shown
from snn.datasets.errors import DataError, data_refusal, reading

__all__ = ["PIECE", "SPLITS", "Source", "existing", "holds_split", "locate", "open_zip"]

SPLITS = ("train", "test")
PIECE = 1 << 20
"""Bytes read or unpacked at a time."""
_UNPACKED, _UNPACKED_RATIO = 64 << 20, 20
_PACKERS: dict[str, Callable[[IO[bytes]], Any]] = {
    ".gz": lambda stored: gzip.GzipFile(fileobj=stored, mode="rb"),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}
"""How a file of that ending is unpacked."""
_HDF5 = re.compile(r"\.(h5|hdf5)(\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """Name one file: on disk, or inside a zip.

    Attributes:
        path: The file, or the zip.
        member: Name inside the zip; None for a file on disk.
    """

    path: Path
    member: str | None = None

    @property
    def name(self) -> str:
        """Name of the file itself, without folders."""
        return Path(self.member).name if self.member else self.path.name

    @property
    def packed(self) -> bool:
        """Whether its bytes are compressed, or inside a zip."""
        return self.member is not None or self._ending in _PACKERS

    @property
    def _ending(self) -> str:
        return PurePosixPath(self.name.lower()).suffix

    def __str__(self) -> str:
        """Say where it is."""
        return f"{self.path}:{self.member}" if self.member else str(self.path)

    @property
    def most_bytes(self) -> int:
        """Bytes that it may have: as many as it has on disk; if it is packed, 64 MiB and 20 times its packed size.

        Raises:
            OSError: It is not there.
            DataError: The zip is damaged.
        """
        if not self.packed:
            return self.path.stat().st_size
        with reading(self):
            size = open_zip(self.path).getinfo(self.member).compress_size if self.member else None
        return _UNPACKED + _UNPACKED_RATIO * (self.path.stat().st_size if size is None else size)

    @property
    def _declared(self) -> int:
        """Bytes that it says to have, as it is stored."""
        return open_zip(self.path).getinfo(self.member).file_size if self.member else self.path.stat().st_size

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Open the file for reading, unpacked as it is read; what is raised meanwhile names it.

        Raises:
            OSError: It is not there, or cannot be read.
            DataError: The packed file is cut short or damaged.
        """
        unpack = _PACKERS.get(self._ending)
        packer = {".gz": "gzip"}.get(self._ending, self._ending[1:])
        with reading(self, f"is cut short or not {packer}" if unpack else "is damaged"):
            with open_zip(self.path).open(self.member) if self.member else self.path.open("rb") as stored:
                if unpack:
                    with unpack(stored) as unpacked:
                        yield unpacked
                else:
                    yield stored

    def pieces(self, most: int | None = None) -> Iterator[bytes]:
        """Give the unpacked file piece by piece.

        Args:
            most: Bytes that it may have; None is `most_bytes`.

        Raises:
            OSError: It is not there, or cannot be read.
            DataError: The packed file is cut short, damaged or too large.
        """
        limit = self.most_bytes if most is None else most
        with self.opened() as stream:
            size = self._declared
            if size > limit:
                raise data_refusal(self, "size", f"at most {limit} bytes", size)
            size = 0
            while piece := stream.read(min(PIECE, limit + 1 - size)):
                size += len(piece)
                if size > limit:
                    raise DataError(f"{self}: size must be at most {limit} bytes, unpacked, got more")
                yield piece

    def read(self, most: int | None = None) -> io.BytesIO:
        """Read the whole file, unpacked; see `pieces`."""
        data = io.BytesIO()
        for piece in self.pieces(most):
            data.write(piece)
        return data


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip, once: the few used last stay open, since their lists of contents may be long.

    Raises:
        FileNotFoundError: It is not there.
        DataError: It is cut short, no zip, or holds two files of one name, or one whose name leaves it.
    """
    found = path.stat()
    return _opened(path, found.st_mtime_ns, found.st_size, os.getpid())


@lru_cache(maxsize=4)
def _opened(path: Path, changed: int, size: int, process: int) -> zipfile.ZipFile:
    """Open a zip; a process forked from this one opens it anew, since both would move one place in the file."""
    with reading(path, "is not a whole zip"):
        archive = zipfile.ZipFile(path)
    names: set[str] = set()
    for name in archive.namelist():
        if name in names:
            raise DataError(f"{path}: names of files must differ, got {shown(name)} twice")
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise DataError(f"{path}: names of files must stay within the zip, got {shown(name)}")
        names.add(name)
    return archive


def existing(path: PathLike) -> Path:
    """Return the path of what is there, with `~` expanded.

    Raises:
        TypeError: It is no path.
        FileNotFoundError: Nothing is there.
    """
    try:
        where = Path(path)
    except TypeError:
        raise TypeError(f"path must be the path of a file or folder, got {shown(path)}") from None
    try:
        where = where.expanduser()
    except RuntimeError:  # no such user, or no home
        raise FileNotFoundError(f"no file, folder or zip at {where}: there is no such home folder") from None
    if not where.exists():
        raise FileNotFoundError(f"no file, folder or zip at {where}")
    return where


def locate(path: PathLike, splits: tuple[str, ...] = SPLITS) -> dict[str, Source]:
    """Find the HDF5 files of all splits.

    Args:
        path: A folder or zip holding one HDF5 file (.h5, .hdf5, also .gz) for each split, with its name in
            that of the file; or one of the files, the others standing beside it.
        splits: The names.

    Returns:
        The source of each split.

    Raises:
        FileNotFoundError: Nothing is there, or another split's file is missing.
        DataError: None or several files fit a split.
    """
    where = existing(path)
    found = _hdf5_files(where)
    return _siblings(where, splits) if found is None else {s: _pick(found, s, where) for s in splits}


def holds_split(path: PathLike, split: str) -> bool:
    """Tell whether a folder or zip holds an HDF5 file with the name of a split in its own.

    Raises:
        FileNotFoundError: Nothing is there.
        DataError: A zip is damaged.
    """
    return any(split in source.name.lower() for source in _hdf5_files(existing(path)) or [])


def _hdf5_files(where: Path) -> list[Source] | None:
    """List the HDF5 files of a folder or zip; None for another file."""
    if where.is_dir():
        return [Source(file) for file in sorted(where.iterdir()) if _HDF5.search(file.name)]
    if where.suffix.lower() == ".zip":
        return [Source(where, name) for name in sorted(open_zip(where).namelist()) if _HDF5.search(name)]
    return None


def _pick(found: list[Source], split: str, where: Path) -> Source:
    fitting = [source for source in found if split in source.name.lower()]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(source.name for source in fitting or found) or "no HDF5 file"
    there = names if fitting else f"none among: {names}"
    raise DataError(f"{where} must hold one file *{split}*.h5 (.hdf5, .gz), got {there}")


def _siblings(file: Path, splits: tuple[str, ...]) -> dict[str, Source]:
    if not _HDF5.search(file.name):
        raise DataError(f"{file} must be a folder or end in .zip, .h5, .hdf5, .h5.gz or .hdf5.gz")
    own = next((split for split in splits if split in file.name.lower()), None)
    if own is None:
        rule = f"{' or '.join(splits)} in its name, so that the other split can be found"
        raise DataError(f"{file} must have {rule}")
    found = {own: Source(file)}
    for other in splits:
        beside = file.with_name(re.sub(own, other, file.name, flags=re.IGNORECASE))
        if not beside.is_file():
            raise FileNotFoundError(f"{file} is the {own} split; its {other} split is not at {beside}")
        found[other] = Source(beside)
    return {split: found[split] for split in splits}

"""Find the two splits of a set: in a folder, a zip, or beside a file; plain or gzipped."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from snn.core.arrays import PathLike
from snn.datasets.errors import DataError

__all__ = ["SPLITS", "Source", "existing", "locate", "open_zip"]

SPLITS = ("train", "test")
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

    def __str__(self) -> str:
        """Say where it is."""
        return f"{self.path}:{self.member}" if self.member else str(self.path)

    def read(self) -> io.BytesIO:
        """Read the whole file, unpacked.

        Raises:
            FileNotFoundError: It is not there.
            DataError: The packed file is cut short or damaged.
        """
        if self.member is None:
            data = self.path.read_bytes()
        else:
            try:
                data = open_zip(self.path).read(self.member)
            except (zipfile.BadZipFile, zlib.error, EOFError) as error:
                raise DataError(f"{self} is damaged: {error}") from error
        if self.name.lower().endswith(".gz"):
            try:
                data = gzip.decompress(data)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise DataError(f"{self} is cut short or not gzip: {error}") from error
        return io.BytesIO(data)


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip, once: the few used last stay open, since their lists of contents may be long.

    Raises:
        FileNotFoundError: It is not there.
        DataError: It is cut short or no zip.
    """
    return _opened(path, path.stat().st_mtime_ns, path.stat().st_size)


@lru_cache(maxsize=4)
def _opened(path: Path, changed: int, size: int) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} is not a whole zip: {error}") from error


def existing(path: PathLike) -> Path:
    """Return the path of what is there, with `~` expanded.

    Raises:
        FileNotFoundError: Nothing is there.
    """
    where = Path(path).expanduser()
    if not where.exists():
        raise FileNotFoundError(f"no file, folder or zip at {where}")
    return where


def locate(path: PathLike) -> dict[str, Source]:
    """Find the HDF5 files of both splits.

    Args:
        path: A folder or zip holding one HDF5 file (.h5, .hdf5, also .gz) with "train" in its name and one with
            "test"; or one of the two files, the other standing beside it.

    Returns:
        The sources of "train" and "test".

    Raises:
        FileNotFoundError: Nothing is there, or the other split's file is missing.
        DataError: None or several files fit a split.
    """
    where = existing(path)
    if where.is_dir():
        found = [Source(file) for file in sorted(where.iterdir()) if _HDF5.search(file.name)]
        return {split: _pick(found, split, where) for split in SPLITS}
    if where.suffix.lower() == ".zip":
        members = [Source(where, name) for name in sorted(open_zip(where).namelist()) if _HDF5.search(name)]
        return {split: _pick(members, split, where) for split in SPLITS}
    return _siblings(where)


def _pick(found: list[Source], split: str, where: Path) -> Source:
    fitting = [source for source in found if split in source.name.lower()]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(source.name for source in fitting or found) or "no HDF5 file"
    there = names if fitting else f"none among: {names}"
    raise DataError(f"{where} must hold one file *{split}*.h5 (.hdf5, .gz), got {there}")


def _siblings(file: Path) -> dict[str, Source]:
    if not _HDF5.search(file.name):
        raise DataError(f"{file} must be a folder or end in .zip, .h5, .hdf5, .h5.gz or .hdf5.gz")
    for split, other in (SPLITS, SPLITS[::-1]):
        if split in file.name.lower():
            beside = file.with_name(re.sub(split, other, file.name, flags=re.IGNORECASE))
            if not beside.is_file():
                raise FileNotFoundError(f"{file} is the {split} split; its {other} split is not at {beside}")
            return {split: Source(file), other: Source(beside)}
    raise DataError(f"{file} must have train or test in its name, so that the other split can be found")

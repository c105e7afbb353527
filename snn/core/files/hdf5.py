"""Write HDF5 files whole or not at all, and open only our own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from snn.core.arrays import Float64Array, Int64Array, PathLike


@contextmanager
def create(path: PathLike, kind: str, version: int) -> Iterator[Any]:
    """Open a new file of ours for writing; it takes its name only once it is complete.

    The file grows in memory and goes to disk in one piece: HDF5 itself does not survive a full disk
    (it ends the process when it closes the file).

    Args:
        path: Where the file will be; a file already there stays until the new one is whole.
        kind: Format name, kept in the attribute `format`.
        version: Format version, kept in the attribute `version`.

    Yields:
        The open `h5py.File`.

    Raises:
        OSError: The folder is missing, the disk is full, or the like; it names the path.
    """
    target = Path(path)
    with h5py.File(target.name, "w", driver="core", backing_store=False) as file:
        file.attrs["format"] = kind
        file.attrs["version"] = version
        yield file
        file.flush()
        image = file.id.get_file_image()
    _write(target, image)


def _write(target: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with open(draft, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def open_any(path: PathLike) -> Iterator[Any]:
    """Open any HDF5 file for reading.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is not a complete HDF5 file.
    """
    source = Path(path)
    if not source.is_file():
        raise FileNotFoundError(f"no file at {source}")
    try:
        file = h5py.File(source, "r")
    except OSError as error:
        raise ValueError(f"{source} is not a whole HDF5 file: {error}") from error
    with file:
        yield file


@contextmanager
def open_ours(path: PathLike, kind: str, version: int) -> Iterator[Any]:
    """Open one of our files for reading, checking what it is.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is not HDF5, of another format or version, or a part of it is missing.
    """
    with open_any(path) as file:
        check_format(file, path, kind, version)
        try:
            yield file
        except KeyError as error:
            raise ValueError(f"{path}: the {kind} file is incomplete: {error}") from error


def check_format(file: Any, path: PathLike, kind: str, version: int) -> None:
    """Refuse a file whose attributes name another format or version.

    Raises:
        ValueError: As said above.
    """
    found = file.attrs.get("format")
    if found != kind:
        what = "names no format" if found is None else f"is a {found!r} file"
        raise ValueError(f"{path} {what}; expected format {kind!r}")
    found_version = int(file.attrs.get("version", -1))
    if found_version != version:
        raise ValueError(f"{path}: {kind} version {found_version}; this release reads {version}")


def put(group: Any, name: str, values: Int64Array | Float64Array) -> None:
    """Store an array, compressed when it is large enough to gain from it."""
    options = {"compression": "gzip", "compression_opts": 1} if values.size > 1024 else {}
    group.create_dataset(name, data=values, **options)

"""Write HDF5 files whole or not at all, and say what is wrong with those that are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from snn.core.arrays import PathLike
from snn.core.checks import refusal
from snn.core.files.whole import write_whole


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
    with h5py.File(Path(path).name, "w", driver="core", backing_store=False) as file:
        file.attrs["format"] = kind
        file.attrs["version"] = version
        yield file
        file.flush()
        image = file.id.get_file_image()
    write_whole(path, image)


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
def naming(path: PathLike) -> Iterator[None]:
    """Put the path ahead of what is wrong with the content of a file.

    Raises:
        ValueError: In place of a ValueError or TypeError of the block.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def check_format(file: Any, kind: str, version: int) -> None:
    """Refuse a file whose attributes name another format or version.

    Raises:
        ValueError: As said above.
    """
    found = file.attrs.get("format")
    if not (isinstance(found, str) and found == kind):
        raise refusal("format", repr(kind), found)
    found = file.attrs.get("version")
    if not np.array_equal(found, version):
        raise refusal(f"version of the format {kind!r}", f"{version}, which this release reads", found)


def attribute(file: Any, name: str) -> Any:
    """Return an attribute of a file.

    Raises:
        ValueError: There is none of that name.
    """
    if name not in file.attrs:
        raise ValueError(f"the file is incomplete: no attribute {name!r}")
    return file.attrs[name]


def content(file: Any, name: str) -> Any:
    """Return the data set of that name whole.

    Raises:
        ValueError: There is none, a group in its place, or its bytes are damaged.
    """
    found = file.get(name)
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f"the file is incomplete: no data set {name!r}")
    try:
        return found[()]
    except (OSError, RuntimeError) as error:
        raise ValueError(f"data set {name!r} is damaged: {error}") from error


def put(group: Any, name: str, values: Any, compress: bool = True) -> None:
    """Store an array, compressed when it is large enough to gain from it."""
    options = {"compression": "gzip", "compression_opts": 1} if compress and values.size > 1024 else {}
    group.create_dataset(name, data=values, **options)

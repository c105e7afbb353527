"""Write HDF5 files whole or not at all, and say what is wrong with those that are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np

from snn.core import memory
from snn.core.arrays import PathLike
from snn.core.checks import refusal, shown
from snn.core.files.user_block import SIZE, check_user_block, user_block
from snn.core.files.whole import as_path, existing_file, write_whole

_MOST_PACKED = 1100
"""Bytes that one byte of gzip can stand for, and some more (deflate reaches 1032)."""


@contextmanager
def create(path: PathLike, kind: str | None, version: int = 0) -> Iterator[Any]:
    """Open a new file for writing; it takes its name only once it is complete.

    The file grows in memory and goes to disk in one piece: HDF5 itself does not survive a full disk
    (it ends the process when it closes the file). Ahead of ours goes a block with its checksum (`user_block`).

    Args:
        path: Where the file will be; a file already there stays until the new one is whole.
        kind: Format name, kept in the attribute `format`; None: a file of another program's format, without these
            attributes and the block.
        version: Format version, kept in the attribute `version`.

    Yields:
        The open `h5py.File`.

    Raises:
        OSError: The folder is missing, the disk is full, or the like; it names the path.
    """
    name = as_path(path).name
    size = 0 if kind is None else SIZE
    with h5py.File(name, "w", driver="core", backing_store=False, userblock_size=size) as file:
        if kind is not None:
            file.attrs["format"] = kind
            file.attrs["version"] = version
        yield file
        file.flush()
        image = file.id.get_file_image()
    write_whole(path, b"" if kind is None else user_block(image), image)


@contextmanager
def open_ours(path: PathLike) -> Iterator[Any]:
    """Open a file that `create` wrote, once its bytes are found to be those that were written.

    Raises:
        FileNotFoundError: Nothing is there.
        OSError: It cannot be read.
        ValueError: It is none of ours, or damaged; whatever is wrong with what is read from it in the block; the
            message names the path.
    """
    source = existing_file(path)
    check_user_block(source)
    with naming(path), open_any(path) as file:
        yield file


@contextmanager
def open_any(path: PathLike) -> Iterator[Any]:
    """Open any HDF5 file for reading.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is not a complete HDF5 file.
    """
    source = existing_file(path)
    try:
        file = h5py.File(source, "r")
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{source} is not a whole HDF5 file: {error}") from error
    with file:
        yield file


@contextmanager
def naming(path: PathLike) -> Iterator[None]:
    """Put the path ahead of what is wrong with the content of a file.

    Raises:
        ValueError: In place of what Python, numpy and h5py raise in the block for content that does not fit.
        MemoryError: Of the block.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        text = str(error)
        raise ValueError(text if text.startswith(str(path)) else f"{path}: {text}") from error
    except MemoryError as error:
        raise MemoryError(f"{path}: {str(error) or 'there is too little memory for it'}") from error


def check_format(file: Any, kind: str, version: int) -> None:
    """Refuse a file whose attributes name another format or version.

    Raises:
        ValueError: As said above.
    """
    found = _attribute(file, "format")
    if not (isinstance(found, str) and found == kind):
        raise refusal("format", repr(kind), found)
    found = _attribute(file, "version")
    if not (np.ndim(found) == 0 and np.array_equal(found, version)):
        raise refusal(f"version of the format {kind!r}", f"{version}, which this release reads", found)


def attribute(file: Any, name: str) -> Any:
    """Return an attribute of a file.

    Raises:
        ValueError: There is none of that name.
    """
    if name not in file.attrs:
        raise ValueError(f"the file is incomplete: no attribute {name!r}")
    return _attribute(file, name)


def content(file: Any, name: str) -> Any:
    """Return the data set of that name whole.

    Raises:
        ValueError: There is none, or a group in its place; its bytes are in another file, fewer than it declares,
            or damaged.
        MemoryError: It would not fit.
    """
    found = file.get(name)
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f"the file is incomplete: no data set {name!r}")
    if found.file != file.file or found.is_virtual or found.external:
        raise ValueError(f"data set {name!r} must be in the file itself, got one that lies in another")
    stored = found.id.get_storage_size()
    if found.nbytes > _MOST_PACKED * stored:
        shape = list(found.shape or ())
        raise ValueError(
            f"data set {name!r} must hold what it declares, got {stored} bytes for shape {shape}"
        )
    memory.check(found.nbytes, f"the values of data set {name!r}")
    try:
        return found[()]
    except (OSError, RuntimeError) as error:
        raise ValueError(f"data set {name!r} is damaged: {error}") from error


def numbers(file: Any, name: str) -> Any:
    """Return the data set of that name as an array of numbers or truth values.

    Raises:
        ValueError, MemoryError: As `content`; or it holds anything else.
    """
    found = np.asarray(content(file, name))
    if found.dtype.kind not in "biufc":
        raise ValueError(f"data set {name!r} must hold numbers, got {shown(found)}")
    return found


def put(group: Any, name: str, values: Any, compress: bool = True) -> None:
    """Store an array, compressed when it is large enough to gain from it."""
    large = compress and values.size > 1024
    options = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if large else {}
    group.create_dataset(name, data=values, **options)


def _attribute(file: Any, name: str) -> Any:
    """Return an attribute, None where there is none."""
    try:
        return file.attrs.get(name)
    except (OSError, RuntimeError, TypeError) as error:  # of a type that h5py does not read
        raise ValueError(f"attribute {name!r} is damaged: {error}") from error

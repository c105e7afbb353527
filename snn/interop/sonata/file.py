"""SONATA's HDF5 files: the head that they share, and columns of a population."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn.core.arrays import Int64Array, PathLike
from snn.core.checks import refusal, wholes
from snn.core.files.foreign import ForeignFile
from snn.core.files.hdf5 import create

__all__ = [
    "MOST_NODES",
    "check_group",
    "column",
    "create_sonata",
    "populations",
    "version_of",
    "whole_column",
]

MOST_NODES = 2**31 - 1
"""Nodes of a population that we read: its largest number of units."""
_MAGIC, _VERSION = 0x0A7A, (0, 1)


@contextmanager
def create_sonata(path: PathLike) -> Iterator[Any]:
    """Open a new file, which takes its name only once it is complete; nothing in it may be compressed.

    libsonata reads no gzip.
    """
    with create(path, None) as file:
        file.attrs["magic"] = np.uint32(_MAGIC)
        file.attrs["version"] = np.array(_VERSION, dtype=np.uint32)
        yield file


def check_group(what: str, name: str) -> str:
    """Return a name that a group of HDF5 may have.

    Raises:
        ValueError: It is "." or holds a slash or a zero.
    """
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise refusal(what, "a name that a group of HDF5 may have", name)
    return name


def populations(file: ForeignFile, root: str) -> list[str]:
    """Name the populations under a group of the root, "spikes" or "edges".

    Raises:
        ValueError: There are none.
    """
    found = dict.fromkeys(name.split("/")[1] for name in file.names if name.startswith(f"{root}/"))
    if not found:
        raise refusal("file", f"SONATA, with {root}/POPULATION", list(file.there))
    return list(found)


def column(file: ForeignFile, name: str, size: int | None = None) -> NDArray[Any]:
    """Return a list of numbers in the type in which they are stored.

    Raises:
        ValueError: It is not there, no such list, or of another size.
    """
    if name in file.texts:
        raise refusal(name, "a list of numbers", file.texts[name])
    if name not in file.columns:
        raise ValueError(f"the file is incomplete: no data set {name!r}")
    values, sizes = file.columns[name]
    if sizes is not None or values.ndim != 1 or values.dtype.kind not in "iuf":
        raise refusal(name, "a list of numbers", values)
    if size is not None and values.size != size:
        raise refusal(name, f"of {size} values, as the columns beside it", values.size)
    return values


def whole_column(file: ForeignFile, name: str, high: int, size: int | None = None) -> Int64Array:
    """Return a list of whole numbers from 0 to `high`; as `column`."""
    return wholes(name, column(file, name, size), low=0, high=high)


def version_of(file: ForeignFile) -> str:
    """Write the version that a file says that it has; "" where it says none."""
    said = file.attributes.get("version")
    return ".".join(map(str, said)) if isinstance(said, list) else "" if said is None else str(said)

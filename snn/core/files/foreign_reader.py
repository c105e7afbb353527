"""Read data sets of an HDF5 file that another program wrote: a script that `foreign` runs in a process of its own.

It imports nothing of this package. The request comes as JSON on stdin: `path`, `names` (null: all), `cpu_s`,
`memory`, `most` (bytes that all values may take). The answer goes to stdout: a line of JSON, then arrays in numpy's
format. The line holds `fault` (what is wrong, or null), `there` (names at the root), `attributes` (text and whole
numbers of the root), and `columns`: for each data set found "numbers" (one array), "rows" (two: all values, and the
size of each row) or a list of texts.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any, BinaryIO

import h5py
import numpy as np

_AT_A_TIME = 1024
"""Rows of different length read together."""
_MOST_LINKS = 16
"""Soft links followed on the way to a data set."""
_MOST_NAMES = 20
"""Names of the root that are told."""
_MOST_SETS = 100_000
"""Data sets of a file that is read whole."""


class Refused(Exception):
    """Something that must not stand in a file; the text says what, after the path."""


class _File:
    """Read from one open file, whose values may take `most` bytes in all."""

    def __init__(self, file: Any, size: int, most: int) -> None:
        self._file, self._size, self._left = file, size, most
        self.arrays: list[Any] = []

    def there(self) -> list[str]:
        return [name for name, _ in zip(self._file, range(_MOST_NAMES), strict=False)]

    def attributes(self) -> dict[str, str | int]:
        found = {}
        for name, _ in zip(self._file.attrs, range(_MOST_NAMES), strict=False):
            value = self._file.attrs[name]
            if isinstance(value, str | np.integer):
                found[name] = value if isinstance(value, str) else int(value)
        return found

    def all_names(self) -> list[str]:
        """Name all data sets, by groups alone: links are not followed."""
        found: list[str] = []
        self._file.visititems(
            lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None
        )
        if len(found) > _MOST_SETS:
            raise Refused(f"must hold at most {_MOST_SETS} data sets, got {len(found)}")
        return found

    def column(self, name: str) -> str | list[str] | None:
        """Read one data set: say what it holds, and put its arrays behind those that were read before."""
        data = self._find(name)
        if not isinstance(data, h5py.Dataset):
            return None
        self._check(name, data)
        row = h5py.check_vlen_dtype(data.dtype)
        if h5py.check_string_dtype(data.dtype) is not None or data.dtype.kind == "S":
            return self._texts(name, data)
        if row is not None:
            self._rows(name, data, np.dtype(row))
            return "rows"
        self._number_type(name, data.dtype)
        self.arrays.append(np.asarray(data[()]))
        return "numbers"

    def _find(self, name: str) -> Any:
        """Go to a data set by links that stay in the file; None where there is none."""
        here, parts, links = self._file, name.split("/"), 0
        while parts:
            part = parts.pop(0)
            link = here.get(part, getlink=True) if part and isinstance(here, h5py.Group) else None
            if isinstance(link, h5py.ExternalLink):
                raise Refused(f"{name} must lie in the file itself, got a link to {link.filename!r}")
            if isinstance(link, h5py.SoftLink):
                links += 1
                if links > _MOST_LINKS:
                    raise Refused(f"{name} must be reached by at most {_MOST_LINKS} links, got more")
                here = self._file if link.path.startswith("/") else here
                parts = [*link.path.split("/"), *parts]
            elif link is not None:
                here = here[part]
            elif part:
                return None
        return here

    def _check(self, name: str, data: Any) -> None:
        """Refuse a data set that lies elsewhere, or is larger than its file can be."""
        plan = data.id.get_create_plist()
        if plan.get_external_count() or plan.get_layout() == h5py.h5d.VIRTUAL:
            raise Refused(f"{name} must lie in the file itself, got values kept in another file")
        if data.shape is None:
            raise Refused(f"{name} must hold values, got none")
        packed = plan.get_layout() == h5py.h5d.CHUNKED
        for what, shape in (("shape", data.shape), ("chunks", data.chunks or ())):
            need, most = math.prod(shape) * data.dtype.itemsize, self._left if packed else self._size
            if need > most:
                raise Refused(
                    f"{what} of {name} must take at most {most} bytes, got {need} for {list(shape)}"
                )
        self._take(name, math.prod(data.shape) * data.dtype.itemsize)

    def _take(self, name: str, need: int) -> None:
        if need > self._left:
            raise Refused(f"{name} must take at most the {self._left} bytes left, got {need}")
        self._left -= need

    def _number_type(self, name: str, kind: Any) -> None:
        if kind.kind not in "biufc":
            raise Refused(f"{name} must hold numbers or text, got {kind}")

    def _rows(self, name: str, data: Any, kind: Any) -> None:
        self._number_type(name, kind)
        if data.ndim != 1:
            raise Refused(f"{name} must be one list of rows, got shape {list(data.shape)}")
        if not kind.isnative:  # h5py (3.16) gives such rows with their bytes in the wrong order
            raise Refused(f"{name} must hold rows in this machine's byte order, got {kind.str}")
        values, sizes = [np.zeros(0, kind)], []
        for start in range(0, len(data), _AT_A_TIME):
            rows = [np.asarray(row, kind) for row in data[start : start + _AT_A_TIME]]
            sizes += [row.size for row in rows]
            self._take(name, sum(row.nbytes for row in rows))
            values.append(np.concatenate(rows))
        self.arrays += [np.concatenate(values), np.array(sizes, dtype=np.int64)]

    def _texts(self, name: str, data: Any) -> list[str]:
        found = np.asarray(data[()]).reshape(-1).tolist()
        self._take(name, sum(map(len, found)))
        try:
            return [text if isinstance(text, str) else text.decode("utf-8") for text in found]
        except UnicodeDecodeError as error:
            raise Refused(f"{name} must be text in UTF-8, got {error.object[:40]!r}") from None


def _limit(kind: str, most: int) -> None:
    """Set a limit of this process where the platform has it."""
    try:
        import resource

        number = getattr(resource, kind)
        hard = resource.getrlimit(number)[1]
        resource.setrlimit(number, (most if hard < 0 else min(most, hard), hard))
    except (AttributeError, ImportError, OSError, ValueError):
        pass  # the parent's clock remains


def _taken() -> int:
    """Bytes of address space that this process has already."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * 4096
    except OSError:
        return 1 << 30


def answer(asked: dict[str, Any], reply: dict[str, Any]) -> list[Any]:
    """Fill in the reply to a request, and return the arrays that go with it."""
    try:
        with open(asked["path"], "rb") as opened:
            size = opened.seek(0, 2)
        file = h5py.File(asked["path"], "r")
    except MemoryError:
        raise
    except Exception as error:
        raise Refused(f"is not a whole HDF5 file: {error}") from None
    try:
        with file:
            reader = _File(file, size, asked["most"])
            reply["there"], reply["attributes"] = reader.there(), reader.attributes()
            for name in reader.all_names() if asked["names"] is None else asked["names"]:
                reply["at"] = name
                kind = reader.column(name)
                if kind is not None:
                    reply["columns"][name] = kind
            return reader.arrays
    except (MemoryError, Refused):
        raise
    except Exception as error:  # whatever the library says of damaged bytes
        at = f" in {reply['at']}" if "at" in reply else ""
        raise Refused(f"is damaged{at}: {error}") from None


def main(target: BinaryIO) -> None:
    """Answer the request on stdin."""
    asked = json.load(sys.stdin)
    _limit("RLIMIT_CORE", 0)
    _limit("RLIMIT_CPU", asked["cpu_s"])
    _limit("RLIMIT_AS", _taken() + asked["memory"])
    reply: dict[str, Any] = {"fault": None, "there": [], "attributes": {}, "columns": {}}
    arrays = []
    try:
        arrays = answer(asked, reply)
    except MemoryError:
        reply["fault"] = f"needs more than the {asked['memory'] >> 20} MiB that a file of its size may take"
    except Refused as error:
        reply["fault"] = str(error)
    target.write(json.dumps(reply).encode("ascii") + b"\n")
    for array in arrays:
        np.save(target, array, allow_pickle=False)
    target.flush()


if __name__ == "__main__":
    main(sys.stdout.buffer)

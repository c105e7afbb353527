"""Read data sets of an HDF5 file that another program wrote: a script that `foreign` runs in a process of its own.

It imports nothing of this package. The request comes as JSON on stdin: `path`, `names` (null: all; a part of a name
may be "*"), `outline` (whether the names of all data sets are given, and attributes besides those of the root),
`cpu_s`, `memory`, `most` (bytes that all values may take). The answer goes to stdout: a line of JSON, then arrays
in numpy's format. The line holds `fault` (what is wrong, or null), `there` (names at the root), `attributes` (by
path; "" is the root), `names` (of all data sets) and `columns`: for each data set found "numbers" (one array),
"rows" (two: all values, and the size of each row) or a list of texts.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
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

    def attributes(self, path: str) -> dict[str, Any]:
        """Give text and numbers, alone and in lists, of a group or data set; a number that has a name by it."""
        found = {}
        item = self._find(path) if path else self._file
        for name, _ in zip(item.attrs, range(_MOST_NAMES), strict=False):
            value = item.attrs[name]
            names = h5py.check_enum_dtype(item.attrs.get_id(name).dtype)
            if names and isinstance(value, np.integer):
                value = {number: word for word, number in names.items()}.get(int(value), int(value))
            plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
            kinds = set(map(type, plain)) if isinstance(plain, list) else {type(plain)}
            if kinds <= {str, int, float}:
                found[name] = plain
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


def _fits(name: str, pattern: str) -> bool:
    """Tell whether a path has the parts of another, in which "*" is any part."""
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(
        two in ("*", one) for one, two in zip(parts, wanted, strict=True)
    )


def _expanded(names: list[str], known: list[str]) -> list[str]:
    """Replace names with a "*" by those that are there."""
    patterns = [name for name in names if "*" in name]
    return [
        *(name for name in names if "*" not in name),
        *(name for name in known if any(_fits(name, pattern) for pattern in patterns)),
    ]


def _above(names: Iterable[str]) -> dict[str, None]:
    """List paths and those of the groups above them, each once; the root is none of them."""
    parts = (name.split("/") for name in names)
    return dict.fromkeys("/".join(path[:n]) for path in parts for n in range(1, len(path) + 1))


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
            reply["there"], reply["attributes"] = reader.there(), {"": reader.attributes("")}
            names, outline = asked["names"], asked["outline"]
            known = reader.all_names() if outline or names is None else []
            reply["names"] = known
            for name in known if names is None else _expanded(names, known):
                reply["at"] = name
                kind = reader.column(name)
                if kind is not None:
                    reply["columns"][name] = kind
            for path in _above(reply["columns"]) if outline else ():
                reply["at"] = path
                reply["attributes"][path] = reader.attributes(path)
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
    reply: dict[str, Any] = {"fault": None, "there": [], "attributes": {"": {}}, "names": [], "columns": {}}
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

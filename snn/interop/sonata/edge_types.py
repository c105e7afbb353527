"""Read a table of SONATA's edge types: what edges of a type have in common."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from snn.core.arrays import Float64Array, Int64Array, PathLike
from snn.core.checks import refusal
from snn.core.files.hdf5 import naming
from snn.core.files.whole import existing_file

__all__ = ["EdgeTypes", "read_edge_types"]

_READ = ("edge_type_id", "delay", "syn_weight", "nsyns", "weight_function")
_QUERIES = ("target_query", "source_query", "population")
"""How the types were chosen: that stands in the edges."""
_MOST_BYTES = 1 << 26


@dataclass(frozen=True, slots=True)
class EdgeTypes:
    """Hold a table of edge types.

    Attributes:
        rows: What stands for each type, by its number; empty fields and NULL left out.
        unread: Columns that hold something and are not read.
    """

    rows: Mapping[int, Mapping[str, str]]
    unread: tuple[str, ...]

    def values(self, name: str, kind: Int64Array) -> Float64Array:
        """Give a number of each edge by its type, [E]; NaN where its type says none.

        Raises:
            ValueError: A type is not in the table, or holds no finite number.
        """
        kinds, place = np.unique(kind, return_inverse=True)
        return np.array([self._value(name, int(one)) for one in kinds], dtype=np.float64)[place]

    def check_functions(self, place: str, kind: Int64Array) -> None:
        """Refuse types whose weights are computed by a function of the model.

        Raises:
            ValueError: There is one.
        """
        for one in np.unique(kind).tolist():
            given = self.rows.get(one, {}).get("weight_function")
            if given is not None:
                raise refusal(
                    f"weight_function of edge type {one} of {place}", "NULL: we do not call it", given
                )

    def _value(self, name: str, kind: int) -> float:
        if kind not in self.rows:
            raise refusal("edge_type_id", f"one of {', '.join(map(str, self.rows))}, as in edge_types", kind)
        text = self.rows[kind].get(name)
        if text is None:
            return np.nan
        try:
            value = float(text)
        except ValueError:
            value = np.nan
        if not np.isfinite(value):
            raise refusal(f"{name} of edge type {kind}", "a finite number", text)
        return value


def read_edge_types(path: PathLike) -> EdgeTypes:
    """Read the table: words between spaces, the names of its columns first.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is no such table, or over 64 MiB; the message names the file.
    """
    source = existing_file(path)
    with naming(path):
        if source.stat().st_size > _MOST_BYTES:
            raise refusal("file", f"at most {_MOST_BYTES} bytes", source.stat().st_size)
        try:
            text = source.read_text(encoding="utf-8")
            lines = list(csv.reader(text.splitlines(), delimiter=" ", skipinitialspace=True, strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"must be a table of text, got {error}") from error
        lines = [[word for word in line] for line in lines if line]
        if not lines or "edge_type_id" not in lines[0]:
            raise refusal("line 1", "names of columns, edge_type_id among them", lines[:1])
        return _table(lines[0], lines[1:])


def _table(names: list[str], lines: list[list[str]]) -> EdgeTypes:
    rows: dict[int, dict[str, str]] = {}
    for number, line in enumerate(lines, start=2):
        if len(line) != len(names):
            raise refusal(f"row {number}", f"of {len(names)} words, as the first", len(line))
        said: dict[str, Any] = {
            name: word for name, word in zip(names, line, strict=True) if word not in ("", "NULL")
        }
        try:
            kind = int(said["edge_type_id"])
        except (KeyError, ValueError):
            raise refusal(
                f"edge_type_id of row {number}", "a whole number", said.get("edge_type_id")
            ) from None
        if kind in rows:
            raise refusal(f"edge_type_id of row {number}", "one that no other row has", kind)
        rows[kind] = said
    unread = dict.fromkeys(key for row in rows.values() for key in row if key not in (*_READ, *_QUERIES))
    return EdgeTypes(rows, tuple(unread))

"""Keep a tree of plain values in HDF5: dicts, lists, arrays, text, numbers, truth values and None.

The data set `values` holds the tree as JSON, with null where an array stands, beside the places of these arrays:
`{"tree": ..., "arrays": [["populations", 0, "neuron", "v_th"], ...]}`. Each array is a data set in the group
`arrays`, named by its place: `populations.0.neuron.v_th`. Whole numbers of any size, floats and arrays come
back exactly, of their type; a tuple comes back as a list.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any, TypeVar
from urllib.parse import quote

import numpy as np

from snn.core.arrays import PathLike
from snn.core.checks import refusal
from snn.core.files.hdf5 import check_format, content, create, naming, numbers, open_ours, put
from snn.core.files.json_file import fields_of, parse_json, typed

__all__ = ["fields_of", "read_tree", "read_values", "write_tree"]

T = TypeVar("T")
Place = tuple[str | int, ...]
"""Keys and indices that lead from the root of a tree to a value."""


def write_tree(
    path: PathLike, kind: str, version: int, tree: dict[str, Any], uncompressed: Collection[str] = ()
) -> None:
    """Write a tree, whole or not at all.

    Args:
        path: The file; one already there stays until the new one is whole.
        kind: Format name.
        version: Format version.
        tree: What to keep.
        uncompressed: Fields of the root whose arrays gain little from compression.

    Raises:
        TypeError: A value is of no plain type; the message names its place.
        OSError: The file could not be written.
    """
    arrays: dict[Place, Any] = {}
    values = json.dumps({"tree": _without_arrays(tree, (), arrays), "arrays": list(arrays)})
    with create(path, kind, version) as file:
        file["values"] = values
        group = file.create_group("arrays")
        for place, array in arrays.items():
            put(group, _data_set(place), array, compress=place[0] not in uncompressed)


def read_tree(path: PathLike, kind: str, version: int, build: Callable[[dict[str, Any]], T]) -> T:
    """Read a tree that `write_tree` wrote, and make something of it.

    Args:
        path: The file.
        kind: Format name that it must have.
        version: Format version that it must have.
        build: Takes the tree; its ValueErrors then name the path.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Damaged or none of ours, of another format or version, incomplete, or refused by `build`.
        MemoryError: Its arrays would not fit.
    """
    with open_ours(path) as file:
        tree, places = _read_values(file, kind, version)
        for place in places:
            _set(tree, place, numbers(file, f"arrays/{_data_set(place)}"))
    with naming(path):
        return build(tree)


def read_values(path: PathLike, kind: str, version: int) -> dict[str, Any]:
    """Read a tree without its arrays, in whose places None stands; what it takes is to check the file's bytes.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Damaged or none of ours, of another format or version, or incomplete.
    """
    with open_ours(path) as file:
        return _read_values(file, kind, version)[0]


def names_held(tree: dict[str, Any]) -> dict[str, list[str]]:
    """List the names in each group of a tree: kept beside the groups, it tells that none is missing."""
    return {field: list(group) for field, group in tree.items() if isinstance(group, dict)}


def check_names_held(tree: dict[str, Any], holds: Any) -> None:
    """Refuse a tree whose groups do not have the names that `names_held` listed.

    Raises:
        ValueError: As said above; the message names the group.
    """
    now = names_held(tree)
    if not isinstance(holds, dict) or holds.keys() != now.keys():
        raise refusal("holds", f"the names in {', '.join(now)}", holds)
    for field, names in now.items():
        if holds[field] != names:
            raise refusal(field, f"of {holds[field]}, as was written", names)


def _without_arrays(value: Any, place: Place, arrays: dict[Place, Any]) -> Any:
    """Copy a tree with None for arrays, which go to `arrays` by place."""
    if isinstance(value, np.ndarray):
        arrays[place] = value
        return None
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"keys of {_shown(place)} must be text, got {key!r}")
        return {key: _without_arrays(child, (*place, key), arrays) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_without_arrays(child, (*place, i), arrays) for i, child in enumerate(value)]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"{_shown(place)} must be a plain value, got {type(value).__name__}")


def _read_values(file: Any, kind: str, version: int) -> tuple[dict[str, Any], list[Place]]:
    check_format(file, kind, version)
    stored, what = content(file, "values"), "data set 'values'"
    if not isinstance(stored, bytes | str):
        raise refusal(what, "JSON", stored)
    values = fields_of(what, parse_json(stored, what, constants=True), ("tree", "arrays"))
    typed(f"{what}: tree", values["tree"], dict, "a group of fields")
    places = []
    for i, place in enumerate(typed(f"{what}: arrays", values["arrays"], list, "a list of places")):
        keys = tuple(typed(f"{what}: arrays[{i}]", place, list, "a list of keys and indices"))
        if not keys or not all(type(key) is str or (type(key) is int and key >= 0) for key in keys):
            raise refusal(f"{what}: arrays[{i}]", "a list of keys and indices", place)
        places.append(keys)
    stored_arrays = file.get("arrays")
    unnamed = set(stored_arrays or ()) - set(map(_data_set, places))
    if unnamed:
        raise ValueError(f"data set {f'arrays/{min(unnamed)}'!r} has no place in the tree")
    return values["tree"], places


def _set(tree: Any, place: Place, array: Any) -> None:
    """Put an array in its place, where None stands.

    Raises:
        ValueError: The tree has no such place.
    """
    try:
        for key in place[:-1]:
            tree = tree[key]
        if tree[place[-1]] is not None:
            raise ValueError(f"{_shown(place)} is the place of an array, but the tree has a value there")
        tree[place[-1]] = array
    except (IndexError, KeyError, TypeError):
        raise ValueError(f"{_shown(place)} is the place of an array, but the tree has none there") from None


def _data_set(place: Place) -> str:
    """Name the data set of an array: its keys, with dots between and what would not fit a name escaped."""
    return ".".join(quote(str(key), safe=" ").replace(".", "%2E") or "%" for key in place)


def _shown(place: Place) -> str:
    return "/".join(map(str, place)) or "the tree"

"""Damage bytes, and values, in the ways that disks, networks and other programs do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

Rng = np.random.Generator


def damage(data: bytes, rng: Rng) -> bytes:
    """Return `data` with one to three damages."""
    for _ in range(int(rng.integers(1, 4))):
        data = BYTES[int(rng.integers(len(BYTES)))](data, rng)
    return data


def _span(data: bytes, rng: Rng) -> tuple[int, int]:
    """Choose a piece of at most 64 bytes, or, one time in four, of any length."""
    start = int(rng.integers(len(data) + 1))
    longest = len(data) - start if rng.random() < 0.25 else min(64, len(data) - start)
    return start, start + int(rng.integers(longest + 1))


def _flip_a_bit(data: bytes, rng: Rng) -> bytes:
    if not data:
        return data
    place = int(rng.integers(len(data)))
    return data[:place] + bytes([data[place] ^ 1 << int(rng.integers(8))]) + data[place + 1 :]


def _set_a_number(data: bytes, rng: Rng) -> bytes:
    """Overwrite 1, 2, 4 or 8 bytes with a number that sizes and offsets are often wrong by."""
    size = int(rng.choice([1, 2, 4, 8]))
    value = [0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1, len(data)][int(rng.integers(9))]
    place = int(rng.integers(len(data) + 1))
    number = (value % 2 ** (8 * size)).to_bytes(size, "little" if rng.random() < 0.5 else "big")
    return data[:place] + number + data[place + size :]


def _cut(data: bytes, rng: Rng) -> bytes:
    return data[: int(rng.integers(len(data) + 1))]


def _remove(data: bytes, rng: Rng) -> bytes:
    start, stop = _span(data, rng)
    return data[:start] + data[stop:]


def _insert(data: bytes, rng: Rng) -> bytes:
    start, stop = _span(data, rng)
    return data[:start] + rng.bytes(stop - start) + data[start:]


def _repeat(data: bytes, rng: Rng) -> bytes:
    start, stop = _span(data, rng)
    return data[:stop] + data[start:]


def _zeros(data: bytes, rng: Rng) -> bytes:
    start, stop = _span(data, rng)
    return data[:start] + bytes(stop - start) + data[stop:]


def _noise(data: bytes, rng: Rng) -> bytes:
    start, stop = _span(data, rng)
    return data[:start] + rng.bytes(stop - start) + data[stop:]


def _move(data: bytes, rng: Rng) -> bytes:
    start, stop = _span(data, rng)
    rest = data[:start] + data[stop:]
    place = int(rng.integers(len(rest) + 1))
    return rest[:place] + data[start:stop] + rest[place:]


def _another_file(data: bytes, rng: Rng) -> bytes:
    """Replace all: nothing, zeros, text, noise."""
    return [b"", bytes(len(data)), b"<html>404</html>\n", b"{}", b"[]", b"null", rng.bytes(len(data))][
        int(rng.integers(7))
    ]


BYTES: tuple[Callable[[bytes, Rng], bytes], ...] = (
    *(_flip_a_bit, _set_a_number, _cut, _remove, _insert, _repeat, _zeros, _noise, _move),
    _another_file,
)


ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 10**30, 0.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", "x", "nan", "\u2028", [], {}, [1], [[1, 2], [3]], {"a": 1}, [None], "9" * 400),
)
"""What stands in a field of a file by mistake."""

DEEP = "nested a hundred thousand times"
"""Stands for a list in a list in a list ..., which `json_text` writes: Python itself cannot."""


def json_text(tree: Any, indent: int | None = None) -> str:
    """Write a tree as JSON text."""
    return json.dumps(tree, indent=indent).replace(json.dumps(DEEP), "[" * 100_000 + "]" * 100_000)


def edit_tree(tree: Any, rng: Rng) -> Any:
    """Return a copy of a tree of plain values in which one field is gone, renamed, of another kind, or nested."""
    places = list(_places(tree, ()))
    place = places[int(rng.integers(len(places)))]
    return _edited(tree, place, rng)


def _places(tree: Any, place: tuple[Any, ...]) -> Any:
    yield place
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        yield from _places(child, (*place, key))


def _edited(tree: Any, place: tuple[Any, ...], rng: Rng) -> Any:
    if not place:
        return _odd(tree, rng)
    key, *rest = place
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    if rest:
        copy[key] = _edited(tree[key], tuple(rest), rng)
    elif isinstance(copy, dict) and rng.random() < 0.5:
        value = copy.pop(key)
        if rng.random() < 0.4:
            copy[str(key) + "_"] = value
    else:
        copy[key] = _odd(tree[key], rng)
    return copy


def _odd(value: Any, rng: Rng) -> Any:
    """Return something else than `value`: an odd value, or itself nested, doubled, or of another sign or shape."""
    if isinstance(value, np.ndarray) and rng.random() < 0.7:
        return odd_array(value, rng)
    if isinstance(value, int | float) and not isinstance(value, bool) and rng.random() < 0.3:
        return [-value, value + 1, float(value), str(value), value * 1000003][int(rng.integers(5))]
    if isinstance(value, list | dict) and rng.random() < 0.3:
        return [[value], {"x": value}, list(value)[:-1], [*value, *value]][int(rng.integers(4))]
    if rng.random() < 0.1:
        return DEEP
    return ODD_VALUES[int(rng.integers(len(ODD_VALUES)))]


def odd_array(array: np.ndarray, rng: Rng) -> np.ndarray:
    """Return an array of another shape, type or length, or with values that no array of its kind may hold."""
    kind = int(rng.integers(8))
    if kind == 0:
        return array[: max(array.shape[0] - 1, 0)] if array.ndim else np.array([array, array])
    if kind == 1:
        return array[None] if rng.random() < 0.5 else array.ravel()[:1]
    if kind == 2:
        return array.astype(rng.choice(["int8", "uint16", "int64", "float32", "float64", "bool"]))
    if kind == 3:
        return np.concatenate([array, array]) if array.ndim else array
    if kind == 4:
        return np.full(array.shape, np.nan)
    if kind == 5 and array.ndim > 1:
        return array.T.copy()
    odd = array.copy() if array.size else np.zeros(1, array.dtype)
    place = int(rng.integers(odd.size))
    limits = [np.nan, np.inf, -1e308] if odd.dtype.kind == "f" else [-1, 2**15, 2**31, 2**62, 10**9]
    with np.errstate(all="ignore"):
        odd.reshape(-1)[place] = np.array(limits[int(rng.integers(len(limits)))]).astype(odd.dtype)
    return odd

"""Damage files as disks, transfers and other programs do, and seal again what was changed on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from snn.core.files.user_block import SIZE, user_block


def damaged(content: bytes, seed: int) -> bytes:
    """Give other bytes: one flipped, some cut, inserted or zeroed, or two blocks swapped."""
    rng = np.random.default_rng(seed)
    kind, n = seed % 6, len(content)
    a, b = sorted(int(i) for i in rng.integers(0, n, 2))
    some = rng.integers(0, 256, int(rng.integers(1, 40))).astype(np.uint8).tobytes()
    length = int(rng.integers(1, max(2, n // 8)))
    if kind == 0:  # one bit
        changed = content[:a] + bytes([content[a] ^ (1 << int(rng.integers(8)))]) + content[a + 1 :]
    elif kind == 1:
        changed = content[:a]
    elif kind == 2:
        changed = content[:a] + some + content[a:]
    elif kind == 3:
        changed = content[:a] + bytes(min(length, n - a)) + content[a + length :]
    elif kind == 4:
        changed = content[:a] + content[b:]
    else:
        length = min(length, (n - a) // 2)
        changed = content[:a] + content[a + length : a + 2 * length] + content[a : a + length]
        changed += content[a + 2 * length :]
    return changed if changed != content else content + some


def reseal(path: Path) -> None:
    """Give a file of ours that was changed with h5py the checksum of what it now holds."""
    content = path.read_bytes()[SIZE:]
    path.write_bytes(user_block(content) + content)


def edit(path: Path, change: Callable[[Any], object]) -> None:
    """Change a file of ours with h5py, and seal it again."""
    with h5py.File(path, "a") as file:
        change(file)
    reseal(path)


def structure_edits(path: Path) -> Iterator[tuple[str, bytes]]:
    """Give our HDF5 file with each of its attributes and data sets removed, renamed, retyped and reshaped in turn.

    Yields:
        What was done, and the bytes of the file, with a checksum that is right.
    """
    whole = path.read_bytes()
    names: list[str] = []
    with h5py.File(path) as file:
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        attributes = list(file.attrs)
    places = [("attribute", name) for name in attributes] + [("data set", name) for name in names]
    for what, name in places:
        for how, change in _CHANGES.items():
            path.write_bytes(whole)
            with h5py.File(path, "a") as file:
                done = change(file.attrs if what == "attribute" else file, name)
            if done is not False:
                reseal(path)
                yield f"{what} {name} {how}", path.read_bytes()
    path.write_bytes(whole)


def _replaced(held: Any, name: str, value: Any) -> None:
    del held[name]
    held[name] = value


def _reshaped(held: Any, name: str) -> bool:
    value = np.asarray(held[name][()] if isinstance(held, h5py.File) else held[name])
    if value.dtype.kind not in "iuf":
        return False
    _replaced(held, name, np.stack([value] * 3))
    return True


_CHANGES: dict[str, Callable[[Any, str], Any]] = {
    "removed": lambda held, name: held.__delitem__(name),
    "renamed": lambda held, name: (held.__setitem__(name + "x", held[name]), held.__delitem__(name)) and None,
    "retyped": lambda held, name: _replaced(held, name, "text"),
    "not a number": lambda held, name: _replaced(held, name, np.nan),
    "far too large": lambda held, name: _replaced(held, name, np.full(2, 2**62)),
    "reshaped": _reshaped,
}

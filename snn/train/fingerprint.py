"""Tell data sets apart cheaply: a hash of their sizes and labels, and a checksum of their arrays."""

from __future__ import annotations

import dataclasses
import hashlib
import random
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

__all__ = ["fingerprint"]

SAMPLED = 65536
"""Elements of an array that are hashed, at equal distances, beside the checksum of all."""
LONGEST = 50_000
"""Elements of a list, tuple or dict that are looked at, at equal distances."""
HOLDERS = ("base", "dataset", "augment", "indices", "tensors", "label", "labels", "targets")
"""Where data sets may keep what tells them apart, be it made when it is asked for."""
ITEMS = 3
"""Items at either end that are hashed of a data set that shows nothing else."""
SINGLE = (type(None), int, float, np.generic)
NO_DATA = (str, bytes, type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)


def fingerprint(data: Any) -> str:
    """Hash the numbers and arrays that a data set holds: 16 hexadecimal digits.

    Of a dataclass all fields are looked at, of other objects all attributes but single numbers and those
    that start with an underscore. Names and paths do not count, so that data may be moved to another folder.

    Where no array or list of numbers is found, the first and last items are hashed. The random numbers of Python,
    numpy and torch are those of a fixed seed meanwhile, and go on afterwards as if nothing had been drawn.
    """
    found = _Hash()
    data = data.dataset if isinstance(data, DataLoader) else data
    found.add(data, depth=6)
    if not found.holds_data:
        found.add_items(data)
    return found.digest.hexdigest()[:16]


class _Hash:
    """Hash a tree of objects.

    Attributes:
        digest: The hash so far.
        holds_data: Whether an array or a list of numbers was among them.
    """

    def __init__(self) -> None:
        self.digest, self.holds_data = hashlib.sha256(), False
        self._seen: dict[int, Any] = {}  # held, so that no other object gets the id of one that was seen

    def add(self, part: Any, depth: int) -> None:
        """Add an object, and what it holds down to a depth."""
        if isinstance(part, bool | int | float):
            self.digest.update(repr(part).encode())
        elif isinstance(part, np.ndarray | np.generic | Tensor):
            self._add_array(part)
        elif depth == 0 or part is None or isinstance(part, NO_DATA):
            return
        elif isinstance(part, list | tuple | dict):
            self.digest.update(f"[{len(part)}]".encode())
            items = list(part.values()) if isinstance(part, dict) else part
            for item in items[:: max(1, len(items) // LONGEST)]:
                self.holds_data |= isinstance(item, int | float)
                self.add(item, depth - 1)
        elif id(part) not in self._seen:
            self._seen[id(part)] = part
            for name in _attributes(part):
                value = getattr(part, name, None)
                if isinstance(value, SINGLE) and not dataclasses.is_dataclass(part):
                    continue  # it may be a counter, which moves while the data are used
                self.digest.update(name.encode())
                self.add(value, depth - 1)

    def add_items(self, data: Any) -> None:
        """Add the first and last items of what can be indexed."""
        if isinstance(data, IterableDataset) or not (
            hasattr(data, "__getitem__") and hasattr(data, "__len__")
        ):
            return
        n = len(data)
        with _numbers_of_a_fixed_seed():
            for i in sorted({*range(min(ITEMS, n)), *range(max(0, n - ITEMS), n)}):
                self.add(data[i], depth=6)

    def _add_array(self, array: Any) -> None:
        self.digest.update(f"{array.dtype}{tuple(array.shape)}".encode())
        self.holds_data |= array.ndim > 0
        if isinstance(array, Tensor):
            flat = (
                array.detach().reshape(-1).cpu().view(torch.uint8).numpy() if array.numel() else np.zeros(0)
            )
        else:
            flat = array.reshape(-1)
        if flat.dtype == object:
            self.digest.update(repr(flat[:: max(1, flat.size // SAMPLED)]).encode())
        else:  # every byte counts, and a sum over all of them is read three times as fast as a hash
            whole = np.ascontiguousarray(flat).view(np.uint8)
            self.digest.update(f"{zlib.crc32(whole.data):08x}".encode())
            self.digest.update(np.ascontiguousarray(flat[:: max(1, flat.size // SAMPLED)]).tobytes())


def _attributes(part: Any) -> list[str]:
    """Name where an object keeps its data."""
    if dataclasses.is_dataclass(part):
        return [f.name for f in dataclasses.fields(part)]
    public = [name for name in getattr(part, "__dict__", {}) if not name.startswith("_")]
    return sorted({*public, *HOLDERS})


@contextmanager
def _numbers_of_a_fixed_seed() -> Iterator[None]:
    """Let items that are varied by chance come out the same, and leave no trace in the random numbers after."""
    kept = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(0)
    np.random.seed(0)
    torch.default_generator.manual_seed(0)
    try:
        yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])
        torch.set_rng_state(kept[2])

"""A loop that is built of parts of other files is cached under a name that changes with those files."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

from numba.core.dispatcher import Dispatcher
from numba.core.extending import _Intrinsic

import snn.kernels


def home(part: Any) -> str | None:
    """Name the module of a compiled loop or of an instruction of ours; None for anything else."""
    if isinstance(part, Dispatcher):
        return part.py_func.__module__
    return part._defn.__module__ if isinstance(part, _Intrinsic) else None


def loops() -> Iterator[tuple[Any, set[str]]]:
    """Give every compiled loop of the kernels, and the other modules whose parts it names."""
    for found in pkgutil.walk_packages(snn.kernels.__path__, "snn.kernels."):
        names = vars(importlib.import_module(found.name))
        for loop in names.values():
            if isinstance(loop, Dispatcher) and home(loop) == found.name:
                parts = (names.get(name) for name in loop.py_func.__code__.co_names)
                yield loop, {home(part) for part in parts} - {None, found.name}


def test_loops_over_other_files_are_cached_by_their_sources():
    over = [loop.py_func.__qualname__ for loop, others in loops() if others]
    assert len(over) >= 10
    assert all(re.search(r"_[0-9a-f]{16}$", name) for name in over), over

"""Tell data sets apart cheaply: a hash of their sizes, labels and a sample of their arrays."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np
from torch import Tensor

__all__ = ["fingerprint"]

SAMPLED = 65536
"""Elements of an array that are hashed, at equal distances."""
LONGEST = 1000
"""Elements of a list or tuple up to which each is looked at."""
HOLDERS = ("base", "dataset", "augment", "indices", "tensors", "label", "labels", "targets")
"""Where data sets that are no dataclasses keep what tells them apart: torch's, and ours that vary another."""


def fingerprint(data: Any) -> str:
    """Hash the numbers and arrays that a data set holds: 16 hexadecimal digits.

    Of a dataclass all fields are looked at, of other objects the attributes that data sets commonly have. Names and
    paths do not count, so that data may be moved to another folder.
    """
    digest = hashlib.sha256()
    _add(digest, data, depth=6)
    return digest.hexdigest()[:16]


def _add(digest: Any, part: Any, depth: int) -> None:
    if isinstance(part, bool | int | float):
        digest.update(repr(part).encode())
    elif isinstance(part, np.ndarray | Tensor):
        _add_array(digest, part)
    elif depth == 0 or part is None or isinstance(part, str | type):
        return
    elif isinstance(part, list | tuple):
        digest.update(f"[{len(part)}]".encode())
        for item in part[:LONGEST]:
            _add(digest, item, depth - 1)
    else:
        fields = [f.name for f in dataclasses.fields(part)] if dataclasses.is_dataclass(part) else HOLDERS
        for name in fields:
            digest.update(name.encode())
            _add(digest, getattr(part, name, None), depth - 1)


def _add_array(digest: Any, array: Any) -> None:
    digest.update(f"{array.dtype}{tuple(array.shape)}".encode())
    if isinstance(array, Tensor):
        flat = array.detach().reshape(-1)[:: max(1, array.numel() // SAMPLED)].cpu().numpy()
    else:
        flat = array.reshape(-1)[:: max(1, array.size // SAMPLED)]
    digest.update(np.ascontiguousarray(flat).tobytes() if flat.dtype != object else repr(flat).encode())

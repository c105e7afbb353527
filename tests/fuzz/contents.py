"""Compare what two files hold: the same values, other values in the same places, or other places."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, Literal

import numpy as np
import scipy.sparse
import torch

Difference = Literal["same", "differs", "structural"]


def plain(value: Any) -> Any:
    """Turn what a loader gave into dicts, lists and arrays of numbers."""
    if isinstance(value, torch.Tensor):
        return value.detach().numpy()
    if scipy.sparse.issparse(value):
        return {"data": value.data, "indices": value.indices, "indptr": value.indptr, "shape": value.shape}
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [plain(child) for child in value]
    return value


def difference(first: Any, second: Any) -> Difference:
    """Tell two trees apart: "structural" where a field, a length, a shape or a kind of value differs."""
    if isinstance(first, dict) or isinstance(second, dict):
        if not (isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys()):
            return "structural"
        return _worst(difference(first[key], second[key]) for key in first)
    if isinstance(first, list) or isinstance(second, list):
        if not (isinstance(first, list) and isinstance(second, list)):
            return "structural"
        if len(first) != len(second):  # another number of projections, rows or runs is another valid file
            return "differs"
        return _worst(map(difference, first, second))
    if first is None or second is None:  # a field that may be left out
        return "same" if first is second else "differs"
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        mine, other = np.asarray(first), np.asarray(second)
        if mine.shape != other.shape or mine.dtype.kind != other.dtype.kind:
            return "structural"
        return "same" if mine.tobytes() == other.tobytes() else "differs"
    return "same" if first == second or (first != first and second != second) else "differs"


def _worst(found: Any) -> Difference:
    order: tuple[Difference, ...] = ("same", "differs", "structural")
    return order[max((order.index(one) for one in found), default=0)]

"""Put samples of any kind together into a batch, time first: what torch's DataLoader takes as `collate_fn`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snn.core import Events
from snn.core.arrays import Int64Array
from snn.core.checks import flag, refusal, shown
from snn.core.memory import check as check_memory

__all__ = ["collate", "dense_counts"]

_DATA = "the events of one sample or numbers [T, ...]"


def dense_counts(events: Events) -> NDArray[np.float32]:
    """Count the spikes of each unit in each step, [T, B, N]; T is the longest sample, at least 1.

    Raises:
        MemoryError: The counts are larger than the memory that is free.
    """
    shape = (int(events.n_steps.max(initial=1)), len(events), events.n_units)
    check_memory(
        12 * math.prod(shape), f"counts of {shape[0]:,} steps x {shape[1]:,} samples x {shape[2]:,} units"
    )
    flat = np.ravel_multi_index((events.step, events.sample, events.unit), shape)
    return np.bincount(flat, minlength=int(np.prod(shape))).astype(np.float32).reshape(shape)


def collate(
    items: Sequence[tuple[Events | ArrayLike, ArrayLike]], *, per_step: bool | None = None
) -> tuple[NDArray[Any], Int64Array, NDArray[Any]]:
    """Make a batch of samples, each given with its label; shorter ones are filled up with zeros.

    `torch.utils.data.DataLoader(data, collate_fn=snn.datasets.collate)` gives batches that `snn.train.fit` takes.

    Args:
        items: Pairs of data and label. Data are the events of one sample, or its values by step [T, ...]: integers
            stay what they are, other numbers become float32. A label is a class; a target, a number or an array;
            or one of these for every step, [T, ...].
        per_step: Whether labels are one for every step; None takes them so where all are arrays whose first axis is
            as long as their sample.

    Returns:
        x [T, B, ...]; the steps of each sample, [B]; and labels [B, ...], or [T, B, ...] where there is one for
        every step: int64 for classes, float32 for targets.

    Raises:
        TypeError: `items` is no list.
        ValueError: There are no items, or two do not go together: events and arrays, shapes, lengths of steps,
            classes and targets; or a number is too large. The message names the first that does not fit.
        MemoryError: The batch is larger than the memory that is free.
    """
    if not isinstance(items, Sequence):
        raise TypeError(f"items must be a list of pairs (data, label), got {shown(items)}")
    if not len(items):
        raise ValueError("items must be at least one pair (data, label), got none")
    for i, item in enumerate(items):
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise refusal(f"items[{i}]", "a pair (data, label)", item)
    if per_step is not None:
        per_step = flag("per_step", per_step)
    data = [item[0] for item in items]
    if any(isinstance(one, Events) for one in data):
        x, lengths = _of_events(data)
    else:
        x, lengths = _of_arrays(data)
    return x, lengths, _labels([item[1] for item in items], lengths, per_step)


def _of_events(data: Sequence[Any]) -> tuple[NDArray[np.float32], Int64Array]:
    first = data[0]
    for i, one in enumerate(data):
        if not isinstance(one, Events):
            raise refusal(f"items[{i}][0]", "events, as others are", one)
        if len(one) != 1:
            raise refusal(f"items[{i}][0]", _DATA, one)
        for name in ("n_units", "dt_ms"):
            if isinstance(first, Events) and getattr(one, name) != getattr(first, name):
                rule = f"{getattr(first, name)}, as that of items[0][0]"
                raise refusal(f"{name} of items[{i}][0]", rule, getattr(one, name))
    steps, lengths = np.concatenate([one.step for one in data]), np.concatenate([one.n_steps for one in data])
    units = np.concatenate([one.unit for one in data])
    offsets = np.concatenate([[0], np.cumsum([one.n_events for one in data])])
    return dense_counts(Events(steps, units, offsets, first.n_units, first.dt_ms, lengths)), lengths


def _of_arrays(data: Sequence[Any]) -> tuple[NDArray[Any], Int64Array]:
    arrays = [_array(f"items[{i}][0]", _DATA, one) for i, one in enumerate(data)]
    first = arrays[0]
    for i, one in enumerate(arrays):
        if one.ndim < 1 or one.shape[1:] != first.shape[1:]:
            shape = ", ".join(map(str, ("T", *first.shape[1:])))
            raise refusal(f"items[{i}][0]", f"of shape [{shape}], as items[0][0]", data[i])
        if (one.dtype.kind == "f") != (first.dtype.kind == "f"):
            kind = "real numbers" if first.dtype.kind == "f" else "integers"
            raise refusal(f"items[{i}][0]", f"{kind}, as items[0][0]", data[i])
    lengths = np.array([len(one) for one in arrays])
    return _stacked(arrays), lengths


def _labels(given: Sequence[Any], lengths: Int64Array, per_step: bool | None) -> NDArray[Any]:
    labels = [_array(f"items[{i}][1]", "a class or a target", one, np.int64) for i, one in enumerate(given)]
    first = labels[0]
    for i, one in enumerate(labels):
        if (one.dtype.kind == "f") != (first.dtype.kind == "f") or one.ndim != first.ndim:
            kind = "real numbers" if first.dtype.kind == "f" else "integers"
            raise refusal(f"items[{i}][1]", f"{kind} with ndim {first.ndim}, as items[0][1]", given[i])
    fits = [one.ndim > 0 and len(one) == length for one, length in zip(labels, lengths, strict=True)]
    if per_step and not all(fits):
        i = fits.index(False)
        raise refusal(f"items[{i}][1]", f"a label for each of the {lengths[i]} steps", given[i])
    by_step = all(fits) if per_step is None else per_step
    own = 1 if by_step else 0  # axes before those that all labels share
    for i, one in enumerate(labels):
        if one.shape[own:] != first.shape[own:]:
            wanted = list(first.shape[own:])
            raise refusal(
                f"items[{i}][1]", f"of shape {wanted}, as items[0][1], or one for every step", given[i]
            )
    return _stacked(labels) if by_step else np.stack(labels)


def _array(name: str, rule: str, value: Any, integers: type | None = None) -> NDArray[Any]:
    """Give an array of integers, as they are or of the type `integers`, or of float32 for all other numbers.

    Raises:
        ValueError: It is no array of numbers, or one of them is too large for its type.
    """
    if getattr(value, "requires_grad", False):
        raise refusal(name, "without gradients (a tensor's detach())", value)
    try:
        array = np.asarray(value)
    except Exception:  # rows of different length; tensors that numpy cannot take
        raise refusal(name, rule, value) from None
    if array.dtype.kind not in "iubf" or isinstance(value, np.ma.MaskedArray):
        raise refusal(name, rule, value)
    if array.dtype.kind in "iu" or (array.dtype.kind == "b" and integers):
        if integers is not None and array.dtype.itemsize == 8 and array.dtype.kind == "u" and array.size:
            if array.max() > np.iinfo(integers).max:
                raise refusal(name, f"{rule} of at most {np.iinfo(integers).max}", value)
        return array if integers is None else array.astype(integers)
    if array.dtype.itemsize <= 4:
        return array.astype(np.float32, copy=False)
    with np.errstate(over="ignore"):
        single = array.astype(np.float32)
    if not np.array_equal(np.isinf(single), np.isinf(array)):
        raise refusal(name, f"{rule}, within the range of float32", value)
    return single


def _stacked(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Put arrays [T, ...] side by side into one [T, B, ...], with zeros after the shorter ones."""
    longest = max(len(one) for one in arrays)
    each = arrays[0].shape[1:]
    check_memory(
        8 * math.prod((longest, len(arrays), *each)), f"{len(arrays):,} samples of {longest:,} steps"
    )
    x = np.zeros((longest, len(arrays), *arrays[0].shape[1:]), np.result_type(*arrays))
    for b, one in enumerate(arrays):
        x[: len(one), b] = one
    return x

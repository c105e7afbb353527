"""Lay out the synapses of a projection for delivery: rows by sender, then by delay."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snn.core.arrays import Float64Array, IndexArray, Int64Array
from snn.core.compiled import compiled


class Synapses(NamedTuple):
    """The nonzero synapses of one projection in CSR form; the arrays are read-only.

    Row i holds the synapses of sender i in ascending (delay, receiver) order, which is the order
    in which arrivals of one spike are summed. Indices are unsigned: the compiled loops then need no
    test for negative ones. One weight or one delay for all takes no memory: it is a single number
    seen [S] times (stride 0).

    Attributes:
        indptr: Bounds of the rows, [pre + 1], from 0 to S.
        indices: Receiver of each synapse, [S]; uint16 up to 65 536 receivers, uint32 above.
        weight: Weight of each synapse, [S], not 0.
        delay_steps: Delay of each synapse in steps, [S], >= 0.
    """

    indptr: Int64Array
    indices: IndexArray
    weight: Float64Array
    delay_steps: Int64Array

    @property
    def fan_out(self) -> Int64Array:
        """Number of synapses of each sender, [pre]."""
        return np.diff(self.indptr)

    @property
    def fan_out_delayed(self) -> Int64Array:
        """Number of synapses of each sender with a delay of at least one step, [pre]."""
        if self.one_delay is not None:
            return self.fan_out if self.one_delay > 0 else np.zeros_like(self.fan_out)
        running = np.concatenate([[0], np.cumsum(self.delay_steps > 0)])
        return np.diff(running[self.indptr]).astype(np.int64)

    def with_own_weights(self) -> Synapses:
        """Return the same synapses with a number in memory for every weight."""
        return self._replace(weight=np.ascontiguousarray(self.weight).copy())

    @property
    def one_weight(self) -> float | None:
        """The weight of all synapses, or None if they differ."""
        return float(self.weight[0]) if is_one(self.weight) else None

    @property
    def one_delay(self) -> int | None:
        """The delay of all synapses in steps, or None if they differ."""
        return int(self.delay_steps[0]) if is_one(self.delay_steps) else None

    @property
    def min_delay(self) -> int:
        """Shortest delay, steps (0 without synapses)."""
        return self._delay(np.min)

    @property
    def max_delay(self) -> int:
        """Longest delay, steps (0 without synapses)."""
        return self._delay(np.max)

    @property
    def has_undelayed(self) -> bool:
        """Whether a synapse delivers in the step of the spike."""
        return self.indices.size > 0 and self.min_delay == 0

    def _delay(self, extreme: Any) -> int:
        if self.one_delay is not None:
            return self.one_delay
        return int(extreme(self.delay_steps)) if self.delay_steps.size else 0

    def digest(self, into: Any) -> None:
        """Update a hash with the synapses."""
        for array in self:
            into.update(array[:1].tobytes() if is_one(array) else np.ascontiguousarray(array).data)


def is_one(values: NDArray[Any]) -> bool:
    """Tell whether an array is one number seen many times."""
    return values.size > 0 and values.strides == (0,)


def shrunk(values: NDArray[Any]) -> NDArray[Any]:
    """Replace an array [S] of equal numbers by one that takes no memory."""
    if values.size and not is_one(values) and values[0] == values[-1] and bool((values == values[0]).all()):
        return np.broadcast_to(values[:1].copy(), values.shape)
    return values


def index_type(receivers: int) -> type[np.uint16] | type[np.uint32]:
    """Return the smallest type that numbers so many receivers."""
    return np.uint16 if receivers <= 1 << 16 else np.uint32


def build(weight: Any, delay: Int64Array) -> Synapses:
    """Sort the nonzero entries of `weight` into rows.

    Args:
        weight: Dense or CSR, [pre, post].
        delay: Delay in steps: 0-dimensional, of the shape of a dense weight, or aligned with the
            data of a CSR one.
    """
    of = _of_array if isinstance(weight, np.ndarray) else _of_csr
    indptr, post, values, steps = of(weight, delay)
    values = shrunk(values)
    steps = np.broadcast_to(steps, values.shape) if steps.ndim == 0 else shrunk(steps)
    if not _in_order(indptr, post, steps[:0] if is_one(steps) else steps):
        order = _order(indptr, post.astype(np.int64), np.ascontiguousarray(steps))
        post = post[order]
        values = values if is_one(values) else values[order]
        steps = steps if is_one(steps) else steps[order]
    synapses = Synapses(indptr, post.astype(index_type(weight.shape[1]), copy=False), values, steps)
    for array in synapses:
        array.flags.writeable = False
    return synapses


def bounds(sizes: ArrayLike) -> Int64Array:
    """Start of each part, and the end of the last."""
    return np.concatenate([[0], np.cumsum(np.asarray(sizes, dtype=np.int64))]).astype(np.int64)


def fan_out(weight: Any) -> Int64Array:
    """Count the nonzero entries of each row, [pre]."""
    if isinstance(weight, np.ndarray):
        return np.asarray(np.count_nonzero(weight, axis=1), dtype=np.int64)
    if has_zeros(weight.data):
        return np.asarray(np.diff(bounds(weight.data != 0.0)[weight.indptr]), dtype=np.int64)
    return np.asarray(np.diff(weight.indptr), dtype=np.int64)


def has_zeros(values: Float64Array) -> bool:
    """Tell whether a weight is zero."""
    return not bool((values[:1] if is_one(values) else values).all())


def entries(weight: Any) -> tuple[Int64Array, Int64Array, Float64Array, Int64Array]:
    """List the nonzero entries: sender, receiver, weight, and place in the CSR data."""
    if isinstance(weight, np.ndarray):
        pre, post = np.nonzero(weight)
        return pre, post, weight[pre, post], np.arange(pre.size)
    kept = np.flatnonzero(weight.data)
    pre = np.repeat(np.arange(weight.shape[0]), np.diff(weight.indptr))
    return pre[kept], weight.indices[kept].astype(np.int64), weight.data[kept], kept


def _of_array(weight: Float64Array, delay: Int64Array) -> tuple[Int64Array, Any, Float64Array, Int64Array]:
    """Take the nonzero entries of an array; where all are, they need not be looked for."""
    if weight.all():
        rows, columns = weight.shape
        post = np.tile(np.arange(columns, dtype=index_type(columns)), rows)
        steps = np.broadcast_to(delay, weight.shape).flatten() if delay.ndim else delay
        return bounds(np.full(rows, columns)), post, weight.flatten(), steps
    pre, post = np.nonzero(weight)
    steps = np.broadcast_to(delay, weight.shape)[pre, post] if delay.ndim else delay
    return bounds(np.bincount(pre, minlength=weight.shape[0])), post, weight[pre, post], steps


def _of_csr(weight: Any, delay: Int64Array) -> tuple[Int64Array, Any, Float64Array, Int64Array]:
    """Take the nonzero entries of a CSR matrix; nothing is copied where there is no zero."""
    indptr, post, values = weight.indptr.astype(np.int64), weight.indices, weight.data
    kept: Any = None
    if has_zeros(values):
        kept = np.flatnonzero(values)
        indptr, post, values = bounds(fan_out(weight)), post[kept], values[kept]
    if delay.ndim == 0:
        return indptr, post, values, delay
    if delay.ndim == 2:
        pre = np.repeat(np.arange(weight.shape[0]), np.diff(indptr))
        return indptr, post, values, delay[pre, post]
    return indptr, post, values, delay if kept is None else delay[kept]


@compiled
def _in_order(indptr: Int64Array, post: IndexArray, steps: Int64Array) -> bool:
    """Tell whether rows ascend in (delay, receiver); no `steps` stand for one delay."""
    for i in range(indptr.size - 1):
        for s in range(indptr[i] + 1, indptr[i + 1]):
            if steps.size and steps[s] != steps[s - 1]:
                if steps[s] < steps[s - 1]:
                    return False
            elif post[s] < post[s - 1]:
                return False
    return True


@compiled
def _order(indptr: Int64Array, post: Int64Array, steps: Int64Array) -> Int64Array:
    """Find the order that sorts every row by (delay, receiver) and keeps ties as they are."""
    order = np.empty(post.size, dtype=np.int64)
    for i in range(indptr.size - 1):
        low, high = indptr[i], indptr[i + 1]
        keys = (steps[low:high] << 32) | post[low:high]
        order[low:high] = low + np.argsort(keys, kind="mergesort")
    return order

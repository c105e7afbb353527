"""Lay out the synapses of a projection for delivery: rows by sender, then by delay."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn.core.units import Float64Array, Int64Array

Uint32Array = NDArray[np.uint32]


class Synapses(NamedTuple):
    """The nonzero synapses of one projection in CSR form; the arrays are read-only.

    Row i holds the synapses of sender i in ascending (delay, receiver) order, which is the order
    in which arrivals of one spike are summed. Indices are uint32: the compiled loops then need no
    test for negative ones.
    """

    indptr: Int64Array
    """Bounds of the rows, [pre + 1]."""
    indices: Uint32Array
    """Receiver of each synapse, [S]."""
    weight: Float64Array
    """Weight of each synapse, [S]."""
    delay_steps: Int64Array
    """Delay of each synapse in steps, [S]."""

    @property
    def fan_out(self) -> Int64Array:
        """Number of synapses of each sender, [pre]."""
        return np.diff(self.indptr)

    @property
    def fan_out_delayed(self) -> Int64Array:
        """Number of synapses of each sender with a delay of at least one step, [pre]."""
        running = np.concatenate([[0], np.cumsum(self.delay_steps > 0)])
        return np.diff(running[self.indptr]).astype(np.int64)

    @property
    def min_delay(self) -> int:
        """Shortest delay, steps (0 without synapses)."""
        return int(self.delay_steps.min()) if self.delay_steps.size else 0

    @property
    def has_undelayed(self) -> bool:
        """Whether a synapse delivers in the step of the spike."""
        return bool((self.delay_steps == 0).any())


def build(weight: Any, delay: Int64Array) -> Synapses:
    """Sort the nonzero entries of `weight` into rows.

    Args:
        weight: Dense or CSR, [pre, post].
        delay: Delay in steps: 0-dimensional, of the shape of a dense weight, or aligned with the
            data of a CSR one.
    """
    pre, post, values, rows = entries(weight)
    if delay.ndim == 1:
        steps = delay[rows]
    else:
        steps = np.broadcast_to(delay, weight.shape)[pre, post]
    order = np.lexsort((post, steps, pre))
    indptr = np.zeros(weight.shape[0] + 1, dtype=np.int64)
    np.cumsum(np.bincount(pre, minlength=weight.shape[0]), out=indptr[1:])
    synapses = Synapses(indptr, post[order].astype(np.uint32), values[order], steps[order].astype(np.int64))
    for array in synapses:
        array.flags.writeable = False
    return synapses


def entries(weight: Any) -> tuple[Int64Array, Int64Array, Float64Array, Int64Array]:
    """List the nonzero entries: sender, receiver, weight, and place in the CSR data."""
    if isinstance(weight, np.ndarray):
        pre, post = np.nonzero(weight)
        return pre, post, weight[pre, post], np.arange(pre.size)
    kept = np.flatnonzero(weight.data)
    pre = np.repeat(np.arange(weight.shape[0]), np.diff(weight.indptr))
    return pre[kept], weight.indices[kept].astype(np.int64), weight.data[kept], kept

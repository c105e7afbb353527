"""Linear maps whose synapses spread over two neighbouring steps, by shifts: work per synapse and step.

A group of samples lies inside a step, so that a shift in time is one long run of memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from snn.core.arrays import Int64Array, RealArray
from snn.core.compiled import fused_entry
from snn.kernels.delay.sample_groups import (
    active_steps,
    group_samples,
    latest_end,
    pack_samples,
    unpack_samples,
)
from snn.kernels.delay.split_delay import TwoTapSynapses
from snn.kernels.intrinsics.sample_vectors import VECTOR_SAMPLES, shift_add, shift_dot
from snn.kernels.memory import empty_aligned

__all__ = ["shift_back", "shift_forward", "shift_products"]


@fused_entry
def _starts(base: Any, row: int, d: Int64Array) -> Any:
    """Give where the far taps of four neighbouring senders begin."""
    step = np.uint64(row)
    return (
        base - np.uint64(d[0] * VECTOR_SAMPLES),
        base + step - np.uint64(d[1] * VECTOR_SAMPLES),
        base + step + step - np.uint64(d[2] * VECTOR_SAMPLES),
        base + step + step + step - np.uint64(d[3] * VECTOR_SAMPLES),
    )


@fused_entry
def _shift(x: RealArray, synapses: TwoTapSynapses, y: RealArray, before: int, live: int) -> None:
    """Set the first `live` steps of y [out, T x VECTOR_SAMPLES] to the sums over senders of x, at both delays.

    x is [in, (before + T + after) x VECTOR_SAMPLES], with silence before and after, as long as the largest delay or
    the most negative one; synapses are [out, in]. The number of senders is a multiple of 4.
    """
    xs, ys, row = x.reshape(-1), y.reshape(-1), x.shape[1]
    y[:, : live * VECTOR_SAMPLES] = 0
    for i in range(0, x.shape[0], 4):  # four senders: their rows stay in the cache, sums are touched less
        base = np.uint64(i * row + (before - 1) * VECTOR_SAMPLES)
        for j in range(y.shape[0]):
            u, w = synapses.near[j, i : i + 4], synapses.far[j, i : i + 4]
            near, far = (u[0], u[1], u[2], u[3]), (w[0], w[1], w[2], w[3])
            starts = _starts(base, row, synapses.delay[j, i : i + 4])
            shift_add(ys, np.uint64(j * y.shape[1]), xs, starts, near, far, np.uint64(live))


@fused_entry
def _dots(x: RealArray, delay: Int64Array, g: RealArray, sums: RealArray, before: int, live: int) -> None:
    """Add to sums [out, in, 2] the products of g [out, T x VECTOR_SAMPLES] with x at both delays."""
    xs, gs, row = x.reshape(-1), g.reshape(-1), x.shape[1]
    for i in range(0, x.shape[0], 4):
        base = np.uint64(i * row + (before - 1) * VECTOR_SAMPLES)
        for j in range(sums.shape[0]):
            starts, found = _starts(base, row, delay[j, i : i + 4]), sums[j, i : i + 4].reshape(-1)
            shift_dot(gs, np.uint64(j * g.shape[1]), xs, starts, found, np.uint64(live))


@fused_entry
def _forward(
    x: RealArray, order: Int64Array, live: Int64Array, synapses: TwoTapSynapses, silence: int, y: RealArray
) -> None:
    """Set y [T, B, out] to the sums over senders of x [T, B, in] at both delays of each synapse.

    Each group of samples in `order` is taken to have `live` steps of output; `silence` is the largest delay + 1.
    """
    steps, (out, senders) = x.shape[0], synapses.delay.shape
    packed = np.empty((senders, (silence + steps) * VECTOR_SAMPLES), x.dtype)
    sums = np.empty((out, steps * VECTOR_SAMPLES), x.dtype)
    for k in range(order.shape[0]):
        pack_samples(x, order[k], silence, live[k], packed)
        _shift(packed, synapses, sums, silence, live[k])
        unpack_samples(sums, order[k], live[k], y)


@fused_entry
def _products(
    x: RealArray,
    order: Int64Array,
    live: Int64Array,
    delay: Int64Array,
    g: RealArray,
    silence: int,
    sums: RealArray,
) -> None:
    """Add to sums [out, in, 2] the products of g [T, B, out] with x at both delays; else as in `_forward`."""
    steps = x.shape[0]
    packed_x = np.empty((delay.shape[1], (silence + steps) * VECTOR_SAMPLES), x.dtype)
    packed_g = np.empty((g.shape[2], steps * VECTOR_SAMPLES), x.dtype)
    for k in range(order.shape[0]):
        pack_samples(x, order[k], silence, live[k], packed_x)
        pack_samples(g, order[k], 0, live[k], packed_g)
        _dots(packed_x, delay, packed_g, sums, silence, live[k])


@fused_entry
def _backward(
    g: RealArray, order: Int64Array, live: Int64Array, synapses: TwoTapSynapses, silence: int, gx: RealArray
) -> None:
    """Set gx [T, B, in] to the sums over receivers of g, as much earlier as each synapse's two delays.

    `synapses` [in, out] are those back in time: their delay is -1 minus the whole delay, and near is far.
    """
    steps, (senders, out) = g.shape[0], synapses.delay.shape
    packed = np.empty((out, (1 + steps + silence) * VECTOR_SAMPLES), g.dtype)
    sums = np.empty((senders, steps * VECTOR_SAMPLES), g.dtype)
    for k in range(order.shape[0]):
        pack_samples(g, order[k], 1, live[k], packed)
        _shift(packed, synapses, sums, 1, live[k])
        unpack_samples(sums, order[k], live[k], gx)


def _by_fours(part: Tensor, fill: int = 0) -> Any:
    """Fill up the senders of [out, in] to a multiple of 4, as the loops take them."""
    return F.pad(part, (0, -part.shape[1] % 4), value=fill).contiguous().numpy()


def shift_forward(
    x: Tensor, ends: Int64Array, whole: Tensor, near: Tensor, far: Tensor, max_delay: int
) -> Tensor:
    """Give what the inputs send over both taps of their synapses, [T, B, out].

    Args:
        x: Input [T, B, in].
        ends: Steps of each sample up to its last nonzero input, [B].
        whole: Whole delays [out, in], steps.
        near: Weights at the near tap [out, in].
        far: Weights at the far tap [out, in].
        max_delay: Largest delay, steps.
    """
    silence, y = max_delay + 1, empty_aligned(x, *x.shape[:2], whole.shape[0])
    order = group_samples(ends)
    live = np.minimum(latest_end(ends, order) + silence, x.shape[0])
    synapses = TwoTapSynapses(_by_fours(whole), _by_fours(near), _by_fours(far))
    _forward(x.detach().contiguous().numpy(), order, live, synapses, silence, y.numpy())
    return y


def shift_products(
    x: Tensor, ends: Int64Array, whole: Tensor, g: Tensor, max_delay: int
) -> tuple[Tensor, Tensor]:
    """Give the sums of g [T, B, out] that x meets at the near and the far tap of each synapse, [out, in]."""
    silence, delay = max_delay + 1, _by_fours(whole)
    order = group_samples(ends)
    live = np.minimum(latest_end(ends, order) + silence, x.shape[0])
    sums = g.new_zeros(*delay.shape, 2)
    _products(x.numpy(), order, live, delay, g.numpy(), silence, sums.numpy())
    near, far = sums[:, : x.shape[2]].unbind(2)
    return near, far


def shift_back(g: Tensor, whole: Tensor, near: Tensor, far: Tensor, max_delay: int) -> Tensor:
    """Give the input's gradient [T, B, in] from the output's, g [T, B, out]; else as in `shift_forward`."""
    ends, gx = active_steps(g), empty_aligned(g, *g.shape[:2], whole.shape[1])
    order = group_samples(ends)
    # back in time the far tap comes first
    synapses = TwoTapSynapses(_by_fours(-(whole.t() + 1), -1), _by_fours(far.t()), _by_fours(near.t()))
    _backward(g.numpy(), order, latest_end(ends, order), synapses, max_delay + 1, gx.numpy())
    return gx

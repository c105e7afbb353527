"""Compiled loops of linear maps whose synapses spread over two neighbouring delays.

Events form: work per nonzero input. Time runs along memory, so that a synapse's two taps are neighbours, and
receivers come in blocks, so that a block's sums and weights stay in the cache. Shifted form: work per synapse and
step; a group of samples lies inside a step, so that a shift in time is one long run of memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn.kernels.compiled import fused
from snn.kernels.delay.sample_groups import lay_out, take_back
from snn.kernels.intrinsics.lanes import LANES, shift_add, shift_dot
from snn.kernels.intrinsics.pairs import add_pair, meet_pair
from snn.kernels.nonzero import Trains

__all__ = ["gather_pairs", "scatter_pairs", "shift_back", "shift_forward", "shift_sums"]

Floats = NDArray[np.floating[Any]]
Places = NDArray[np.uint32]
Ints = NDArray[np.int64]


@fused
def scatter_pairs(trains: Trains, place: Places, pair: Floats, y: Floats, span: int) -> None:
    """Set y [T, B, out] to what each event sends over its two taps.

    `place` [blocks, in, width] is (receiver in the block) x span + delay, in sums laid out [width, span];
    `pair` [blocks, in, 2 x width] holds both weights of each synapse. span > T + the largest delay.
    """
    steps, batch, receivers = y.shape
    blocks, senders, width = place.shape
    room = np.zeros(width * span, y.dtype)
    for block in range(blocks):
        first = block * width
        for b in range(batch):
            room[:] = 0
            for i in range(senders):
                start, end = trains.bounds[b * senders + i], trains.bounds[b * senders + i + 1]
                p, w, half = place[block, i], pair[block, i], (end - start) // 2
                for e in range(
                    start, start + half
                ):  # two at a time, half a train apart: they do not wait for
                    t0, t1 = trains.step[e], trains.step[e + half]  # each other's sums
                    a0, a1 = trains.value[e], trains.value[e + half]
                    for j in range(width):
                        add_pair(room, (p[j] + t0, p[j] + t1), w, np.uint64(2 * j), (a0, a1))
                if start + 2 * half < end:
                    t0, a0 = trains.step[end - 1], trains.value[end - 1]
                    for j in range(width):
                        add_pair(room, (p[j] + t0,), w, np.uint64(2 * j), (a0,))
            for t in range(steps):
                for j in range(min(width, receivers - first)):
                    y[t, b, first + j] = room[j * span + t]


@fused
def gather_pairs(trains: Trains, place: Places, g: Floats, pair: Floats, span: int) -> None:
    """Add to `pair`, laid out as in `scatter_pairs`, what each event meets at its two taps in g [T, B, out]."""
    steps, batch, receivers = g.shape
    blocks, senders, width = place.shape
    room = np.zeros(width * span, g.dtype)
    for block in range(blocks):
        first = block * width
        for b in range(batch):
            for t in range(steps):
                for j in range(min(width, receivers - first)):
                    room[j * span + t] = g[t, b, first + j]
            for i in range(senders):
                e, end = trains.bounds[b * senders + i], trains.bounds[b * senders + i + 1]
                p, w = place[block, i], pair[block, i]
                while e + 2 <= end:
                    t0, t1, a0, a1 = trains.step[e], trains.step[e + 1], trains.value[e], trains.value[e + 1]
                    for j in range(width):
                        meet_pair(room, (p[j] + t0, p[j] + t1), w, np.uint64(2 * j), (a0, a1))
                    e += 2
                if e < end:
                    t0, a0 = trains.step[e], trains.value[e]
                    for j in range(width):
                        meet_pair(room, (p[j] + t0,), w, np.uint64(2 * j), (a0,))


@fused
def _starts(base: Any, row: int, d: Ints) -> Any:
    """Give where the far taps of four neighbouring senders begin."""
    step = np.uint64(row)
    return (
        base - np.uint64(d[0] * LANES),
        base + step - np.uint64(d[1] * LANES),
        base + step + step - np.uint64(d[2] * LANES),
        base + step + step + step - np.uint64(d[3] * LANES),
    )


@fused
def _shift(x: Floats, delay: Ints, first: Floats, second: Floats, y: Floats, before: int, live: int) -> None:
    """Set the first `live` steps of y [out, T x LANES] to the sums over senders of x, shifted by both delays.

    x is [in, (before + T + after) x LANES], with silence as long as the largest delay, or the most negative one;
    `delay`, `first` and `second` are [out, in]. The number of senders is a multiple of 4.
    """
    xs, ys, row = x.reshape(-1), y.reshape(-1), x.shape[1]
    y[:, : live * LANES] = 0
    for i in range(
        0, x.shape[0], 4
    ):  # four senders at a time: their rows stay in the cache, sums are touched less
        base = np.uint64(i * row + (before - 1) * LANES)
        for j in range(y.shape[0]):
            u, w = first[j, i : i + 4], second[j, i : i + 4]
            near, far = (u[0], u[1], u[2], u[3]), (w[0], w[1], w[2], w[3])
            starts = _starts(base, row, delay[j, i : i + 4])
            shift_add(ys, np.uint64(j * y.shape[1]), xs, starts, near, far, np.uint64(live))


@fused
def _dots(x: Floats, delay: Ints, g: Floats, sums: Floats, before: int, live: int) -> None:
    """Add to sums [out, in, 2] the products of g [out, T x LANES] with x at both delays."""
    xs, gs, row = x.reshape(-1), g.reshape(-1), x.shape[1]
    for i in range(0, x.shape[0], 4):
        base = np.uint64(i * row + (before - 1) * LANES)
        for j in range(sums.shape[0]):
            starts, found = _starts(base, row, delay[j, i : i + 4]), sums[j, i : i + 4].reshape(-1)
            shift_dot(gs, np.uint64(j * g.shape[1]), xs, starts, found, np.uint64(live))


@fused
def shift_forward(
    x: Floats, order: Ints, live: Ints, delay: Ints, first: Floats, second: Floats, silence: int, y: Floats
) -> None:
    """Set y [T, B, out] to the sums over senders of x [T, B, in], shifted by each synapse's two delays.

    Each group of samples in `order` is taken to have `live` steps of output; `silence` is the largest delay + 1.
    """
    steps = x.shape[0]
    given = np.empty((delay.shape[1], (silence + steps) * LANES), x.dtype)
    sums = np.empty((delay.shape[0], steps * LANES), x.dtype)
    for k in range(order.shape[0]):
        lay_out(x, order[k], silence, live[k], given)
        _shift(given, delay, first, second, sums, silence, live[k])
        take_back(sums, order[k], live[k], y)


@fused
def shift_sums(
    x: Floats, order: Ints, live: Ints, delay: Ints, g: Floats, silence: int, sums: Floats
) -> None:
    """Add to sums [out, in, 2] the products of g [T, B, out] with x at both delays; as in `shift_forward`."""
    steps = x.shape[0]
    given = np.empty((delay.shape[1], (silence + steps) * LANES), x.dtype)
    met = np.empty((g.shape[2], steps * LANES), x.dtype)
    for k in range(order.shape[0]):
        lay_out(x, order[k], silence, live[k], given)
        lay_out(g, order[k], 0, live[k], met)
        _dots(given, delay, met, sums, silence, live[k])


@fused
def shift_back(
    g: Floats, order: Ints, live: Ints, delay: Ints, first: Floats, second: Floats, silence: int, gx: Floats
) -> None:
    """Set gx [T, B, in] to the sums over receivers of g, as much earlier as each synapse's two delays.

    `delay` [in, out] is -1 minus the whole delay: back in time, the far tap is the near one, and comes `first`.
    """
    steps = g.shape[0]
    given = np.empty((delay.shape[1], (1 + steps + silence) * LANES), g.dtype)
    sums = np.empty((delay.shape[0], steps * LANES), g.dtype)
    for k in range(order.shape[0]):
        lay_out(g, order[k], 1, live[k], given)
        _shift(given, delay, first, second, sums, 1, live[k])
        take_back(sums, order[k], live[k], gx)

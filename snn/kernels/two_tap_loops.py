"""Compiled loops of linear maps whose synapses spread over two neighbouring delays.

Events form: work per nonzero input. Time runs along memory, so that a synapse's two taps are neighbours, and
receivers come in blocks, so that a block's sums and weights stay in the cache. Shifted form: work per synapse and
step; a group of samples lies inside a step, so that a shift in time is one long run of memory.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from snn.kernels.pairs import add_pair
from snn.kernels.spikes import Spikes

__all__ = ["gather_pairs", "scatter_pairs", "shift_dots", "shift_pairs"]

Floats = NDArray[np.floating[Any]]
Places = NDArray[np.uint32]
Ints = NDArray[np.int64]

# contract: multiply and add in one instruction
_fused = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
# sums may be taken in any order here, or they would not run as vectors
_any_order = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})


@_fused
def scatter_pairs(spikes: Spikes, place: Places, pair: Floats, y: Floats, span: int) -> None:
    """Set y [T, B, out] to what each event sends over its two taps.

    `place` [blocks, in, width] is (receiver in the block) x span + delay, in sums laid out [width, span];
    `pair` [blocks, in, 2 x width] holds both weights of each synapse. span > T + the largest delay.
    """
    steps, batch, receivers = y.shape
    width = place.shape[2]
    room = np.zeros(width * span, y.dtype)
    for block in range(place.shape[0]):
        first = block * width
        for b in range(batch):
            room[:] = 0
            for e in range(spikes.bounds[b], spikes.bounds[b + 1]):
                now, value = room[spikes.step[e] :], spikes.value[e]
                p, w = place[block, spikes.sender[e]], pair[block, spikes.sender[e]]
                for j in range(width):
                    add_pair(now, p[j], w, np.uint64(2 * j), value)
            for t in range(steps):
                for j in range(min(width, receivers - first)):
                    y[t, b, first + j] = room[j * span + t]


@_fused
def gather_pairs(spikes: Spikes, place: Places, g: Floats, pair: Floats, span: int) -> None:
    """Add to `pair`, laid out as in `scatter_pairs`, what each event meets at its two taps in g [T, B, out]."""
    steps, batch, receivers = g.shape
    width = place.shape[2]
    room = np.zeros(width * span, g.dtype)
    for block in range(place.shape[0]):
        first = block * width
        for b in range(batch):
            for t in range(steps):
                for j in range(min(width, receivers - first)):
                    room[j * span + t] = g[t, b, first + j]
            for e in range(spikes.bounds[b], spikes.bounds[b + 1]):
                now, value = room[spikes.step[e] :], spikes.value[e]
                p, w = place[block, spikes.sender[e]], pair[block, spikes.sender[e]]
                for j in range(width):
                    add_pair(w, np.uint64(2 * j), now, p[j], value)


@_fused
def shift_pairs(
    x: Floats, delay: Ints, first: Floats, second: Floats, y: Floats, before: int, group: int
) -> None:
    """Add to y [groups, out, T x group] the sums over senders of x, shifted by each synapse's two delays.

    x is [groups, in, (before + T + after) x group], with silence as long as the largest delay, or the most
    negative one; `delay`, `first` and `second` are [out, in]. The number of senders is a multiple of 4.
    """
    n, start = y.shape[2], before * group
    for k in range(x.shape[0]):
        for i in range(0, x.shape[1], 4):  # four senders at a time: their rows stay in the cache
            x0, x1, x2, x3 = x[k, i], x[k, i + 1], x[k, i + 2], x[k, i + 3]
            for j in range(y.shape[1]):
                d, u, w, row = delay[j, i : i + 4], first[j, i : i + 4], second[j, i : i + 4], y[k, j]
                u0, u1, u2, u3 = u[0], u[1], u[2], u[3]
                w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
                n0, f0 = x0[start - d[0] * group :], x0[start - (d[0] + 1) * group :]
                n1, f1 = x1[start - d[1] * group :], x1[start - (d[1] + 1) * group :]
                n2, f2 = x2[start - d[2] * group :], x2[start - (d[2] + 1) * group :]
                n3, f3 = x3[start - d[3] * group :], x3[start - (d[3] + 1) * group :]
                for a in range(n):
                    near = u0 * n0[a] + u1 * n1[a] + u2 * n2[a] + u3 * n3[a]
                    row[a] += near + (w0 * f0[a] + w1 * f1[a] + w2 * f2[a] + w3 * f3[a])


@_any_order
def shift_dots(x: Floats, delay: Ints, g: Floats, first: Floats, second: Floats, group: int) -> None:
    """Add to `first` and `second` [out, in] the products of g [groups, out, T x group] with x at both delays."""
    n = g.shape[2]
    start = x.shape[2] - n
    zero = x.dtype.type(0)
    for k in range(x.shape[0]):
        for i in range(0, x.shape[1], 2):
            x0, x1 = x[k, i], x[k, i + 1]
            for j in range(g.shape[1]):
                d, row = delay[j, i : i + 2], g[k, j]
                n0, f0 = x0[start - d[0] * group :], x0[start - (d[0] + 1) * group :]
                n1, f1 = x1[start - d[1] * group :], x1[start - (d[1] + 1) * group :]
                a0, b0, a1, b1 = zero, zero, zero, zero
                for a in range(n):
                    a0 += row[a] * n0[a]
                    b0 += row[a] * f0[a]
                    a1 += row[a] * n1[a]
                    b1 += row[a] * f1[a]
                first[j, i] += a0
                second[j, i] += b0
                first[j, i + 1] += a1
                second[j, i + 1] += b1

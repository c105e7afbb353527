"""Compiled loops of linear maps whose synapses spread over two neighbouring delays.

Events form: work per nonzero input. Shifted form: work per synapse and step, over the batch as a vector.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from snn.kernels.compiled import compiled

__all__ = ["gather_pairs", "scatter_pairs", "shift_dots", "shift_pairs"]

Floats = NDArray[np.floating[Any]]
Places = NDArray[np.uint32]


@compiled
def scatter_pairs(x: Floats, place: Places, first: Floats, second: Floats, y: Floats) -> None:
    """Add to y what each nonzero x [T, B, in] sends: `first` at the delay, `second` one step later.

    `place` [in, out] is delay x out + receiver: where a synapse's receiver stands, counted from the input's step in
    a sample laid out [steps, out]. Unsigned, so that no index is tested for being negative.
    """
    steps, batch, senders = x.shape
    receivers = first.shape[1]
    room = np.zeros((steps + int(place.max()) // receivers + 2) * receivers, x.dtype)
    for b in range(batch):
        room[:] = 0
        for t in range(steps):
            now, later = room[t * receivers :], room[(t + 1) * receivers :]
            for i in range(senders):
                value = x[t, b, i]
                if value == 0:
                    continue
                p, u, w = place[i], first[i], second[i]
                for j in range(receivers):
                    now[p[j]] += u[j] * value
                    later[p[j]] += w[j] * value
        y[:, b] = room[: steps * receivers].reshape(steps, receivers)


@compiled
def gather_pairs(x: Floats, place: Places, g: Floats, first: Floats, second: Floats) -> None:
    """Add to `first` and `second` [in, out] the sums of g [T, B, out] that nonzero inputs meet at both delays."""
    steps, batch, senders = x.shape
    receivers = first.shape[1]
    room = np.zeros((steps + int(place.max()) // receivers + 2) * receivers, x.dtype)
    for b in range(batch):
        room[: steps * receivers] = g[:, b].copy().reshape(-1)
        for t in range(steps):
            now, later = room[t * receivers :], room[(t + 1) * receivers :]
            for i in range(senders):
                value = x[t, b, i]
                if value == 0:
                    continue
                p, u, w = place[i], first[i], second[i]
                for j in range(receivers):
                    u[j] += now[p[j]] * value
                    w[j] += later[p[j]] * value


# contract: multiply and add in one instruction
@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def shift_pairs(x: Floats, delay: NDArray[np.int64], first: Floats, second: Floats, y: Floats) -> None:
    """Set y [out, T, B] to the sums over senders of x [in, pad + T, B], shifted by each synapse's two delays.

    `delay`, `first`, `second` are [out, in]; `pad` silent steps stand in front of x, more than any delay. The
    number of senders is a multiple of 4: silent ones make up for it.
    """
    receivers, steps, batch = y.shape
    pad = x.shape[1] - steps
    y[:] = 0
    for i in range(
        0, x.shape[0], 4
    ):  # four senders at a time: their rows stay in the cache, y is touched less
        for j in range(receivers):
            d, u, w = delay[j, i : i + 4], first[j, i : i + 4], second[j, i : i + 4]
            u0, u1, u2, u3 = u[0], u[1], u[2], u[3]
            w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
            for t in range(steps):
                now = pad + t
                n0, f0 = x[i, now - d[0]], x[i, now - d[0] - 1]
                n1, f1 = x[i + 1, now - d[1]], x[i + 1, now - d[1] - 1]
                n2, f2 = x[i + 2, now - d[2]], x[i + 2, now - d[2] - 1]
                n3, f3 = x[i + 3, now - d[3]], x[i + 3, now - d[3] - 1]
                row = y[j, t]
                for b in range(batch):
                    near = u0 * n0[b] + u1 * n1[b] + u2 * n2[b] + u3 * n3[b]
                    row[b] += near + (w0 * f0[b] + w1 * f1[b] + w2 * f2[b] + w3 * f3[b])


# sums may be taken in any order here, or they would not run as vectors
@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def shift_dots(x: Floats, delay: NDArray[np.int64], g: Floats, first: Floats, second: Floats) -> None:
    """Set `first` and `second` [out, in] to the dot products of g [out, T, B] with x shifted by the two delays."""
    receivers, steps, batch = g.shape
    pad = x.shape[1] - steps
    block = 8
    zero = x.dtype.type(0)
    for start in range(0, x.shape[0], block):
        for j in range(receivers):
            for i in range(start, min(start + block, x.shape[0])):
                a, c = zero, zero
                for t in range(steps):
                    at = pad + t - delay[j, i]
                    row, near, far = g[j, t], x[i, at], x[i, at - 1]
                    for b in range(batch):
                        a += row[b] * near[b]
                        c += row[b] * far[b]
                first[j, i] = a
                second[j, i] = c

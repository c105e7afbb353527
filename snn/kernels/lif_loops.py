"""Compiled loops of the leaky integrate-and-fire neuron, alone and recurrent, one pass each way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn.kernels.compiled import compiled, fused
from snn.kernels.intrinsics.pairs import add_pair

__all__ = ["KINDS", "all_zero", "lif_backward", "lif_forward", "recurrent_backward", "recurrent_forward"]

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Places = NDArray[np.uint32]

KINDS = {"sigmoid": 0, "atan": 1, "triangle": 2, "rectangle": 3}
BLOCK = 2048
"""Neurons at a time in a step in which all samples do the same: long vectors that stay in the nearest cache."""


@compiled
def _charge(x: Any, v: Any, tau: Any, decay: Any, v_reset: Any, decay_input: bool) -> Any:
    """Give the membrane before the threshold test."""
    if decay_input:
        return v + (x - (v - v_reset)) / tau
    return v_reset + (v - v_reset) * decay + x


@compiled
def _charge_row(
    xs: Floats, vs: Floats, hs: Floats, tau: Any, decay: Any, v_reset: Any, decay_input: bool
) -> None:
    """Fill hs with the membranes before the threshold test; the choice lies outside the loops: they are vectors."""
    if decay_input:
        for n in range(hs.shape[0]):
            hs[n] = vs[n] + (xs[n] - (vs[n] - v_reset)) / tau
    else:
        for n in range(hs.shape[0]):
            hs[n] = v_reset + (vs[n] - v_reset) * decay + xs[n]


@compiled
def _spike_row(
    hs: Floats, zs: Floats, vs: Floats, limit: Any, v_th: Any, v_reset: Any, soft: bool, keep: bool
) -> None:
    """Fill spikes zs, where hs is above `limit`, and the membranes vs after them; `keep` leaves the reset out."""
    one, zero = hs.dtype.type(1), hs.dtype.type(0)
    for n in range(hs.shape[0]):
        zs[n] = one if hs[n] > limit else zero
    if keep:
        vs[:] = hs
    elif soft:
        for n in range(hs.shape[0]):
            vs[n] = hs[n] - v_th if hs[n] > limit else hs[n]
    else:
        for n in range(hs.shape[0]):
            vs[n] = v_reset if hs[n] > limit else hs[n]


@compiled
def lif_forward(
    x: Floats,
    v: Floats,
    lengths: Ints,
    kept: Ints,
    z: Floats,
    h: Floats,
    tau: Any,
    decay: Any,
    v_th: Any,
    v_reset: Any,
    decay_input: bool,
    soft: bool,
    late: bool,
    strict: bool,
) -> None:
    """Fill spikes z [T, B, N] and the pre-reset membranes h [K, B, N] of `kept` steps; leave the last state in v.

    The steps are in order; h has room for one more if there are fewer than T. Scalars come in the arrays' own type,
    so that float32 stays float32. `late` leaves the state of the last step before its reset.
    """
    limit = v_th if strict else np.nextafter(v_th, x.dtype.type(-np.inf))  # >= v_th is > the number below it
    steps, batch, width = x.shape
    size, same = batch * width, lengths.min() - late
    xs, zs, hs, vs = x.reshape(steps, size), z.reshape(steps, size), h.reshape(len(h), size), v.reshape(size)
    k = 0
    for t in range(steps):
        row = BLOCK if t < same else width
        for start in range(0, size, row):
            stop, left = min(size, start + row), 1 if t < same else lengths[start // width] - t
            if left <= 0:
                zs[t, start:stop] = 0
                hs[k, start:stop] = 0
                continue
            keep = late and left == 1 and t >= same
            _charge_row(
                xs[t, start:stop], vs[start:stop], hs[k, start:stop], tau, decay, v_reset, decay_input
            )
            _spike_row(hs[k, start:stop], zs[t, start:stop], vs[start:stop], limit, v_th, v_reset, soft, keep)
        if k < kept.shape[0] and kept[k] == t:  # else the next step writes over this one
            k += 1


@compiled
def _derivative(u: Any, s: Any, one: Any, alpha: Any, half: Any, slope: Any, kind: int) -> Any:
    """Give the surrogate's derivative at u = h - v_th; s is sigmoid(alpha u), read for the sigmoid only."""
    if kind == 0:
        return (one - s) * s * alpha
    if kind == 1:
        w = slope * u
        return half / (one + w * w)
    if kind == 2:
        return max(alpha - alpha * alpha * abs(u), one - one)
    return alpha if alpha * abs(u) + alpha * abs(u) < one else one - one


@compiled
def _kept(
    u: Any, h: Any, d: Any, one: Any, v_th: Any, v_reset: Any, soft: bool, strict: bool, detach: bool
) -> Any:
    """Give the derivative of the membrane after reset by that before it."""
    if soft:
        return one if detach else one - v_th * d
    zero = one - one
    fired = u > zero if strict else u >= zero
    r = zero if fired else one
    return r if detach else r + (v_reset - h) * d


@compiled
def _derivative_row(hs: Floats, xs: Floats, ds: Floats, v_th: Any, alpha: Any, scale: Any, kind: int) -> None:
    """Fill ds with the surrogate's derivative; xs is sigmoid(alpha (hs - v_th)), read for the sigmoid only."""
    one, zero = hs.dtype.type(1), hs.dtype.type(0)
    half = alpha / hs.dtype.type(2)
    slope = hs.dtype.type(math.pi) * half
    if kind == 0:
        for n in range(hs.shape[0]):
            ds[n] = (one - xs[n]) * xs[n] * alpha * scale
    elif kind == 1:
        for n in range(hs.shape[0]):
            w = slope * (hs[n] - v_th)
            ds[n] = half / (one + w * w) * scale
    elif kind == 2:
        for n in range(hs.shape[0]):
            d = alpha - alpha * alpha * abs(hs[n] - v_th)
            ds[n] = d * scale if d > zero else zero
    else:
        for n in range(hs.shape[0]):
            a = alpha * abs(hs[n] - v_th)
            ds[n] = alpha * scale if a + a < one else zero


@compiled
def _kept_row(
    hs: Floats, ds: Floats, rs: Floats, limit: Any, v_th: Any, v_reset: Any, soft: bool, detach: bool
) -> None:
    """Fill rs with the derivatives of the membranes after reset by those before it."""
    one, zero = hs.dtype.type(1), hs.dtype.type(0)
    if soft and detach:
        rs[:] = one
    elif soft:
        for n in range(hs.shape[0]):
            rs[n] = one - v_th * ds[n]
    elif detach:
        for n in range(hs.shape[0]):
            rs[n] = zero if hs[n] > limit else one
    else:
        for n in range(hs.shape[0]):
            r = zero if hs[n] > limit else one
            rs[n] = r + (v_reset - hs[n]) * ds[n]


@compiled
def _back_row(
    gzs: Floats, ds: Floats, rs: Floats, gs: Floats, gxs: Floats, tau: Any, decay: Any, decay_input: bool
) -> None:
    """Fill gxs, and take the membrane's gradient gs from behind a step to before it."""
    if decay_input:
        for n in range(gxs.shape[0]):
            gh = gzs[n] * ds[n] + gs[n] * rs[n]
            gxs[n] = gh / tau
            gs[n] = gh - gh / tau
    else:
        for n in range(gxs.shape[0]):
            gh = gzs[n] * ds[n] + gs[n] * rs[n]
            gxs[n] = gh
            gs[n] = gh * decay


@compiled
def all_zero(row: Floats) -> bool:
    """Tell whether a row, of one number or more, holds zeros alone."""
    found = row[0] != 0
    if not found:  # looked at as a vector, not up to the first
        for n in range(row.shape[0]):
            found |= row[n] != 0
    return not found


@compiled
def lif_backward(
    gz: Floats,
    g: Floats,
    h: Floats,
    aux: Floats,
    lengths: Ints,
    kept: Ints,
    gx: Floats,
    tau: Any,
    decay: Any,
    v_th: Any,
    v_reset: Any,
    alpha: Any,
    scale: Any,
    kind: int,
    decay_input: bool,
    soft: bool,
    late: bool,
    strict: bool,
    detach: bool,
    local: bool,
) -> None:
    """Fill gx from the spikes' gradient gz; g [B, N] comes as that of the last state, leaves as that of the first.

    gx, gz and h [K, B, N] are of the steps `kept`: all, unless `local` keeps gradients inside a step, and leaves g
    alone. aux is sigmoid(alpha (h - v_th)) for the sigmoid and not read for the others.
    """
    limit = v_th if strict else np.nextafter(v_th, h.dtype.type(-np.inf))
    steps, batch, width = h.shape
    size, same = batch * width, lengths.min() - late
    gz2, h2, gx2 = gz.reshape(steps, size), h.reshape(steps, size), gx.reshape(steps, size)
    g1, aux2 = g.reshape(size), aux.reshape(aux.shape[0], size)
    room = np.empty((2, max(BLOCK, width)), h.dtype)
    for k in range(steps - 1, -1, -1):
        t, row = kept[k], BLOCK if kept[k] < same else width
        for start in range(0, size, row):
            stop, left = min(size, start + row), 1 if t < same else lengths[start // width] - t
            gzs, hs, gxs = gz2[k, start:stop], h2[k, start:stop], gx2[k, start:stop]
            if left <= 0:
                gxs[:] = 0
                continue
            ds, rs, gs = room[0, : stop - start], room[1, : stop - start], g1[start:stop]
            _derivative_row(hs, aux2[k % aux.shape[0], start:stop], ds, v_th, alpha, scale, kind)
            if local:
                for n in range(hs.shape[0]):
                    gxs[n] = gzs[n] * ds[n] / tau if decay_input else gzs[n] * ds[n]
                continue
            if late and left == 1 and t >= same:
                rs[:] = 1
            else:
                _kept_row(hs, ds, rs, limit, v_th, v_reset, soft, detach)
            _back_row(gzs, ds, rs, gs, gxs, tau, decay, decay_input)


@compiled
def recurrent_forward(
    x: Floats,
    v: Floats,
    lengths: Ints,
    place: Places,
    pair: Floats,
    z: Floats,
    h: Floats,
    span: int,
    tau: Any,
    decay: Any,
    v_th: Any,
    v_reset: Any,
    decay_input: bool,
    soft: bool,
    late: bool,
    strict: bool,
) -> None:
    """Do as `lif_forward` on x [T, B, N], where each spike also reaches all neurons, a step later or more.

    `place` [N, N] is receiver x span + delay, in sums laid out [N, span]; `pair` [N, 2 N] holds both weights of
    each synapse. span > T + the largest delay.
    """
    one, zero = x.dtype.type(1), x.dtype.type(0)
    steps, batch, size = x.shape
    room = np.zeros(size * span, x.dtype)
    for b in range(batch):
        room[:] = 0
        vs = v[b]
        for t in range(lengths[b], steps):
            z[t, b] = zero
            h[t, b] = zero
        for t in range(lengths[b]):
            keep = late and t == lengths[b] - 1
            xs, zs, hs, now = x[t, b], z[t, b], h[t, b], room[t:]
            for n in range(size):
                u = _charge(xs[n] + now[n * span], vs[n], tau, decay, v_reset, decay_input)
                fired = u > v_th if strict else u >= v_th
                hs[n] = u
                zs[n] = one if fired else zero
                after = u - v_th if soft else v_reset
                vs[n] = after if fired and not keep else u
            for i in range(size):
                if zs[i] != zero:
                    p, w = place[i], pair[i]
                    for j in range(size):
                        add_pair(now, (p[j],), w, np.uint64(2 * j), (one,))


@fused
def _come_back(
    row: Floats, flat: Floats, at: int, width: int, delay: Ints, first: Floats, second: Floats
) -> None:
    """Add to a sender's gradient [G] what its receivers met at both taps in gx from `at` on; steps have `width`."""
    lanes = row.shape[0]
    for j in range(0, delay.shape[0], 4):  # four receivers at a time: the row is touched less
        d, u, w = delay[j : j + 4], first[j : j + 4], second[j : j + 4]
        n0 = flat[at + d[0] * width + j * lanes :]
        n1 = flat[at + d[1] * width + (j + 1) * lanes :]
        n2 = flat[at + d[2] * width + (j + 2) * lanes :]
        n3 = flat[at + d[3] * width + (j + 3) * lanes :]
        f0, f1, f2, f3 = n0[width:], n1[width:], n2[width:], n3[width:]
        u0, u1, u2, u3 = u[0], u[1], u[2], u[3]
        w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
        for a in range(lanes):
            near = u0 * n0[a] + u1 * n1[a] + u2 * n2[a] + u3 * n3[a]
            row[a] += near + (w0 * f0[a] + w1 * f1[a] + w2 * f2[a] + w3 * f3[a])


@fused
def recurrent_backward(
    gz: Floats,
    g: Floats,
    h: Floats,
    aux: Floats,
    lengths: Ints,
    delay: Ints,
    first: Floats,
    second: Floats,
    gx: Floats,
    tau: Any,
    decay: Any,
    v_th: Any,
    v_reset: Any,
    alpha: Any,
    scale: Any,
    kind: int,
    decay_input: bool,
    soft: bool,
    late: bool,
    strict: bool,
    detach: bool,
) -> None:
    """Do as `lif_backward`, with the gradient that comes back over both taps of every synapse.

    A group of samples lies inside a step: gz, h [groups, T, N, G], g [groups, N, G], lengths [groups, G]; gx
    [groups, T + 1 + largest delay, M, G], zero when it comes. `delay`, `first` and `second` are [from N, to M];
    M is N filled up to a multiple of 4.
    """
    one = h.dtype.type(1)
    half = alpha / h.dtype.type(2)
    slope = h.dtype.type(math.pi) * half
    groups, steps, size, lanes = h.shape
    width = gx.shape[2] * lanes
    for k in range(groups):
        flat = gx[k].reshape(-1)
        for t in range(steps - 1, -1, -1):
            for i in range(size):
                _come_back(gz[k, t, i], flat, t * width, width, delay[i], first[i], second[i])
            for n in range(size):
                gzs, gs, hs, xs = gz[k, t, n], g[k, n], h[k, t, n], aux[k, t % aux.shape[1], n]
                gxs = gx[k, t, n]
                for a in range(lanes):
                    if t >= lengths[k, a]:
                        continue
                    keep = late and t == lengths[k, a] - 1
                    u1 = hs[a] - v_th
                    d1 = _derivative(u1, xs[a], one, alpha, half, slope, kind) * scale
                    r = one if keep else _kept(u1, hs[a], d1, one, v_th, v_reset, soft, strict, detach)
                    gh = gzs[a] * d1 + gs[a] * r
                    gxs[a] = gh / tau if decay_input else gh
                    gs[a] = gh - gh / tau if decay_input else gh * decay

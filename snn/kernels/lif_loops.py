"""Compiled loops of the leaky integrate-and-fire neuron over [T, B, N], one pass each way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn.kernels.compiled import compiled

__all__ = ["KINDS", "lif_backward", "lif_forward"]

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]

KINDS = {"sigmoid": 0, "atan": 1, "triangle": 2, "rectangle": 3}


@compiled
def lif_forward(
    x: Floats,
    v: Floats,
    lengths: Ints,
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
    """Fill spikes z and pre-reset membrane h [T, B, N]; leave the last state in v [B, N].

    Scalars come in the arrays' own type, so that float32 stays float32. `late` leaves the state of the last
    step before its reset.
    """
    one, zero = x.dtype.type(1), x.dtype.type(0)
    for t in range(x.shape[0]):
        for b in range(x.shape[1]):
            xs, zs, hs, vs = x[t, b], z[t, b], h[t, b], v[b]
            if t >= lengths[b]:
                zs[:] = zero
                hs[:] = zero
                continue
            keep = late and t == lengths[b] - 1
            for n in range(xs.shape[0]):
                if decay_input:
                    u = vs[n] + (xs[n] - (vs[n] - v_reset)) / tau
                else:
                    u = v_reset + (vs[n] - v_reset) * decay + xs[n]
                fired = u > v_th if strict else u >= v_th
                hs[n] = u
                zs[n] = one if fired else zero
                after = u - v_th if soft else v_reset
                vs[n] = after if fired and not keep else u


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
def lif_backward(
    gz: Floats,
    g: Floats,
    h: Floats,
    aux: Floats,
    lengths: Ints,
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
    """Fill gx [T, B, N] from the spikes' gradient gz; g [B, N] enters as the last state's, leaves as the first's.

    aux is sigmoid(alpha (h - v_th)) for the sigmoid and not read for the others.
    """
    one, zero = h.dtype.type(1), h.dtype.type(0)
    half = alpha / h.dtype.type(2)
    slope = h.dtype.type(math.pi) * half
    for back in range(h.shape[0]):
        t = h.shape[0] - 1 - back
        for b in range(h.shape[1]):
            gzs, gs, hs, gxs, xs = gz[t, b], g[b], h[t, b], gx[t, b], aux[t % aux.shape[0], b]
            if t >= lengths[b]:
                gxs[:] = zero
                continue
            keep = late and t == lengths[b] - 1
            for n in range(hs.shape[0]):
                u = hs[n] - v_th
                d = _derivative(u, xs[n], one, alpha, half, slope, kind) * scale
                if soft:
                    r = one if detach else one - v_th * d
                else:
                    fired = u > zero if strict else u >= zero
                    r = zero if fired else one
                    if not detach:
                        r = r + (v_reset - hs[n]) * d
                gh = gzs[n] * d + gs[n] * (one if keep else r)
                if decay_input:
                    gxs[n] = gh / tau
                    gs[n] = gh - gh / tau
                else:
                    gxs[n] = gh
                    gs[n] = gh * decay

"""Compiled loops of the leaky integrate-and-fire neuron, one pass each way."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from snn.core.arrays import Int64Array, RealArray
from snn.core.compiled import compiled

__all__ = [
    "SURROGATE_KINDS",
    "GradientConstants",
    "NeuronConstants",
    "all_zero",
    "charge_row",
    "derivative_row",
    "lif_backward",
    "lif_forward",
    "spike_row",
]

SURROGATE_KINDS = {"sigmoid": 0, "atan": 1, "triangle": 2, "rectangle": 3}
LONG_ROW = 2048
"""Neurons at a time in a step in which all samples do the same: long vectors that stay in the nearest cache."""


class NeuronConstants(NamedTuple):
    """What the loops read of a neuron; see `LIFOptions`.

    Attributes:
        tau: Membrane time constant, steps. Numbers are of the arrays' own type, so that float32 stays float32.
        decay: What is left of the membrane after a step.
        v_th: Threshold.
        v_reset: Value after a hard reset.
        v_leak: Value towards which the membrane leaks.
        reset_by: Fall of a soft reset.
        decay_input: Divide the input by tau too.
        soft_reset: Subtract reset_by, instead of setting v_reset.
        late_reset: Leave the state of the last step before its reset, as "hard_next_step" does.
        strict: Spike above the threshold, not at it.
    """

    tau: Any
    decay: Any
    v_th: Any
    v_reset: Any
    v_leak: Any
    reset_by: Any
    decay_input: bool
    soft_reset: bool
    late_reset: bool
    strict: bool


class GradientConstants(NamedTuple):
    """What the backward loops read besides the neuron.

    Attributes:
        alpha: Sharpness of the surrogate, of the arrays' own type.
        scale: Factor of its derivative, of the same type.
        kind: Its number in `SURROGATE_KINDS`.
        detach_reset: Keep the gradient out of the reset.
        local: Keep gradients inside a step.
    """

    alpha: Any
    scale: Any
    kind: int
    detach_reset: bool
    local: bool


@compiled
def charge_row(xs: RealArray, vs: RealArray, hs: RealArray, neuron: NeuronConstants) -> None:
    """Fill hs with the membranes before the threshold test; the choice lies outside the loops: they are vectors."""
    tau, decay, v_leak = neuron.tau, neuron.decay, neuron.v_leak
    if neuron.decay_input:
        for n in range(hs.shape[0]):
            hs[n] = vs[n] + (xs[n] - (vs[n] - v_leak)) / tau
    else:
        for n in range(hs.shape[0]):
            hs[n] = v_leak + (vs[n] - v_leak) * decay + xs[n]


@compiled
def spike_row(
    hs: RealArray, zs: RealArray, vs: RealArray, limit: Any, neuron: NeuronConstants, keep: bool
) -> None:
    """Fill spikes zs, where hs is above `limit`, and the membranes vs after them; `keep` leaves the reset out."""
    one, zero = hs.dtype.type(1), hs.dtype.type(0)
    reset_by, v_reset = neuron.reset_by, neuron.v_reset
    for n in range(hs.shape[0]):
        zs[n] = one if hs[n] > limit else zero
    if keep:
        vs[:] = hs
    elif neuron.soft_reset:
        for n in range(hs.shape[0]):
            vs[n] = hs[n] - reset_by if hs[n] > limit else hs[n]
    else:
        for n in range(hs.shape[0]):
            vs[n] = v_reset if hs[n] > limit else hs[n]


@compiled
def lif_forward(
    x: RealArray,
    v: RealArray,
    lengths: Int64Array,
    kept: Int64Array,
    z: RealArray,
    h: RealArray,
    neuron: NeuronConstants,
) -> None:
    """Fill spikes z [T, B, N] and the pre-reset membranes h [K, B, N] of `kept` steps; leave the last state in v.

    Args:
        x: Input [T, B, N].
        v: Membranes [B, N] before the first step; comes back as those after each sample's last.
        lengths: Valid steps [B].
        kept: Steps whose membranes are kept [K], in order.
        z: Spikes, to be filled.
        h: Membranes, to be filled; it has a place for one more step than K if K < T.
        neuron: The neuron.
    """
    # >= v_th is > the number below it
    limit = neuron.v_th if neuron.strict else np.nextafter(neuron.v_th, x.dtype.type(-np.inf))
    steps, batch, width = x.shape
    size, uniform = batch * width, lengths.min() - neuron.late_reset  # all samples do the same up to there
    xs, zs, hs, vs = x.reshape(steps, size), z.reshape(steps, size), h.reshape(len(h), size), v.reshape(size)
    k = 0
    for t in range(steps):
        row = LONG_ROW if t < uniform else width
        for start in range(0, size, row):
            stop, left = min(size, start + row), 1 if t < uniform else lengths[start // width] - t
            if left <= 0:
                zs[t, start:stop] = 0
                hs[k, start:stop] = 0
                continue
            keep = neuron.late_reset and left == 1 and t >= uniform
            charge_row(xs[t, start:stop], vs[start:stop], hs[k, start:stop], neuron)
            spike_row(hs[k, start:stop], zs[t, start:stop], vs[start:stop], limit, neuron, keep)
        if k < kept.shape[0] and kept[k] == t:  # else the next step writes over this one
            k += 1


@compiled
def derivative_row(
    hs: RealArray, xs: RealArray, ds: RealArray, v_th: Any, gradient: GradientConstants
) -> None:
    """Fill ds with the surrogate's derivative; xs is sigmoid(alpha (hs - v_th)), read for the sigmoid only."""
    alpha, scale = gradient.alpha, gradient.scale
    one, zero = hs.dtype.type(1), hs.dtype.type(0)
    half = alpha / hs.dtype.type(2)
    slope = hs.dtype.type(math.pi) * half
    if gradient.kind == 0:
        for n in range(hs.shape[0]):
            ds[n] = (one - xs[n]) * xs[n] * alpha * scale
    elif gradient.kind == 1:
        for n in range(hs.shape[0]):
            w = slope * (hs[n] - v_th)
            ds[n] = half / (one + w * w) * scale
    elif gradient.kind == 2:
        for n in range(hs.shape[0]):
            d = alpha - alpha * alpha * abs(hs[n] - v_th)
            ds[n] = d * scale if d > zero else zero
    else:
        for n in range(hs.shape[0]):
            a = alpha * abs(hs[n] - v_th)
            ds[n] = alpha * scale if a + a < one else zero


@compiled
def _reset_derivative_row(
    hs: RealArray, ds: RealArray, rs: RealArray, limit: Any, neuron: NeuronConstants, detach: bool
) -> None:
    """Fill rs with the derivatives of the membranes after reset by those before it."""
    one, zero = hs.dtype.type(1), hs.dtype.type(0)
    reset_by, v_reset = neuron.reset_by, neuron.v_reset
    if neuron.soft_reset and detach:
        rs[:] = one
    elif neuron.soft_reset:
        for n in range(hs.shape[0]):
            rs[n] = one - reset_by * ds[n]
    elif detach:
        for n in range(hs.shape[0]):
            rs[n] = zero if hs[n] > limit else one
    else:
        for n in range(hs.shape[0]):
            r = zero if hs[n] > limit else one
            rs[n] = r + (v_reset - hs[n]) * ds[n]


@compiled
def _backward_row(
    gzs: RealArray, ds: RealArray, rs: RealArray, gs: RealArray, gxs: RealArray, neuron: NeuronConstants
) -> None:
    """Fill gxs, and take the membrane's gradient gs from behind a step to before it."""
    tau, decay = neuron.tau, neuron.decay
    if neuron.decay_input:
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
def all_zero(row: RealArray) -> bool:
    """Tell whether a row, of one number or more, holds zeros alone."""
    found = row[0] != 0
    if not found:  # looked at as a vector, not up to the first
        for n in range(row.shape[0]):
            found |= row[n] != 0
    return not found


@compiled
def lif_backward(
    gz: RealArray,
    g: RealArray,
    h: RealArray,
    sigmoid: RealArray,
    lengths: Int64Array,
    kept: Int64Array,
    gx: RealArray,
    neuron: NeuronConstants,
    gradient: GradientConstants,
) -> None:
    """Fill gx from the spikes' gradient gz; g [B, N] comes as that of the last state, leaves as that of the first.

    Args:
        gz: Gradient of the spikes [K, B, N] of the steps `kept`.
        g: Gradient of the state; left alone if gradients stay inside a step.
        h: Membranes before reset, [K, B, N].
        sigmoid: sigmoid(alpha (h - v_th)) for the sigmoid; not read for the other surrogates.
        lengths: Valid steps [B].
        kept: The steps [K]: all, unless gradients stay inside a step.
        gx: Gradient of the input [K, B, N], to be filled.
        neuron: The neuron.
        gradient: The surrogate, and what has a gradient.
    """
    limit = neuron.v_th if neuron.strict else np.nextafter(neuron.v_th, h.dtype.type(-np.inf))
    steps, batch, width = h.shape
    size, uniform = batch * width, lengths.min() - neuron.late_reset
    gz2, h2, gx2 = gz.reshape(steps, size), h.reshape(steps, size), gx.reshape(steps, size)
    g1, sigmoid2 = g.reshape(size), sigmoid.reshape(sigmoid.shape[0], size)
    derivatives = np.empty((2, max(LONG_ROW, width)), h.dtype)
    for k in range(steps - 1, -1, -1):
        t, row = kept[k], LONG_ROW if kept[k] < uniform else width
        for start in range(0, size, row):
            stop, left = min(size, start + row), 1 if t < uniform else lengths[start // width] - t
            gzs, hs, gxs = gz2[k, start:stop], h2[k, start:stop], gx2[k, start:stop]
            if left <= 0:
                gxs[:] = 0
                continue
            ds, rs, gs = derivatives[0, : stop - start], derivatives[1, : stop - start], g1[start:stop]
            derivative_row(hs, sigmoid2[k % sigmoid.shape[0], start:stop], ds, neuron.v_th, gradient)
            if gradient.local:
                for n in range(hs.shape[0]):
                    gxs[n] = gzs[n] * ds[n] / neuron.tau if neuron.decay_input else gzs[n] * ds[n]
                continue
            if neuron.late_reset and left == 1 and t >= uniform:
                rs[:] = 1
            else:
                _reset_derivative_row(hs, ds, rs, limit, neuron, gradient.detach_reset)
            _backward_row(gzs, ds, rs, gs, gxs, neuron)

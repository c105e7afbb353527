"""Compiled loops of leaky integrate-and-fire neurons whose spikes come back to them, one pass each way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from snn.core.arrays import Int64Array, RealArray, Uint32Array
from snn.core.compiled import compiled, compiled_entry, fused, fused_entry
from snn.kernels.delay.split_delay import TwoTapSynapses
from snn.kernels.intrinsics.tap_pairs import add_pair
from snn.kernels.lif_loops import GradientConstants, NeuronConstants, spike_row

__all__ = ["recurrent_backward", "recurrent_forward", "recurrent_rows_forward"]


@compiled
def _charge(x: Any, v: Any, neuron: NeuronConstants, n: int) -> Any:
    """Give the membrane of neuron n before the threshold test."""
    if neuron.decay_input:
        return v + (x - (v - neuron.v_leak)) / neuron.tau
    return neuron.v_leak + (v - neuron.v_leak) * neuron.decay[n] + x


@compiled_entry
def recurrent_forward(
    x: RealArray,
    v: RealArray,
    lengths: Int64Array,
    place: Uint32Array,
    pair: RealArray,
    z: RealArray,
    h: RealArray,
    span: int,
    neuron: NeuronConstants,
) -> None:
    """Do as `lif_forward`, where each spike also reaches all neurons, a step later or more.

    Args:
        x: Input from outside [T, B, N].
        v: Membranes [B, N] before the first step; comes back as those after each sample's last.
        lengths: Valid steps [B].
        place: (receiver x span + delay) of each synapse [N from, N to], in sums that lie as [N, span].
        pair: Both weights of each synapse, [N from, N to x 2].
        z: Spikes [T, B, N], to be filled.
        h: Membranes before reset [T, B, N], to be filled.
        span: Steps of a receiver's sums, > T + the largest delay.
        neuron: The neuron; its decay is an array [N].
    """
    one, zero = x.dtype.type(1), x.dtype.type(0)
    steps, batch, size = x.shape
    v_th, v_reset, reset_by = neuron.v_th, neuron.v_reset, neuron.reset_by
    sums = np.zeros(size * span, x.dtype)
    for b in range(batch):
        sums[:] = 0
        vs = v[b]
        for t in range(lengths[b], steps):
            z[t, b] = zero
            h[t, b] = zero
        for t in range(lengths[b]):
            keep = neuron.late_reset and t == lengths[b] - 1
            xs, zs, hs, now = x[t, b], z[t, b], h[t, b], sums[t:]
            for n in range(size):
                u = _charge(xs[n] + now[n * span], vs[n], neuron, n)
                fired = u > v_th if neuron.strict else u >= v_th
                hs[n] = u
                zs[n] = one if fired else zero
                after = u - reset_by if neuron.soft_reset else v_reset
                vs[n] = after if fired and not keep else u
            for i in range(size):
                if zs[i] != zero:
                    p, w = place[i], pair[i]
                    for j in range(size):
                        add_pair(now, (p[j],), w, np.uint64(2 * j), (one,))


@compiled
def _add_rows(row: RealArray, weight: RealArray, spiked: Int64Array) -> None:
    """Add the weights of several senders to `row` [N], one after another: the row is touched less."""
    e = 0
    while e + 4 <= spiked.shape[0]:
        s = spiked[e : e + 4]
        r0, r1, r2, r3 = weight[s[0]], weight[s[1]], weight[s[2]], weight[s[3]]
        for j in range(row.shape[0]):
            row[j] = (((row[j] + r0[j]) + r1[j]) + r2[j]) + r3[j]
        e += 4
    for i in spiked[e:]:
        ws = weight[i]
        for j in range(row.shape[0]):
            row[j] += ws[j]


@compiled_entry
def recurrent_rows_forward(
    x: RealArray,
    v: RealArray,
    lengths: Int64Array,
    delay: Int64Array,
    weight: RealArray,
    z: RealArray,
    h: RealArray,
    neuron: NeuronConstants,
) -> None:
    """Do as `recurrent_forward` where all synapses of a sender have one whole delay: a spike adds a row of weights.

    Sums have the same order as there: by emission step, then by sender.

    Args:
        x: Input from outside [T, B, N].
        v: Membranes [B, N], as in `recurrent_forward`.
        lengths: Valid steps [B].
        delay: Delay of each sender [N from], steps, >= 1.
        weight: Weights [N from, N to].
        z: Spikes [T, B, N], to be filled.
        h: Membranes before reset [T, B, N], to be filled.
        neuron: The neuron; its decay is an array [N].
    """
    zero = x.dtype.type(0)
    steps, batch, size = x.shape
    # >= v_th is > the number below it
    limit = neuron.v_th if neuron.strict else np.nextafter(neuron.v_th, x.dtype.type(-np.inf))
    ring = np.zeros((delay.max() + 1, size), x.dtype)  # what arrives in the coming steps
    same = delay.min() == delay.max()
    spiked = np.empty(size, np.int64)
    for b in range(batch):
        ring[:] = 0
        vs = v[b]
        for t in range(lengths[b], steps):
            z[t, b] = zero
            h[t, b] = zero
        for t in range(lengths[b]):
            keep = neuron.late_reset and t == lengths[b] - 1
            xs, zs, hs, now = x[t, b], z[t, b], h[t, b], ring[t % len(ring)]
            for n in range(size):  # in passes, each of which is a vector
                hs[n] = _charge(xs[n] + now[n], vs[n], neuron, n)
            spike_row(hs, zs, vs, limit, neuron, keep)
            now[:] = 0
            found = 0
            for n in range(size):
                spiked[found] = n
                found += zs[n] != zero
            if same:
                _add_rows(ring[(t + delay[0]) % len(ring)], weight, spiked[:found])
                continue
            for i in spiked[:found]:
                row, ws = ring[(t + delay[i]) % len(ring)], weight[i]
                for j in range(size):
                    row[j] += ws[j]


@compiled
def _derivative(u: Any, s: Any, one: Any, half: Any, slope: Any, gradient: GradientConstants) -> Any:
    """Give the surrogate's derivative at u = h - v_th; s is sigmoid(alpha u), read for the sigmoid only."""
    alpha = gradient.alpha
    if gradient.kind == 0:
        return (one - s) * s * alpha
    if gradient.kind == 1:
        w = slope * u
        return half / (one + w * w)
    if gradient.kind == 2:
        return max(alpha - alpha * alpha * abs(u), one - one)
    return alpha if alpha * abs(u) + alpha * abs(u) < one else one - one


@compiled
def _reset_derivative(u: Any, h: Any, d: Any, one: Any, neuron: NeuronConstants, detach: bool) -> Any:
    """Give the derivative of the membrane after reset by that before it."""
    if neuron.soft_reset:
        return one if detach else one - neuron.reset_by * d
    zero = one - one
    fired = u > zero if neuron.strict else u >= zero
    r = zero if fired else one
    return r if detach else r + (neuron.v_reset - h) * d


@fused
def _add_returned(
    row: RealArray, flat: RealArray, at: int, width: int, synapses: TwoTapSynapses, i: int
) -> None:
    """Add to sender i's gradient [G] what its receivers met at both taps in gx, whose steps have `width` numbers.

    flat[at] is the first number of the sender's step.
    """
    samples = row.shape[0]
    delay, near, far = synapses.delay[i], synapses.near[i], synapses.far[i]
    for j in range(0, delay.shape[0], 4):  # four receivers at a time: the row is touched less
        d, u, w = delay[j : j + 4], near[j : j + 4], far[j : j + 4]
        n0 = flat[at + d[0] * width + j * samples :]
        n1 = flat[at + d[1] * width + (j + 1) * samples :]
        n2 = flat[at + d[2] * width + (j + 2) * samples :]
        n3 = flat[at + d[3] * width + (j + 3) * samples :]
        f0, f1, f2, f3 = n0[width:], n1[width:], n2[width:], n3[width:]
        u0, u1, u2, u3 = u[0], u[1], u[2], u[3]
        w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
        for a in range(samples):
            nearer = u0 * n0[a] + u1 * n1[a] + u2 * n2[a] + u3 * n3[a]
            row[a] += nearer + (w0 * f0[a] + w1 * f1[a] + w2 * f2[a] + w3 * f3[a])


@fused_entry
def recurrent_backward(
    gz: RealArray,
    g: RealArray,
    h: RealArray,
    sigmoid: RealArray,
    lengths: Int64Array,
    synapses: TwoTapSynapses,
    gx: RealArray,
    neuron: NeuronConstants,
    gradient: GradientConstants,
) -> None:
    """Do as `lif_backward`, with the gradient that comes back over both taps of every synapse.

    Groups of G samples lie inside a step.

    Args:
        gz: Gradient of the spikes [groups, T, N, G].
        g: Gradient of the last state [groups, N, G]; comes back as that of the first.
        h: Membranes before reset, [groups, T, N, G].
        sigmoid: sigmoid(alpha (h - v_th)) for the sigmoid; not read for the other surrogates.
        lengths: Valid steps [groups, G].
        synapses: Synapses [N from, M to], M being N filled up to a multiple of 4.
        gx: Gradient of the input [groups, T + 1 + largest delay, M, G], zero when it comes.
        neuron: The neuron; its decay is an array [N].
        gradient: The surrogate, and what has a gradient.
    """
    one = h.dtype.type(1)
    half = gradient.alpha / h.dtype.type(2)
    slope = h.dtype.type(math.pi) * half
    groups, steps, size, samples = h.shape
    width = gx.shape[2] * samples
    for k in range(groups):
        flat = gx[k].reshape(-1)
        for t in range(steps - 1, -1, -1):
            for i in range(size):
                _add_returned(gz[k, t, i], flat, t * width, width, synapses, i)
            for n in range(size):
                gzs, gs, hs, ss = gz[k, t, n], g[k, n], h[k, t, n], sigmoid[k, t % sigmoid.shape[1], n]
                gxs = gx[k, t, n]
                for a in range(samples):
                    if t >= lengths[k, a]:
                        continue
                    keep = neuron.late_reset and t == lengths[k, a] - 1
                    u = hs[a] - neuron.v_th
                    d = _derivative(u, ss[a], one, half, slope, gradient) * gradient.scale
                    r = one if keep else _reset_derivative(u, hs[a], d, one, neuron, gradient.detach_reset)
                    gh = gzs[a] * d + gs[a] * r
                    gxs[a] = gh / neuron.tau if neuron.decay_input else gh
                    gs[a] = gh - gh / neuron.tau if neuron.decay_input else gh * neuron.decay[n]

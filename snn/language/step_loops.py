"""Compiled loops that take one token through a whole SpikeGPT, without torch in between."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from snn.core.arrays import Int64Array, RealArray
from snn.core.compiled import fused

__all__ = ["StepMemory", "StepWeights", "take_token"]

AFTER, BEFORE = 1, 2
"""Where neurons are: the variants "spike_after" and "spike_before"; 0 for "none"."""
LAST, SUM, WEIGHT, EXPONENT, LAST_CHANNEL, FIRE = range(6)
"""Rows of a block's state: what time mixing saw, its sums, what channel mixing saw, and membranes from there on."""
KEY, VALUE, RECEPTANCE, CHANNEL_KEY, CHANNEL_RECEPTANCE, HIDDEN = range(6)
"""Rows of mixes; also those of membranes in "spike_before", of which the hidden ones have four."""
OUTPUT = 3


class StepWeights(NamedTuple):
    """The weights of a model of L blocks, d wide; matrices [in, out], so that an input that is 0 costs nothing.

    Attributes:
        embedding: What each token becomes [V, d].
        norms_outside: Weight and bias of the norms ahead of and behind the blocks [2, 2, d].
        norms: The same of the two norms in each block [L, 2, 2, d].
        w: Decays [L, d].
        u: Bonuses [L, d].
        mix: Mixes, rows as named above [L, 5, d].
        square: Key, value, receptance, output of time mixing, receptance of channel mixing [L, 5, d, d].
        wide: Key of channel mixing [L, d, 4 d].
        narrow: Value of channel mixing [L, 4 d, d].
        head: [d, V].
        place: Where neurons are.
    """

    embedding: RealArray
    norms_outside: RealArray
    norms: RealArray
    w: RealArray
    u: RealArray
    mix: RealArray
    square: RealArray
    wide: RealArray
    narrow: RealArray
    head: RealArray
    place: int


class StepMemory(NamedTuple):
    """Where a step keeps what it works on.

    Attributes:
        rows: x, normalised x, mixture, k, v, r, y [7, d].
        hidden: The hidden layer [4 d].
        senders: Places of inputs that are not 0 [4 d].
    """

    rows: RealArray
    hidden: RealArray
    senders: Int64Array


@fused
def _normalise(x: RealArray, norm: RealArray, y: RealArray) -> None:
    """Set y to the layer norm of x."""
    n = x.dtype.type(x.shape[0])
    mean = x.sum() / n
    square = x.dtype.type(0)
    for c in range(x.shape[0]):
        square += (x[c] - mean) * (x[c] - mean)
    scale = x.dtype.type(1) / np.sqrt(square / n + x.dtype.type(1e-5))
    for c in range(x.shape[0]):
        y[c] = (x[c] - mean) * scale * norm[0, c] + norm[1, c]


@fused
def _product(x: RealArray, rows: RealArray, y: RealArray, senders: Int64Array) -> None:
    """Set y [out] to the sum of x[i] rows[i], for x [in] and rows [in, out]."""
    count = 0
    for i in range(x.shape[0]):
        senders[count] = i
        count += x[i] != 0
    y[:] = 0
    e = 0
    while e + 8 <= count:  # eight at a time: the sums are touched less
        s = senders[e : e + 8]
        r0, r1, r2, r3 = rows[s[0]], rows[s[1]], rows[s[2]], rows[s[3]]
        r4, r5, r6, r7 = rows[s[4]], rows[s[5]], rows[s[6]], rows[s[7]]
        a0, a1, a2, a3, a4, a5, a6, a7 = (
            x[s[0]],
            x[s[1]],
            x[s[2]],
            x[s[3]],
            x[s[4]],
            x[s[5]],
            x[s[6]],
            x[s[7]],
        )
        for j in range(y.shape[0]):
            near = a0 * r0[j] + a1 * r1[j] + a2 * r2[j] + a3 * r3[j]
            y[j] += near + (a4 * r4[j] + a5 * r5[j] + a6 * r6[j] + a7 * r7[j])
        e += 8
    while e < count:
        r0, a0 = rows[senders[e]], x[senders[e]]
        for j in range(y.shape[0]):
            y[j] += a0 * r0[j]
        e += 1


@fused
def _fire(x: RealArray, v: RealArray) -> None:
    """Drive neurons by x, which becomes their spikes: tau 2, threshold 1, reset to 0."""
    one, zero, two = x.dtype.type(1), x.dtype.type(0), x.dtype.type(2)
    for c in range(x.shape[0]):
        h = v[c] + (x[c] - v[c]) / two
        x[c] = one if h >= one else zero
        v[c] = zero if h >= one else h


@fused
def _mixture(x: RealArray, last: RealArray, mix: RealArray, y: RealArray) -> None:
    one = x.dtype.type(1)
    for c in range(x.shape[0]):
        y[c] = x[c] * mix[c] + last[c] * (one - mix[c])


@fused
def _recall(w: RealArray, u: RealArray, k: RealArray, v: RealArray, state: RealArray, y: RealArray) -> None:
    """Do a step of `snn.kernels.wkv`: set y, and take the sums in `state` past the token."""
    p, q, o = state[SUM], state[WEIGHT], state[EXPONENT]
    for c in range(k.shape[0]):
        m = max(o[c], u[c] + k[c])
        old, new = math.exp(o[c] - m), math.exp(u[c] + k[c] - m)
        y[c] = (old * p[c] + new * v[c]) / (old * q[c] + new)
        m = max(o[c] + w[c], k[c])
        old, new = math.exp(o[c] + w[c] - m), math.exp(k[c] - m)
        p[c] = old * p[c] + new * v[c]
        q[c] = old * q[c] + new
        o[c] = m


@fused
def _open(r: RealArray, y: RealArray) -> None:
    """Let a share sigmoid(r) of y pass."""
    one = r.dtype.type(1)
    for c in range(r.shape[0]):
        y[c] = y[c] / (one + math.exp(-r[c]))


@fused
def _mix_time(i: int, weights: StepWeights, state: RealArray, memory: StepMemory) -> None:
    """Add time mixing of block i to the stream."""
    x, n, mixed, k, v, r, y = memory.rows
    square, place = weights.square[i], weights.place
    _normalise(x, weights.norms[i, 0], n)
    for row in range(3):
        _mixture(n, state[LAST], weights.mix[i, row], mixed)
        if place == BEFORE:
            _fire(mixed, state[FIRE + row])
        _product(mixed, square[row], k if row == KEY else v if row == VALUE else r, memory.senders)
    state[LAST] = n
    _recall(weights.w[i], weights.u[i], k, v, state, y)
    _open(r, y)
    _product(y, square[OUTPUT], k, memory.senders)
    if place == AFTER:
        _fire(k, state[FIRE])
    x += k


@fused
def _mix_channels(i: int, weights: StepWeights, state: RealArray, memory: StepMemory) -> None:
    """Add channel mixing of block i to the stream."""
    x, n, mixed, _, _, r, y = memory.rows
    place, hidden, zero = weights.place, memory.hidden, memory.hidden.dtype.type(0)
    _normalise(x, weights.norms[i, 1], n)
    _mixture(n, state[LAST_CHANNEL], weights.mix[i, CHANNEL_KEY], mixed)
    if place == BEFORE:
        _fire(mixed, state[FIRE + CHANNEL_KEY])
    _product(mixed, weights.wide[i], hidden, memory.senders)
    if place == BEFORE:
        _fire(hidden, state[FIRE + HIDDEN :].reshape(-1))
    else:
        for c in range(hidden.shape[0]):
            hidden[c] = zero if hidden[c] < zero else hidden[c] * hidden[c]
    _mixture(n, state[LAST_CHANNEL], weights.mix[i, CHANNEL_RECEPTANCE], mixed)
    if place == BEFORE:
        _fire(mixed, state[FIRE + CHANNEL_RECEPTANCE])
    _product(mixed, weights.square[i, 4], r, memory.senders)
    state[LAST_CHANNEL] = n
    _product(hidden, weights.narrow[i], y, memory.senders)
    _open(r, y)
    if place == AFTER:
        _fire(y, state[FIRE + 1])
    x += y


@fused
def take_token(
    tokens: Int64Array, weights: StepWeights, state: RealArray, memory: StepMemory, logits: RealArray
) -> None:
    """Take a token of each sample through the model.

    Args:
        tokens: [B], each in the vocabulary.
        weights: The model.
        state: [B, L, rows, d]; comes back as it is behind the tokens.
        memory: Work space.
        logits: [B, V], to be filled.
    """
    x, n = memory.rows[0], memory.rows[1]
    for b in range(tokens.shape[0]):
        _normalise(weights.embedding[tokens[b]], weights.norms_outside[0], x)
        for i in range(state.shape[1]):
            _mix_time(i, weights, state[b, i], memory)
            _mix_channels(i, weights, state[b, i], memory)
        _normalise(x, weights.norms_outside[1], n)
        _product(n, weights.head, logits[b], memory.senders)

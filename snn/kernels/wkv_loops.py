"""Compiled loops of the WKV recurrence, one pass each way.

BLOCK channels of a sample go through CHUNK steps in a piece of memory of their own, at constant places. So the
compiler sees that nothing overlaps, every loop is a vector, and a channel meets the same instructions whatever is
beside it. All blocks do a chunk before any does the next, which reads memory in order. The pass back starts from
the states that the pass forward kept at the beginning of every chunk, and computes those between again.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from snn.core.arrays import Int64Array, RealArray
from snn.core.compiled import fused_entry
from snn.kernels.intrinsics.powers import ROUNDING_32, ROUNDING_64, power_of_two

__all__ = ["BLOCK", "CHUNK", "WKVArrays", "WKVGradients", "exponential", "wkv_backward", "wkv_forward"]

BLOCK, CHUNK = 64, 16
LOG2_E = 1 / math.log(2)
LN2_HIGH = 355 / 512
"""The first bits of ln 2, whose products with small whole numbers are exact."""
LN2_LOW = math.log(2) - LN2_HIGH
_C2, _C3, _C4, _C5, _C6, _C7 = (1 / math.factorial(n) for n in range(2, 8))
_C8, _C9, _C10, _C11, _C12, _C13 = (1 / math.factorial(n) for n in range(8, 14))

_N = np.uint64(BLOCK)
# where the numbers of a block begin in its memory: arguments, output, state, factors; gradients
_W, _U, _K, _V, _Y, _P, _Q, _O, _F1, _F2 = (np.uint64(BLOCK * i) for i in range(10))
_G, _GP, _GQ, _REST, _GW, _GU, _GK, _GV = (np.uint64(BLOCK * i) for i in range(10, 18))
MEMORY = 18 * BLOCK
_KEPT = 5  # of a step of a chunk: state before it and factors, the numbers from _P on


class WKVArrays(NamedTuple):
    """What both passes read, flat, and what the pass forward fills; n is B d.

    Attributes:
        w: Decay [d].
        u: Bonus [d].
        k: Keys [T n].
        v: Values [T n].
        lengths: Valid steps [B].
        marks: States at the beginnings of chunks, [chunks 3 n]; empty: none are kept.
    """

    w: RealArray
    u: RealArray
    k: RealArray
    v: RealArray
    lengths: Int64Array
    marks: RealArray


class WKVGradients(NamedTuple):
    """What the pass back reads of gradients and fills, flat; n is B d.

    Attributes:
        y: That of the output [T n].
        state: [3 n]: comes as that of p and q behind the last step and what that of o is more than they say (see
            `_step_back`), leaves as that of the first state.
        w: Sum over the steps [n], to be filled.
        u: The same of the bonus.
        k: [T n], to be filled.
        v: [T n], to be filled.
    """

    y: RealArray
    state: RealArray
    w: RealArray
    u: RealArray
    k: RealArray
    v: RealArray


@fused_entry
def exponential(x: Any, memory: RealArray) -> Any:
    """Give exp(x) of x <= 0 in the type of `memory`: below -87 (float64: -708) what it is there, of NaN NaN."""
    real, single = memory.dtype.type, memory.itemsize == 4
    low = real(-87) if single else real(-708)
    rounding = real(ROUNDING_32) if single else real(ROUNDING_64)
    x = low if x < low else x
    rounded = x * real(LOG2_E) + rounding
    n = rounded - rounding
    r = x - n * real(LN2_HIGH) - n * real(LN2_LOW)  # |r| <= ln(2) / 2, where the series is short
    tail = real(_C7)
    if not single:
        tail = (((real(_C13) * r + real(_C12)) * r + real(_C11)) * r + real(_C10)) * r + real(_C9)
        tail = (tail * r + real(_C8)) * r + real(_C7)
    tail = ((((tail * r + real(_C6)) * r + real(_C5)) * r + real(_C4)) * r + real(_C3)) * r + real(_C2)
    return (tail * r * r + r + real(1)) * power_of_two(rounded)


@fused_entry
def _load(s: RealArray, at: Any, source: RealArray, start: Any, n: Any) -> None:
    for j in range(n):
        s[at + j] = source[start + j]


@fused_entry
def _store(target: RealArray, start: Any, n: Any, s: RealArray, at: Any) -> None:
    for j in range(n):
        target[start + j] = s[at + j]


@fused_entry
def _load_state(s: RealArray, at: Any, source: RealArray, start: Any, row: Any, n: Any) -> None:
    """Load three rows, `row` apart, to `at` and the two places behind it."""
    for i in range(np.uint64(3)):
        _load(s, at + i * _N, source, start + i * row, n)


@fused_entry
def _store_state(target: RealArray, start: Any, row: Any, n: Any, s: RealArray, at: Any) -> None:
    for i in range(np.uint64(3)):
        _store(target, start + i * row, n, s, at + i * _N)


@fused_entry
def _clear(target: RealArray, start: Any, stop: Any, row: Any, n: Any) -> None:
    """Set n numbers of each row from `start` up to `stop` to zero."""
    while start < stop:
        for j in range(n):
            target[start + j] = 0
        start += row


@fused_entry
def _advance(s: RealArray) -> None:
    """Take the state past the step whose k and v are at hand, and leave the factors of both sums."""
    one = s.dtype.type(1)
    for j in range(_N):
        decayed = s[_O + j] + s[_W + j]
        gap = decayed - s[_K + j]
        small = exponential(-abs(gap), s)
        f1, f2 = one if gap >= 0 else small, small if gap >= 0 else one
        s[_F1 + j], s[_F2 + j] = f1, f2
        s[_P + j] = f1 * s[_P + j] + f2 * s[_V + j]
        s[_Q + j] = f1 * s[_Q + j] + f2
        s[_O + j] = decayed if gap >= 0 else s[_K + j]


@fused_entry
def _output_and_advance(s: RealArray) -> None:
    """Give the output of the step whose k and v are at hand, and take the state past it."""
    one = s.dtype.type(1)
    for j in range(_N):
        k, v, p, q, o = s[_K + j], s[_V + j], s[_P + j], s[_Q + j], s[_O + j]
        gap = o - s[_U + j] - k
        small = exponential(-abs(gap), s)
        e1, e2 = one if gap >= 0 else small, small if gap >= 0 else one
        s[_Y + j] = (e1 * p + e2 * v) / (e1 * q + e2)
        decayed = o + s[_W + j]
        gap = decayed - k
        small = exponential(-abs(gap), s)
        f1, f2 = one if gap >= 0 else small, small if gap >= 0 else one
        s[_P + j] = f1 * p + f2 * v
        s[_Q + j] = f1 * q + f2
        s[_O + j] = decayed if gap >= 0 else k


@fused_entry
def _forward_block(
    s: RealArray, k: RealArray, v: RealArray, y: RealArray, at: Any, row: Any, n: Any, steps: Any
) -> None:
    """Run the block whose state is at hand; its first k stands at `at`."""
    for _ in range(steps):
        _load(s, _K, k, at, n)
        _load(s, _V, v, at, n)
        _output_and_advance(s)
        _store(y, at, n, s, _Y)
        at += row


@fused_entry
def wkv_forward(given: WKVArrays, state: RealArray, y: RealArray, first: int, last: int) -> None:
    """Fill the output y [T n] of the blocks first..last; their state [3 n] comes as the first, leaves as the last.

    Blocks are numbered through the samples, ceil(d / BLOCK) each.
    """
    s = np.zeros(MEMORY, y.dtype)
    width, batch = np.uint64(given.w.shape[0]), np.uint64(given.lengths.shape[0])
    row = batch * width
    blocks, steps = (width + _N - np.uint64(1)) // _N, np.uint64(y.shape[0]) // row
    for start in range(np.uint64(0), steps, np.uint64(CHUNK)):
        stop: Any = min(steps, start + np.uint64(CHUNK))
        for i in range(np.uint64(first), np.uint64(last)):
            sample, c = i // blocks, i % blocks * _N
            column, n = sample * width + c, min(width - c, _N)
            end: Any = max(start, min(stop, np.uint64(given.lengths[sample])))
            _load(s, _W, given.w, c, n)
            _load(s, _U, given.u, c, n)
            _load_state(s, _P, state, column, row, n)
            if given.marks.shape[0]:
                mark = start // np.uint64(CHUNK) * np.uint64(3) * row
                _store_state(given.marks, mark + column, row, n, s, _P)
            _forward_block(s, given.k, given.v, y, start * row + column, row, n, end - start)
            _clear(y, end * row + column, stop * row, row, n)
            _store_state(state, column, row, n, s, _P)


@fused_entry
def _again(s: RealArray, kept: RealArray, given: WKVArrays, at: Any, row: Any, n: Any, steps: Any) -> None:
    """Compute the states of a chunk again, and keep that before each step and the factors of it."""
    for t in range(steps):
        _load(s, _K, given.k, at, n)
        _load(s, _V, given.v, at, n)
        _store(kept, t * np.uint64(_KEPT) * _N, np.uint64(3) * _N, s, _P)
        _advance(s)
        _store(kept, (t * np.uint64(_KEPT) + np.uint64(3)) * _N, np.uint64(2) * _N, s, _F1)
        at += row


@fused_entry
def _step_back(s: RealArray) -> None:
    """Take the gradients of p and q from behind the step at hand to before it, and leave those of k and v.

    As long as only outputs are read, the scale o of p and q is free, so that its gradient is gp p + gq q. What it
    is more than that, because the last state is read, is the `rest`: see `_rest_back`.
    """
    one = s.dtype.type(1)
    for j in range(_N):
        v, p, q, f1, f2 = s[_V + j], s[_P + j], s[_Q + j], s[_F1 + j], s[_F2 + j]
        gap = s[_O + j] - s[_U + j] - s[_K + j]
        small = exponential(-abs(gap), s)
        e1, e2 = one if gap >= 0 else small, small if gap >= 0 else one
        scale = one / (e1 * q + e2)
        y, g = (e1 * p + e2 * v) * scale, s[_G + j] * scale
        gu = g * e2 * (v - y)
        gp, gq = s[_GP + j], s[_GQ + j]
        s[_GU + j] += gu
        s[_GK + j] = gu + f2 * (gp * v + gq)
        s[_GV + j] = g * e2 + f2 * gp
        gp, gq = f1 * gp, f1 * gq
        s[_GW + j] += gp * p + gq * q
        s[_GP + j] = gp + g * e1
        s[_GQ + j] = gq - g * e1 * y


@fused_entry
def _rest_back(s: RealArray) -> None:
    """Give the rest of the gradient of o to what o was: w and the o before it, or k."""
    zero = s.dtype.type(0)
    for j in range(_N):
        decays, rest = s[_O + j] + s[_W + j] - s[_K + j] >= 0, s[_REST + j]
        s[_GW + j] += rest if decays else zero
        s[_GK + j] += zero if decays else rest
        s[_REST + j] = rest if decays else zero


@fused_entry
def _backward_block(
    s: RealArray, kept: RealArray, given: WKVArrays, g: WKVGradients, at: Any, row: Any, n: Any, steps: Any
) -> None:
    """Run a chunk of a block back; its first k stands at `at`."""
    _again(s, kept, given, at, row, n, steps)
    at += steps * row
    for t in range(steps):
        at -= row
        _load(s, _K, given.k, at, n)
        _load(s, _V, given.v, at, n)
        _load(s, _G, g.y, at, n)
        _load(s, _P, kept, (steps - np.uint64(1) - t) * np.uint64(_KEPT) * _N, np.uint64(_KEPT) * _N)
        _step_back(s)
        _rest_back(s)
        _store(g.k, at, n, s, _GK)
        _store(g.v, at, n, s, _GV)


@fused_entry
def wkv_backward(given: WKVArrays, g: WKVGradients, first: int, last: int) -> None:
    """Fill the gradients of the blocks first..last."""
    s, kept = np.zeros(MEMORY, g.y.dtype), np.zeros(CHUNK * _KEPT * BLOCK, g.y.dtype)
    width, batch = np.uint64(given.w.shape[0]), np.uint64(given.lengths.shape[0])
    row = batch * width
    blocks, steps = (width + _N - np.uint64(1)) // _N, np.uint64(g.y.shape[0]) // row
    chunks = (steps + np.uint64(CHUNK - 1)) // np.uint64(CHUNK)
    for back in range(chunks):
        chunk = chunks - np.uint64(1) - back
        start = chunk * np.uint64(CHUNK)
        stop: Any = min(steps, start + np.uint64(CHUNK))
        for i in range(np.uint64(first), np.uint64(last)):
            sample, c = i // blocks, i % blocks * _N
            column, n = sample * width + c, min(width - c, _N)
            end: Any = max(start, min(stop, np.uint64(given.lengths[sample])))
            _load(s, _W, given.w, c, n)
            _load(s, _U, given.u, c, n)
            _load_state(s, _P, given.marks, chunk * np.uint64(3) * row + column, row, n)
            _load_state(s, _GP, g.state, column, row, n)
            _load(s, _GW, g.w, column, n)
            _load(s, _GU, g.u, column, n)
            _clear(g.k, end * row + column, stop * row, row, n)
            _clear(g.v, end * row + column, stop * row, row, n)
            _backward_block(s, kept, given, g, start * row + column, row, n, end - start)
            _store_state(g.state, column, row, n, s, _GP)
            _store(g.w, column, n, s, _GW)
            _store(g.u, column, n, s, _GU)

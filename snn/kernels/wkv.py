"""The WKV recurrence of RWKV-4 over time: a readable torch reference and one compiled pass each way.

y_t is the mean of all values up to t, where v_t has the weight exp(u + k_t) and an earlier v_i the weight
exp((t - 1 - i) w + k_i).
Source: Peng et al., "RWKV: Reinventing RNNs for the Transformer Era", 2023, which SpikeGPT (Zhu et al., 2023) uses.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.core.checks import refusal, shown
from snn.kernels.checks import check_compiled, check_lengths, check_tensors, finite_extent
from snn.kernels.dispatch import apply, fused_or_reference
from snn.kernels.memory import empty_aligned
from snn.kernels.wkv_loops import BLOCK, CHUNK, WKVArrays, WKVGradients, wkv_backward, wkv_forward

__all__ = ["WKVState", "wkv", "wkv_fused", "wkv_reference"]

LEAST = -1e38
"""The exponent of a state that has seen nothing: far below all others, and finite in float32."""
THREAD_SIZE = 1 << 18
"""Numbers of k from which a second thread is worth its start."""


class WKVState(NamedTuple):
    """What a recurrence remembers: sums of exp(exponent) v and of exp(exponent), both divided by exp(o).

    Attributes:
        p: Weighted sum of values [B, d].
        q: Sum of weights [B, d].
        o: The largest exponent [B, d]: no exponential exceeds 1, whatever k is.
    """

    p: Tensor
    q: Tensor
    o: Tensor


def wkv_reference(
    w: Tensor,
    u: Tensor,
    k: Tensor,
    v: Tensor,
    state: WKVState | None = None,
    lengths: Tensor | None = None,
) -> tuple[Tensor, WKVState]:
    """Run the recurrence as a plain time loop: the definition that the fused form is tested against.

    Args:
        w: How fast each channel forgets, below 0: a weight is multiplied by exp(w) in every step, [d].
        u: Bonus of the step itself [d].
        k: Keys [T, B, d].
        v: Values [T, B, d].
        state: What was remembered before the first step; None: nothing.
        lengths: Valid steps [B], int64; None means all. Beyond them y is 0 and the state stands still.

    Returns:
        y [T, B, d], and the state of each sample at its length. What is NaN in k or v is NaN from there on.

    Raises:
        TypeError: One is no tensor, or the state no tuple of three.
        ValueError: One is of another shape, type or device, w is not below 0, w or u is not finite, or a length is
            outside 0..T.
    """
    (p, q, o), lengths = _checked(w, u, k, v, state, lengths)
    if not k.numel():
        return v * 1, WKVState(p, q, o)
    outputs = []
    for t, (k_t, v_t) in enumerate(zip(k.unbind(0), v.unbind(0), strict=True)):
        m = torch.maximum(o, u + k_t)
        e1, e2 = torch.exp(o - m), torch.exp(u + k_t - m)
        y = (e1 * p + e2 * v_t) / (e1 * q + e2)
        m = torch.maximum(o + w, k_t)
        e1, e2 = torch.exp(o + w - m), torch.exp(k_t - m)
        after = [e1 * p + e2 * v_t, e1 * q + e2, m]
        if lengths is not None:
            valid = (lengths > t)[:, None]
            y = torch.where(valid, y, 0.0)
            after = [torch.where(valid, new, old) for new, old in zip(after, (p, q, o), strict=True)]
        outputs.append(y)
        p, q, o = after
    return torch.stack(outputs), WKVState(p, q, o)


def _checked(
    w: Tensor, u: Tensor, k: Tensor, v: Tensor, state: WKVState | None, lengths: Tensor | None
) -> tuple[WKVState, Tensor | None]:
    """Check the arguments; give the state, at rest where there is none, and the lengths as `check_lengths` does."""
    check_tensors(k=(k, "T B d"), v=(v, "T B d"), w=(w, "d"), u=(u, "d"))
    if finite_extent("w", w)[1] >= 0 and w.numel():
        raise refusal("w", "below 0, so that what is remembered decays", float(w.detach().max()))
    finite_extent("u", u)
    lengths = check_lengths(k, lengths)
    if state is None:
        nothing = k.new_zeros(k.shape[1:])
        least = max(LEAST, torch.finfo(k.dtype).min)
        return WKVState(nothing, nothing, torch.full_like(nothing, least)), lengths
    if not isinstance(state, tuple) or len(state) != 3:
        raise TypeError(f"state must be a WKVState (p, q, o), got {shown(state)}")
    parts = dict(zip(("state.p", "state.q", "state.o"), state, strict=True))
    check_tensors(k=(k, "T B d"), **{name: (part, "B d") for name, part in parts.items()})
    return WKVState(*state), lengths


class _FusedWKV(torch.autograd.Function):
    """One compiled pass each way; keeps the arguments, and the state every CHUNK steps."""

    @staticmethod
    def forward(
        ctx: Any, w: Tensor, u: Tensor, k: Tensor, v: Tensor, p: Tensor, q: Tensor, o: Tensor, lengths: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        w, u, k, v = (x.contiguous() for x in (w, u, k, v))
        y, state = empty_aligned(k), torch.stack((p, q, o))
        chunks = -(-len(k) // CHUNK) if any(ctx.needs_input_grad) else 0
        marks = empty_aligned(k, chunks, *state.shape)
        flat = state.view(-1).numpy(), y.view(-1).numpy()
        _in_threads(wkv_forward, k, _arrays(w, u, k, v, lengths, marks), *flat)
        p, q, o = state
        ctx.save_for_backward(w, u, k, v, lengths, marks, p, q)
        ctx.set_materialize_grads(False)
        return y, p, q, o

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gy: Tensor | None, gp: Tensor | None, gq: Tensor | None, go: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        if all(g is None for g in (gy, gp, gq, go)):
            return (None,) * 8
        w, u, k, v, lengths, marks, p, q = ctx.saved_tensors
        gy = torch.zeros_like(k) if gy is None else gy.contiguous()
        gp, gq, go = (torch.zeros_like(p) if g is None else g for g in (gp, gq, go))
        # the loops carry what the gradient of o is more than that of a scale of p and q, which is free
        state = torch.stack((gp, gq, go - gp * p - gq * q))
        gw, gu = torch.zeros((2, *p.shape), dtype=k.dtype)
        gk, gv = empty_aligned(k), empty_aligned(k)
        gradients = WKVGradients(*(x.view(-1).numpy() for x in (gy, state, gw, gu, gk, gv)))
        _in_threads(wkv_backward, k, _arrays(w, u, k, v, lengths, marks), gradients)
        gp, gq, rest = state
        first_p, first_q, _ = marks[0]
        return gw.sum(0), gu.sum(0), gk, gv, gp, gq, rest + gp * first_p + gq * first_q, None


def _arrays(w: Tensor, u: Tensor, k: Tensor, v: Tensor, lengths: Tensor, marks: Tensor) -> WKVArrays:
    flat = k.view(-1).numpy(), v.view(-1).numpy(), lengths.numpy(), marks.view(-1).numpy()
    return WKVArrays(w.numpy(), u.numpy(), *flat)


def _in_threads(loop: Callable[..., None], k: Tensor, *arguments: Any) -> None:
    """Run a loop over all blocks of k [T, B, d], in as many threads as torch has where there is enough to do.

    Blocks know nothing of each other: the bits are the same for any number of threads.
    """
    blocks = k.shape[1] * -(-k.shape[2] // BLOCK)
    threads = min(torch.get_num_threads(), blocks, k.numel() // THREAD_SIZE)
    if threads < 2:
        loop(*arguments, 0, blocks)
        return
    ends = [blocks * i // threads for i in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(loop, *arguments, *pair) for pair in pairwise(ends)]:
            done.result()


def wkv_fused(
    w: Tensor,
    u: Tensor,
    k: Tensor,
    v: Tensor,
    state: WKVState | None = None,
    lengths: Tensor | None = None,
) -> tuple[Tensor, WKVState]:
    """Run the recurrence in one compiled pass each way: `wkv_reference` on the CPU in float32 or float64."""
    before, lengths = _checked(w, u, k, v, state, lengths)
    check_compiled(k)
    if not k.numel():
        return wkv_reference(w, u, k, v, before, lengths)
    if lengths is None:
        lengths = torch.full((k.shape[1],), len(k), dtype=torch.int64)
    y, *after = apply(_FusedWKV, w, u, k, v, *before, lengths)
    return y, WKVState(*after)


def wkv(
    w: Tensor,
    u: Tensor,
    k: Tensor,
    v: Tensor,
    state: WKVState | None = None,
    lengths: Tensor | None = None,
) -> tuple[Tensor, WKVState]:
    """Run the recurrence in the fastest form there is for where k lies.

    Arguments and results are those of `wkv_reference`. Gradients are first derivatives: those of the reference,
    which has higher ones too. On the CPU, in float32 and float64, it takes the threads that torch has.
    """
    return fused_or_reference(wkv_fused, wkv_reference, k)(w, u, k, v, state, lengths)

"""Stand-in for snn.kernels.wkv until it is merged."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["WKVState", "wkv"]


class WKVState(NamedTuple):
    """p, q, o [B, d]."""

    p: Tensor
    q: Tensor
    o: Tensor


def wkv(w, u, k, v, state=None, lengths=None):
    """Run the recurrence."""
    if state is None:
        zero = torch.zeros_like(k[0]) if len(k) else k.new_zeros(k.shape[1:])
        state = WKVState(zero, zero, torch.full_like(zero, -1e38))
    p, q, o = state
    ys = []
    for t, (kt, vt) in enumerate(zip(k.unbind(0), v.unbind(0), strict=True)):
        m = torch.maximum(o, u + kt)
        e1, e2 = torch.exp(o - m), torch.exp(u + kt - m)
        ys.append((e1 * p + e2 * vt) / (e1 * q + e2))
        m = torch.maximum(w + o, kt)
        e1, e2 = torch.exp(w + o - m), torch.exp(kt - m)
        new = (e1 * p + e2 * vt, e1 * q + e2, m)
        if lengths is not None:
            valid = (lengths > t)[:, None]
            new = tuple(torch.where(valid, a, b) for a, b in zip(new, (p, q, o), strict=True))
        p, q, o = new
    return (torch.stack(ys) if ys else torch.zeros_like(v)), WKVState(p, q, o)

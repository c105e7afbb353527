"""Compiled loops of delayed linear maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn.kernels.compiled import compiled

__all__ = ["scatter_events"]

Floats = NDArray[np.floating[Any]]


@compiled
def scatter_events(x: Floats, weight: Floats, delays: NDArray[np.int64], y: Floats) -> None:
    """Add weight [in, out] times x [T, B, in] to y [T, B, out], delays [in, out] steps later; skip zeros."""
    steps, batch, senders = x.shape
    for b in range(batch):
        for t in range(steps):
            for i in range(senders):
                value = x[t, b, i]
                if value == 0:
                    continue
                w, d = weight[i], delays[i]
                for j in range(w.shape[0]):
                    at = t + d[j]
                    if at < steps:
                        y[at, b, j] += w[j] * value

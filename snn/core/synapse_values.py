"""Check the weights and delays that a projection is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from snn.core.arrays import Float64Array
from snn.core.units import delay_steps

_SNAP = 1e-9
"""Fraction of a step within which a delay is on the grid: decimal times have no exact binary form."""


def checked_weight(label: str, weight: Any) -> Any:
    """Copy the weights of the projection `label`, dense or CSR, [pre, post], float64, read-only.

    Raises:
        ValueError: They are of another form, or not finite.
    """
    if scipy.sparse.issparse(weight):
        if weight.format != "csr":
            raise ValueError(f"weight of {label!r} must be dense or CSR, got {weight.format!r}")
        kept = scipy.sparse.csr_array(weight, dtype=np.float64, copy=True)
        kept.check_format(full_check=True)
        values = kept.data
        arrays: tuple[Any, ...] = (kept.data, kept.indices, kept.indptr)
    else:
        kept = values = np.array(weight, dtype=np.float64)
        arrays = (kept,)
    if kept.ndim != 2:
        raise ValueError(f"weight of {label!r} must be [pre, post], got {list(kept.shape)}")
    if not np.isfinite(values).all():
        raise ValueError(f"weight of {label!r} must be finite, got {values[~np.isfinite(values)][0]!r}")
    for array in arrays:
        array.flags.writeable = False
    return kept


def checked_delay(label: str, delay_ms: Any, weight: Any) -> Float64Array:
    """Copy its delays, ms, read-only.

    Raises:
        ValueError: They do not fit `weight`, are negative or not finite.
    """
    delay = np.array(delay_ms, dtype=np.float64)
    shapes: list[tuple[int, ...]] = [(), tuple(weight.shape)]
    if not isinstance(weight, np.ndarray):
        shapes.append(weight.data.shape)
    if delay.shape not in shapes:
        allowed = " or ".join(str(list(shape)) for shape in shapes[1:])
        raise ValueError(f"delay_ms of {label!r} must be one number or {allowed}, got {list(delay.shape)}")
    bad = ~(np.isfinite(delay) & (delay >= 0))
    if bad.any():
        raise ValueError(f"delay_ms of {label!r} must be finite and >= 0, got {delay[bad][0]!r}")
    delay.flags.writeable = False
    return delay


def rounded_by(delay_ms: Float64Array | None, weight: Any, dt_ms: float) -> float:
    """Return the largest change, ms, that rounding to steps makes to the delay of a synapse."""
    if delay_ms is None:
        return 0.0
    delay = delay_ms
    if delay.ndim and isinstance(weight, np.ndarray):
        delay = delay[weight != 0.0]
    change = np.abs(delay - delay_steps(delay, dt_ms) * dt_ms)
    largest = float(change.max(initial=0.0))
    return largest if largest > _SNAP * max(dt_ms, float(delay.max(initial=0.0))) else 0.0

"""The spectral radius of recurrent weights: found, and set."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import eigs

from snn.core.arrays import Float64Array
from snn.core.checks import number, refusal
from snn.core.projection import checked_weight

__all__ = ["scale_spectral_radius", "spectral_radius"]

_DENSE_UP_TO = 2000
"""Neurons up to which all eigenvalues are found."""
_VANISHES = 1e-12
"""Norm of a power of a matrix, relative to what it was made from, under which it is rounding error."""


def spectral_radius(weight: Any) -> float:
    """Give the largest absolute eigenvalue of square weights; exactly 0 where they are nilpotent.

    Eigenvalues of a nilpotent matrix come out far from 0 (an error of 1e-16 becomes its N-th root), so that case
    is told by the connections, which then have no loop, or by a power that vanishes.

    Args:
        weight: [N, N], dense or CSR.

    Raises:
        ValueError: Not square, or a weight is not finite.
    """
    kept = checked_weight("weight", weight)
    if kept.shape[0] != kept.shape[1]:
        raise refusal("weight", "square, [N, N]", list(kept.shape))
    dense = isinstance(kept, np.ndarray)
    if not _has_loop(kept):
        return 0.0
    size = kept.shape[0]
    if size > _DENSE_UP_TO:
        start = np.cos(
            np.arange(1, size + 1, dtype=np.float64)
        )  # any fixed one: the result is the same every time
        found = eigs(scipy.sparse.csr_array(kept), k=1, which="LM", v0=start, return_eigenvectors=False)
        return float(np.abs(found).max())
    full = kept if dense else kept.toarray()
    return 0.0 if _is_nilpotent(full) else float(np.abs(np.linalg.eigvals(full)).max())


def scale_spectral_radius(weight: Any, radius: float) -> Any:
    """Scale square weights so that their spectral radius is `radius`.

    Args:
        weight: [N, N], dense or CSR.
        radius: The radius wanted, > 0.

    Raises:
        ValueError: Not square or not finite; or nilpotent, which no factor gives another radius than 0.
    """
    wanted = number("radius", radius, above=0)
    now = spectral_radius(weight)
    if now == 0.0:
        raise refusal("weight", "other than nilpotent, whose spectral radius no factor changes", "radius 0")
    return checked_weight("weight", weight) * (wanted / now)


def _has_loop(weight: Any) -> bool:
    """Tell whether spikes can come back to where they were."""
    csr = scipy.sparse.csr_array(weight, copy=True)
    csr.data = np.abs(csr.data)  # parallel synapses must not cancel in the sum
    csr.sum_duplicates()  # SciPy looks for ever at components of what has some
    csr.eliminate_zeros()
    parts, _ = connected_components(csr, connection="strong")
    return bool(parts < csr.shape[0] or csr.diagonal().any())


def _is_nilpotent(weight: Float64Array) -> bool:
    """Tell whether a power of the weights vanishes, by squaring them until it is that of N or more."""
    power = weight / np.abs(weight).max()
    for _ in range(int(np.ceil(np.log2(len(weight)))) + 1):
        power = power @ power
        most = float(np.abs(power).max())
        if most < _VANISHES:
            return True
        power /= most
    return False

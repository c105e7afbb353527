"""Counter-based random numbers: a hash of what is drawn, so order, batch and threads do not matter.

The stream of a key is SplitMix64 (Steele, Lea & Flood, OOPSLA 2014): draw n is mix(key + n * GOLDEN).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special
from numpy.typing import ArrayLike, NDArray

from snn.core.units import Float64Array

Uint64Array = NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_MOST_PER_STEP = 500.0


@dataclass(frozen=True, slots=True)
class PoissonInput:
    """Feed every neuron of a population its own Poisson spikes, as drive: `Counts` leaves it out.

    In a step a neuron receives `weight` times a Poisson number of mean `rate_hz * dt`, drawn from
    (seed, population name, sample, neuron, step).

    Raises:
        ValueError: A value is out of range; the message names it.
    """

    rate_hz: float
    """Rate of all inputs of a neuron together, Hz, >= 0."""
    weight: float
    """Weight of one spike, finite."""
    receptor: str | None = None
    """The synaptic current that it feeds, where the neurons name several."""

    def __post_init__(self) -> None:
        if not (np.isfinite(self.rate_hz) and self.rate_hz >= 0.0):
            raise ValueError(f"rate_hz must be finite and >= 0, got {self.rate_hz!r}")
        if not np.isfinite(self.weight):
            raise ValueError(f"weight must be finite, got {self.weight!r}")

    def table(self, dt_ms: float) -> Float64Array:
        """Cumulative probabilities of 0, 1, ... spikes in a step, up to 1 - 2^-53.

        Raises:
            ValueError: More than 500 spikes are expected in a step.
        """
        mean = self.rate_hz * dt_ms / 1000.0
        if mean > _MOST_PER_STEP:
            raise ValueError(
                f"rate_hz must give at most {_MOST_PER_STEP:g} spikes per step of {dt_ms} ms, "
                f"got {self.rate_hz!r} ({mean:g})"
            )
        most = int(mean + 12.0 * np.sqrt(mean) + 40.0)
        table = np.asarray(scipy.special.pdtr(np.arange(most), mean), dtype=np.float64)
        return table[: int(np.searchsorted(table, 1.0 - 2.0**-53)) + 1]


def mix(values: Any) -> Any:
    """Hash 64-bit words to 64-bit words."""
    z = (values ^ (values >> np.uint64(30))) * FIRST
    z = (z ^ (z >> np.uint64(27))) * SECOND
    return z ^ (z >> np.uint64(31))


def keys(seed: int, name: str, *parts: ArrayLike) -> Uint64Array:
    """Make the key of a stream from a seed, a name and integers (arrays that broadcast)."""
    word = hashlib.blake2b(f"{int(seed)}/{name}".encode(), digest_size=8).digest()
    key = np.array([int.from_bytes(word, "little")], dtype=np.uint64)
    for part in parts:
        key = mix(key + GOLDEN * (np.atleast_1d(np.asarray(part)).astype(np.uint64) + np.uint64(1)))
    return key


def uniform(key: Uint64Array, draw: ArrayLike) -> Float64Array:
    """Draw from [0, 1) with 53 bits; `key` and `draw` broadcast."""
    words = mix(key + GOLDEN * np.asarray(draw).astype(np.uint64))
    return np.asarray((words >> np.uint64(11)) * 2.0**-53, dtype=np.float64)

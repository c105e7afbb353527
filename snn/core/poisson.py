"""Describe independent Poisson input: background spikes that the engines draw for themselves."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import pdtr

MOST_PER_STEP = 10_000.0
"""Largest mean number of spikes per neuron and step."""
_WORDS = 2.0**32


@dataclass(frozen=True, slots=True)
class PoissonInput:
    """Give every neuron of a population its own Poisson spikes, all of one rate and weight.

    In every step a neuron receives `weight` times a Poisson number of spikes, of mean
    `rate_hz * dt`. The numbers are drawn inside the engines, keyed by (seed, population, sample,
    neuron, step): they depend on nothing else, and no event is kept. They arrive after those of
    all projections.

    Raises:
        ValueError: A value is out of range; the message names it.
    """

    post: str
    """Name of the receiving population."""
    rate_hz: float
    """Rate of the spikes of one neuron, Hz, >= 0."""
    weight: float
    """Weight of each spike, not 0."""
    receptor: str | None = None
    """The synaptic current that it feeds, where the receiving neurons name several."""

    def __post_init__(self) -> None:
        for name in ("rate_hz", "weight"):
            value = getattr(self, name)
            try:
                number = float(value)
            except (TypeError, ValueError):
                raise ValueError(f"{name} must be one number, got {value!r}") from None
            if not np.isfinite(number):
                raise ValueError(f"{name} must be finite, got {value!r}")
            object.__setattr__(self, name, number)
        if self.rate_hz < 0.0:
            raise ValueError(f"rate_hz must be >= 0, got {self.rate_hz!r}")
        if self.weight == 0.0:
            raise ValueError("weight must not be 0: such an input brings nothing")

    def mean(self, dt_ms: float) -> float:
        """Return the mean number of spikes per neuron and step of `dt_ms`.

        Raises:
            ValueError: It is above `MOST_PER_STEP`.
        """
        mean = self.rate_hz * dt_ms * 1e-3
        if mean > MOST_PER_STEP:
            raise ValueError(
                f"rate_hz {self.rate_hz:g} of the noise to {self.post!r} is {mean:g} spikes per step; "
                f"at most {MOST_PER_STEP:g}"
            )
        return mean

    def values(self) -> tuple[Any, ...]:
        """Return the fields in their order."""
        return tuple(getattr(self, field.name) for field in fields(self))


def cuts(mean: float) -> tuple[int, NDArray[np.uint32]]:
    """Turn a Poisson distribution into the cuts of a 32-bit word.

    A word u stands for `least` spikes and one more for every cut below it. Probabilities are so
    rounded to multiples of 2^-32; what is rarer does not happen.

    Returns:
        `least`, and the cuts, ascending, a multiple of four of them (the last ones are never passed).
    """
    counts = np.arange(int(mean + 12.0 * np.sqrt(mean + 1.0)) + 16)
    below = np.rint(pdtr(counts, mean) * _WORDS) - 1.0 if mean > 0.0 else np.full(1, _WORDS - 1.0)
    least = int((below < 0.0).sum())
    inside = below[(below >= 0.0) & (below < _WORDS - 1.0)]
    padded = np.full(-(-inside.size // 4) * 4, _WORDS - 1.0)
    padded[: inside.size] = inside
    return least, padded.astype(np.uint32)

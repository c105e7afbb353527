"""Describe independent Poisson input: background spikes that the engines draw for themselves."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import pdtr

from snn.core.arrays import Uint32Array
from snn.core.checks import number, refusal
from snn.core.files.tree import fields_of

MOST_PER_STEP = 10_000.0
"""Largest mean number of spikes per neuron and step."""
_NUMBERS = 2.0**32
"""How many random numbers of 32 bits there are."""


@dataclass(frozen=True, slots=True)
class PoissonInput:
    """Give every neuron of a population its own Poisson spikes, all of one rate and weight.

    In every step a neuron receives `weight` times a Poisson number of spikes, of mean
    `rate_hz * dt`. The numbers are drawn inside the engines, keyed by (seed, population, sample,
    neuron, step): they depend on nothing else, and no event is kept. They arrive after those of
    all projections.

    Attributes:
        post: Name of the receiving population.
        rate_hz: Rate of the spikes of one neuron, Hz, >= 0; in a network at most 10 000 spikes per step.
        weight: Weight of each spike, finite, not 0.
        receptor: The synaptic current that it feeds, where the receiving neurons name several.

    Raises:
        ValueError: A value is out of range; the message names it.
    """

    post: str
    rate_hz: float
    weight: float
    receptor: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.post, str):
            raise refusal("post", "the name of a population", self.post)
        if self.receptor is not None and not isinstance(self.receptor, str):
            raise refusal("receptor", "a name or None", self.receptor)
        object.__setattr__(self, "rate_hz", number("rate_hz", self.rate_hz, low=0))
        object.__setattr__(self, "weight", number("weight", self.weight))
        if self.weight == 0.0:
            raise refusal("weight", "other than 0 (such an input brings nothing)", self.weight)

    def mean(self, dt_ms: float) -> float:
        """Return the mean number of spikes per neuron and step of `dt_ms`.

        Raises:
            ValueError: It is above `MOST_PER_STEP`.
        """
        mean = self.rate_hz * dt_ms * 1e-3
        if mean > MOST_PER_STEP:
            rule = f"at most {MOST_PER_STEP:g} spikes per step of {dt_ms:g} ms"
            raise refusal(f"noise to {self.post!r}: rate_hz", rule, self.rate_hz)
        return mean

    def to_dict(self) -> dict[str, Any]:
        """List the fields by name."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> PoissonInput:
        """Make an input of what `to_dict` gave.

        Raises:
            ValueError: A field is missing, unknown or out of range.
        """
        return cls(**fields_of("noise", values, ("post", "rate_hz", "weight", "receptor")))


def inversion_table(mean: float) -> tuple[int, Uint32Array]:
    """Tabulate a Poisson distribution for drawing by inversion from uniform random numbers of 32 bits.

    A number u stands for `least` spikes and one more for every entry of the table below it. So probabilities
    are rounded to multiples of 2^-32, and counts rarer than half of that never occur.

    Returns:
        `least`, and the table, ascending; it is padded with the largest number, which no u exceeds, to a
        multiple of four entries, because the loops compare four at a time.
    """
    counts = np.arange(int(mean + 12.0 * np.sqrt(mean + 1.0)) + 16)
    below = np.rint(pdtr(counts, mean) * _NUMBERS) - 1.0 if mean > 0.0 else np.full(1, _NUMBERS - 1.0)
    least = int((below < 0.0).sum())
    inside = below[(below >= 0.0) & (below < _NUMBERS - 1.0)]
    padded = np.full(-(-inside.size // 4) * 4, _NUMBERS - 1.0)
    padded[: inside.size] = inside
    return least, padded.astype(np.uint32)

"""Counter-based random numbers: a hash of what is drawn, so order, batch and threads do not matter.

The stream of a key is SplitMix64 (Steele, Lea & Flood, OOPSLA 2014): draw n is mix(key + n * GOLDEN).
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from snn.core.arrays import Float64Array, Uint64Array
from snn.core.checks import refusal, whole

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""Step of the counter from one draw to the next: 2^64 divided by the golden ratio."""
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
"""Factors of `mix`; the compiled loops have the same hash, written for them."""


def check_seed(seed: Any, name: str = "seed") -> int:
    """Return a seed as an int.

    Raises:
        ValueError: It is not a whole number from -2^63 to 2^64 - 1.
    """
    number = whole(name, seed)
    if not -(2**63) <= number < 2**64:
        raise refusal(name, "from -2^63 to 2^64 - 1", seed)
    return number


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

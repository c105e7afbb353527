"""Damage a file in the ways that disks, downloads and other programs do, decided by a seed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def damages(whole: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Give `count` damaged forms of a file: flips, cuts, bytes put in, runs of zeros, other numbers."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        data = bytearray(whole)
        at = int(rng.integers(len(data) if i % 2 else min(len(data), 600)))  # half of them near the head
        kind = ("flip", "cut", "insert", "zeros", "number", "mirror")[i % 6]
        if kind == "flip":
            for place in rng.integers(0, len(data), int(rng.integers(1, 9))).tolist():
                data[place] ^= 1 << int(rng.integers(8))
            data[at] ^= 1 << int(rng.integers(8))
        elif kind == "cut":
            del data[at:]
        elif kind == "insert":
            data[at:at] = rng.bytes(int(rng.integers(1, 40)))
        elif kind == "zeros":
            data[at : at + int(rng.integers(1, 200))] = bytes(int(rng.integers(1, 200)))
        elif kind == "number":
            size = int(rng.choice([1, 2, 4, 8]))
            value = int(rng.choice([0, 1, 127, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63]))
            order = "big" if rng.integers(2) else "little"
            data[at : at + size] = (value % 2 ** (8 * size)).to_bytes(size, order)
        else:
            data[at : at + 16] = data[at : at + 16][::-1]
        yield bytes(data)

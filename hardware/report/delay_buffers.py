"""Size the delay buffers of a network."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DelayBuffer:
    """Size one delay buffer: a ring of one accumulator per receiver and step ahead.

    Attributes:
        layer: Ledger row it belongs to.
        depth: Steps held: largest delay + 1.
        width: Receivers.
        bits: Bits of a slot.
        size_bytes: ``depth x width x bits / 8``, rounded up.
        reads: Reads per inference.
        writes: Writes per inference.
    """

    layer: str
    depth: int
    width: int
    bits: int
    size_bytes: int
    reads: float
    writes: float

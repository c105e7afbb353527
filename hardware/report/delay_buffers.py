"""Size the delay buffers of a network."""

from __future__ import annotations

from dataclasses import dataclass

from snn.hardware.ledger.ledger import Ledger


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


def delay_buffers(ledger: Ledger, bits: int) -> tuple[DelayBuffer, ...]:
    """Size the delay buffer of each layer that has delays, with slots of so many bits."""
    return tuple(
        DelayBuffer(
            layer=row.name,
            depth=row.max_delay + 1,
            width=row.n_post,
            bits=bits,
            size_bytes=row.delay_bytes(bits),
            reads=row.per_sample("delay_reads"),
            writes=row.per_sample("delay_writes"),
        )
        for row in ledger
        if row.delay_slots
    )

"""Price accesses to memories of 45 nm by how much they hold and how wide the access is."""

from __future__ import annotations

from itertools import pairwise

from snn.core.checks import number, whole
from snn.hardware.targets.constant import Range
from snn.hardware.targets.horowitz import DRAM, SRAM_1M, SRAM_8K, SRAM_32K

_ACCESS_BITS = 64
_SIZES = ((8 << 10, SRAM_8K.range), (32 << 10, SRAM_32K.range), (1 << 20, SRAM_1M.range))
"""Capacity in bytes, and the price of an access at it."""


def sram_access(capacity_bytes: float, bits: int) -> Range:
    """Price one access of `bits` bits to an SRAM of a given capacity, 45 nm, with its range.

    Horowitz gives the price of a 64-bit access at 8 KiB, 32 KiB and 1 MiB; between them, and
    down to zero, the price is linear in the capacity, and above 1 MiB it stays (Lemaire et al.,
    An analytical estimation of spiking neural networks energy efficiency, ICONIP 2022). The
    width is explicit here because charging these prices per 32-bit word doubles them.

    Args:
        capacity_bytes: Size of the whole memory (not of the traffic), bytes, >= 0.
        bits: Bits used of each access: a share ``bits / 64`` of its price is charged.

    Returns:
        pJ per access.

    Raises:
        ValueError: A negative capacity or `bits` < 1.
    """
    _check_access(capacity_bytes, bits)
    price = _SIZES[-1][1]
    for (smaller, below), (larger, above) in pairwise(((0, Range(0, 0, 0)), *_SIZES)):
        if capacity_bytes <= larger:
            share = (capacity_bytes - smaller) / (larger - smaller)
            price = (1 - share) * below + share * above
            break
    return price * (bits / _ACCESS_BITS)


def sram_access_pj(capacity_bytes: float, bits: int) -> float:
    """Price one access as `sram_access` does, without the range, pJ."""
    return sram_access(capacity_bytes, bits).nominal


def hierarchy_access(capacity_bytes: float, bits: int) -> Range:
    """Price one access in a hierarchy: the smallest of 8 KiB, 32 KiB, 1 MiB SRAM or DRAM that holds it all.

    Every access goes to that level: there is no cache in front of it.

    Args:
        capacity_bytes: Size of the whole memory, bytes, >= 0.
        bits: Bits used of each access: a share ``bits / 64`` of its price is charged.

    Returns:
        pJ per access.

    Raises:
        ValueError: A negative capacity or `bits` < 1.
    """
    _check_access(capacity_bytes, bits)
    price = next((price for size, price in _SIZES if capacity_bytes <= size), DRAM.range)
    return price * (bits / _ACCESS_BITS)


def _check_access(capacity_bytes: float, bits: int) -> None:
    number("capacity_bytes", capacity_bytes, low=0)
    whole("bits", bits, low=1, high=2**31 - 1)

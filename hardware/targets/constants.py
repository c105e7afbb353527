"""Hold published energy numbers as records that say where they come from.

A price without its unit, process node and source cannot be checked, so it cannot be built here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

Kind = Literal["measured", "simulated", "fit", "derived"]


@dataclass(frozen=True, slots=True)
class Range:
    """Hold a number with the ends of what its sources allow; arithmetic keeps the ends apart.

    All ends of a sum are taken low with low and high with high, so a range is the worst case, not a deviation.

    Attributes:
        low: Lower end.
        nominal: The number used.
        high: Upper end.

    Raises:
        ValueError: Not 0 <= low <= nominal <= high < infinity.
    """

    low: float
    nominal: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.nominal <= self.high < math.inf:
            raise ValueError(
                f"Range ({self.low!r}, {self.nominal!r}, {self.high!r}) must be 0 <= low <= nominal <= high"
            )

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.nominal + other.nominal, self.high + other.high)

    def __mul__(self, times: float) -> Range:
        return Range(self.low * times, self.nominal * times, self.high * times)

    __rmul__ = __mul__

    def __truediv__(self, parts: float) -> Range:
        return Range(self.low / parts, self.nominal / parts, self.high / parts)


def sum_ranges(parts: Iterable[Range]) -> Range:
    """Add ranges up without loss of rounding, zero for none."""
    found = tuple(parts)
    return Range(*(math.fsum(getattr(part, end) for part in found) for end in ("low", "nominal", "high")))


@dataclass(frozen=True, slots=True)
class Constant:
    """Record one physical constant with its provenance.

    Attributes:
        name: Identifier, unique among the constants of a target.
        value: The number, finite and >= 0, in `unit`.
        unit: What the number counts, e.g. ``"pJ/op"``.
        node: Process technology, e.g. ``"45 nm"``.
        kind: How the number was obtained: measured on silicon, simulated (also design estimates
            and pre-silicon figures), fitted by others, or derived from other records.
        includes: What is and is not inside the number.
        source: The publication, and where it was read if not in the original.
        voltage_v: Supply voltage in volts, None where the source gives none.
        low: Lower end of what sources give, in `unit`; None is `value`.
        high: Upper end of what sources give, in `unit`; None is `value`.
        range_source: Where the ends come from; needed where one differs from `value`.

    Raises:
        ValueError: A text field is empty, `kind` is unknown, or a number is out of range.
    """

    name: str
    value: float
    unit: str
    node: str
    kind: Kind
    includes: str
    source: str
    voltage_v: float | None = None
    low: float | None = None
    high: float | None = None
    range_source: str = ""

    def __post_init__(self) -> None:
        for field in ("name", "unit", "node", "includes", "source"):
            text = getattr(self, field)
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"Constant {self.name!r}: {field} is {text!r}; a constant needs a {field}")
        if self.kind not in get_args(Kind):
            raise ValueError(f"Constant {self.name!r}: kind is {self.kind!r}; allowed: {get_args(Kind)}")
        if not (math.isfinite(self.value) and self.value >= 0):
            raise ValueError(f"Constant {self.name!r}: value is {self.value!r}; it must be finite and >= 0")
        if self.voltage_v is not None and not (math.isfinite(self.voltage_v) and self.voltage_v > 0):
            raise ValueError(
                f"Constant {self.name!r}: voltage_v is {self.voltage_v!r}; it must be > 0 or None"
            )

        low, high = (self.value if end is None else end for end in (self.low, self.high))
        if not 0 <= low <= self.value <= high < math.inf:
            raise ValueError(
                f"Constant {self.name!r}: low {self.low!r}, value {self.value!r}, "
                f"high {self.high!r} must ascend"
            )
        if low < high and not self.range_source.strip():
            raise ValueError(f"Constant {self.name!r}: a range needs a range_source")
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    @property
    def range(self) -> Range:
        """The value with its ends."""
        assert self.low is not None and self.high is not None  # set when built
        return Range(self.low, self.value, self.high)

    def to_dict(self) -> dict[str, Any]:
        """Give the record as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Record a published activity below which a spiking network is said to win.

    Attributes:
        name: Short label.
        low: Lower end, in spikes per synapse per inference.
        high: Upper end (equal to `low` for a single line).
        source: The publication.
        note: What the line assumes.
    """

    name: str
    low: float
    high: float
    source: str
    note: str

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high:
            raise ValueError(
                f"BreakEven {self.name!r}: ({self.low!r}, {self.high!r}) must be 0 < low <= high"
            )
        if not self.source.strip():
            raise ValueError(f"BreakEven {self.name!r}: source is empty; a line needs a source")


_HOROWITZ = (
    "M. Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014, "
    "pp. 10-14; read in a reprint"
)

_ALADDIN = "high end: Accelergy's Aladdin library, 40 nm, the same operator"
_PER_WORD = "high end: the same prices charged per 32-bit word (Lemaire et al. 2022 and SpikingJelly)"
_DRAM_ENDS = "both ends are Horowitz's"


def _horowitz(
    name: str,
    value: float,
    includes: str,
    unit: str = "pJ/op",
    high: float | None = None,
    range_source: str = "",
) -> Constant:
    return Constant(
        name, value, unit, "45 nm", "simulated", includes, _HOROWITZ, 0.9, None, high, range_source
    )


_OPERATOR = "the operator alone: no operand fetch, no control, no leakage"

FP32_ADD = _horowitz("fp32_add", 0.9, _OPERATOR)
FP32_MULT = _horowitz("fp32_mult", 3.7, _OPERATOR)
FP32_MAC = _horowitz("fp32_mac", 4.6, "one fp32_mult and one fp32_add; " + _OPERATOR)
INT32_ADD = _horowitz("int32_add", 0.1, _OPERATOR, high=0.21, range_source=_ALADDIN)
INT32_MULT = _horowitz("int32_mult", 3.1, _OPERATOR, high=12.68, range_source=_ALADDIN)
INT8_ADD = _horowitz("int8_add", 0.03, _OPERATOR)
INT8_MULT = _horowitz("int8_mult", 0.2, _OPERATOR)
INT8_MAC = _horowitz("int8_mac", 0.23, "one int8_mult and one int8_add; " + _OPERATOR)

_ACCESS = "one 64-bit access, read or write; no leakage"
_BUS = "pJ/64-bit access"
SRAM_8K = _horowitz("sram_8KiB", 10.0, _ACCESS, _BUS, 20.0, _PER_WORD)
SRAM_32K = _horowitz("sram_32KiB", 20.0, _ACCESS, _BUS, 40.0, _PER_WORD)
SRAM_1M = _horowitz("sram_1MiB", 100.0, _ACCESS, _BUS, 200.0, _PER_WORD)
DRAM = _horowitz("dram", 1300.0, _ACCESS + ", no refresh", _BUS, 2600.0, _DRAM_ENDS)
SRAM = (SRAM_8K, SRAM_32K, SRAM_1M)
ACCESS_BITS = 64
_POINTS = ((8 << 10, SRAM_8K.range), (32 << 10, SRAM_32K.range), (1 << 20, SRAM_1M.range))

BREAK_EVENS = (
    BreakEven(
        "Dampfhoffer et al. 2023",
        0.15,
        1.38,
        "M. Dampfhoffer et al., Are SNNs really more energy-efficient than ANNs?, "
        "IEEE Trans. Emerging Topics in Computational Intelligence 7(3), 2023",
        "the range over their network and hardware cases, memory counted",
    ),
    BreakEven(
        "Davidson & Furber 2021",
        1.72,
        1.72,
        "S. Davidson and S. Furber, Comparison of artificial and spiking neural networks on "
        "digital hardware, Frontiers in Neuroscience 15, 2021; read in a third-party review",
        "one spike per synapse against one 8-bit MAC, about",
    ),
)


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
    price = _POINTS[-1][1]
    for (x0, y0), (x1, y1) in pairwise(((0, Range(0, 0, 0)), *_POINTS)):
        if capacity_bytes <= x1:
            share = (capacity_bytes - x0) / (x1 - x0)
            price = (1 - share) * y0 + share * y1
            break
    return price * (bits / ACCESS_BITS)


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
    price = next((price for size, price in _POINTS if capacity_bytes <= size), DRAM.range)
    return price * (bits / ACCESS_BITS)


def _check_access(capacity_bytes: float, bits: int) -> None:
    if capacity_bytes < 0:
        raise ValueError(f"capacity_bytes is {capacity_bytes}; it must be >= 0")
    if bits < 1:
        raise ValueError(f"bits is {bits}; it must be >= 1")

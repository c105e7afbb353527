"""Hold published numbers as records that say where they come from.

A price without its unit, process node and source cannot be checked, so it cannot be built here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import KW_ONLY, asdict, dataclass
from typing import Any, Literal

from snn.core.checks import choice, number, refusal

Kind = Literal["measured", "simulated", "fit", "derived"]
ALONE = "no second figure of this account was found"
"""The `range_source` of a constant that stands alone: its range is a point because nothing else is published."""


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
            ends = (self.low, self.nominal, self.high)
            raise refusal("Range", "0 <= low <= nominal <= high < inf", ends)

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.nominal + other.nominal, self.high + other.high)

    def __mul__(self, times: float | Range) -> Range:
        if isinstance(times, Range):
            return Range(self.low * times.low, self.nominal * times.nominal, self.high * times.high)
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
        range_source: Where the ends come from; needed where one differs from `value`. Where none does, it says why.

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
    _: KW_ONLY
    voltage_v: float | None = None
    low: float | None = None
    high: float | None = None
    range_source: str = ""

    def __post_init__(self) -> None:
        require_text("name", self.name)
        for field in ("unit", "node", "includes", "source"):
            require_text(f"{self.name}.{field}", getattr(self, field))
        choice(f"{self.name}.kind", self.kind, Kind)
        number(f"{self.name}.value", self.value, low=0)
        if self.voltage_v is not None:
            number(f"{self.name}.voltage_v", self.voltage_v, above=0)
        low, high = (self.value if end is None else end for end in (self.low, self.high))
        number(f"{self.name}.low", low, low=0, high=self.value)
        number(f"{self.name}.high", high, low=self.value)
        if low < high:
            require_text(f"{self.name}.range_source", self.range_source)
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


def require_text(name: str, text: object) -> None:
    """Refuse what says nothing.

    Raises:
        ValueError: `text` is no text, or blank.
    """
    if not isinstance(text, str) or not text.strip():
        raise refusal(name, "text that is not blank", text)

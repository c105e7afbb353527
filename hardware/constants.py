"""Hold published energy numbers as records that say where they come from.

A price without its unit, process node and source cannot be checked, so it cannot be built here.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

Kind = Literal["measured", "simulated", "fit", "derived"]


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
_DAVIES = (
    "M. Davies et al., Loihi: a neuromorphic manycore processor with on-chip learning, "
    "IEEE Micro 38(1), 2018, Table 2 (pre-silicon SPICE)"
)


def _horowitz(name: str, value: float, includes: str, unit: str = "pJ/op") -> Constant:
    return Constant(name, value, unit, "45 nm", "simulated", includes, _HOROWITZ, 0.9)


def _loihi(name: str, value: float, unit: str, includes: str) -> Constant:
    return Constant(name, value, unit, "14 nm", "simulated", includes, _DAVIES, 0.75)


_OPERATOR = "the operator alone: no operand fetch, no control, no leakage"

FP32_ADD = _horowitz("fp32_add", 0.9, _OPERATOR)
FP32_MULT = _horowitz("fp32_mult", 3.7, _OPERATOR)
FP32_MAC = _horowitz("fp32_mac", 4.6, "one fp32_mult and one fp32_add; " + _OPERATOR)
INT32_ADD = _horowitz("int32_add", 0.1, _OPERATOR)
INT32_MULT = _horowitz("int32_mult", 3.1, _OPERATOR)
INT8_ADD = _horowitz("int8_add", 0.03, _OPERATOR)
INT8_MULT = _horowitz("int8_mult", 0.2, _OPERATOR)
INT8_MAC = _horowitz("int8_mac", 0.23, "one int8_mult and one int8_add; " + _OPERATOR)

_ACCESS = "one 64-bit access, read or write; no leakage"
SRAM_8K = _horowitz("sram_8KiB", 10.0, _ACCESS, "pJ/64-bit access")
SRAM_32K = _horowitz("sram_32KiB", 20.0, _ACCESS, "pJ/64-bit access")
SRAM_1M = _horowitz("sram_1MiB", 100.0, _ACCESS, "pJ/64-bit access")
SRAM = (SRAM_8K, SRAM_32K, SRAM_1M)
SRAM_ACCESS_BITS = 64
_SRAM_POINTS = (
    (0, 0.0),
    (8 << 10, SRAM_8K.value),
    (32 << 10, SRAM_32K.value),
    (1 << 20, SRAM_1M.value),
)

LOIHI_SYNOP = _loihi(
    "loihi1_synop", 23.6, "pJ/synaptic event", "minimum per event; weight memory and accumulation"
)
LOIHI_ACTIVE = _loihi(
    "loihi1_update_active", 81.0, "pJ/neuron update", "update of a neuron with input, its memory"
)
LOIHI_INACTIVE = _loihi(
    "loihi1_update_inactive", 52.0, "pJ/neuron update", "update of a neuron at rest, its memory"
)
LOIHI_TILE_SPIKE = _loihi(
    "loihi1_tile_spike", 1.7, "pJ/spike message", "a spike inside its tile, without mesh hops"
)

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


def sram_access_pj(capacity_bytes: float, bits: int) -> float:
    """Price one access of `bits` bits to an SRAM of a given capacity, 45 nm.

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
    if capacity_bytes < 0:
        raise ValueError(f"capacity_bytes is {capacity_bytes}; it must be >= 0")
    if bits < 1:
        raise ValueError(f"bits is {bits}; it must be >= 1")
    price = _SRAM_POINTS[-1][1]
    for (x0, y0), (x1, y1) in pairwise(_SRAM_POINTS):
        if capacity_bytes <= x1:
            price = y0 + (y1 - y0) * (capacity_bytes - x0) / (x1 - x0)
            break
    return price * bits / SRAM_ACCESS_BITS

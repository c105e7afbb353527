"""Write numbers for people: energies with a fitting prefix, counts, aligned columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from snn.hardware.targets.constant import Range

_PREFIXES = ((1e12, "J"), (1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"), (1.0, "pJ"), (1e-3, "fJ"))


def energy_unit(pj: float) -> tuple[float, str]:
    """Choose the unit that reads best for an energy: its size in pJ, and its symbol."""
    for size, unit in _PREFIXES:
        if abs(pj) >= size:
            return size, unit
    return (1.0, "pJ") if pj == 0 else _PREFIXES[-1]


def energy_text(pj: float) -> str:
    """Write an energy given in pJ with three digits and its unit; zero is a dash."""
    if pj == 0:
        return "–"
    size, unit = energy_unit(pj)
    value = pj / size
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f} {unit}"


def count_text(value: float) -> str:
    """Write a count: whole numbers with separators, small averages with three digits."""
    if value == 0:
        return "–"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a text table: the first column to the left, the others to the right."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    text = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([text[0], "-" * max(map(len, text)), *text[1:]])


def time_text(us: float) -> str:
    """Write a time given in microseconds with three digits and its unit."""
    for size, unit in ((1e6, "s"), (1e3, "ms"), (1.0, "µs"), (1e-3, "ns")):
        if us >= size:
            return f"{us / size:.3g} {unit}"
    return f"{us * 1e3:.3g} ns"


def age_text(seconds: float) -> str:
    """Write an age in the unit that people use: seconds, minutes, hours, days or years."""
    for size, unit in ((31_557_600.0, "years"), (86_400.0, "days"), (3_600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit.removesuffix('s') if seconds == size else unit}"
    return f"{seconds:.3g} s"


def range_text(value: Range, write: Callable[[float], str]) -> str:
    """Write a number, and its ends behind it where they differ."""
    if value.low == value.high:
        return write(value.nominal)
    return f"{write(value.nominal)} ({write(value.low)} to {write(value.high)})"

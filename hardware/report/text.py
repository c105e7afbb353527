"""Write numbers for people: energies with a fitting prefix, counts, aligned columns."""

from __future__ import annotations

import itertools
import re
import shutil
import textwrap
from collections.abc import Callable, Sequence

from snn.hardware.targets.constant import Range

_NARROWEST = 80
"""Columns that every terminal is taken to have."""
_FIXED = "\N{NO-BREAK SPACE}"
_UNIT = re.compile(r"(?<=\d) (?=[fpnµm]?[Js]\b)")
"""The space between a number and its unit, where no line ends."""
_LEAST = 14
"""Columns below which a column of a table is not made narrower."""
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


def terminal_width() -> int:
    """Give the columns of the terminal, at least 80; 100 where the text goes elsewhere (and COLUMNS is not set)."""
    return max(_NARROWEST, shutil.get_terminal_size((100, 24)).columns)


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Lay out a text table: the first column to the left, the others to the right.

    A table that is too wide has its widest columns broken into lines; where that is not enough, columns stand in
    blocks under each other, each with the first column. Nothing is left out.

    Args:
        header: Column titles.
        rows: Cells, one sequence per row.
        width: Columns of text that it may take; None: those of the terminal.
    """
    limit = terminal_width() if width is None else width
    lines = [[_UNIT.sub(_FIXED, cell) for cell in line] for line in (header, *rows)]
    columns = list(zip(*lines, strict=True))
    widths = [max(map(len, column)) for column in columns]
    least = [
        min(w, max(_LEAST, *map(_longest_word, column))) for w, column in zip(widths, columns, strict=True)
    ]
    over = sum(widths) + 2 * (len(widths) - 1) - limit
    if over > sum(widths) - sum(least) and len(widths) > 2:
        room, block = limit - least[0], [0]
        for i in range(1, len(widths)):
            if len(block) > 1 and sum(least[k] + 2 for k in (*block[1:], i)) > room:
                break
            block.append(i)
        if block[-1] < len(widths) - 1:
            rest = [0, *range(block[-1] + 1, len(widths))]
            parts = [[[line[i] for i in part] for line in lines] for part in (block, rest)]
            return "\n\n".join(aligned(part[0], part[1:], limit) for part in parts)
    while over > 0 and widths != least:
        widest = max(range(len(widths)), key=lambda i: (widths[i] > least[i], widths[i]))
        widths[widest] -= 1
        over -= 1
    text = [_laid_out(line, widths) for line in lines]
    rule = "-" * max(len(line) for part in text for line in part.split("\n"))
    return "\n".join([text[0], rule, *text[1:]])


def _longest_word(cell: str) -> int:
    return min(max(map(len, cell.split()), default=0), _NARROWEST // 2)


def _laid_out(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Lay out one row, over as many lines as its cells need."""
    broken = [textwrap.wrap(cell, width) or [""] for cell, width in zip(cells, widths, strict=True)]
    return "\n".join(
        "  ".join(
            part.ljust(width) if i == 0 else part.rjust(width)
            for i, (part, width) in enumerate(zip(parts, widths, strict=True))
        )
        .rstrip()
        .replace(_FIXED, " ")
        for parts in itertools.zip_longest(*broken, fillvalue="")
    )


def folded(text: str) -> str:
    """Break a sentence into lines that fit the terminal."""
    return "\n".join(textwrap.wrap(text, terminal_width()))


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

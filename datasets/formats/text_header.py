"""The lines of text that files of event cameras begin with, each after a mark."""

from __future__ import annotations

import re

__all__ = ["header_lines", "header_sensor", "header_value"]

_TEXT = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\r?\n")
_LAST = (b"#!END-HEADER", b"#End Of ASCII Header", b"% end")
_MOST = 1 << 20
_SIZE = r"\b%s[ =](\d{1,5})\b"


def header_lines(data: bytes | memoryview, mark: bytes) -> tuple[list[str], int]:
    """Give the lines of a header, without their ends, and where the events begin.

    A line starts with the mark and holds text alone, so that an event whose first byte is the mark is none. A line
    that says that the header ends is the last one.

    Args:
        data: The file, or its first bytes.
        mark: What every line starts with.
    """
    head = bytes(data[:_MOST])
    lines, start = [], 0
    while head.startswith(mark, start) and (found := _TEXT.match(head, start)):
        line, start = found[0].rstrip(b"\r\n"), found.end()
        lines.append(line.decode("latin-1"))
        if line.startswith(_LAST):
            break
    return lines, start


def header_value(lines: list[str], pattern: str) -> str | None:
    """Give what the group of a pattern matches in the last line that it fits, in any case; None where none does."""
    found = [match[1] for line in lines if (match := re.search(pattern, line, re.IGNORECASE))]
    return found[-1].strip() if found else None


def header_sensor(lines: list[str]) -> tuple[int, int] | None:
    """Give rows and columns of the sensor, which headers of Prophesee's name in one of three ways, or None."""
    size = header_value(lines, r"^% *geometry (\d{1,5}x\d{1,5})\b")
    width, height = (
        size.split("x") if size else (header_value(lines, _SIZE % name) for name in ("width", "height"))
    )
    return (int(height), int(width)) if width and height else None

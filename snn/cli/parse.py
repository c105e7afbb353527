"""Make a command's options from a dataclass."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import redirect_stderr
from itertools import groupby
from typing import TypeVar

import tyro

__all__ = ["parse"]

T = TypeVar("T")


def parse(kind: type[T], command: str, arguments: Sequence[str]) -> T:
    """Read options into a dataclass: one flat flag per field, help from the fields' texts.

    Exits with 0 after `--help`.

    Raises:
        ValueError: Options do not fit, or the dataclass refuses a value.
    """
    config = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff)
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return tyro.cli(kind, prog=f"snn {command}", args=list(arguments), config=config)
    except SystemExit as stop:
        if not stop.code:
            raise
        raise ValueError(f"{_sentence(said.getvalue())} (snn {command} --help tells the options)") from None


def _sentence(box: str) -> str:
    """Take the first paragraph of tyro's message out of its frame, in one line, in the words of our refusals."""
    lines = [line.strip(_FRAME) for line in box.splitlines()]
    paragraphs = [list(part) for filled, part in groupby(lines[1:], key=bool) if filled]
    text = " ".join(" ".join(paragraphs[0] if paragraphs else []).split()).rstrip(".")
    chosen = re.fullmatch(r"invalid choice (.+) for argument '--(.+)'\. Expected one of \((.+)\)", text)
    if chosen is not None:
        value, name, values = chosen.groups()
        return f"{name} must be one of {values}, got {value}"
    return re.sub(r"^Error parsing [\w.]+: ", "", text) or "options must be those of the command"


_FRAME = "│╭╮╰╯─|- \t"
"""What tyro draws frames with, in UTF-8 and in ASCII."""

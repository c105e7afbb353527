"""Make a command's options from a dataclass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import tyro

__all__ = ["parse"]

T = TypeVar("T")


def parse(kind: type[T], command: str, arguments: Sequence[str]) -> T:
    """Read options into a dataclass: one flat flag per field, help from the fields' texts.

    Exits with 2 and a message for options that do not fit, with 0 after `--help`.

    Raises:
        ValueError: The dataclass refuses a value.
    """
    config = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff)
    return tyro.cli(kind, prog=f"snn {command}", args=list(arguments), config=config)

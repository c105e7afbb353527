"""Check fields of a recipe's settings for which `snn.core.checks` has no word, in the form config.json can hold."""

from __future__ import annotations

import os
from typing import Any

from snn.core.checks import refusal, whole

__all__ = ["path_text", "sizes"]


def path_text(name: str, value: Any) -> str:
    """Return a path as text.

    Raises:
        ValueError: It is none, or empty.
    """
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str) or not text:
        raise refusal(name, "a path", value)
    return str(text)


def sizes(name: str, values: Any) -> tuple[int, ...]:
    """Return sizes of layers, each >= 1, at least one.

    Raises:
        ValueError: They are not a tuple or list of such.
    """
    if not isinstance(values, tuple | list) or not values:
        raise refusal(name, "at least one size >= 1", values)
    return tuple(whole(f"{name}[{i}]", size, low=1) for i, size in enumerate(values))

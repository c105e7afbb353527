"""Check the fields of a recipe's settings and keep them in their plain form, which config.json can hold."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from snn.core.checks import refusal, whole

__all__ = ["instance", "keep", "path_text", "sizes"]


def keep(
    config: object, check: Callable[..., Any], *names: str, optional: bool = False, **limits: Any
) -> None:
    """Replace fields of a frozen dataclass by what ``check(name, value, **limits)`` gives for them.

    Args:
        config: The instance, in its ``__post_init__``.
        check: A function of `snn.core.checks`, or of this file.
        *names: The fields.
        optional: Whether None is left as it is.
        **limits: Limits for the check.

    Raises:
        ValueError: A value that the check refuses.
    """
    for name in names:
        value = getattr(config, name)
        if value is not None or not optional:
            object.__setattr__(config, name, check(name, value, **limits))


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


def instance(name: str, value: Any, kind: type) -> Any:
    """Return settings that are of their class.

    Raises:
        ValueError: They are something else.
    """
    if not isinstance(value, kind):
        raise refusal(name, f"a {kind.__name__}", value)
    return value

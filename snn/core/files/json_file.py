"""Read JSON that may be anything: what is wrong with it is said in one sentence, and it breaks nothing.

Python's own parser ends in errors of its own, in a full stack where brackets are nested deeply, keeps the last of
two fields of one name, and takes NaN and infinity, which JSON does not have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any, NoReturn

import numpy as np

from snn.core.arrays import PathLike
from snn.core.checks import refusal, shown
from snn.core.files.whole import existing_file

DEEPEST = 100
"""Most brackets within each other."""
_DIGITS = 300
"""Most digits of a whole number: a float can still be made of it."""

_OTHER = re.compile(r'"[^"\\]*(?:\\.?[^"\\]*)*"?|[^"\[\]{}]+', re.DOTALL)
"""A string, closed or not, or what is neither a string nor a bracket."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(text: str | bytes, what: str, *, constants: bool = False) -> Any:
    """Give the value that a JSON text holds.

    Args:
        text: The text, or its bytes in UTF-8.
        what: Name in the message: a path, say.
        constants: Whether NaN, Infinity and -Infinity are allowed.

    Raises:
        ValueError: It is no JSON; a field is there twice; brackets are nested more than 100 deep; a number is no
            finite one; or a string holds half a character.
    """
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
    except UnicodeDecodeError as error:
        raise ValueError(f"{what} must be text in UTF-8, got bytes that are none at {error.start}") from None
    _check_depth(decoded, what)

    def constant(name: str) -> float:
        return float(name) if constants else _refuse(name)

    def whole(digits: str) -> int:
        return int(digits) if len(digits) <= _DIGITS else _refuse(digits)

    def real(digits: str) -> float:
        value = float(digits)
        return value if abs(value) < np.inf else _refuse(digits)

    try:
        value = json.loads(
            decoded,
            parse_constant=constant,
            parse_int=whole,
            parse_float=real,
            object_pairs_hook=_without_doubles,
        )
        if _SURROGATE.search(decoded):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"{what} must be JSON, got a fault in {where}: {error.msg}") from None
    except UnicodeEncodeError:
        raise ValueError(f"{what} must be JSON, got a string with half a character in it") from None
    except ValueError as error:  # a field twice, or a number that is none
        raise ValueError(f"{what} must be JSON, got {error}") from None
    return value


def read_json(path: PathLike, *, constants: bool = False) -> Any:
    """Read a JSON file.

    Raises:
        FileNotFoundError: Nothing is there.
        OSError: It cannot be read.
        ValueError: As `parse_json`; the message names the path.
    """
    return parse_json(existing_file(path).read_bytes(), str(path), constants=constants)


def fields_of(what: str, values: Any, names: Collection[str]) -> dict[str, Any]:
    """Return `values`, a dict with exactly these names.

    Args:
        what: Name in the message.
        values: What was read.
        names: The fields that it must have.

    Raises:
        ValueError: It is no dict, or a field is missing or unknown.
    """
    if not isinstance(values, dict):
        raise refusal(what, f"a group of {', '.join(names)}", values)
    for name in dict.fromkeys([*names, *values]):
        if name not in values or name not in names:
            fault = "missing" if name in names else "unknown"
            raise ValueError(f"{what}: field {shown(name)} is {fault}; it must hold {', '.join(names)}")
    return values


def typed(what: str, value: Any, kind: type, rule: str) -> Any:
    """Return `value`, which is of this class (a truth value is no number).

    Raises:
        ValueError: It is of another.
    """
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise refusal(what, rule, value)
    return value


def _check_depth(text: str, what: str) -> None:
    brackets = _OTHER.sub("", text).encode("ascii")
    if len(brackets) <= DEEPEST:
        return
    opens = np.isin(np.frombuffer(brackets, dtype=np.uint8), np.frombuffer(b"[{", dtype=np.uint8))
    deepest = int(np.cumsum(np.where(opens, 1, -1)).max())
    if deepest > DEEPEST:
        raise refusal(what, f"JSON of at most {DEEPEST} brackets within each other", deepest)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the field {shown(next(name for name in names if names.count(name) > 1))} twice")
    return held


def _refuse(number: str) -> NoReturn:
    raise ValueError(f"{number[:40]}, which is no finite number")

"""Sweep odd values into every field of a public class, or argument of a function, each with an answer known before.

A rule says which odd values a field takes. What it takes is read back where it can be; all else must be refused
by an error of this package that names the field.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from odd_values import ODD_VALUES, number_of, whole_of, within

__all__ = [
    "Rule",
    "answers",
    "arguments_of",
    "choice",
    "flag",
    "number",
    "only",
    "optional",
    "sweep",
    "whole",
]

Accepts = Callable[[str, Any], bool]


@dataclass(frozen=True)
class Rule:
    """Say what a field takes.

    Attributes:
        accepts: (name, value) of an odd value -> whether the field takes it.
        stands_for: Name of an odd value -> what the field must hold then; None: whatever it makes of it.
        refuses: Errors allowed for the others.
        named: How the field is named in refusals, if otherwise than itself.
        skips: Names of odd values that are not tried (sizes that would be built).
    """

    accepts: Accepts
    stands_for: Callable[[str], Any] | None = None
    refuses: tuple[type[Exception], ...] = (ValueError, TypeError)
    named: str = ""
    skips: Collection[str] = ()


def number(
    low: float = -np.inf, high: float = np.inf, *, above: float = -np.inf, below: float = np.inf, **more: Any
) -> Rule:
    """Take a finite number within limits."""

    def accepts(name: str, _: Any) -> bool:
        given = number_of(name)
        return within(given, low, high) and above < given < below and abs(given) <= float(np.finfo(float).max)

    return Rule(accepts, lambda name: float(number_of(name) or 0), **more)


def whole(low: float = -np.inf, high: float = np.inf, **more: Any) -> Rule:
    """Take a whole number within limits."""
    return Rule(lambda name, _: within(whole_of(name), low, high), whole_of, **more)


def flag(**more: Any) -> Rule:
    """Take a truth value, of Python, numpy or torch."""
    return Rule(lambda name, _: name in ("True", "numpy True", "0-d torch True"), lambda _: True, **more)


def choice(**more: Any) -> Rule:
    """Take some words, none of which is among the odd values."""
    return Rule(lambda name, _: False, **more)


def only(*names: str, **more: Any) -> Rule:
    """Take these odd values and no other."""
    return Rule(lambda name, _: name in names, **more)


def optional(rule: Rule) -> Rule:
    """Take None too."""

    def stands_for(name: str) -> Any:
        return None if name == "None" or rule.stands_for is None else rule.stands_for(name)

    return Rule(
        lambda name, value: name == "None" or rule.accepts(name, value),
        stands_for if rule.stands_for else None,
        rule.refuses,
        rule.named,
        rule.skips,
    )


def sweep(make: Callable[..., Any], field: str, rule: Rule) -> list[str]:
    """Try every odd value as `make(**{field: value})` and say where the answer was another than the rule's."""
    wrong = []
    for name, value in ODD_VALUES:
        if name in rule.skips:
            continue
        try:
            made = make(**{field: value})
        except Exception as error:
            if rule.accepts(name, value):
                wrong.append(f"{field} = {name}: refused, {type(error).__name__}: {error}")
            elif not isinstance(error, rule.refuses) or not _names(error, rule.named or field):
                wrong.append(f"{field} = {name}: {type(error).__name__}: {error}")
            continue
        if not rule.accepts(name, value):
            wrong.append(f"{field} = {name}: accepted")
        elif rule.stands_for is not None:
            held, due = _held(made, field), rule.stands_for(name)
            if held is not _UNKNOWN and (type(held) not in (int, float, bool, type(None)) or held != due):
                wrong.append(f"{field} = {name}: {held!r} is held, not {due!r}")
    return wrong


def arguments_of(made: Any) -> list[str]:
    """Name the arguments of a class or function that is public, in their order; a dataclass's fields are such."""
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [name for name, one in inspect.signature(made).parameters.items() if one.kind not in kinds]


def answers(rules: Mapping[str, Mapping[str, Any]], public: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Give every (class or function, argument) of `public` that no rule speaks of, and every rule without one."""
    there = {(name, argument) for name, made in public.items() for argument in arguments_of(made)}
    known = {(name, argument) for name, fields in rules.items() for argument in fields}
    return there ^ known


_UNKNOWN = object()


def _held(made: Any, field: str) -> Any:
    """Read what an object holds of a field: from its `config()`, as layers have one, or its attribute."""
    config = made.config() if isinstance(made, torch.nn.Module) and hasattr(made, "config") else {}
    held = config[field] if field in config else getattr(made, field, _UNKNOWN)
    return held[0] if isinstance(held, list) and held == held[:1] * 2 else held  # one number for two axes


def _names(error: Exception, field: str) -> bool:
    """Tell whether a refusal names its field; one of memory names what is too large."""
    return isinstance(error, MemoryError) or field in str(error)

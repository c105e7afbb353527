"""Check what a user gives: one function per kind of value, and one form of message.

Every refusal reads "NAME must be RULE, got VALUE", where NAME is the argument or the field as the user typed
it. The functions return the value in its plain Python or numpy form, so a caller writes
`threads = whole("threads", threads, low=1)`. A truth value is never taken for a number.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from snn.core.arrays import Float64Array, Int64Array

_LONGEST = 80
"""Characters of a value that a message shows."""


def whole(name: str, value: Any, *, low: int | None = None, high: int | None = None) -> int:
    """Return `value` as an int.

    Args:
        name: Name in the message.
        value: An integer, or a float without a fraction.
        low: Least value allowed; None: no limit.
        high: Largest value allowed; None: no limit.

    Raises:
        ValueError: It is not a whole number within the limits.
    """
    given = _plain(value)
    if not _is_real(given) or abs(given) == np.inf or int(given) != given or _outside(given, low, high):
        raise refusal(name, f"a whole number{_limits(low, high)}", value)
    return int(given)


def number(
    name: str,
    value: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
    infinite: bool = False,
) -> float:
    """Return `value` as a float.

    Args:
        name: Name in the message.
        value: A real number.
        low: Least value allowed; None: no limit.
        high: Largest value allowed; None: no limit.
        above: Largest value too small; None: no limit.
        below: Least value too large; None: no limit.
        infinite: Whether infinity is allowed; NaN never is.

    Raises:
        ValueError: It is not a number within the limits.
    """
    given = _as_float(_plain(value))
    if given is None or (abs(given) == np.inf and not infinite) or _outside(given, low, high, above, below):
        kind = "a number" if infinite else "a finite number"
        raise refusal(name, kind + _limits(low, high, above, below), value)
    return given


def finite(
    name: str,
    values: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    unit: str = "",
) -> Float64Array:
    """Return `values` as a float64 array of finite numbers; the message names the first that is not one.

    Args:
        name: Name in the message, to which the place of the value is added.
        values: Numbers of any shape.
        low: Least value allowed; None: no limit.
        high: Largest value allowed; None: no limit.
        above: Largest value too small; None: no limit.
        unit: Unit to name in the message.

    Raises:
        ValueError: They are not real numbers (truth values are none), or one is not finite or outside the limits.
    """
    array = real_array(name, values).astype(np.float64, copy=False)
    bad = ~np.isfinite(array)
    if low is not None:
        bad |= array < low
    if high is not None:
        bad |= array > high
    if above is not None:
        bad |= array <= above
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        where = f"{name}[{', '.join(map(str, place))}]" if place else name
        rule = "finite" + _limits(low, high, above).replace(" ", " and ", 1) + (f" {unit}" if unit else "")
        raise refusal(where, rule, array[place])
    return array


def wholes(name: str, values: Any, *, low: int | None = None, high: int | None = None) -> Int64Array:
    """Return `values` as an int64 array; the message names the first that is no whole number.

    Args:
        name: Name in the message, to which the place of the value is added.
        values: Whole numbers of any shape, of any real dtype; an empty list of any.
        low: Least value allowed; None: that of int64.
        high: Largest value allowed; None: that of int64.

    Raises:
        ValueError: They are not real numbers (truth values are none), or one has a fraction, is not finite or is
            outside the limits.
    """
    array = real_array(name, values, "whole numbers")
    if array.dtype.kind == "f":
        array = array.astype(np.float64)
    least, most = -(2**63) if low is None else low, 2**63 - 1 if high is None else high
    bad = (array < least) | (array > most)
    if array.dtype.kind == "f":  # 2^63 - 1 is no float64: compared with one, it becomes 2^63
        bad |= ~(np.floor(array) == array) | (array >= 2.0**63)
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        where = f"{name}[{', '.join(map(str, place))}]" if place else name
        raise refusal(where, f"a whole number{_limits(low, high)}", array[place])
    return array.astype(np.int64)


def integers(name: str, values: Any) -> Int64Array:
    """Copy to int64.

    Raises:
        TypeError: A value is of no integer type (an empty list is of any).
        ValueError: A value does not fit 64 bits.
    """
    try:
        array = real_array(name, values)
    except ValueError as error:
        raise TypeError(f"{name} must be integers, got {shown(values)}") from error
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got {shown(array)}")
    return wholes(name, array) if array.dtype == np.uint64 else np.array(array, dtype=np.int64)


def lists_of(name: str, rows: Any) -> list[Any]:
    """List the rows of samples.

    Raises:
        TypeError: There is no row per sample.
    """
    if isinstance(rows, str | bytes | dict) or not hasattr(rows, "__len__") or getattr(rows, "ndim", 1) == 0:
        raise TypeError(f"{name} must be a list per sample, got {shown(rows)}")
    return list(rows)


def real_array(name: str, values: Any, rule: str = "real numbers") -> NDArray[Any]:
    """Return `values` as an array of real numbers in the dtype they have.

    Args:
        name: Name in the message.
        values: Numbers of any shape; not truth values, text, dates, complex numbers or objects.
        rule: What they must be, in the message.

    Raises:
        ValueError: They are no such numbers, lists of different lengths, masked, or a tensor that numpy cannot
            read (one that needs a gradient, bfloat16, on another device).
    """
    why: Exception | None = None
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        array, why = np.asarray(None), error
    if array.dtype.kind == "O" and array.ndim == 0:  # one number of a kind that numpy does not know
        number = _as_float(_plain(values))
        array = array if number is None else np.asarray(number)
    masked = isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values)
    if array.dtype.kind not in "iuf" or masked or _holds_truth(values):
        raise refusal(name, rule, values) from why
    return array


def choice(name: str, value: Any, allowed: Any) -> Any:
    """Return `value`, which is one of `allowed`: a `Literal` type, or the values themselves.

    Raises:
        ValueError: It is none of them.
    """
    values = tuple(get_args(allowed) or allowed)
    if not any(value is one or (type(value) is type(one) and value == one) for one in values):
        raise refusal(name, f"one of {', '.join(map(repr, values))}", value)
    return value


def flag(name: str, value: Any) -> bool:
    """Return `value` as a bool.

    Raises:
        ValueError: It is neither True nor False.
    """
    given = _plain(value)
    if not isinstance(given, bool):
        raise refusal(name, "True or False", value)
    return given


def as_array(name: str, values: Any) -> Any:
    """Return `values` as numpy's array, whatever it is of.

    Raises:
        ValueError: numpy makes none of it (a tensor that has a gradient or a type of its own, a ragged list).
    """
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise refusal(name, "what numpy takes as an array", values) from error


def instance(name: str, value: Any, kind: type | tuple[type, ...]) -> Any:
    """Return a part that is of its class, or of one of several.

    Raises:
        ValueError: It is something else.
    """
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        raise refusal(name, f"a {' or '.join(one.__name__ for one in kinds)}", value)
    return value


def keep(
    config: object, check: Callable[..., Any], *names: str, optional: bool = False, **limits: Any
) -> None:
    """Replace fields of a frozen dataclass by what ``check(name, value, **limits)`` gives for them.

    Args:
        config: The instance, in its ``__post_init__``.
        check: A function of this file, or like those.
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


def refusal(name: str, rule: str, value: Any) -> ValueError:
    """Make the one error of this package for a value that is not as it must be; the caller raises it."""
    return ValueError(f"{name} must be {rule}, got {shown(value)}")


def shown(value: Any) -> str:
    """Write a value for a message: plain numbers for those of numpy and torch, arrays by shape, nothing long."""
    given = _plain(value)
    shape = None if isinstance(given, type) else getattr(given, "shape", None)
    if shape is not None and getattr(given, "dtype", None) is not None:
        text = f"{type(given).__name__} of shape {list(shape)} and dtype {given.dtype}"
    else:
        try:
            text = repr(given)
        except ValueError:  # an integer of thousands of digits
            text = f"{type(given).__name__} too long to show"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _plain(value: Any) -> Any:
    """Turn a scalar of numpy or torch into Python's own; dates and what is masked, which have none, stay."""
    if getattr(value, "ndim", None) != 0 or not hasattr(value, "item") or value is np.ma.masked:
        return value
    if isinstance(value, np.generic | np.ndarray) and value.dtype.kind in "mMV":
        return value
    try:
        return value.item()
    except RuntimeError:  # a tensor without data
        return value


def _is_real(value: Any) -> bool:
    """Tell whether it is a real number, infinity included: NaN and truth values are none."""
    no_number = isinstance(value, bool | np.timedelta64)  # which register as integers
    return not no_number and isinstance(value, numbers.Real) and value == value


def _as_float(value: Any) -> float | None:
    """Return a real number as a float; None for other values, NaN, and numbers too large for a float."""
    try:
        return float(value) if _is_real(value) else None
    except OverflowError:
        return None


def _holds_truth(values: Any) -> bool:
    """Tell whether a list, or one in it, holds a truth value, which numpy would read as 0 or 1."""
    if not isinstance(values, list | tuple):
        return False
    kinds = set(map(type, values))
    return bool(kinds & {bool, np.bool_}) or (
        bool(kinds & {list, tuple}) and any(_holds_truth(part) for part in values)
    )


def _outside(
    value: Any,
    low: float | None,
    high: float | None,
    above: float | None = None,
    below: float | None = None,
) -> bool:
    return (
        (low is not None and value < low)
        or (high is not None and value > high)
        or (above is not None and value <= above)
        or (below is not None and value >= below)
    )


def _limits(
    low: float | None, high: float | None, above: float | None = None, below: float | None = None
) -> str:
    """Say the limits, with a space ahead: `` >= 1 and <= 5``."""
    pairs = ((">=", low), (">", above), ("<=", high), ("<", below))
    return " and".join(
        f" {sign} {limit:{'g' if isinstance(limit, float) else ''}}"
        for sign, limit in pairs
        if limit is not None
    )

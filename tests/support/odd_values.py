"""Values that users give by mistake or in an unusual type, and what each of them stands for.

A test sweeps `ODD_VALUES` into a field. Where the field holds one number, `number_of` tells what the value must
be read as: the exact number, or None where the field must refuse it and name itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import torch

NUMBERS: tuple[tuple[str, Any, int | float], ...] = (
    ("0", 0, 0),
    ("1", 1, 1),
    ("-1", -1, -1),
    ("3", 3, 3),
    ("0.7", 0.7, 0.7),
    ("3.0", 3.0, 3),
    ("699.9", 699.9, 699.9),
    ("2^31-1", 2**31 - 1, 2**31 - 1),
    ("2^31", 2**31, 2**31),
    ("2^32", 2**32, 2**32),
    ("2^53", 2**53, 2**53),
    ("2^63-1", 2**63 - 1, 2**63 - 1),
    ("2^63", 2**63, 2**63),
    ("10^400", 10**400, 10**400),
    ("1e308", 1e308, 1e308),
    ("-1e308", -1e308, -1e308),
    ("5e-324", 5e-324, 5e-324),
    ("inf", math.inf, math.inf),
    ("-inf", -math.inf, -math.inf),
    ("fraction", Fraction(7, 2), 3.5),
    ("fraction without a fraction", Fraction(4, 1), 4),
    ("numpy float16", np.float16(2.5), 2.5),
    ("numpy float32", np.float32(2.0), 2),
    ("numpy longdouble", np.longdouble(2.0), 2),
    ("numpy int8", np.int8(3), 3),
    ("numpy uint64", np.uint64(2**63), 2**63),
    ("0-d int array", np.array(3), 3),
    ("0-d float array", np.array(0.25), 0.25),
    ("0-d torch float32", torch.tensor(0.5), 0.5),
    ("0-d torch int64", torch.tensor(3), 3),
    ("0-d torch bfloat16", torch.tensor(0.5, dtype=torch.bfloat16), 0.5),
    ("0-d torch with gradient", torch.tensor(0.5, requires_grad=True), 0.5),
)
"""Values that stand for one real number: name, value, the number."""

NO_NUMBERS: tuple[tuple[str, Any], ...] = (
    ("nan", math.nan),
    ("numpy nan", np.float32(math.nan)),
    ("0-d torch nan", torch.tensor(math.nan)),
    ("True", True),
    ("numpy True", np.bool_(True)),
    ("0-d torch True", torch.tensor(True)),
    ("'no'", "no"),
    ("'3'", "3"),
    ("empty text", ""),
    ("numpy text", np.str_("3")),
    ("bytes", b""),
    ("bytes 3", b"3"),
    ("None", None),
    ("1j", 1j),
    ("complex without imaginary part", 1 + 0j),
    ("numpy complex64", np.complex64(1)),
    ("0-d torch complex", torch.tensor(1 + 0j)),
    ("decimal", Decimal(3)),
    ("datetime64", np.datetime64("2020-01-01")),
    ("datetime64 ns", np.datetime64(3, "ns")),
    ("timedelta64 ns", np.timedelta64(3, "ns")),
    ("masked", np.ma.masked),
    ("0-d object array", np.array(None, dtype=object)),
    ("object array", np.array([1, None], dtype=object)),
    ("object array of numbers", np.array([1, 2], dtype=object)),
    ("bool array", np.array([True, False])),
    ("complex array", np.array([1 + 1j, 2])),
    ("text array", np.array(["1", "2"])),
    ("datetime array", np.array(["2020-01-01"], dtype="datetime64[D]")),
    ("masked array", np.ma.masked_array([1, 2], mask=[False, True])),
    ("record array", np.zeros(2, dtype=[("a", np.int64)])),
    ("array [B, 1]", np.array([[1], [2], [3]])),
    ("one-hot", np.eye(3, dtype=np.int64)),
    ("array [1]", np.array([3])),
    ("fractions", np.array([0.7, 1.0])),
    ("nan array", np.array([math.nan, 1.0])),
    ("-100 array", np.array([-100, 1])),
    ("empty list", []),
    ("empty array", np.zeros(0)),
    ("ragged list", [[1, 2], [3]]),
    ("nested list", [[[1]]]),
    ("list of None", [None]),
    ("list of texts", ["1"]),
    ("list with 10^400", [10**400]),
    ("dict", {}),
    ("set", {1}),
    ("range", range(3)),
    ("object", object()),
    ("class", int),
    ("function", len),
    ("torch float32 [2]", torch.tensor([0.5, 1.5])),
    ("torch int32 [2]", torch.tensor([1, 2], dtype=torch.int32)),
    ("torch bool [2]", torch.tensor([True, False])),
    ("torch bfloat16 [2]", torch.tensor([0.5, 1.5], dtype=torch.bfloat16)),
    ("torch with gradient [2]", torch.tensor([0.5, 1.5], requires_grad=True)),
    ("torch sparse", torch.eye(2).to_sparse()),
    ("torch meta", torch.zeros(2, device="meta")),
)
"""Values that stand for no single real number: name, value."""

ODD_VALUES: tuple[tuple[str, Any], ...] = (*((name, value) for name, value, _ in NUMBERS), *NO_NUMBERS)
"""All of them: name, value."""

_STANDS_FOR = {name: number for name, _, number in NUMBERS}


def number_of(name: str) -> int | float | None:
    """Return the number that the value of that name stands for, None if it is no single real number."""
    return _STANDS_FOR.get(name)


def whole_of(name: str) -> int | None:
    """Return the whole number that the value of that name stands for, None if it is none."""
    number = number_of(name)
    return int(number) if number is not None and abs(number) != math.inf and number == int(number) else None


def within(number: float | None, low: float = -math.inf, high: float = math.inf) -> bool:
    """Tell whether there is a number, and it is from `low` to `high`: compared exactly, whatever its size."""
    return number is not None and low <= number <= high


def accepted(
    low: float = -math.inf, high: float = math.inf, whole: bool = False
) -> Iterator[tuple[str, Any]]:
    """Yield the values (name, value) that a field of one number from `low` to `high` must take."""
    for name, value in ODD_VALUES:
        if within(whole_of(name) if whole else number_of(name), low, high):
            yield name, value


def refused(low: float = -math.inf, high: float = math.inf, whole: bool = False) -> Iterator[tuple[str, Any]]:
    """Yield the values (name, value) that a field of one number from `low` to `high` must refuse by name."""
    for name, value in ODD_VALUES:
        if not within(whole_of(name) if whole else number_of(name), low, high):
            yield name, value

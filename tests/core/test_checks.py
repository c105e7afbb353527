"""Every refusal reads "NAME must be RULE, got VALUE", and shows plain numbers."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch

from snn.core.checks import choice, finite, flag, number, shown, whole, wholes
from snn.core.registry import Registry


@pytest.mark.parametrize("value", [3, 3.0, np.int32(3), np.float32(3.0), np.array(3), torch.tensor(3)])
def test_whole_numbers_of_every_kind_become_ints(value):
    assert type(whole("n", value, low=1)) is int and whole("n", value) == 3


@pytest.mark.parametrize(
    ("value", "shows"),
    [
        (True, "True"), (np.bool_(False), "False"), (2.5, "2.5"), (np.float64(-1.0), "-1.0"), ("3", "'3'"),
        (None, "None"), (10**400, "1" + 76 * "0" + "..."),
        (float("nan"), "nan"), (float("inf"), "inf"), (1 + 0j, "(1+0j)"), ([3], "[3]"), (0, "0"), (6, "6"),
        (np.array([3]), "ndarray of shape [1] and dtype int64"),
    ],
)  # fmt: skip
def test_other_values_are_no_whole_numbers(value, shows):
    with pytest.raises(ValueError) as caught:
        whole("n", value, low=1, high=5)
    assert str(caught.value) == f"n must be a whole number >= 1 and <= 5, got {shows}"


@pytest.mark.parametrize(
    "values", [[], [0, 3], [0.0, 3.0], np.array([0, 3], np.uint8), np.array([[3.0]], np.float16), 3]
)
def test_arrays_of_whole_numbers_become_int64(values):
    array = wholes("label", values, low=0, high=5)
    assert array.dtype == np.int64 and np.array_equal(array, values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, 0.7], "label[1] must be a whole number >= 0, got 0.7"),
        ([[1.0, float("nan")]], "label[0, 1] must be a whole number >= 0, got nan"),
        ([float("inf")], "label[0] must be a whole number >= 0, got inf"),
        ([2.0**63], "label[0] must be a whole number >= 0, got 9.223372036854776e+18"),
        (np.array([2**63], np.uint64), "label[0] must be a whole number >= 0, got 9223372036854775808"),
        (-1, "label must be a whole number >= 0, got -1"),
        ([True], "label must be whole numbers, got [True]"),
        (["1"], "label must be whole numbers, got ['1']"),
        ([1j], "label must be whole numbers, got [1j]"),
        ([None], "label must be whole numbers, got [None]"),
    ],
)
def test_other_arrays_are_no_whole_numbers(values, message):
    with pytest.raises(ValueError) as caught:
        wholes("label", values, low=0)
    assert str(caught.value) == message


def test_numbers_within_limits():
    assert number("x", np.float32(0.5), low=0, high=1) == 0.5
    assert number("tau", float("inf"), above=0, infinite=True) == float("inf")
    for value, limits, rule in [
        (0.0, {"above": 0}, "a finite number > 0"),
        (1.0, {"low": 0.0, "below": 1.0}, "a finite number >= 0 and < 1"),
        (float("inf"), {}, "a finite number"),
        (float("nan"), {"infinite": True}, "a number"),
        (True, {}, "a finite number"),
        ("1", {}, "a finite number"),
    ]:
        with pytest.raises(ValueError) as caught:
            number("x", value, **limits)
        assert str(caught.value) == f"x must be {rule}, got {value!r}"


def test_arrays_name_the_place_of_what_is_wrong():
    assert finite("d", [[1, 2]]).dtype == np.float64
    with pytest.raises(ValueError, match=r"^d\[1, 0\] must be finite and >= 0 ms, got -1.0$"):
        finite("d", [[0.0], [-1.0]], low=0, unit="ms")
    with pytest.raises(ValueError, match=r"^d must be finite, got nan$"):
        finite("d", float("nan"))
    for value in ([True], ["a"], [1j]):
        with pytest.raises(ValueError, match="^d must be real numbers, got"):
            finite("d", value)


def test_choices_and_flags():
    kinds = Literal["a", "b"]
    assert choice("kind", "a", kinds) == "a" and flag("on", np.bool_(True)) is True
    with pytest.raises(ValueError, match=r"^kind must be one of 'a', 'b', got 'c'$"):
        choice("kind", "c", kinds)
    with pytest.raises(ValueError, match=r"^n must be one of 1, 2, got True$"):
        choice("n", True, (1, 2))
    for value in (1, "no", None):
        with pytest.raises(ValueError, match="^on must be True or False, got"):
            flag("on", value)


def test_long_values_are_cut():
    assert len(shown("x" * 1000)) == 80 and shown("x" * 1000).endswith("...")


def test_a_registry_refuses_what_it_does_not_know():
    known = Registry("target", [("a", 1)])
    known.add("b", 2)
    assert list(known) == ["a", "b"] and known.find("b") == 2 and len(known) == 2
    for name, text in (("a", "a name that is not taken, got 'a'"), ("", "a name that is not empty, got ''")):
        with pytest.raises(ValueError, match=text):
            known.add(name, 3)
    with pytest.raises(ValueError, match="^target must be one of 'a', 'b', got 'c'$"):
        known.find("c")

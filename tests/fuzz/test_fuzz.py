"""The short form of the fuzzer; `python -m tests.fuzz --help` has the long one, in processes that may die."""

from __future__ import annotations

import pytest
from arguments import Calls
from cases import FAULTS, Samples, is_ours, judge
from contents import difference
from engines import run_networks
from loaders import LOADERS

CASES = 12
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("name", LOADERS)
def test_damaged_files_are_refused_by_name_or_read_whole(name, tmp_path):
    samples = Samples(name, tmp_path)
    found = [(case, *samples.run(case, seed=0)) for case in range(CASES)]
    assert not [row for row in found if row[1] in FAULTS]


def test_odd_arguments_are_refused_by_name():
    calls = Calls()
    found = [(case, *calls.run(case, seed=0)) for case in range(0, 30_000, 61)]
    assert not [row for row in found if row[1] in FAULTS]


def test_engines_agree():
    assert {outcome for _, outcome, _ in run_networks(range(40), seed=0)} == {"same"}


def test_what_is_judged(tmp_path):
    """The judge itself: ours with the name, ours without, others, and what was read."""
    assert judge(ValueError(f"{tmp_path}/a.h5: damaged"), tmp_path) == "clean"
    assert judge(ValueError("damaged"), tmp_path) == "unnamed"
    assert judge(KeyError(f"{tmp_path}/a.h5"), tmp_path) == "foreign" and not is_ours(UnicodeError())
    whole = {"a": [1, 2.0], "b": "text"}
    assert difference(whole, {"b": "text", "a": [1, 2.0]}) == "same"
    assert difference(whole, {"a": [1, 3.0], "b": "text"}) == "differs"
    assert difference(whole, {"a": [1, 2.0]}) == difference(whole, {"a": {}, "b": "text"}) == "structural"

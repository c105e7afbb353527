"""Compiled loops kept on disk: a change to anything that they are made of is seen."""

from __future__ import annotations

import importlib.util
import sys

import numba
import pytest

from snn.core.grid.clock import enter_clock_loop
from snn.core.grid.entry import enter_event_loop

PARTS = """
from __future__ import annotations
from typing import NamedTuple
from constants import STEP
from snn.core.compiled import lean
class Bundle(NamedTuple):
    {fields}
@lean
def inner(b: Bundle):
    return b.x + STEP{change}
"""
ENTRY = """
from __future__ import annotations
from parts import Bundle, inner
from snn.core.compiled import compiled_entry
@compiled_entry
def outer(b: Bundle):
    return inner(b)
"""


@pytest.fixture
def entry(tmp_path, monkeypatch):
    """Build an entry of three modules anew and return the name under which it is kept."""

    def build(step="1", fields="x: int; y: int", change=""):
        texts = {
            "constants": f"STEP = {step}",
            "parts": PARTS.format(fields=fields, change=change),
            "entry": ENTRY,
        }
        for name, text in texts.items():
            path = tmp_path / f"{name}.py"
            path.write_text(text)
            spec = importlib.util.spec_from_loader(name, loader=None)
            module = importlib.util.module_from_spec(spec)
            monkeypatch.setitem(sys.modules, name, module)
            exec(compile(text, str(path), "exec"), vars(module))
        outer = vars(sys.modules["entry"])["outer"]
        assert outer(sys.modules["parts"].Bundle(5, 7)) == eval(f"5 + {step}{change}")
        return outer.py_func.__qualname__

    return build


def test_the_name_knows_loops_constants_and_fields(entry):
    name = entry()
    assert entry() == name
    assert len({name, entry(step="2"), entry(fields="x: int; y: float"), entry(change=" - 1")}) == 4


def test_code_that_checks_indices_has_a_name_of_its_own(entry, monkeypatch):
    monkeypatch.setattr(numba.config, "BOUNDSCHECK", None)
    name = entry()
    monkeypatch.setattr(numba.config, "BOUNDSCHECK", 1)
    assert entry() == f"checked_{name}"


def test_both_engines_are_named_by_their_content():
    for engine, name in ((enter_event_loop, "enter_event_loop"), (enter_clock_loop, "enter_clock_loop")):
        kept = engine.py_func.__qualname__.removeprefix("checked_")
        assert kept.startswith(f"{name}_") and len(kept) == len(name) + 17

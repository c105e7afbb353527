"""A layer written from outside goes all the way, and the guide shows the very code that does."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import snn

SCRIPT = Path(__file__).with_name("own_layer.py")
COUNTER = Path(__file__).with_name("own_counter.py")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "own-layer.md"
LINES = (
    r"printed: Block\( inputs=24, neurons=32, tau=2.0 \(connect\): Linear\(.*\) \(fire\): LIF\(tau=2.0, .*\) \)",
    r"trained through time \(BPTT\): accuracy (1\.00|0\.[89]\d)",
    r"trained inside each step \(SLTT\): accuracy (1\.00|0\.[89]\d)",
    r"interrupted and resumed: the weights of the run without interruption: True",
    r"saved and loaded: the same outputs: True",
    r"counted: in-hid1 \d+, hid1-hid2 \d+, hid2-out \d+ synaptic events",
    r"run by events: the same spikes: True, the same counts: True",
    r"on a crossbar: the same outputs: True, on measured cells those of their weight: True",
)


def test_the_script_prints_its_eight_lines():
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    assert len(printed) == len(LINES) == 8
    for line, wanted in zip(printed, LINES, strict=True):
        assert re.fullmatch(wanted, line), line


def test_the_counter_counts_one_event_per_spike():
    done = subprocess.run([sys.executable, COUNTER], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    wanted = r"counted: gain1 \d+, linear1 \d+ synaptic events\none for each of \d+ spikes: True\n"
    assert re.fullmatch(wanted, done.stdout), done.stdout


@pytest.mark.parametrize("script", [SCRIPT, COUNTER], ids=lambda path: path.stem)
def test_the_script_imports_public_names_only(script):
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= {"copy", "tempfile", "numpy", "torch", "snn"}
        if isinstance(node, ast.ImportFrom):
            assert node.module in ("__future__", "contextlib", "dataclasses", "pathlib", "typing")
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            if ast.unparse(node.value.value) == "snn":  # snn.room.name
                room = getattr(snn, node.value.attr)
                assert not hasattr(room, "__all__") or node.attr in room.__all__, ast.unparse(node)


def test_the_page_shows_pieces_of_the_scripts():
    script, blocks = (
        SCRIPT.read_text() + COUNTER.read_text(),
        re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL),
    )
    assert len(blocks) >= 8
    for block in blocks:
        assert f"\n{block}" in script, block

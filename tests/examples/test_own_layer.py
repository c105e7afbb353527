"""Layers and neurons written from outside go all the way, and the guides show the very code that does."""

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
NEURON = Path(__file__).with_name("own_neuron.py")
DOCS = Path(__file__).resolve().parents[2] / "docs"
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
NEURON_LINES = (
    r"trained by bptt: accuracy (1\.00|0\.[89]\d)",
    r"trained by sltt: accuracy (1\.00|0\.[89]\d)",
    r"saved and loaded: the same outputs: True",
    r"counted: linear1 \d+, linear2 \d+ synaptic events",
    r"on a crossbar: the same outputs: True",
    r"by events: layer 1 of the model must be a weighted sum of spikes to be run by events, got Resonator",
    r"by events, with stages: 0\.3",
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


def test_the_neuron_prints_its_seven_lines():
    done = subprocess.run([sys.executable, NEURON], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    for line, wanted in zip(printed, NEURON_LINES, strict=True):
        assert re.fullmatch(wanted, line), line


@pytest.mark.parametrize("script", [SCRIPT, COUNTER, NEURON], ids=lambda path: path.stem)
def test_the_script_imports_public_names_only(script):
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= {
                "copy",
                "math",
                "tempfile",
                "numpy",
                "torch",
                "snn",
            }
        if isinstance(node, ast.ImportFrom):
            assert node.module in ("__future__", "contextlib", "dataclasses", "pathlib", "typing")
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            if ast.unparse(node.value.value) == "snn":  # snn.room.name
                room = getattr(snn, node.value.attr)
                assert not hasattr(room, "__all__") or node.attr in room.__all__, ast.unparse(node)


@pytest.mark.parametrize(
    "page, scripts, least", [("own-layer.md", [SCRIPT, COUNTER], 8), ("own-neuron.md", [NEURON], 3)]
)
def test_the_page_shows_pieces_of_the_scripts(page, scripts, least):
    script = "".join(path.read_text() for path in scripts)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    assert len(blocks) >= least
    for block in blocks:
        assert f"\n{block}" in script, block

"""The pages for users of other tools run as they stand, and say what is so."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


def printed(page, capsys):
    """Run the blocks of a page in their order and give what they print, line by line."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.S)
    names: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other tools have words on their own types
        for block in blocks:
            exec(compile(block, str(DOCS / page), "exec"), names)
    return capsys.readouterr().out.splitlines()


def test_from_snntorch(capsys):
    pytest.importorskip("snntorch")
    shape, same, energy = printed("from-snntorch.md", capsys)
    assert (shape, same) == ("torch.Size([50, 8, 3])", "True") and float(energy.split()[0]) > 0


def test_from_spikingjelly(capsys):
    same, events, energy, shared, threshold = printed("from-spikingjelly.md", capsys)
    assert (same, shared) == ("tensor(True)", "True") and "Events(4 samples" in events
    assert float(energy.split()[0]) > 0 and float(threshold) > 0


def test_from_brian2_and_nest(capsys):
    pytest.importorskip("nest")
    lines = printed("from-brian2-nest.md", capsys)
    rate, _, lowest, _ = next(line for line in lines if line.endswith("mV")).split()  # NEST greets, too
    assert 1 < float(rate) < 100 and -71 < float(lowest) < -60
    assert lines[-1].split()[0] == "True" and int(lines[-1].split()[1]) > 2

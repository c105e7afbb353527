"""The guide's code runs as it stands."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[3] / "docs" / "recordings.md"


def test_the_code_of_the_guide_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 2
    scope = {}
    exec(blocks[0], scope)
    spikes = scope["rec"].spikes
    assert all(events.n_events > 100 for events in spikes.values())
    assert scope["sonata"].read_spikes("spikes.h5").spikes == spikes == scope["nwb"].read("units.nwb").spikes
    if find_spec("neo") is None:
        pytest.skip("neo is not installed")
    exec(blocks[1], scope)
    assert scope["neo"].from_block(scope["block"]).spikes == spikes

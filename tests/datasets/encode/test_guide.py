"""The page on encoders runs as it stands, and prints what it says."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[3] / "docs" / "encoders.md"


def test_the_blocks_of_the_page_run(capsys):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    assert len(blocks) == 7
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    printed = " ".join(capsys.readouterr().out.split())
    for said in ("[[ 0 2 10]]", "[0 7]", "[2 1] [4 6]", "[[15 7]]", "(11, 40) 10.0"):
        assert said in printed

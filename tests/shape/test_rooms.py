"""The house is sound: no circles, no arrows up, nothing too large; and the measure sees what it should."""

from __future__ import annotations

from pathlib import Path

import pytest
import rooms


def test_the_house_is_sound():
    assert rooms.measure().faults() == []


def house(root: Path, files: dict[str, str]) -> Path:
    """A small house with one contract, `snn.top` above `snn.low`, a linked room, and room for two more."""
    contract = (
        '[[tool.importlinter.contracts]]\ntype = "layers"\n'
        'layers = ["snn.top", "(snn.side) | (snn.other)", "snn.low | snn.datasets"]\n'
    )
    (root / "pyproject.toml").write_text(contract)
    for name in ("snn/__init__.py", "datasets/__init__.py", "hardware/__init__.py"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    for room in ("datasets", "hardware"):
        (root / "snn" / room).symlink_to(f"../{room}")
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


LAZY = "def f():\n    from snn.{} import x\n"
TYPED = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from snn import {}\n"


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"snn/a.py": LAZY.format("b"), "snn/b.py": TYPED.format("a")}, "circle: snn.a -> snn.b"),
        ({"snn/top.py": "", "snn/low.py": LAZY.format("top")}, "arrow up: snn.low -> snn.top"),
        ({"snn/top.py": "", "snn/low.py": "from .top import x"}, "arrow up: snn.low -> snn.top"),
        ({"snn/top.py": "", "datasets/a.py": "import snn.top"}, "arrow up: snn.datasets.a -> snn.top"),
        ({"snn/low.py": LAZY.format("side"), "snn/side.py": ""}, "arrow up: snn.low -> snn.side"),
        ({"snn/side.py": LAZY.format("other"), "snn/other.py": ""}, "arrow up: snn.side -> snn.other"),
        ({"snn/low.py": "", "datasets/a.py": TYPED.format("low")}, "arrow up: snn.datasets.a -> snn.low"),
        (
            {"datasets/a.py": LAZY.format("datasets.b"), "datasets/b.py": "from snn.datasets import a"},
            "circle: snn.datasets.a -> snn.datasets.b",
        ),
        ({"snn/low.py": "x = 1\n" * 401}, "longest_file: 401 at snn/low.py, at most 400"),
        (
            {"snn/low.py": "def f():\n" + "    x = 1\n" * 60},
            "longest_function: 61 at snn/low.py:f, at most 60",
        ),
        (
            {"snn/low.py": "def f(a, b, c, d, e, f, g, h, i, j, *, k): ..."},
            "most_positional: 10 at snn/low.py:f, at most 9",
        ),
        ({f"snn/m{i}.py": "" for i in range(28)}, "largest_room: 31 at snn, at most 28"),
    ],
)
def test_a_fault_is_found(tmp_path, files, fault):
    assert rooms.measure(house(tmp_path, files)).faults() == [fault]


def test_a_sound_house_has_none(tmp_path):
    files = {"snn/top.py": LAZY.format("low"), "snn/low.py": "", "datasets/a.py": "import snn.datasets"}
    shape = rooms.measure(house(tmp_path, files))
    assert shape.faults() == [] and shape.circles == [] and shape.arrows_up == []

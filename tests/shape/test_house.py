"""The architecture as drawn: packages, sizes, docstrings, light imports, guards."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from rooms import FUNCTIONS, LINKED, LONGEST_FILE, LONGEST_FUNCTION, ROOT

ROOMS = {room: ROOT / room for room in LINKED}


def source_files() -> list[Path]:
    """Every Python file of the product, each once (the links inside snn/ are passed over)."""
    roots = [ROOT / "snn", *ROOMS.values(), ROOT / "examples"]
    files = [f for root in roots for f in sorted(root.rglob("*.py"))]
    return [f for f in files if not any(part.is_symlink() for part in f.parents)]


def package_name(folder: Path) -> str:
    parts = folder.relative_to(ROOT).parts
    return ".".join(parts if parts[0] == "snn" else ("snn", *parts))


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_packages_are_the_folders():
    folders = {package_name(f.parent) for f in source_files() if f.name == "__init__.py"}
    assert set(pyproject()["tool"]["setuptools"]["packages"]) == folders


def test_paths_named_in_pyproject_exist():
    tool = pyproject()["tool"]
    named = [
        *tool["setuptools"]["package-dir"].values(),
        *tool["pytest"]["ini_options"]["testpaths"],
        *tool["ruff"]["extend-exclude"],
    ]
    for data_globs, package in ((v, k) for k, v in tool["setuptools"]["package-data"].items()):
        folder = tool["setuptools"]["package-dir"][package]
        assert all(list((ROOT / folder).glob(g)) for g in data_globs), f"{package}: {data_globs}"
    assert all((ROOT / path).exists() for path in named)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_are_linked_and_guarded(room):
    link = ROOT / "snn" / room
    assert link.is_symlink() and link.resolve() == ROOMS[room]
    shadow = subprocess.run(
        [sys.executable, "-c", f"import {room}"], cwd=ROOT, capture_output=True, text=True
    )
    assert shadow.returncode == 1
    assert f"import snn.{room}" in shadow.stderr


def test_top_level_imports_are_light():
    heavy = ("torch", "tonic", "matplotlib", "numba", "spikingjelly", "torchvision")
    code = f"import sys, snn, snn.cli; print([m for m in {heavy!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def public_definitions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Functions and classes of a module, and the methods of its public classes (overloads aside)."""
    open_bodies = [tree.body]
    while open_bodies:
        for node in open_bodies.pop():
            if not isinstance(node, (*FUNCTIONS, ast.ClassDef)) or node.name.startswith("_"):
                continue
            if any(isinstance(mark, ast.Name) and mark.id == "overload" for mark in node.decorator_list):
                continue
            yield node
            if isinstance(node, ast.ClassDef):
                open_bodies.append(node.body)


@pytest.mark.parametrize("path", source_files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_stay_short_and_documented(path):
    text = path.read_text()
    assert text.count("\n") <= LONGEST_FILE, f"{path.name} has {text.count(chr(10))} lines"
    tree = ast.parse(text)
    assert ast.get_docstring(tree), f"{path.name} has no docstring"
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} has {length} lines"
    if "examples" not in path.parts:
        undocumented = [node.name for node in public_definitions(tree) if not ast.get_docstring(node)]
        assert not undocumented, f"{path.name}: no docstring: {undocumented}"


def public_names() -> list[tuple[str, str]]:
    """(room, name) of everything a room exports in __all__."""
    found = []
    for init in [f for f in source_files() if f.name == "__init__.py"]:
        for node in ast.walk(ast.parse(init.read_text())):
            targets = getattr(node, "targets", [])
            if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
                names = ast.literal_eval(node.value)
                found += [(package_name(init.parent), n) for n in names]
    return found


def test_every_public_name_is_tested():
    words = {word for f in (ROOT / "tests").rglob("*.py") for word in re.findall(r"\w+", f.read_text())}
    untested = [f"{room}.{name}" for room, name in public_names() if name not in words]
    assert not untested, f"exported, but no test speaks of: {untested}"

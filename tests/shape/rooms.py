"""Measure the architecture: circles, arrows that go up, sizes of rooms, files and functions.

    python tests/shape/rooms.py [--json]

Every import counts, wherever it stands: at the top, inside a function, under TYPE_CHECKING. A room that lies
beside `snn/` and is linked into it (`datasets`, `hardware`) is read once, under the name it is imported by.
Which arrows go down is said once, by the contracts of type "layers" in pyproject.toml.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINKED = ("datasets", "hardware")
"""Rooms of `snn` that lie beside it."""
MOST_ENTRIES, LONGEST_FILE, LONGEST_FUNCTION, MOST_POSITIONAL = 28, 400, 60, 9
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass
class Shape:
    """What was found; the first two are empty in a sound house."""

    circles: list[list[str]] = field(default_factory=list)
    arrows_up: list[str] = field(default_factory=list)
    largest_room: tuple[int, str] = (0, "")
    longest_file: tuple[int, str] = (0, "")
    longest_function: tuple[int, str] = (0, "")
    most_positional: tuple[int, str] = (0, "")

    def faults(self) -> list[str]:
        """Say in words what is too much."""
        limits = [
            ("largest_room", MOST_ENTRIES), ("longest_file", LONGEST_FILE),
            ("longest_function", LONGEST_FUNCTION), ("most_positional", MOST_POSITIONAL),
        ]  # fmt: skip
        found = [f"circle: {' -> '.join(circle)}" for circle in self.circles]
        found += [f"arrow up: {arrow}" for arrow in self.arrows_up]
        sizes = [(name, *getattr(self, name), most) for name, most in limits]
        return found + [
            f"{name}: {n} at {where}, at most {most}" for name, n, where, most in sizes if n > most
        ]


def modules(root: Path) -> dict[str, Path]:
    """Every module of `snn` by its import name."""
    found = {}
    for folder in ("snn", *LINKED):
        for path in sorted((root / folder).rglob("*.py")):
            if any(part.is_symlink() for part in path.parents):
                continue
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts if parts[0] == "snn" else ("snn", *parts))
            found[name.removesuffix(".__init__")] = path
    return found


def imports(name: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Modules of ours that a module names in an import, each as often as it does."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                target = f"{base}.{alias.name}"
                if target in known or base in known:
                    yield target if target in known else base


def graph(root: Path) -> dict[str, set[str]]:
    """Which module imports which."""
    known = modules(root)
    return {name: set(imports(name, path, known)) - {name} for name, path in known.items()}


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that reach each other (strongly connected, by Tarjan's method), each sorted."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(edges[node]):
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    sys.setrecursionlimit(10_000)
    for node in sorted(edges):
        if node not in index:
            visit(node)
    return sorted(found)


def floors(root: Path) -> Iterator[list[tuple[set[str], bool]]]:
    """The contracts of type "layers": floors from the top down, module names and whether these are strangers.

    As import-linter reads them: neighbours with "|" between them may not import each other, with ":" they may; a
    room in brackets may be one that is not there yet.
    """
    tool = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]
    for contract in tool["contracts"]:
        if contract["type"] == "layers":
            for house in contract.get("containers", [""]):
                ahead = f"{house}." if house else ""
                yield [
                    ({ahead + room.strip(" ()") for room in re.split("[|:]", floor)}, ":" not in floor)
                    for floor in contract["layers"]
                ]


def arrows_up(edges: dict[str, set[str]], house: list[tuple[set[str], bool]]) -> list[str]:
    """Imports from a floor to one above it, or between strangers on the same floor."""
    place = {room: height for height, (floor, _) in enumerate(house) for room in floor}

    def room_of(module: str) -> str | None:
        parts = module.split(".")
        names = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
        return next((name for name in names if name in place), None)

    found = []
    for module, others in edges.items():
        for other in others:
            here, there = room_of(module), room_of(other)
            if here is None or there is None or here == there:
                continue
            level = place[here] == place[there] and house[place[here]][1]
            if level or place[there] < place[here]:
                found.append(f"{module} -> {other}")
    return sorted(found)


def positional(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Parameters that may be given by position, `self` and `cls` aside."""
    given = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
    return len(given) - (given[:1] in (["self"], ["cls"]))


def measure(root: Path = ROOT) -> Shape:
    """Read the house at `root`."""
    shape, edges = Shape(), graph(root)
    shape.circles = circles(edges)
    shape.arrows_up = sorted({arrow for house in floors(root) for arrow in arrows_up(edges, house)})
    paths = modules(root).values()
    for room in {path.parent for path in paths}:
        entries = [p for p in room.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()]
        shape.largest_room = max(shape.largest_room, (len(entries), str(room.relative_to(root))))
    for path in paths:
        text, where = path.read_text(), str(path.relative_to(root))
        shape.longest_file = max(shape.longest_file, (text.count("\n"), where))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, FUNCTIONS):
                at = f"{where}:{node.name}"
                length = (node.end_lineno or 0) - node.lineno + 1
                shape.longest_function = max(shape.longest_function, (length, at))
                shape.most_positional = max(shape.most_positional, (positional(node), at))
    return shape


def main() -> int:
    """Print what was found; the exit code is 1 where something is too much."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    shape = measure()
    if options.json:
        print(json.dumps(asdict(shape), indent=2))
    else:
        print("\n".join(shape.faults()) or "sound")
    return int(bool(shape.faults()))


if __name__ == "__main__":
    raise SystemExit(main())

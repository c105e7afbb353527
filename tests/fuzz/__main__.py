"""Fuzz the package: `python -m tests.fuzz --loader all --cases 2000 --seed 0 --json`.

Prints, for each loader, how many damaged files ended in which way (`cases.OUTCOMES` says what each means), and on
standard error each case that is a fault; `--only 17` runs case 17 again. Exits with 1 where there is a fault.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

import arguments  # noqa: E402  (the folders above must be on the path first)
import cases  # noqa: E402
import engines  # noqa: E402
from loaders import LOADERS  # noqa: E402
from workers import run_cases  # noqa: E402


def main() -> int:
    """Run what the command line asks for."""
    options = _options()
    names = {"all": list(LOADERS), "none": []}.get(options.loader, [options.loader])
    found: dict[str, Iterator[tuple[int, str, str]]] = {
        name: run_cases(_numbers(options, options.cases), options.seed, cases.serve, name) for name in names
    }
    if options.arguments:
        found["arguments"] = run_cases(_numbers(options, options.arguments), options.seed, arguments.serve)
    if options.networks:
        found["networks"] = engines.run_networks(_numbers(options, options.networks), options.seed)
    table = {name: _counted(name, rows, options.only is not None) for name, rows in found.items()}
    print(json.dumps(table, indent=2) if options.json else _text(table))
    return any(row[fault] for row in table.values() for fault in cases.FAULTS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--loader", choices=("all", "none", *LOADERS), default="all")
    parser.add_argument("--cases", type=int, default=200, help="damaged files for each loader")
    parser.add_argument("--arguments", type=int, default=0, help="calls with one odd argument")
    parser.add_argument("--networks", type=int, default=0, help="random networks, event against clock engine")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="run this case alone, and say how it ended")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _numbers(options: argparse.Namespace, number: int) -> Iterable[int]:
    return range(number) if options.only is None else [options.only]


def _counted(name: str, rows: Iterable[tuple[int, str, str]], all_told: bool) -> dict[str, int]:
    """Count how cases ended, and say which were faults."""
    counts = dict.fromkeys(cases.OUTCOMES, 0)
    for case, outcome, text in rows:
        counts[outcome] += 1
        if outcome in cases.FAULTS or all_told:
            print(f"{name} {case}: {outcome}: {text[:400]}", file=sys.stderr, flush=True)
    return counts


def _text(table: dict[str, dict[str, int]]) -> str:
    rows = (f"{name:15} " + "  ".join(f"{n} {key}" for key, n in row.items()) for name, row in table.items())
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())

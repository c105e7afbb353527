"""Measure continual learning: run what is not done yet of a list of runs, and write their tables.

    python examples/tables/continual_table.py --tables select small --data mnist=FOLDER [--seeds 0 1 2] [--out DIR]
    python examples/tables/continual_table.py --tables permuted --data mnist=FOLDER --only none hlop gpm hlop-sltt
    python examples/tables/continual_table.py --tables fashion fashion-class cifar cifar-class --data cifar=ZIP

Every run is one of `snn train continual`, in a folder of its own: one that was cut goes on. What a run came to is
kept in results/continual.jsonl, and is not run again. "select" tries settings of GPM and EWC on validation images;
the other tables take the best of those tried. --list prints the commands and runs nothing. OUT/table.md holds the
tables, means and deviations over seeds.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import ttest_1samp

from snn.cli import main as snn

ROWS = {row: f"--learner {row}" for row in ("none", "hlop", "gpm", "ewc", "replay", "hlop-replay", "joint")}
ROWS |= {f"hlop-{method}": f"--learner hlop --method {method}" for method in ("sltt", "ottt")}
for row, more in (("tenth", "--ranks tenth"), ("variance", "--ranks 0.9"), ("spiking", "--lateral spiking")):
    ROWS[f"hlop-{row}"] = f"--learner hlop {more}"
TRIED = {}
TRIED["gpm"], TRIED["ewc"] = ("--gpm-share", (0.8, 0.9, 0.95, 0.98)), ("--ewc-strength", (10, 100, 1000))
KEPT = Path(__file__).parents[1] / "results" / "continual.jsonl"
SEED = 100  # of the runs that select settings; no table has it
COLUMNS = {"ACC %": "acc", "BWT": "bwt", "FWT": "fwt", "validation %": "valid_acc"}
CONV = "--model conv --method sltt --stream split --tasks 5 --epochs 5 --lr 0.05"
TABLES = {  # what all rows of a table share
    "select": "--tasks 3 --max-train 10000 --max-test 1000",
    "check": "--tasks 3 --max-train 21053",
    "small": "--max-train 10000 --max-test 2000",
    "permuted": "--tasks 10",
    "long": "--steps 20",
}
for images, size in (("fashion", 2400), ("cifar", 1600)):
    TABLES[images] = f"{CONV} --max-train {size} --scenario task"
    TABLES[f"{images}-class"] = f"{CONV} --max-train {size} --scenario class"


def read(name: str) -> Any:
    """The result of a run that is done, else None."""
    lines = KEPT.read_text().splitlines() if KEPT.exists() else []
    return next((found for found in map(json.loads, lines) if found["name"] == name), None)


def result(name: str, words: str, given: argparse.Namespace) -> Any:
    """Run what is not done, unless commands are only listed; give what came out."""
    command = ["train", "continual", *words.split(), "--out", str(given.out / name), "--resume"]
    found = read(name)
    if found is None and given.list:
        print("snn", *command)
    elif found is None:
        if snn(command):
            raise SystemExit(f"{name} could not be run")
        found = {
            "name": name,
            **json.loads((given.out / name / "metrics.jsonl").read_text().splitlines()[-1]),
        }
        with KEPT.open("a") as lines:
            lines.write(json.dumps(found) + "\n")
    return found


def rows(table: str, given: argparse.Namespace) -> dict[str, str]:
    """The rows of a table and their options; of settings that were tried, those best on validation images."""
    found = {}
    for row in given.only:
        option, values = TRIED.get(row, ("", ()))
        tried = {f"{v:g}": read(f"select-{row}-{v:g}-{SEED}") for v in values}
        scored = {v: one["valid_acc"] for v, one in tried.items() if one}
        if table == "select":
            found |= {f"{row}-{v}": f"{ROWS[row]} {option} {v}" for v in tried}
        else:
            found[row] = ROWS[row] + (f" {option} {max(scored, key=lambda v: scored[v])}" if scored else "")
    return found


def lines_of(table: str, given: argparse.Namespace) -> list[str]:
    """Run a table, and give its lines."""
    name = next((name for name in ("fashion", "cifar") if table.startswith(name)), "mnist")
    data = dict(pair.split("=", 1) for pair in given.data).get(name)
    shared = TABLES[table] + (f" --data {data}" if data else "")
    heads = ["", *COLUMNS, "CPU s a task", "numbers kept", "seeds"]
    lines = [f"## {table}: `{shared}`", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    accuracy = {}
    for row, words in rows(table, given).items():
        seeds = [SEED] if table == "select" else given.seeds
        found = {s: result(f"{table}-{row}-{s}", f"{shared} {words} --seed {s}", given) for s in seeds}
        done = {seed: one for seed, one in found.items() if one}
        accuracy[row] = {seed: 100 * one["acc"] for seed, one in done.items()}
        if done:
            parts = [np.array([100 * one[key] for one in done.values()]) for key in COLUMNS.values()]
            cells = [f"{x.mean():.2f}" + (f" ± {x.std(ddof=1):.2f}" if len(x) > 1 else "") for x in parts]
            cells.append(f"{np.mean([one['seconds_per_task'] for one in done.values()]):.1f}")
            cells += [f"{one['lateral_weights']:,}" for one in list(done.values())[:1]]
            lines.append(f"| {row} | {' | '.join(cells)} | {', '.join(map(str, done))} |")
    both = accuracy.get("hlop", {}).keys() & accuracy.get("gpm", {}).keys()
    if len(both) > 1:
        less = [accuracy["hlop"][seed] - accuracy["gpm"][seed] for seed in sorted(both)]
        p = f"paired t-test over {len(both)} seeds: p = {ttest_1samp(less, 0).pvalue:.2g}"
        return [*lines, "", f"hlop less gpm: {np.mean(less):+.2f} points, {p}", ""]
    return [*lines, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--tables", nargs="+", choices=tuple(TABLES), default=["small"])
    add("--only", nargs="+", choices=tuple(ROWS), default=list(ROWS), help="rows")
    add("--seeds", nargs="+", type=int, default=[0, 1, 2])
    add("--data", nargs="*", default=[], metavar="NAME=PATH", help="where mnist, fashion and cifar are")
    add("--out", type=Path, default=Path("runs/continual"))
    add("--list", action="store_true", help="print the commands of what is not done")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    text = "\n".join(line for table in given.tables for line in lines_of(table, given))
    (given.out / "table.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()

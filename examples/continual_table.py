"""Measure continual learning: run what is not done yet of a list of runs, and write their tables.

    python examples/continual_table.py --tables small --mnist FOLDER [--seeds 0 1 2] [--out runs/continual]
    python examples/continual_table.py --tables select permuted --mnist FOLDER --only hlop gpm
    python examples/continual_table.py --tables fashion cifar fashion-class cifar-class --cifar FILE

Every run is one of `snn train continual`, in a folder of its own; one that was cut goes on, one that is done is read.
"select" tries settings of GPM and EWC on validation images, and the other tables take the best of those that are done.
--list prints the commands and runs nothing. table.md holds the tables, with mean and deviation over seeds.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.stats import ttest_rel

from snn.cli import main as snn

LEARNERS = {
    "none": "--learner none",
    "hlop": "--learner hlop",
    "hlop, sltt": "--learner hlop --method sltt",
    "hlop, ottt": "--learner hlop --method ottt",
    "hlop, a tenth": "--learner hlop --ranks tenth",
    "hlop, by variance": "--learner hlop --ranks 0.9",
    "hlop, spiking": "--learner hlop --lateral spiking",
    "gpm": "--learner gpm",
    "ewc": "--learner ewc",
    "replay": "--learner replay",
    "hlop and replay": "--learner hlop-replay",
    "joint": "--learner joint",
}
GRID = {"gpm": ("--gpm-share", (0.8, 0.9, 0.95, 0.98)), "ewc": ("--ewc-strength", (10, 100, 1000))}
SPLIT = ("none", "hlop", "gpm", "replay")
CONV = "--model conv --method sltt --stream split --tasks 5 --epochs 5 --lr 0.05"
TABLES = {  # settings that all rows share, and the rows
    "check": ("--tasks 3 --max-train 21053", ("none", "hlop")),
    "small": ("--max-train 10000 --max-test 2000", tuple(LEARNERS)),
    "permuted": ("", tuple(LEARNERS)),
    "long": ("--steps 20", ("none", "hlop", "gpm")),
    "fashion": (f"{CONV} --max-train 2400 --scenario task", SPLIT),
    "cifar": (f"{CONV} --max-train 1600 --scenario task", SPLIT),
    "fashion-class": (f"{CONV} --max-train 2400 --scenario class", SPLIT),
    "cifar-class": (f"{CONV} --max-train 1600 --scenario class", SPLIT),
}


def result(folder: Path) -> dict | None:
    """The last line of a run that is done."""
    file = folder / "metrics.jsonl"
    last = json.loads(file.read_text().splitlines()[-1]) if file.is_file() else {}
    return last if "acc" in last else None


def measured(folder: Path, words: str, given: argparse.Namespace) -> dict | None:
    """Run what is not done, unless only to be listed."""
    command = ["train", "continual", *words.split(), "--out", str(folder), "--resume"]
    if result(folder) is None and given.list:
        print("snn", *command)
    elif result(folder) is None and snn(command):
        raise SystemExit(f"{folder} could not be run")
    return result(folder)


def settings(row: str, given: argparse.Namespace) -> str:
    """The settings of a learner that did best on validation, of those that were tried."""
    if row not in GRID:
        return ""
    option, values = GRID[row]
    tried = {value: result(given.out / f"select-{row}-{value}") for value in values}
    scored = {value: found["valid_acc"] for value, found in tried.items() if found}
    return f"{option} {max(scored, key=scored.get)}" if scored else ""


def select(given: argparse.Namespace) -> list[str]:
    """Try the settings, on three tasks and a seed that no other table has."""
    lines = ["", "## select: by validation accuracy, 3 tasks of 10 000 images, seed 100", ""]
    for row in (name for name in GRID if not given.only or name in given.only):
        for value in GRID[row][1]:
            words = f"{LEARNERS[row]} {GRID[row][0]} {value} --tasks 3 --max-train 10000 --max-test 1000 --seed 100"
            found = measured(given.out / f"select-{row}-{value}", f"{words} --data {given.mnist}", given)
            if found:
                lines.append(f"{row} {GRID[row][0]} {value}: {found['valid_acc']:.4f}")
    return lines


def table(name: str, given: argparse.Namespace) -> list[str]:
    """Run a table, and give its lines."""
    shared, rows = TABLES[name]
    data = given.fashion if "fashion" in name else given.cifar if "cifar" in name else given.mnist
    shared += f" --data {data}" if data else ""
    lines = ["", f"## {name}: `{shared}`", "", "| | ACC % | BWT | FWT | s a task | numbers kept | seeds |"]
    lines.append("|---|---|---|---|---|---|---|")
    accuracy: dict[str, dict[int, float]] = {}
    for row in (one for one in rows if not given.only or one in given.only):
        found = {}
        for seed in given.seeds:
            words = f"{shared} {LEARNERS[row]} {settings(row, given)} --seed {seed}"
            found[seed] = measured(
                given.out / f"{name}-{row.replace(', ', '-').replace(' ', '-')}-{seed}", words, given
            )
        done = {seed: one for seed, one in found.items() if one}
        accuracy[row] = {seed: 100 * one["acc"] for seed, one in done.items()}
        if done:
            parts = [np.array([100 * one[key] for one in done.values()]) for key in ("acc", "bwt", "fwt")]
            cells = [f"{x.mean():.2f}" + (f" ± {x.std(ddof=1):.2f}" if len(x) > 1 else "") for x in parts]
            seconds = np.mean([one["seconds_per_task"] for one in done.values()])
            kept = next(iter(done.values()))["lateral_weights"]
            lines.append(
                f"| {row} | {' | '.join(cells)} | {seconds:.1f} | {kept:,} | {', '.join(map(str, done))} |"
            )
    both = sorted(accuracy.get("hlop", {}).keys() & accuracy.get("gpm", {}).keys())
    if len(both) > 1:
        a, b = ([accuracy[row][seed] for seed in both] for row in ("hlop", "gpm"))
        p = ttest_rel(a, b).pvalue
        lines += [
            "",
            f"hlop less gpm: {np.mean(a) - np.mean(b):+.2f} points, paired t-test over {len(both)} seeds p = {p:.2g}",
        ]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tables", nargs="+", choices=("select", *TABLES), default=["small"])
    parser.add_argument("--only", nargs="+", choices=tuple(LEARNERS), help="rows to run and to write")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--mnist", required=True, help="folder of MNIST's idx files")
    parser.add_argument("--fashion", help="of Fashion-MNIST; by default where its Debian package puts it")
    parser.add_argument("--cifar", help="folder or zip of CIFAR images by class")
    parser.add_argument("--out", type=Path, default=Path("runs/continual"))
    parser.add_argument("--list", action="store_true", help="print the commands of what is not done")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    lines = [
        line for name in given.tables for line in (select(given) if name == "select" else table(name, given))
    ]
    (given.out / "table.md").write_text("\n".join(lines).strip() + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()

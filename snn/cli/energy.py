"""`snn energy`: count and price a saved model or network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from snn.cli.outputs import check_file
from snn.cli.parse import parse
from snn.cli.progress import print_line
from snn.core.checks import refusal

__all__ = ["Options", "main"]


@dataclass(frozen=True)
class Options:
    """Count the operations of a saved model on its test samples and price them on a target.

    Attributes:
        file: A model (model.safetensors) or a network (network.h5); `--target list` needs none.
        data: Where the samples are ("embedded": the synthetic words); by default where it was trained.
        samples: Test samples to count, the first so many; by default all.
        target: Hardware to price on; `--target list` names them.
        compare: More targets, which are printed and drawn beside.
        out: Page to write; the same name with .json holds the numbers.
    """

    file: Annotated[str | None, tyro.conf.Positional] = None
    data: str | None = None
    samples: int | None = None
    target: str = "loihi1"
    compare: tuple[str, ...] = ()
    out: str = "report.html"


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options = parse(Options, "energy", arguments)
    from snn.hardware import compare, estimate, find_target, targets

    if options.target == "list":
        print_line("\n".join(f"{name:<26} {find_target(name).title}" for name in targets()))
        return
    if options.file is None:
        raise ValueError("FILE must be a model (.safetensors) or a network (.h5), got nothing")
    for name in (options.target, *options.compare):
        find_target(name)
    if Path(options.out).suffix == ".json":
        raise refusal("--out", "a page (.html); the numbers go beside it, with .json", options.out)
    out = check_file("--out", options.out)
    numbers = check_file("--out", str(out.with_suffix(".json")))
    from snn.cli.costs import count_file

    ledger, name = count_file(options.file, options.data, options.samples)
    report = estimate(ledger, options.target)
    title = f"Energy: {Path(options.file).name} on {name}"
    page = report.to_html(out, title=title, compare=options.compare)
    report.to_json(numbers)
    print_line(f"{name}\n\n{report.table()}")
    if options.compare:
        print_line(compare(ledger, tuple(dict.fromkeys((options.target, *options.compare)))).table())
    print_line(f"written: {page}")

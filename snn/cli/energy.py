"""`snn energy`: count and price a saved model or network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from snn.cli.parse import parse
from snn.cli.progress import print_line

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
    from snn.cli.costs import count_file
    from snn.core.files.whole import check_writable

    numbers = Path(options.out).with_suffix(".json")
    for path in (options.out, numbers):  # before counting, which may take long
        check_writable(path)
    ledger, name = count_file(options.file, options.data, options.samples)
    report = estimate(ledger, options.target)
    print_line(f"{name}\n\n{report.table()}")
    if options.compare:
        print_line(compare(ledger, (options.target, *options.compare)).table())
    title = f"Energy: {Path(options.file).name} on {name}"
    page = report.to_html(options.out, title=title, compare=options.compare)
    report.to_json(numbers)
    print_line(f"written: {page}")

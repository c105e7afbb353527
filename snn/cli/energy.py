"""`snn energy`: count and price a saved model or network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from snn.cli.parse import parse
from snn.cli.progress import say

__all__ = ["Options", "main"]


@dataclass(frozen=True)
class Options:
    """Count the operations of a saved model on its test samples and price them on a target."""

    file: Annotated[str, tyro.conf.Positional]
    """A model (model.safetensors) or a network (network.h5)."""
    data: str | None = None
    """Where the samples are ("embedded": the synthetic words); by default where it was trained."""
    samples: int | None = None
    """Test samples to count, the first so many; by default all."""
    target: str = "loihi1"
    """Hardware to price on; `--target list` names them."""
    compare: tuple[str, ...] = ()
    """More targets, which are printed and drawn beside."""
    out: str = "report.html"
    """Page to write; the same name with .json holds the numbers."""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options = parse(Options, "energy", arguments)
    from snn.hardware import compare, estimate, find_target, targets

    if options.target == "list":
        say("\n".join(f"{name:<26} {find_target(name).title}" for name in targets()))
        return
    for name in (options.target, *options.compare):
        find_target(name)
    from snn.cli.costs import count_file

    ledger, name = count_file(options.file, options.data, options.samples)
    report = estimate(ledger, options.target)
    say(f"{name}\n\n{report.table()}")
    if options.compare:
        say(compare(ledger, (options.target, *options.compare)).table())
    title = f"Energy: {Path(options.file).name} on {name}"
    page = report.to_html(options.out, title=title, compare=options.compare)
    report.to_json(Path(options.out).with_suffix(".json"))
    say(f"written: {page}")

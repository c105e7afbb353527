"""`snn demo`: the main job on the embedded words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from snn.cli.outputs import check_folder
from snn.cli.parse import parse
from snn.cli.progress import Bar, print_line
from snn.recipes.recipe import epoch_line

__all__ = ["Options", "main"]


@dataclass(frozen=True)
class Options:
    """Train on the embedded synthetic words, run them by events, cost them, and write report.html.

    Attributes:
        out: Folder to fill.
        epochs: Passes over the training words.
        seed: Decides weights, delays, batch order and dropout.
        target: Hardware to price on.
        resume: Go on with the run in the folder.
    """

    out: str = "runs/demo"
    epochs: int = 30
    seed: int = 0
    target: str = "loihi1"
    resume: bool = False


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options = parse(Options, "demo", arguments)
    from snn.hardware import find_target
    from snn.recipes import demo

    find_target(options.target)  # refuse before the training, not after
    check_folder("--out", options.out)
    made = demo.run(
        options.out,
        config=demo.demo_config(options.epochs, options.seed),
        target=options.target,
        resume=options.resume,
        callback=Bar(epoch_line),
        log=print_line,
    )
    print_line(made.energy.table())
    print_line(f"figures: {options.out}/figures\nreport:  {made.page}")

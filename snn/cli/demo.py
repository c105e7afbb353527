"""`snn demo`: the main job on the embedded words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from snn.cli.parse import parse
from snn.cli.progress import Bar, say

__all__ = ["Options", "main"]


@dataclass(frozen=True)
class Options:
    """Train on the embedded synthetic words, run them by events, cost them, and write report.html."""

    out: str = "runs/demo"
    """Folder to fill."""
    epochs: int = 30
    """Passes over the training words."""
    seed: int = 0
    """Decides weights, delays, batch order and dropout."""
    target: str = "loihi1"
    """Hardware to price on."""
    resume: bool = False
    """Go on with the run in the folder."""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options = parse(Options, "demo", arguments)
    from snn.hardware import find_target
    from snn.recipes import demo

    find_target(options.target)  # refuse before the training, not after
    made = demo.run(
        options.out,
        config=demo.demo_config(options.epochs, options.seed),
        target=options.target,
        resume=options.resume,
        callback=Bar(),
        told=say,
    )
    say(made.energy.table())
    say(f"figures: {options.out}/figures\nreport:  {made.page}")

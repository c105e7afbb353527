"""`snn train NAME`: train a named experiment."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from snn.cli.parse import parse
from snn.cli.progress import Bar, say
from snn.recipes import shd

__all__ = ["ShdOptions", "main"]

_EXPERIMENTS = ("shd",)


@dataclasses.dataclass(frozen=True)
class ShdOptions:
    """Train a spiking network with delays on spoken words in SHD's layout."""

    config: shd.ShdConfig = dataclasses.field(default_factory=shd.ShdConfig)
    """What to run."""
    out: str = "runs/shd"
    """Folder to fill."""
    resume: bool = False
    """Go on with the run in the folder; it ends with the bits of an uncut one."""


def main(arguments: Sequence[str]) -> None:
    """Run the command.

    Raises:
        ValueError: No such experiment, or impossible options.
    """
    if not arguments or arguments[0] not in _EXPERIMENTS:
        if arguments and arguments[0] in ("-h", "--help"):
            say(f"usage: snn train NAME [options]; NAME is one of: {', '.join(_EXPERIMENTS)}")
            return
        got = repr(arguments[0]) if arguments else "nothing"
        raise ValueError(f"NAME must be one of {', '.join(_EXPERIMENTS)}, got {got}")
    options = parse(ShdOptions, "train shd", arguments[1:])
    result = shd.run(options.config, options.out, resume=options.resume, callback=Bar(), told=say)
    selected = result.fit.selected_epoch + 1
    say(
        f"{result.sets[2].name}: test accuracy {result.test.accuracy:.1%} ({result.test.samples} words; epoch "
        f"{selected} selected on validation, {result.fit.selected['valid_accuracy']:.1%})"
    )
    say(f"model: {options.out}/model.safetensors, figures: {options.out}/figures")

"""`snn train NAME`: run a recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from snn.cli.outputs import check_folder
from snn.cli.parse import parse
from snn.cli.progress import Bar, print_line
from snn.cli.suggest import did_you_mean
from snn.recipes.recipe import Recipe
from snn.recipes.table import RECIPES

__all__ = ["main"]

_TEXTS = """

Attributes:
    config: What to run.
    out: Folder to fill.
    resume: Go on with the run in the folder; it ends with the bits of an uncut one.
    init: A model file (model.safetensors) of the same description, whose weights the run begins with.
    torch_device: Where torch computes: cpu, cuda, cuda:1, ...
"""


def _options(recipe: Recipe[Any, Any]) -> type[Any]:
    """Make the class of a recipe's options: its settings, and those of every run."""
    fields = [
        ("config", recipe.config, dataclasses.field(default_factory=recipe.config)),
        ("out", str, dataclasses.field(default=f"runs/{recipe.name}")),
        ("resume", bool, dataclasses.field(default=False)),
        ("init", str | None, dataclasses.field(default=None)),
        ("torch_device", str, dataclasses.field(default="cpu")),
    ]
    return dataclasses.make_dataclass(
        "Options", fields, frozen=True, namespace={"__doc__": recipe.help + _TEXTS}
    )


def _usage() -> str:
    rows = "\n".join(f"  {name:<9} {RECIPES.find(name).help}" for name in RECIPES)
    return f"usage: snn train NAME [options]\n\n{rows}\n\nsnn train NAME --help tells its options."


def main(arguments: Sequence[str]) -> None:
    """Run the command.

    Raises:
        ValueError: No such recipe, or impossible options.
    """
    names = ", ".join(map(repr, RECIPES))
    if not arguments:
        raise ValueError(f"NAME must be one of {names}, got nothing")
    name = arguments[0]
    if name in ("-h", "--help"):
        print_line(_usage())
        return
    if name not in RECIPES:
        raise ValueError(f"NAME must be one of {names}, got {name!r}{did_you_mean(name, RECIPES)}")
    recipe = RECIPES.find(name)
    options = parse(_options(recipe), f"train {name}", arguments[1:])
    check_folder("--out", options.out)
    result = recipe.run(
        options.config,
        options.out,
        resume=options.resume,
        init=options.init,
        torch_device=options.torch_device,
        callback=Bar(recipe.epoch_line),
        log=print_line,
    )
    for line in recipe.result_lines(result):
        print_line(line)

"""`snn train NAME`: train a named experiment."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from snn.cli.parse import parse
from snn.cli.progress import Bar, print_line
from snn.core.checks import choice
from snn.recipes import images, nmnist, shd

__all__ = ["ImagesOptions", "NmnistOptions", "ShdOptions", "main"]


@dataclasses.dataclass(frozen=True)
class ShdOptions:
    """Train a spiking network with delays on spoken words in SHD's layout.

    Attributes:
        config: What to run.
        out: Folder to fill.
        resume: Go on with the run in the folder; it ends with the bits of an uncut one.
    """

    config: shd.ShdConfig = dataclasses.field(default_factory=shd.ShdConfig)
    out: str = "runs/shd"
    resume: bool = False


@dataclasses.dataclass(frozen=True)
class NmnistOptions:
    """Train a convolutional spiking network on N-MNIST, digits seen by an event camera.

    Attributes:
        config: What to run.
        out: Folder to fill.
        resume: Go on with the run in the folder; it ends with the bits of an uncut one.
    """

    config: nmnist.NmnistConfig = dataclasses.field(default_factory=nmnist.NmnistConfig)
    out: str = "runs/nmnist"
    resume: bool = False


@dataclasses.dataclass(frozen=True)
class ImagesOptions:
    """Train a convolutional spiking network on still images: Fashion-MNIST, MNIST, or a folder per class.

    Attributes:
        config: What to run.
        out: Folder to fill.
        resume: Go on with the run in the folder; it ends with the bits of an uncut one.
    """

    config: images.ImagesConfig = dataclasses.field(default_factory=images.ImagesConfig)
    out: str = "runs/images"
    resume: bool = False


_EXPERIMENTS: dict[str, tuple[Any, Any]] = {
    "shd": (ShdOptions, shd),
    "nmnist": (NmnistOptions, nmnist),
    "images": (ImagesOptions, images),
}


def main(arguments: Sequence[str]) -> None:
    """Run the command.

    Raises:
        ValueError: No such experiment, or impossible options.
    """
    if not arguments:
        raise ValueError(f"NAME must be one of {', '.join(map(repr, _EXPERIMENTS))}, got nothing")
    if arguments[0] in ("-h", "--help"):
        print_line(f"usage: snn train NAME [options]; NAME is one of: {', '.join(_EXPERIMENTS)}")
        return
    name = choice("NAME", arguments[0], _EXPERIMENTS)
    kind, recipe = _EXPERIMENTS[name]
    options = parse(kind, f"train {name}", arguments[1:])
    result = recipe.run(options.config, options.out, resume=options.resume, callback=Bar(), log=print_line)
    selected = result.fit.selected_epoch + 1
    print_line(
        f"{result.sets[2].name}: test accuracy {result.test.accuracy:.1%} ({result.test.samples} samples; epoch "
        f"{selected} selected on validation, {result.fit.selected['valid_accuracy']:.1%})"
    )
    print_line(f"model: {options.out}/model.safetensors, figures: {options.out}/figures")

"""`snn train NAME`: train a named experiment."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from snn.cli.parse import parse
from snn.cli.progress import Bar, say
from snn.recipes import images, nmnist, shd

__all__ = ["ImagesOptions", "NmnistOptions", "ShdOptions", "main"]


@dataclasses.dataclass(frozen=True)
class ShdOptions:
    """Train a spiking network with delays on spoken words in SHD's layout."""

    config: shd.ShdConfig = dataclasses.field(default_factory=shd.ShdConfig)
    """What to run."""
    out: str = "runs/shd"
    """Folder to fill."""
    resume: bool = False
    """Go on with the run in the folder; it ends with the bits of an uncut one."""


@dataclasses.dataclass(frozen=True)
class NmnistOptions:
    """Train a convolutional spiking network on N-MNIST, digits seen by an event camera."""

    config: nmnist.NmnistConfig = dataclasses.field(default_factory=nmnist.NmnistConfig)
    """What to run."""
    out: str = "runs/nmnist"
    """Folder to fill."""
    resume: bool = False
    """Go on with the run in the folder; it ends with the bits of an uncut one."""


@dataclasses.dataclass(frozen=True)
class ImagesOptions:
    """Train a convolutional spiking network on still images: Fashion-MNIST, MNIST, or a folder per class."""

    config: images.ImagesConfig = dataclasses.field(default_factory=images.ImagesConfig)
    """What to run."""
    out: str = "runs/images"
    """Folder to fill."""
    resume: bool = False
    """Go on with the run in the folder; it ends with the bits of an uncut one."""


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
    if not arguments or arguments[0] not in _EXPERIMENTS:
        if arguments and arguments[0] in ("-h", "--help"):
            say(f"usage: snn train NAME [options]; NAME is one of: {', '.join(_EXPERIMENTS)}")
            return
        got = repr(arguments[0]) if arguments else "nothing"
        raise ValueError(f"NAME must be one of {', '.join(_EXPERIMENTS)}, got {got}")
    name = arguments[0]
    kind, recipe = _EXPERIMENTS[name]
    options = parse(kind, f"train {name}", arguments[1:])
    result = recipe.run(options.config, options.out, resume=options.resume, callback=Bar(), told=say)
    selected = result.fit.selected_epoch + 1
    say(
        f"{result.sets[2].name}: test accuracy {result.test.accuracy:.1%} ({result.test.samples} samples; epoch "
        f"{selected} selected on validation, {result.fit.selected['valid_accuracy']:.1%})"
    )
    say(f"model: {options.out}/model.safetensors, figures: {options.out}/figures")

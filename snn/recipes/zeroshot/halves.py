"""The two halves of a run, each a liquid with its projection: saved as models of their own, counted one by one.

Their samples have steps of different length and number, so no one ledger holds both.
"""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import snn
from snn.core.arrays import PathLike
from snn.core.checks import choice
from snn.core.files.hdf5 import naming
from snn.core.files.json_file import typed
from snn.recipes.zeroshot.config import ZeroShotConfig

if TYPE_CHECKING:
    from snn.hardware import Ledger
    from snn.liquid import CommonSpace
    from snn.recipes.zeroshot.senses import Samples

__all__ = ["count_saved", "save_halves"]

SOURCES = {"image": "images", "audio": "audio"}
"""Field of the settings that says where the samples of each half are."""


def save_halves(
    folder: Path, config: ZeroShotConfig, samples: dict[str, Samples], space: CommonSpace
) -> None:
    """Save `image.safetensors` and `audio.safetensors`: outputs summed over time are what GELU makes points of.

    Liquids have the weights that their cells hold; the noise of reading is not in them.
    """
    from snn.liquid import Readout, with_readout
    from snn.recipes.zeroshot.senses import liquid

    for name, layer in (("image", space.image), ("audio", space.sound)):
        given = samples[name].test
        made = liquid(name, given.n_units, given.dt_ms, config).described
        assert layer.bias is not None
        weight, bias = (part.detach().double().numpy() for part in (layer.weight.t(), layer.bias))
        model = with_readout(made.layers(given.dt_ms), Readout(weight, bias, 0.0), config.windows)
        about = {"recipe": "zeroshot", "sense": name, "config": asdict(config)}
        snn.train.save(model, folder / f"{name}.safetensors", about)


def count_saved(file: PathLike, data: str | None, samples: int | None) -> tuple[Ledger, str]:
    """Count one half of a run on its test samples, for `snn energy`.

    Args:
        file: `image.safetensors` or `audio.safetensors` of a run.
        data: Where the samples are; None is where they were in the run.
        samples: The first so many of them; None takes all.

    Raises:
        FileNotFoundError: The file or the data are not there.
        ValueError: The file holds the projections of both, is not of this recipe, or the samples do not fit it.
    """
    from snn.recipes.liquid.counting import count_events
    from snn.recipes.zeroshot.senses import load_audio, load_images

    about = snn.train.read_info(file)
    if "sense" not in about:
        raise ValueError(
            f"{file} holds the projections of two liquids that take different steps, so they have no common "
            "ledger; count each by itself: image.safetensors and audio.safetensors beside it"
        )
    with naming(file):
        sense = choice("sense", about["sense"], tuple(SOURCES))
        config = _settings(typed("config", about.get("config"), dict, "the settings of the run"))
        if data is not None:
            changed: dict[str, Any] = {SOURCES[sense]: data}
            config = replace(config, **changed)
        where = typed(SOURCES[sense], getattr(config, SOURCES[sense]), str, "the path of a set")
    if sense == "image":
        found = load_images(where, config.image_limit, config.seed)
    else:
        found = load_audio(where)
    return count_events(snn.train.load(file), found.test, samples), found.name


def _settings(given: dict[str, Any]) -> ZeroShotConfig:
    """Make the settings of a run as JSON has kept them.

    Raises:
        ValueError: A field is unknown, or a value impossible.
    """
    names = [part.name for part in fields(ZeroShotConfig)]
    for name in given:
        choice("field of config", name, names)
    return ZeroShotConfig(**given)

"""Images and spoken digits through two frozen liquids, matched across classes; what `snn train zeroshot` runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import snn
from snn.core.arrays import PathLike
from snn.core.checks import choice, refusal
from snn.recipes import folder
from snn.recipes.recipe import Callback, Log, Recipe
from snn.recipes.zeroshot.config import ZeroShotConfig
from snn.recipes.zeroshot.halves import count_saved, save_halves

if TYPE_CHECKING:
    from snn.liquid import ZeroShot

__all__ = ["RECIPE", "ZeroShotResult", "run"]


@dataclass(frozen=True, slots=True)
class ZeroShotResult:
    """Hold what a run came to.

    Attributes:
        folder: The run's folder.
        result: Retrieval among seen and unseen classes, and its controls.
        images: What the images really are.
        audio: What the sounds really are.
    """

    folder: Path
    result: ZeroShot
    images: str
    audio: str


def run(
    config: ZeroShotConfig,
    out: PathLike,
    *,
    resume: bool = False,
    init: PathLike | None = None,
    torch_device: str = "cpu",
    callback: Callback | None = None,
    log: Log | None = None,
) -> ZeroShotResult:
    """Run both liquids, train the projections and their controls, and fill the run's folder.

    Args:
        config: The settings.
        out: Folder for config.json, metrics.jsonl, model.safetensors (the projections, a `CommonSpace`), and
            image.safetensors and audio.safetensors (each liquid with its projection).
        resume: Run in a folder that a run with the same settings has begun: it takes minutes, and starts again.
        init: Must be None: the first weights are drawn from the seed.
        torch_device: Must be "cpu".
        callback: Not called: there is no epoch to report.
        log: Called with lines of text that say what is used.

    Raises:
        ValueError: The folder holds a run already or is in use by one, the data are bad, a class has too few pairs,
            or `init` or `torch_device` are given.
        FileNotFoundError: The data are not there.
    """
    if init is not None:
        raise refusal("init", "left out: projections begin with weights of their seed", str(init))
    choice("torch_device", torch_device, ("cpu",))
    for name in ("images", "audio"):
        if getattr(config, name) is None:
            raise refusal(name, "the path of a set", None)
    with folder.hold(out) as path:
        settings = asdict(config)
        folder.check(path, settings, resume)
        folder.write_config(path, settings)
        return _run_in(path, config, log or (lambda _: None))


def _run_in(path: Path, config: ZeroShotConfig, log: Log) -> ZeroShotResult:
    from snn.liquid import CommonSpace, ContrastiveConfig, Split, zero_shot
    from snn.recipes.zeroshot.senses import load_samples, through_liquids

    samples = load_samples(config)
    names = samples["image"].name, samples["audio"].name
    image, sound = through_liquids(config, samples, log)
    others = tuple(one for one in image.classes.tolist() if one not in config.unseen)
    split = Split(config.seen or others, config.unseen)
    how = ContrastiveConfig(**{part.name: getattr(config, part.name) for part in fields(ContrastiveConfig)})
    (result,) = zero_shot(image, sound, [split], how, relabelings=config.relabelings)
    keys = ("seen", "unseen", "chance", "random_projection", "shuffled", "shuffled_low", "shuffled_high")
    summary = {name: getattr(result, name) for name in keys}
    summary |= {"valid": result.valid, "selected_epoch": result.epoch, "split": split._asdict()}
    summary |= {"device_seed": config.device_seed, "images": names[0], "audio": names[1]}
    snn.train.write_metrics(path, [summary])
    about = {"recipe": "zeroshot", "config": asdict(config), "scores": summary}
    space = CommonSpace.of(*result.projections)
    snn.train.save(space, path / "model.safetensors", about)
    save_halves(path, config, samples, space)
    return ZeroShotResult(path, result, *names)


def _result_lines(result: ZeroShotResult) -> list[str]:
    """Say what a run came to, beside what means nothing was learned."""
    r = result.result
    return [
        f"{result.audio} asks, {result.images} answers; epoch {r.epoch + 1} selected on held-out seen pairs",
        f"seen {r.seen:.1%} of {len(r.split.seen)} classes (chance {1 / len(r.split.seen):.1%}), "
        f"unseen {r.unseen:.1%} of {len(r.split.unseen)} (chance {r.chance:.1%})",
        f"unseen by random projections {r.random_projection:.1%}; with shuffled labels {r.shuffled:.1%} "
        f"(99 % interval of the mean: {r.shuffled_low:.1%} to {r.shuffled_high:.1%})",
        f"projections: {result.folder}/model.safetensors",
    ]


RECIPE = Recipe(
    name="zeroshot",
    help="Match spoken digits to images of classes that no pair showed, through two frozen liquids.",
    config=ZeroShotConfig,
    run=run,
    result_lines=_result_lines,
    count=count_saved,
)

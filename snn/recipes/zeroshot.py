"""Images and spoken digits through two frozen liquids, matched across classes; what `snn train zeroshot` runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import snn
from snn.core.arrays import PathLike
from snn.core.checks import choice, flag, keep, number, refusal, whole
from snn.recipes import folder
from snn.recipes.fields import path_text
from snn.recipes.recipe import Callback, Log, Recipe
from snn.train.config import TrainConfig

if TYPE_CHECKING:
    from snn.liquid import ZeroShot

__all__ = ["RECIPE", "ZeroShotConfig", "ZeroShotResult", "run"]


@dataclass(frozen=True, slots=True)
class ZeroShotConfig:
    """Set up a run; the liquids are those of the resistive-memory paper, the rest was chosen by seen classes.

    Attributes:
        images: A folder or zip with MNIST's four idx files, filmed by a simulated event camera, or with N-MNIST's
            Train/<digit>/*.bin and Test/<digit>/*.bin.
        audio: A file, folder or zip of spoken words in SHD's layout with *train* and *test*, with the same classes.
        unseen: Classes that no pair shows, at least 2.
        seen: Classes that pairs are made of; None takes all others.
        weights: What the liquids' weights are: "rram", formed arrays of resistive memory, or "software", drawn from
            a normal distribution of the macro's spread.
        device_seed: Which device: decides the weights of both liquids.
        voltage: Forming voltage, volt: it decides the share of open cells.
        neurons: Neurons of each liquid.
        image_scale: Weight per microsiemens in the liquid of images, > 0.
        audio_scale: The same in that of sounds, > 0.
        windows: Parts of a sample whose spikes are counted apart.
        image_limit: Images to draw of an idx set for training and, a third as many, for test.
        dims: Size of the space that both are projected to.
        normalised: Compare points at length 1; the paper does not, and has a temperature of 1.
        temperature: What products are divided by in the loss, > 0.
        relabelings: Trainings on shuffled labels, >= 2.
        epochs: Passes over the pairs, of which held-out ones choose one, >= 1.
        batch_size: Pairs in a step, >= 2.
        lr: Learning rate of Adam, > 0.
        seed: Decides the images drawn, their noise and split, first weights and order of pairs.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    images: str | None = None
    audio: str | None = None
    unseen: tuple[int, ...] = (8, 9)
    seen: tuple[int, ...] | None = None
    weights: Literal["rram", "software"] = "rram"
    device_seed: int = 0
    voltage: float = 3.554
    neurons: int = 200
    image_scale: float = 0.07
    audio_scale: float = 0.08
    windows: int = 1
    image_limit: int = 1500
    dims: int = 64
    normalised: bool = True
    temperature: float = 0.1
    relabelings: int = 20
    epochs: int = 10
    batch_size: int = 64
    lr: float = 3e-3
    seed: int = 0

    def __post_init__(self) -> None:
        keep(self, path_text, "images", "audio", optional=True)
        for name in ("unseen", "seen"):
            keep(self, _classes, name, optional=True)
        keep(self, choice, "weights", allowed=("rram", "software"))
        keep(self, whole, "device_seed", low=0)
        keep(self, number, "voltage", "image_scale", "audio_scale", "temperature", above=0)
        keep(self, whole, "neurons", "windows", "dims", "epochs", low=1)
        keep(self, whole, "image_limit", low=30)
        keep(self, flag, "normalised")
        keep(self, whole, "relabelings", low=2)
        keep(self, whole, "batch_size", low=2)
        keep(self, number, "lr", above=0)
        keep(self, whole, "seed", low=0)

    @property
    def train(self) -> TrainConfig:
        """How to train; projections take these fields alone."""
        return TrainConfig(epochs=self.epochs, batch_size=self.batch_size, lr=self.lr, seed=self.seed)


def _classes(name: str, values: Any) -> tuple[int, ...]:
    """Return classes, at least two, each once."""
    if not isinstance(values, tuple | list) or len(set(values)) < max(2, len(values)):
        raise refusal(name, "at least 2 classes, each once", values)
    return tuple(whole(f"{name}[{i}]", one, low=0) for i, one in enumerate(values))


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
        out: Folder for config.json, metrics.jsonl and model.safetensors (the projections, a `CommonSpace`).
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
    from snn.recipes.zeroshot_senses import load_samples, through_liquids

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
    snn.train.save(CommonSpace.of(*result.projections), path / "model.safetensors", about)
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
)

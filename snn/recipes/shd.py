"""Spoken words in SHD's layout: config, model, data, fit, test, figures; what `snn train shd` runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import torch

from snn.datasets import AugmentedSpikes, SpikeAugment, SpikeSet, shd
from snn.nn import LIF, BatchNorm, DelayLinear, Dropout, LeakyReadout, Linear, RecurrentLIF, Sequential
from snn.nn.connections import DelayMode
from snn.nn.recurrent import RecurrentMode
from snn.recipes import folder, pictures
from snn.recipes.experiment import About, carry_out
from snn.train import FitResult, Progress, Scores, TrainConfig

__all__ = ["DATA_FIELDS", "PAPER", "RunResult", "ShdConfig", "build_model", "load_data", "run"]

Delays = Literal["learned", "linear", "fixed", "none"]

_MODES: dict[str, DelayMode] = {"learned": "gauss", "linear": "linear", "fixed": "fixed"}


@dataclass(frozen=True, slots=True)
class ShdConfig:
    """Set up a run on spoken words; the defaults are those of Hammouamri et al., 2023, at 40 epochs.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    data: str | None = None
    """A file, folder or zip in SHD's layout with *train* and *test*; None is the embedded synthetic set."""
    dt_ms: float = 10.0
    """Length of a step, ms."""
    group: int = 5
    """Neighbouring channels summed into one input; divides 700."""
    binning: str = "fixed"
    """How times become steps: "fixed", "first_spike" or "restart"."""
    max_ms: float | None = None
    """Words are cut after this time, ms; None keeps them whole."""
    split_by: str = "auto"
    """Validation split: "speaker", "label", or "auto" (speaker where there are at least 8)."""
    valid_fraction: float = 0.1
    """Share of the training words that validate, in (0, 1)."""
    delays: Delays = "learned"
    """Synaptic delays: "learned" (Gauss), "linear" (learned, two taps), "fixed" (random, kept) or "none"."""
    max_delay: int = 24
    """Largest delay, steps; even."""
    kernel_count: int = 1
    """Delayed synapses from each neuron to each other, >= 1."""
    recurrent: bool = False
    """Connect each hidden layer to itself too, through delays of 1 to max_delay steps."""
    hidden: tuple[int, ...] = (256, 256)
    """Neurons of each hidden layer."""
    tau: float = 1.005
    """Membrane time constant of neurons and readout, steps, >= 1."""
    dropout: float = 0.4
    """Share of hidden neurons silenced in training, in [0, 1)."""
    surrogate_alpha: float = 5.0
    """Sharpness of the arc-tangent surrogate."""
    augment: SpikeAugment = field(default_factory=SpikeAugment)
    """How training words are varied; by default not at all."""
    train: TrainConfig = field(default_factory=TrainConfig)
    """How to train."""

    def __post_init__(self) -> None:
        if self.delays not in get_args(Delays):
            raise ValueError(f"delays must be one of {', '.join(get_args(Delays))}, got {self.delays!r}")
        if not self.hidden or min(self.hidden) < 1:
            raise ValueError(f"hidden must be at least one size >= 1, got {self.hidden!r}")
        build_model(self, 1, 1, seed=0)  # the layers check the rest


DATA_FIELDS = ("data", "dt_ms", "group", "binning", "max_ms", "split_by", "valid_fraction")
"""Fields of `ShdConfig` that decide what a model is given; saved with it."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """Hold what a run made."""

    model: Sequential
    """With the selected weights, in evaluation mode."""
    fit: FitResult
    """Metrics by epoch."""
    test: Scores
    """The selected weights on the test set."""
    sets: tuple[SpikeSet, SpikeSet, SpikeSet]
    """Training, validation and test words."""
    delays_before: dict[str, Any]
    """Delays before training, ms, by projection."""


def load_data(config: ShdConfig) -> tuple[SpikeSet, SpikeSet, SpikeSet]:
    """Read the training, validation and test words."""
    given = {name: getattr(config, name) for name in DATA_FIELDS if name != "data"}
    return shd(config.data, seed=config.train.seed, **given)


def build_model(config: ShdConfig, n_in: int, n_out: int, *, seed: int) -> Sequential:
    """Build the network: per hidden layer weights (with delays), BatchNorm, LIF, dropout; then the readout.

    Raises:
        ValueError: A value of the config is impossible for a layer.
    """
    torch.manual_seed(seed)

    def connect(pre: int, post: int) -> Linear | DelayLinear:
        if config.delays == "none":
            return Linear(pre, post)
        mode = _MODES[config.delays]
        return DelayLinear(pre, post, config.max_delay, mode, kernel_count=config.kernel_count)

    options: dict[str, Any] = {"decay_input": False, "detach_reset": True, "surrogate": "atan"}
    options["surrogate_alpha"] = config.surrogate_alpha

    def neurons(size: int) -> LIF:
        if not config.recurrent:
            return LIF(config.tau, **options)
        mode: RecurrentMode = "fixed" if config.delays == "fixed" else "linear"
        longest = 1 if config.delays == "none" else config.max_delay
        return RecurrentLIF(size, longest, mode, config.tau, **options)

    layers: list[Any] = []
    for pre, post in zip((n_in, *config.hidden), config.hidden, strict=False):
        layers += [connect(pre, post), BatchNorm(post), neurons(post), Dropout(config.dropout)]
    return Sequential(*layers, connect(config.hidden[-1], n_out), LeakyReadout(config.tau))


PAPER = ShdConfig(binning="restart", train=TrainConfig(epochs=150, batch_size=256))
"""The published run on SHD, for the official files (replace `data`): 140 x 256 x 256 x 20, 214 016 parameters; its
frame builder opened a frame at the next spike. There the test set selected the epoch; here a validation split does.
Source: Hammouamri et al., 2023, and its repository."""


def run(
    config: ShdConfig,
    out: str | Path,
    *,
    resume: bool = False,
    callback: Callable[[Progress], None] | None = None,
    told: Callable[[str], None] | None = None,
) -> RunResult:
    """Train, select on validation, test once, and fill the run's folder.

    Args:
        config: What to run.
        out: Folder for config.json, metrics.jsonl, timing.jsonl, model.safetensors, checkpoint/, figures/.
        resume: Go on with the run in `out`; the end has the bits of an uncut one.
        callback: Told of every batch and epoch.
        told: Told in words what is used and made.

    Raises:
        ValueError: The folder holds a run already (or, resuming, one with other settings), or bad data.
        FileNotFoundError: The data are not there.
    """
    say = told or (lambda _: None)
    path = folder.check(out, asdict(config), resume)
    sets = train, valid, test = load_data(config)
    folder.write_config(path, asdict(config))
    say(f"data: {train.name}; {len(train)} training, {len(valid)} validation, {len(test)} test words")
    model = build_model(config, train.n_units, len(train.classes), seed=config.train.seed)
    before = pictures.delays_ms(model, config.dt_ms)
    figures = path / "figures"
    varied = AugmentedSpikes(train, config.augment) if config.augment else train
    given = {name: getattr(config, name) for name in DATA_FIELDS}
    made = carry_out(
        path,
        model,
        (varied, valid, test),
        config.train,
        About("shd", given, test.name, test.classes),
        early=lambda history: pictures.early(figures, history, model, before, config.dt_ms),
        resume=resume,
        callback=callback,
    )
    pictures.final(figures, made.fit, model, before, test, config.train.loss)
    return RunResult(model, made.fit, made.test, sets, before)

"""Spoken words in SHD's layout: config, model, data, fit, test, figures; what `snn train shd` runs."""

from __future__ import annotations

from dataclasses import dataclass, field

import snn
from snn.core.checks import choice, instance, keep, number, whole
from snn.datasets import AugmentedSpikes, SpikeAugment, SpikeSet
from snn.datasets.formats.shd_file import CHANNELS
from snn.datasets.sets.shd import SplitBy
from snn.datasets.sets.shd_binning import Binning
from snn.recipes.delay_net import DelayKind, build_model, check_net, model_for, spike_figures
from snn.recipes.experiment import Experiment, result_lines
from snn.recipes.recipe import Reading, Recipe
from snn.train.config import TrainConfig

__all__ = ["DATA_FIELDS", "EXPERIMENT", "PAPER", "RECIPE", "ShdConfig", "build_model", "load_data", "run"]


@dataclass(frozen=True, slots=True)
class ShdConfig:
    """Set up a run on spoken words; the defaults are those of Hammouamri et al., 2023, at 40 epochs.

    Attributes:
        data: A file, folder or zip in SHD's layout with *train* and *test*; None is the embedded synthetic set.
        dt_ms: Length of a step, ms.
        group: Neighbouring channels summed into one input; divides 700.
        binning: How times become steps: "fixed", "first_spike" or "restart".
        max_ms: Words are cut after this time, ms; None keeps them whole.
        split_by: Validation split: "speaker", "label", or "auto" (speaker where there are at least 8).
        valid_fraction: Share of the training words that validate, in (0, 1).
        delays: Synaptic delays: "learned" (Gauss), "linear" (learned, two taps), "fixed" (random, kept) or "none".
        max_delay: Largest delay, steps; even.
        kernel_count: Delayed synapses from each neuron to each other, >= 1.
        recurrent: Connect each hidden layer to itself too, through delays of 1 to max_delay steps.
        hidden: Neurons of each hidden layer.
        tau: Membrane time constant of neurons and readout, steps, >= 1.
        dropout: Share of hidden neurons silenced in training, in [0, 1).
        surrogate_alpha: Sharpness of the arc-tangent surrogate.
        augment: How training words are varied; by default not at all.
        train: How to train.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    data: str | None = None
    dt_ms: float = 10.0
    group: int = 5
    binning: Binning = "fixed"
    max_ms: float | None = None
    split_by: SplitBy = "auto"
    valid_fraction: float = 0.1
    delays: DelayKind = "learned"
    max_delay: int = 24
    kernel_count: int = 1
    recurrent: bool = False
    hidden: tuple[int, ...] = (256, 256)
    tau: float = 1.005
    dropout: float = 0.4
    surrogate_alpha: float = 5.0
    augment: SpikeAugment = field(default_factory=SpikeAugment)
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        keep(self, number, "dt_ms", above=0)
        keep(self, whole, "group", low=1, high=CHANNELS)
        keep(self, choice, "binning", allowed=Binning)
        keep(self, number, "max_ms", above=0, optional=True)
        keep(self, choice, "split_by", allowed=SplitBy)
        keep(self, number, "valid_fraction", above=0, below=1)
        keep(self, instance, "augment", kind=SpikeAugment)
        check_net(self)


DATA_FIELDS = ("data", "dt_ms", "group", "binning", "max_ms", "split_by", "valid_fraction")
"""Fields of `ShdConfig` that decide what a model is given; saved with it."""


def load_data(config: ShdConfig) -> tuple[SpikeSet, SpikeSet, SpikeSet]:
    """Read the training, validation and test words."""
    given = {name: getattr(config, name) for name in DATA_FIELDS if name != "data"}
    return snn.datasets.shd(config.data, seed=config.train.seed, **given)


PAPER = ShdConfig(binning="restart", train=TrainConfig(epochs=150, batch_size=256))
"""The published run on SHD, for the official files (replace `data`): 140 x 256 x 256 x 20, 214 016 parameters; its
frame builder opened a frame at the next spike. There the test set selected the epoch; here a validation split does.
Source: Hammouamri et al., 2023, and its repository."""


def _augmented(config: ShdConfig, train: SpikeSet) -> snn.train.Data:
    return AugmentedSpikes(train, config.augment) if config.augment else train


EXPERIMENT = Experiment("shd", DATA_FIELDS, load_data, model_for, _augmented, spike_figures)
run = EXPERIMENT.run
"""Train, select on validation, test once, and fill the run's folder; see `Experiment.run`."""

RECIPE = Recipe(
    name="shd",
    help="Train a spiking network with delays on spoken words in SHD's layout.",
    config=ShdConfig,
    run=run,
    result_lines=result_lines,
    samples=Reading(DATA_FIELDS, load_data, step_ms=lambda config: config.dt_ms),
)

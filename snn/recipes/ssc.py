"""Spiking Speech Commands, with a validation file of its own; what `snn train ssc` runs."""

from __future__ import annotations

from dataclasses import dataclass, field

import snn
from snn.core.checks import choice, instance, keep, number, whole
from snn.datasets import AugmentedSpikes, SpikeAugment, SpikeSet
from snn.datasets.formats.shd_file import CHANNELS
from snn.datasets.sets.shd_binning import Binning
from snn.recipes.delay_net import DelayKind, check_net, model_for, spike_figures
from snn.recipes.experiment import Experiment, result_lines
from snn.recipes.recipe import Reading, Recipe
from snn.train.config import TrainConfig

__all__ = ["DATA_FIELDS", "EXPERIMENT", "PAPER", "RECIPE", "SscConfig", "load_data", "run"]


@dataclass(frozen=True, slots=True)
class SscConfig:
    """Set up a run on Spiking Speech Commands; the defaults are those of Hammouamri et al., 2023, for one kernel.

    Attributes:
        data: A folder or zip in SHD's layout with *train*, *valid* and *test*, or one of the files; None looks in
            $SNN_DATA and ~/.cache/snn.
        dt_ms: Length of a step, ms.
        group: Neighbouring channels summed into one input; divides 700.
        binning: How times become steps: "fixed", "first_spike" or "restart".
        max_ms: Words are cut after this time, ms; None keeps them whole.
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
    delays: DelayKind = "learned"
    max_delay: int = 30
    kernel_count: int = 1
    recurrent: bool = False
    hidden: tuple[int, ...] = (512, 512, 512)
    tau: float = 1.5
    dropout: float = 0.25
    surrogate_alpha: float = 5.0
    augment: SpikeAugment = field(default_factory=SpikeAugment)
    train: TrainConfig = field(default_factory=lambda: TrainConfig(epochs=60, batch_size=128))

    def __post_init__(self) -> None:
        keep(self, number, "dt_ms", above=0)
        keep(self, whole, "group", low=1, high=CHANNELS)
        keep(self, choice, "binning", allowed=Binning)
        keep(self, number, "max_ms", above=0, optional=True)
        keep(self, instance, "augment", kind=SpikeAugment)
        check_net(self)


DATA_FIELDS = ("data", "dt_ms", "group", "binning", "max_ms")
"""Fields of `SscConfig` that decide what a model is given; saved with it."""

PAPER = SscConfig(binning="restart", kernel_count=2)
"""The run published with 80.69 % (replace `data`): 140 x 512 x 512 x 512 x 35 with two synapses for each pair, 2.5
million parameters; its frame builder opened a frame at the next spike. Source: Hammouamri et al., 2023, and its
repository."""


def load_data(config: SscConfig) -> tuple[SpikeSet, SpikeSet, SpikeSet]:
    """Read the training, validation and test words."""
    given = {name: getattr(config, name) for name in DATA_FIELDS if name != "data"}
    return snn.datasets.ssc(config.data, **given)


def _augmented(config: SscConfig, train: SpikeSet) -> snn.train.Data:
    return AugmentedSpikes(train, config.augment) if config.augment else train


EXPERIMENT = Experiment("ssc", DATA_FIELDS, load_data, model_for, _augmented, spike_figures)
run = EXPERIMENT.run
"""Train, select on validation, test once, and fill the run's folder; see `Experiment.run`."""

RECIPE = Recipe(
    name="ssc",
    help="Train a spiking network with delays on Spiking Speech Commands, or words of your own in its layout.",
    config=SscConfig,
    run=run,
    result_lines=result_lines,
    samples=Reading(DATA_FIELDS, load_data, step_ms=lambda config: config.dt_ms),
)

"""Speech Commands through a mel front end, as currents; what `snn train gsc` runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import snn
from snn.datasets import MelFrontEnd, SoundSet
from snn.recipes.delay_net import DelayKind, check_net, model_for
from snn.recipes.experiment import Experiment, Figures, result_lines
from snn.recipes.recipe import Reading, Recipe
from snn.train.config import TrainConfig

__all__ = ["DATA_FIELDS", "EXPERIMENT", "PUBLISHED", "RECIPE", "GscConfig", "load_data", "run"]


@dataclass(frozen=True, slots=True)
class GscConfig:
    """Set up a run on Speech Commands; the defaults are those of Hammouamri et al., 2023, for one kernel.

    But for the front end: there `window` was 256 and `high_hz` 14 000 at 8 kHz, and 53 of 140 inputs heard nothing.

    Attributes:
        data: The unpacked folder, with <word>/*.wav, validation_list.txt and testing_list.txt; None looks in
            $SNN_DATA and ~/.cache/snn.
        rate_hz: Values in a second to which sounds are resampled.
        window: Values of a window.
        hop: Values from one window to the next: a step is 1000 hop / rate_hz ms.
        mels: Bands, the inputs.
        low_hz: Where the first band begins.
        high_hz: Where the last one ends; None is half of rate_hz.
        delays: Synaptic delays: "learned" (Gauss), "linear" (learned, two taps), "fixed" (random, kept) or "none".
        max_delay: Largest delay, steps; even.
        kernel_count: Delayed synapses from each neuron to each other, >= 1.
        recurrent: Connect each hidden layer to itself too, through delays of 1 to max_delay steps.
        hidden: Neurons of each hidden layer.
        tau: Membrane time constant of neurons and readout, steps, >= 1.
        dropout: Share of hidden neurons silenced in training, in [0, 1).
        surrogate_alpha: Sharpness of the arc-tangent surrogate.
        train: How to train.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    data: str | None = None
    rate_hz: int = 8000
    window: int = 512
    hop: int = 80
    mels: int = 140
    low_hz: float = 50.0
    high_hz: float | None = None
    delays: DelayKind = "learned"
    max_delay: int = 30
    kernel_count: int = 1
    recurrent: bool = False
    hidden: tuple[int, ...] = (512, 512, 512)
    tau: float = 1.5
    dropout: float = 0.25
    surrogate_alpha: float = 5.0
    train: TrainConfig = field(default_factory=lambda: TrainConfig(epochs=100, batch_size=128))

    def __post_init__(self) -> None:
        front_end = self.front_end
        for name in FRONT_END_FIELDS:
            object.__setattr__(self, name, getattr(front_end, name))
        check_net(self)

    @property
    def front_end(self) -> MelFrontEnd:
        """What turns sounds into bands of frequencies."""
        return MelFrontEnd(**{name: getattr(self, name) for name in FRONT_END_FIELDS})


FRONT_END_FIELDS = ("rate_hz", "window", "hop", "mels", "low_hz", "high_hz")
"""Fields of `GscConfig` that make the front end."""
DATA_FIELDS = ("data", *FRONT_END_FIELDS)
"""Fields of `GscConfig` that decide what a model is given; saved with it."""

PUBLISHED = {"window": 256, "high_hz": 14_000.0, "kernel_count": 2}
"""What the run published with 95.35 % had otherwise: ``GscConfig(**PUBLISHED)``, which warns of inputs that hear
nothing. Source: Hammouamri et al., 2023, and its repository."""


def load_data(config: GscConfig) -> tuple[SoundSet, SoundSet, SoundSet]:
    """Find the training, validation and test sounds, and check them."""
    return snn.datasets.gsc(config.data, front_end=config.front_end)


def _not_varied(_: GscConfig, train: SoundSet) -> snn.train.Data:
    return train


def _figures(folder: Path, model: snn.nn.Sequential, test: SoundSet, loss: str) -> Figures:
    from snn.recipes.pictures import DelayFigures  # brings matplotlib in

    return DelayFigures(folder, model, test, loss)


EXPERIMENT = Experiment("gsc", DATA_FIELDS, load_data, model_for, _not_varied, _figures)
run = EXPERIMENT.run
"""Train, select on validation, test once, and fill the run's folder; see `Experiment.run`."""

RECIPE = Recipe(
    name="gsc",
    help="Train a spiking network with delays on Speech Commands, sounds of single words.",
    config=GscConfig,
    run=run,
    result_lines=result_lines,
    samples=Reading(DATA_FIELDS, load_data, step_ms=lambda config: config.front_end.dt_ms, inputs="currents"),
)

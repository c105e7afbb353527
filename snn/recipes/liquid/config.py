"""Settings of the liquid recipe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from snn.core.checks import choice, keep, number, refusal, whole
from snn.datasets.formats.shd_file import CHANNELS
from snn.recipes.fields import path_text
from snn.train.config import TrainConfig

__all__ = ["LiquidConfig"]

_SPLIT = re.compile(r"official|speaker:\d{1,9}")


@dataclass(frozen=True, slots=True)
class LiquidConfig:
    """Set up a liquid and its readout.

    Attributes:
        data: Samples in SHD's layout (a file, folder or zip with *train* and *test*) or N-MNIST's; None is the
            embedded synthetic set.
        weights: "software" draws them; "rram" forms arrays of random cells, read with noise in every step.
        device_seed: Which liquid: its weights or chip, membranes and delays.
        windows: Equal parts of a sample whose spikes are counted apart, >= 1.
        neurons: Neurons of the liquid, >= 1.
        voltage: Forming voltage of "rram", V: it decides how many cells conduct.
        recurrent_delay: Longest recurrent delay, ms: each neuron has one from a step up to it; 0: all one step.
        split: "official", or "speaker:N", which tests on all words of speaker N.
        seed: Decides the validation samples.
        input_gain: Deviation of what a neuron is given in a step, in thresholds, > 0.
        recurrent_gain: The same of recurrent weights: about their spectral radius, >= 0.
        tau_ms: Shortest and longest membrane time constant, ms.
        dt_ms: Length of a step of spoken words, ms.
        group: Neighbouring channels summed into one input; divides 700.
        frames: Steps of an N-MNIST recording.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    data: str | None = None
    weights: Literal["software", "rram"] = "software"
    device_seed: int = 0
    windows: int = 8
    neurons: int = 500
    voltage: float = 3.554
    recurrent_delay: float = 240.0
    split: str = "official"
    seed: int = 0
    input_gain: float = 2.5
    recurrent_gain: float = 3.0
    tau_ms: tuple[float, float] = (10.0, 100.0)
    dt_ms: float = 4.0
    group: int = 10
    frames: int = 50

    def __post_init__(self) -> None:
        keep(self, path_text, "data", optional=True)
        keep(self, choice, "weights", allowed=("software", "rram"))
        keep(self, whole, "device_seed", low=0, high=2**32 - 1)
        keep(self, whole, "windows", "neurons", "frames", low=1)
        keep(self, number, "voltage", "input_gain", "dt_ms", above=0)
        keep(self, number, "recurrent_delay", "recurrent_gain", low=0)
        keep(self, whole, "seed", low=0)
        if not isinstance(self.split, str) or not _SPLIT.fullmatch(self.split):
            raise refusal("split", "'official' or 'speaker:N'", self.split)
        keep(self, _span, "tau_ms")
        keep(self, whole, "group", low=1, high=CHANNELS)
        if CHANNELS % self.group:
            raise refusal("group", f"a divisor of {CHANNELS}", self.group)

    @property
    def train(self) -> TrainConfig:
        """How to train: not at all, a readout is solved for."""
        return TrainConfig(seed=self.seed)


def _span(name: str, values: Any) -> tuple[float, float]:
    """Check a pair of ascending times."""
    if not isinstance(values, tuple | list) or len(values) != 2:
        raise refusal(name, "two times, ms", values)
    low = number(f"{name}[0]", values[0], above=0)
    return low, number(f"{name}[1]", values[1], low=low)

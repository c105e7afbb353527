"""What the experiments on sounds share: the net with synaptic delays, its settings, the figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Protocol

import snn
from snn.core.checks import choice, flag, instance, keep, number, refusal, whole
from snn.recipes.experiment import Figures
from snn.recipes.fields import path_text, sizes
from snn.train.config import TrainConfig

__all__ = ["DelayKind", "build_model", "check_net", "model_for", "spike_figures"]

DelayKind = Literal["learned", "linear", "fixed", "none"]

_MODES: dict[str, Literal["gauss", "linear", "fixed"]] = {
    "learned": "gauss",
    "linear": "linear",
    "fixed": "fixed",
}


class _NetConfig(Protocol):
    """What the net needs of a recipe's settings; `snn.recipes.shd.ShdConfig` says what they mean."""

    @property
    def delays(self) -> DelayKind: ...
    @property
    def max_delay(self) -> int: ...
    @property
    def kernel_count(self) -> int: ...
    @property
    def recurrent(self) -> bool: ...
    @property
    def hidden(self) -> tuple[int, ...]: ...
    @property
    def tau(self) -> float: ...
    @property
    def dropout(self) -> float: ...
    @property
    def surrogate_alpha(self) -> float: ...
    @property
    def train(self) -> TrainConfig: ...


class _Words(Protocol):
    """What the net needs of a training set."""

    @property
    def n_units(self) -> int: ...
    @property
    def classes(self) -> tuple[str, ...]: ...


def check_net(config: _NetConfig) -> None:
    """Check the settings of the net, where its data are and how it is trained, and keep them in their plain form.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """
    keep(config, path_text, "data", optional=True)
    keep(config, choice, "delays", allowed=DelayKind)
    keep(config, sizes, "hidden")
    keep(config, whole, "max_delay", low=2 if config.delays != "none" else 0)
    if config.delays != "none" and config.max_delay % 2:
        raise refusal("max_delay", "even, so that the taps have a middle", config.max_delay)
    keep(config, whole, "kernel_count", low=1)
    keep(config, flag, "recurrent")
    keep(config, number, "tau", low=1)
    keep(config, number, "dropout", low=0, below=1)
    keep(config, number, "surrogate_alpha", above=0)
    keep(config, instance, "train", kind=TrainConfig)


def build_model(config: _NetConfig, n_in: int, n_out: int, *, seed: int) -> snn.nn.Sequential:
    """Build the network: per hidden layer weights (with delays), BatchNorm, LIF, dropout; then the readout."""
    import torch

    torch.manual_seed(seed)
    nn = snn.nn

    def connect(pre: int, post: int) -> snn.nn.Layer:
        if config.delays == "none":
            return nn.Linear(pre, post)
        mode = _MODES[config.delays]
        return nn.DelayLinear(pre, post, config.max_delay, mode, kernel_count=config.kernel_count)

    options: dict[str, Any] = {"decay_input": False, "detach_reset": True, "surrogate": "atan"}
    options["surrogate_alpha"] = config.surrogate_alpha

    def neurons(size: int) -> snn.nn.LIF:
        if not config.recurrent:
            return nn.LIF(config.tau, **options)
        mode: Literal["linear", "fixed"] = "fixed" if config.delays == "fixed" else "linear"
        longest = 1 if config.delays == "none" else config.max_delay
        return nn.RecurrentLIF(size, longest, mode, config.tau, **options)

    layers: list[snn.nn.Layer] = []
    for pre, post in zip((n_in, *config.hidden), config.hidden, strict=False):
        layers += [connect(pre, post), nn.BatchNorm(post), neurons(post), nn.Dropout(config.dropout)]
    return nn.Sequential(*layers, connect(config.hidden[-1], n_out), nn.LeakyReadout(config.tau))


def model_for(config: _NetConfig, train: _Words) -> snn.nn.Sequential:
    """Build the net that a recipe's settings describe, for a training set."""
    return build_model(config, train.n_units, len(train.classes), seed=config.train.seed)


def spike_figures(folder: Path, model: snn.nn.Sequential, test: snn.datasets.SpikeSet, loss: str) -> Figures:
    """Make what draws the figures of a run on spikes."""
    from snn.recipes.pictures import WordFigures  # brings matplotlib in

    return WordFigures(folder, model, test, loss)

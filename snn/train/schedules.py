"""Learning rates and kernel widths as pure functions of epoch or step, so that a resumed run needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from snn.core.checks import number, refusal, whole
from snn.core.units import MOST_STEPS
from snn.nn import BatchNorm, DelayedLayer, DelayLinear, RecurrentLIF
from snn.train.arguments import check_config, check_module
from snn.train.config import TrainConfig

__all__ = [
    "OptimizerMaker",
    "delay_learning_rate",
    "learning_rate",
    "make_optimizer",
    "one_cycle",
    "parameter_groups",
    "set_epoch",
    "set_step",
    "sigma_at",
]

OptimizerMaker = Callable[[list[dict[str, Any]]], torch.optim.Optimizer]
"""Takes parameter groups (`parameter_groups`) and makes an optimiser of them."""
MOVES_BETA = "moves_beta"
"""Key of a group whose beta1 follows the schedule: one of our own Adam's, never of a user's optimiser."""

WARM_UP, START, END = 0.3, 1 / 25, 1 / 25 / 1e4
"""Of one cycle: the share of the run that goes up, and first and last learning rate over the peak."""
BETA_LOW, BETA_HIGH = 0.85, 0.95
"""Adam's beta1 of one cycle at the peak, and at both ends."""


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def _checked(done: int, total: int, done_name: str, total_name: str) -> tuple[int, int]:
    """Return how much of how much is done.

    Raises:
        ValueError: Either is no whole number, or more is done than there is.
    """
    total = whole(total_name, total, low=1, high=MOST_STEPS)
    return whole(done_name, done, low=0, high=total), total


def one_cycle(epoch: int, epochs: int, peak: float) -> tuple[float, float]:
    """Give Adam's learning rate and beta1 of an epoch: up to the peak over 30 % of the run, then down.

    The values of torch's OneCycleLR stepped once an epoch, from 4 epochs on; shorter runs start at the peak.

    Args:
        epoch: Epochs done, in 0..epochs.
        epochs: Epochs of the run, >= 1.
        peak: Largest learning rate, > 0.

    Raises:
        ValueError: A value is out of its range; the message names it.
    Source: Smith and Topin, 2017.
    """
    epoch, epochs, peak = *_checked(epoch, epochs, "epoch", "epochs"), number("peak", peak, above=0)
    top = max(WARM_UP * epochs - 1, 0.0)
    if epochs == 1:
        return peak, BETA_LOW
    if epoch <= top and top > 0:
        share = epoch / top
        return _cosine(START * peak, peak, share), _cosine(BETA_HIGH, BETA_LOW, share)
    share = (epoch - top) / (epochs - 1 - top)
    return _cosine(peak, END * peak, share), _cosine(BETA_LOW, BETA_HIGH, share)


def learning_rate(done: int, config: TrainConfig, total: int | None = None) -> tuple[float, float]:
    """Give the learning rate and Adam's beta1 as the config's schedule has them.

    Args:
        done: Epochs done, or steps of the optimiser.
        config: Names the schedule.
        total: Epochs or steps of the whole run; None: the config's epochs.

    Raises:
        ValueError: `done` is not in 0..total, or `total` below 1.
    """
    check_config(config)
    done, total = _checked(done, config.epochs if total is None else total, "done", "total")
    if config.schedule == "one_cycle":
        return one_cycle(done, total, config.lr)
    share = done / total
    factors = {
        "cosine": _cosine(1.0, 0.0, share),
        "steps": 0.2 ** sum(share >= at for at in (0.6, 0.8, 0.9)),
        "constant": 1.0,
    }
    return config.lr * factors[config.schedule], config.betas[0]


def delay_learning_rate(epoch: int, epochs: int, start: float) -> float:
    """Give the learning rate of delay positions: a cosine from `start` to 0 over the run.

    Raises:
        ValueError: `epoch` is not in 0..epochs, `epochs` below 1, or `start` not above 0.
    """
    epoch, epochs, start = *_checked(epoch, epochs, "epoch", "epochs"), number("start", start, above=0)
    return _cosine(start, 0.0, epoch / epochs)


def sigma_at(epoch: int, epochs: int, start: float, end: float) -> float:
    """Give the width of the delay kernel: geometric from `start` to `end` over the first quarter, then `end`.

    Runs below four epochs shrink in their first: only epoch 0 has `start`. In the paper's code a quarter of such a
    run is no epoch, and the kernel keeps its width to the end.

    Raises:
        ValueError: `epoch` is not in 0..epochs, `epochs` below 1, or `start` or `end` not above 0.
    Source: Hammouamri et al., 2023.
    """
    epoch, epochs = _checked(epoch, epochs, "epoch", "epochs")
    start, end = number("start", start, above=0), number("end", end, above=0)
    quarter = max(epochs // 4, 1)
    return end if epoch >= quarter or start <= end else start * (end / start) ** (epoch / quarter)


def parameter_groups(model: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    """Give a model's parameters as an optimiser takes them, in groups with a role.

    The roles are "weights", which alone have weight decay, "delays", which have a learning rate of their own, and
    "plain": BatchNorm, biases, thresholds and leaks. A group without parameters is left out.

    Returns:
        One dict per group: `params`, `role`, `weight_decay`, `lr`.
    """
    check_module(model)
    check_config(config)
    groups: dict[str, list[nn.Parameter]] = {"weights": [], "plain": [], "delays": []}
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if not parameter.requires_grad:
                continue
            if isinstance(module, DelayedLayer) and name == "position":
                groups["delays"].append(parameter)
            elif isinstance(module, BatchNorm) or name in ("bias", "threshold", "leak"):
                groups["plain"].append(parameter)
            else:
                groups["weights"].append(parameter)
    return [
        {
            "params": parameters,
            "role": role,
            "weight_decay": config.weight_decay if role == "weights" else 0.0,
            "lr": config.delay_lr if role == "delays" else config.lr,
        }
        for role, parameters in groups.items()
        if parameters
    ]


def make_optimizer(
    model: nn.Module, config: TrainConfig, make: OptimizerMaker | None = None
) -> torch.optim.Optimizer:
    """Make an optimiser of a model's `parameter_groups`: the config's, or that of a function of one's own.

    Raises:
        ValueError: `make` cannot be called, or gave no torch optimiser.
    """
    if make is not None and not callable(make):
        raise refusal("optimizer", "a function that gives a torch.optim.Optimizer", make)
    groups = parameter_groups(model, config)
    if make is not None:
        made = make(groups)
        if not isinstance(made, torch.optim.Optimizer):
            raise refusal("optimizer", "a function that gives a torch.optim.Optimizer", made)
        return made
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum)
    for group in groups:
        group[MOVES_BETA] = config.schedule == "one_cycle" and group["role"] != "delays"
    return torch.optim.Adam(groups, lr=config.lr, betas=config.betas, eps=config.eps, amsgrad=config.amsgrad)


def set_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, config: TrainConfig, epoch: int) -> None:
    """Set learning rates and kernel widths for an epoch, and round delays in the last ones if so configured."""
    rounded = epoch >= config.epochs - config.rounded_epochs
    _set_rates(optimizer, config, epoch, config.epochs)
    for module in model.modules():
        if rounded and isinstance(module, DelayLinear | RecurrentLIF) and module.mode != "fixed":
            module.mode = "integer"
        if isinstance(module, DelayLinear):
            module.set_sigma_(sigma_at(epoch, config.epochs, float(module.centre), config.sigma_end))


def set_step(
    optimizer: torch.optim.Optimizer, config: TrainConfig, epoch: int, step: int, steps: int | None
) -> None:
    """Set learning rates for a step of the optimiser, where they move within an epoch.

    Args:
        optimizer: Of which the groups that have a role are set.
        config: How they move.
        epoch: Epochs done.
        step: Steps done in the whole run.
        steps: Steps of an epoch; None where unknown, which goes with `schedule_by="epoch"` only.
    """
    if config.schedule_by == "step":
        assert steps is not None
        total = config.epochs * steps
        done = min(step, total - 1)
    elif step <= config.warmup_steps:
        done, total = epoch, config.epochs
    else:
        return
    _set_rates(optimizer, config, done, total, min(1.0, (step + 1) / max(config.warmup_steps, 1)))


def _set_rates(
    optimizer: torch.optim.Optimizer, config: TrainConfig, done: int, total: int, share: float = 1.0
) -> None:
    """Set the learning rates of all groups with a role to a share of what the schedule says."""
    lr, beta = learning_rate(done, config, total)
    for group in optimizer.param_groups:
        if group.get("role") == "delays":
            group["lr"] = share * delay_learning_rate(done, total, config.delay_lr)
        elif "role" in group:
            group["lr"] = share * lr
        if group.get(MOVES_BETA):
            group["betas"] = (beta, config.betas[1])

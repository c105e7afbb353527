"""Learning rates and kernel widths as pure functions of the epoch, so that a resumed run needs nothing else."""

from __future__ import annotations

import math

import torch
from torch import nn

from snn.nn import BatchNorm, DelayedLayer, DelayLinear, RecurrentLIF
from snn.train.config import TrainConfig

__all__ = ["delay_learning_rate", "learning_rate", "make_optimizer", "one_cycle", "set_epoch", "sigma_at"]

WARM_UP, START, END = 0.3, 1 / 25, 1 / 25 / 1e4
"""Of one cycle: the share of the run that goes up, and first and last learning rate over the peak."""
BETA_LOW, BETA_HIGH = 0.85, 0.95
"""Adam's beta1 of one cycle at the peak, and at both ends."""


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def one_cycle(epoch: int, epochs: int, peak: float) -> tuple[float, float]:
    """Give Adam's learning rate and beta1 of an epoch: up to the peak over 30 % of the run, then down.

    The values of torch's OneCycleLR stepped once an epoch, from 4 epochs on; shorter runs start at the peak.
    Source: Smith and Topin, 2017.
    """
    top = max(WARM_UP * epochs - 1, 0.0)
    if epochs == 1:
        return peak, BETA_LOW
    if epoch <= top and top > 0:
        share = epoch / top
        return _cosine(START * peak, peak, share), _cosine(BETA_HIGH, BETA_LOW, share)
    share = (epoch - top) / (epochs - 1 - top)
    return _cosine(peak, END * peak, share), _cosine(BETA_LOW, BETA_HIGH, share)


def learning_rate(epoch: int, config: TrainConfig) -> tuple[float, float]:
    """Give the learning rate and Adam's beta1 of an epoch, as the config's schedule has them."""
    if config.schedule == "one_cycle":
        return one_cycle(epoch, config.epochs, config.lr)
    share = epoch / config.epochs
    factors = {
        "cosine": _cosine(1.0, 0.0, share),
        "steps": 0.2 ** sum(share >= at for at in (0.6, 0.8, 0.9)),
        "constant": 1.0,
    }
    return config.lr * factors[config.schedule], 0.9


def delay_learning_rate(epoch: int, epochs: int, start: float) -> float:
    """Give the learning rate of delay positions: a cosine from `start` to 0 over the run."""
    return _cosine(start, 0.0, epoch / epochs)


def sigma_at(epoch: int, epochs: int, start: float, end: float) -> float:
    """Give the width of the delay kernel: geometric from `start` to `end` over the first quarter, then `end`.

    Source: Hammouamri et al., 2023.
    """
    quarter = max(epochs // 4, 1)
    return end if epoch >= quarter or start <= end else start * (end / start) ** (epoch / quarter)


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Make the config's optimiser: weights have weight decay, delays their own learning rate, others neither.

    Each of its groups is named by `role`: "weights", "plain" or "delays".
    """
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
    decay = {"weights": config.weight_decay}
    roles = [
        {"params": parameters, "role": role, "weight_decay": decay.get(role, 0.0)}
        for role, parameters in groups.items()
        if parameters
    ]
    if config.optimizer == "sgd":
        return torch.optim.SGD(roles, lr=config.lr, momentum=0.9)
    return torch.optim.Adam(roles, lr=config.lr)


def set_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, config: TrainConfig, epoch: int) -> None:
    """Set learning rates and kernel widths for an epoch, and round delays in the last ones if so configured."""
    rounded = epoch >= config.epochs - config.rounded_epochs
    lr, beta = learning_rate(epoch, config)
    for group in optimizer.param_groups:
        if group["role"] == "delays":
            group["lr"] = delay_learning_rate(epoch, config.epochs, config.delay_lr)
        else:
            group["lr"] = lr
            if "betas" in group:
                group["betas"] = (beta, 0.999)
    for module in model.modules():
        if rounded and isinstance(module, DelayLinear | RecurrentLIF) and module.mode != "fixed":
            module.mode = "integer"
        if isinstance(module, DelayLinear):
            module.set_sigma_(sigma_at(epoch, config.epochs, float(module.centre), config.sigma_end))

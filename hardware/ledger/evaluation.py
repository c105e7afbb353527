"""Run a model in evaluation without gradients, and leave it as it was; copy one that is in training."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

Module = TypeVar("Module", bound=nn.Module)

_WEIGHT_HOOKS = (BasePruningMethod, SpectralNorm, WeightNorm)
"""What makes a weight anew ahead of every forward pass and keeps it as a plain tensor."""


@contextmanager
def in_evaluation(model: nn.Module) -> Iterator[None]:
    """Set a model to evaluation, without gradients, and every module of it back to its own mode at the end."""
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with torch.no_grad():
            yield
    finally:
        for module, training in modes.items():
            module.training = training


def detached_copy(model: Module) -> Module:
    """Copy a model whose weights may be made of others, as those of pruning and of weight normalisation are.

    Such a weight is part of a graph, which torch does not copy: the copy has its values, until they are made anew.
    """
    memo: dict[int, object] = {}
    for module in model.modules():
        for value in vars(module).values():
            if isinstance(value, Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    return copy.deepcopy(model, memo)


@torch.no_grad()
def renew_weights(model: nn.Module) -> None:
    """Make the weights that are made of others anew, as a forward pass would: to read them before it."""
    for module in model.modules():
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, _WEIGHT_HOOKS):
                hook(module, ())

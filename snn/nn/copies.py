"""Copy a live model: one whose weights are computed (pruned, parametrised) or that has hooks, too."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import prune
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from snn.nn.connections import Linear
from snn.nn.conv import Conv2d

__all__ = ["copy_module", "plain_twin", "refresh_weights"]

M = TypeVar("M", bound=nn.Module)


def copy_module(model: M) -> M:
    """Give a copy that shares no tensor with the model, hooks and weight transforms included.

    `copy.deepcopy` alone refuses a module that keeps a computed tensor, as pruning, weight normalisation and any
    forward pass that stores its result do; here the copy holds that tensor's values, without its graph.
    """
    refresh_weights(model)
    computed: dict[int, Any] = {}
    for module in model.modules():
        for value in vars(module).values():
            if isinstance(value, Tensor) and not value.is_leaf:
                computed[id(value)] = value.detach().clone()
    return copy.deepcopy(model, computed)


def plain_twin(layer: Linear | Conv2d, *, bias: bool) -> Linear | Conv2d:
    """Make a layer of the same sizes without hooks and parametrisations; it draws no random number of the run.

    Its weights are fresh: fill them.
    """
    with torch.random.fork_rng(devices=[]):
        if isinstance(layer, Conv2d):
            return Conv2d(**{**Conv2d.config(layer), "bias": bias})
        return Linear(**{**Linear.config(layer), "bias": bias})


@torch.no_grad()
def refresh_weights(model: nn.Module) -> None:
    """Compute anew the weights that hooks of torch (pruning, norms of weights) compute before a forward pass.

    Such a weight is the one of the last forward pass: behind a step of the optimiser, or behind parameters that
    were loaded, it is out of date until the next.
    """
    for module in model.modules():
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, prune.BasePruningMethod):
                masked = hook.apply_mask(module)  # type: ignore[no-untyped-call]
                setattr(module, hook._tensor_name, masked)
            elif isinstance(hook, WeightNorm):
                setattr(module, hook.name, hook.compute_weight(module))
            elif isinstance(hook, SpectralNorm):
                setattr(module, hook.name, hook.compute_weight(module, do_power_iteration=False))

"""Networks of torch without spikes as layers of `snn.nn`: where the way to one time step begins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn as torch_nn

from snn import nn
from snn.interop.torch_layers import OF_TORCH, Chain
from snn.interop.torch_layers import convert as convert_modules

__all__ = ["convert"]

_KNOWN = ", ".join([*OF_TORCH, "ReLU", "or Sequential"])


def convert(module: torch_nn.Module | Iterable[torch_nn.Module]) -> nn.Sequential:
    """Convert a network of rectifiers, trained in torch, as it is: the same outputs, in each of T steps.

    `snn.train.convert` then folds its BatchNorm and makes spiking neurons of its rectifiers, and
    `snn.train.reduce_steps` trains them down to one time step.

    Args:
        module: A `torch.nn.Sequential` of Linear, Conv2d, BatchNorm, pooling, Flatten, Dropout and ReLU, or a list
            of such modules in their order: a module with a `forward` of its own does not say it.

    Returns:
        The layers, with copies of all weights, for inputs [T, B, ...].

    Raises:
        TypeError: It is no module, nor a list of them.
        ValueError: A module has no rule (another activation, say), or an option that no layer here has; the message
            names it.
    """
    return convert_modules(module, {torch_nn.ReLU: _rectify}, _KNOWN)


def _rectify(chain: Chain, _: Any) -> None:
    chain.add(nn.ReLU())

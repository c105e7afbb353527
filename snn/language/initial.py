"""First values: RWKV-4's vectors, and its matrices as they were meant and as SpikeGPT's code made them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

__all__ = ["Initial", "bonus", "channel_mixes", "decay", "fill_matrices_", "time_mixes", "wake_"]

Initial = Literal["rwkv4", "rwkv4_as_run", "torch"]

_SILENT = (
    *("time_mixing.key", "time_mixing.receptance", "time_mixing.output"),
    *("channel_mixing.value", "channel_mixing.receptance"),
)
"""Matrices of a block that RWKV-4 begins with at zero."""


def decay(width: int, layer: int, layers: int) -> Tensor:
    """Give the logarithms of the first decay rates [width]: slow channels first, faster ones in deeper layers."""
    rise = 0.7 + 1.3 * _depth(layer, layers)
    return -5 + 8 * (torch.arange(width) / max(width - 1, 1)) ** rise


def bonus(width: int) -> Tensor:
    """Give the first bonus of the token itself [width]: ln 0.3, and half a unit up or down in turn."""
    return math.log(0.3) + 0.5 * ((torch.arange(width) + 1) % 3 - 1)


def time_mixes(width: int, layer: int, layers: int) -> Tensor:
    """Give the first mixes of key, value and receptance [3, width]; those of the value may pass 1."""
    place = torch.arange(width) / width
    left = 1 - layer / layers
    key = place**left
    return torch.stack([key, key + 0.3 * _depth(layer, layers), place ** (0.5 * left)])


def channel_mixes(width: int, layer: int, layers: int) -> Tensor:
    """Give the first mixes of key and receptance [2, width]."""
    return ((torch.arange(width) / width) ** (1 - layer / layers)).repeat(2, 1)


def _depth(layer: int, layers: int) -> float:
    """Give 0 for the first layer and 1 for the last; 0 for a layer alone, where RWKV-4 divides by zero."""
    return layer / (layers - 1) if layers > 1 else 0.0


@torch.no_grad()
def fill_matrices_(model: nn.Module, initial: Initial) -> None:
    """Fill the matrices of a SpikeGPT.

    Args:
        model: Has `embedding`, `blocks` and `head`.
        initial: "rwkv4": orthogonal, with zeros in key, receptance and output of the time mixing and in value and
            receptance of the channel mixing; embeddings of 1e-4, a head of half the size. "rwkv4_as_run": what
            SpikeGPT's code makes of that, where a stale variable gives every matrix of a block gain 1, and none
            zeros. "torch": what its default script begins with: torch's own layers, embeddings from N(0, 1).
    """
    for name, weight in _matrices(model):
        inputs, outputs = weight.shape[1], weight.shape[0]
        wide = math.sqrt(max(1.0, outputs / inputs))
        if initial == "torch":
            nn.init.normal_(weight) if name == "embedding" else nn.init.kaiming_uniform_(weight, math.sqrt(5))
        elif name == "embedding":
            nn.init.orthogonal_(weight, 1e-4 * math.sqrt(max(inputs, outputs)))
        elif name == "head":
            nn.init.orthogonal_(weight, 0.5 * wide)
        elif initial == "rwkv4_as_run":
            nn.init.orthogonal_(weight)
        elif name.endswith(_SILENT):
            nn.init.zeros_(weight)
        else:
            nn.init.orthogonal_(weight, wide)


@torch.no_grad()
def wake_(model: nn.Module) -> None:
    """Let neurons ahead of weights fire from the start, in a fresh model of the variant "spike_before".

    With RWKV-4's values the hidden neurons are silent, and what is behind them learns nothing. Norms of blocks
    twice as large have a fifth of the neurons behind them fire, and keys of channel mixing twice as large some of
    the hidden ones.
    """
    for name, parameter in model.named_parameters():
        if name.endswith(("norm_time.weight", "norm_channel.weight", "channel_mixing.key.weight")):
            parameter.mul_(2)


def _matrices(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Give the matrices by the names of the modules that hold them; not the rows of mixes."""
    for name, parameter in model.named_parameters():
        if parameter.dim() == 2 and name.endswith(".weight"):
            yield name.removesuffix(".weight"), parameter

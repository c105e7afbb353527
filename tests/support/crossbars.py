"""Weights, models, inputs and small comparisons that the tests of crossbars share."""

from __future__ import annotations

import torch
from torch import nn

from snn.hardware import MappingConfig, TileConfig
from snn.nn import (
    LIF,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    DelayLinear,
    Flatten,
    LeakyReadout,
    Linear,
    RecurrentLIF,
    Residual,
    Sequential,
)

MAPPINGS = [
    MappingConfig(),
    MappingConfig("two_sided"),
    MappingConfig("offset"),
    MappingConfig(scale="column"),
    MappingConfig("offset", scale="column"),
    MappingConfig(pairs="interleaved"),
    MappingConfig("two_sided", pairs="interleaved"),
]
TILES = [TileConfig(), TileConfig(16, 8), TileConfig(5, 3)]
NEURON = {"tau": 1.2, "decay_input": False, "v_th": 0.4}


def random(*shape, seed=0, dtype=torch.float32):
    """Normal numbers, always the same."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def spikes(*shape, seed=1, share=0.3, dtype=torch.float32):
    """Zeros and ones, always the same."""
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < share).to(dtype)


def plain(x, w):
    """The product that an array stands for."""
    return torch.nn.functional.linear(x, w)


def close(a, b, tolerance=1e-9):
    """Whether the largest difference is within a share of the largest value: errors are stated per peak."""
    a, b = a.detach(), b.detach()
    return float((a - b).abs().max()) <= tolerance * float(b.abs().max())


W, X = random(10, 37), spikes(5, 4, 37)
"""A weight [out, in] and spikes [T, B, in]."""


def words():
    """A network with every kind of connection that stages have, and counts of spikes [T, B, N]."""
    torch.manual_seed(0)
    made = Sequential(
        DelayLinear(12, 16, 6),
        BatchNorm(16),
        LIF(**NEURON),
        DelayLinear(16, 10, 4, kernel_count=2),
        RecurrentLIF(10, 3, **NEURON),
        Linear(10, 4, bias=True),
        LeakyReadout(1.2),
    )
    _scatter(made)
    return made.eval(), torch.poisson(torch.full((14, 4, 12), 0.25))


def images():
    """Convolutions, strided, grouped and around a residual block; and spikes [T, B, C, H, W]."""
    torch.manual_seed(0)
    block = Residual(Sequential(Conv2d(4, 4, 3, padding=1, groups=2), BatchNorm(4), LIF(**NEURON)))
    made = Sequential(
        Conv2d(2, 4, 3, stride=2, padding=1, bias=True),
        LIF(**NEURON),
        block,
        AvgPool2d(2),
        Flatten(),
        Linear(16, 3),
        LeakyReadout(1.2),
    )
    _scatter(made)
    return made.eval(), (torch.rand(5, 3, 2, 8, 8) < 0.4).float()


def _scatter(made):
    for module in made.modules():
        if isinstance(module, BatchNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            module.running_mean.uniform_(-0.2, 0.2)
        elif isinstance(module, Linear | Conv2d) and module.bias is not None:
            nn.init.uniform_(module.bias, -0.2, 0.2)

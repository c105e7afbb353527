"""Weights, inputs and small comparisons that the tests of crossbars share."""

from __future__ import annotations

import torch

from snn.hardware import MappingConfig, TileConfig

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

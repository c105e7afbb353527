"""Features as data of one step, on which `snn.train.fit` trains a linear layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from snn.core.arrays import Float32Array, Float64Array, Int64Array
from snn.nn import Linear, Sequential
from snn.train import TrainConfig, fit

__all__ = ["train_linear"]


class _Batch(NamedTuple):
    x: Float32Array
    lengths: Int64Array
    label: Int64Array


class _FeatureSet:
    """Give features [B, F] in batches of one step, shuffled by the seed."""

    def __init__(self, features: Float64Array, labels: Int64Array) -> None:
        self._x, self._y = features.astype(np.float32), labels

    def __len__(self) -> int:
        return len(self._y)

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[_Batch]:
        order = np.arange(len(self)) if seed is None else np.random.default_rng(seed).permutation(len(self))
        for start in range(0, len(self), batch_size):
            chosen = order[start : start + batch_size]
            if seed is None or len(chosen) >= min_batch:
                yield _Batch(self._x[None, chosen], np.ones(len(chosen), dtype=np.int64), self._y[chosen])


def train_linear(
    train: tuple[Float64Array, Int64Array],
    valid: tuple[Float64Array, Int64Array],
    classes: int,
    config: TrainConfig,
) -> tuple[Float64Array, Float64Array]:
    """Train a linear layer on features and classes; gives its weight [F, C] and bias [C]."""
    torch.manual_seed(config.seed)
    layer = Linear(train[0].shape[1], classes, bias=True)
    fit(Sequential(layer), _FeatureSet(*train), _FeatureSet(*valid), config)
    assert layer.bias is not None
    weight, bias = (part.detach().double().numpy() for part in (layer.weight, layer.bias))
    return weight.T.copy(), bias.copy()

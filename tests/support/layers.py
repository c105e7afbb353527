"""What tests of layers and of training share: a neuron, statistics as if trained, data in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from snn.datasets import Batch
from snn.nn import BatchNorm, Layer

PAPER_LIF = dict(decay_input=False, detach_reset=True, surrogate="atan", surrogate_alpha=5.0)
"""Arguments of `LIF` beside tau: Hammouamri et al., 2023."""


@torch.no_grad()
def set_statistics_(model: Layer) -> None:
    """Give every BatchNorm random statistics, scales and offsets, as if it had been trained."""
    for layer in model.modules():
        if isinstance(layer, BatchNorm):
            layer.running_mean.uniform_(-0.2, 0.2)
            layer.running_var.uniform_(0.1, 0.4)
            layer.weight.uniform_(0.5, 2.0)
            layer.bias.uniform_(-0.1, 0.5)


class InMemory:
    """Data for `fit`: a subclass has `label` and gives the batch of any samples."""

    label: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    def batch(self, index: np.ndarray) -> Batch:
        raise NotImplementedError

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Batch]:
        order = np.arange(len(self)) if seed is None else np.random.default_rng(seed).permutation(len(self))
        for start in range(0, len(order), batch_size):
            index = order[start : start + batch_size]
            if len(index) >= min_batch:
                yield self.batch(index)

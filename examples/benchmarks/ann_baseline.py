"""The int8 network that a spiking one is compared with, trained on the same task: same shapes, one pass a sample.

    python examples/benchmarks/ann_baseline.py MODEL [--data PATH] [--epochs 20]

Neurons become rectifiers, delays go, and each sample is seen at once: its events summed over time, scaled by their
largest count. Weights are rounded to 8 bits per tensor after training; activations stay as they are.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snn.datasets import Batch
from snn.hardware import count, estimate
from snn.nn import LIF, BatchNorm, Conv2d, DelayedLayer, Layer, LeakyReadout, Linear, ReLU, Sequential
from snn.recipes.saved import load_saved
from snn.train import TrainConfig, evaluate, fit, prepare


class Summed:
    """Give every sample of a set at once: one step."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def batches(self, *options: Any, **named: Any) -> Any:
        """Give batches of one step."""
        for batch in self.data.batches(*options, **named):
            x = batch.x.sum(0, keepdims=True)
            x = x / np.maximum(x.max(tuple(range(2, x.ndim)), keepdims=True), 1)
            yield Batch(x.astype(np.float32), np.ones_like(batch.lengths), batch.label, batch.sample)


def rectified(layer: Layer) -> Layer:
    """Give the layer of a network without spikes in the place of this one."""
    if isinstance(layer, DelayedLayer):
        return Linear(layer.in_features, layer.out_features)  # type: ignore[arg-type]
    if isinstance(layer, LeakyReadout):
        return LeakyReadout(1.0)
    if isinstance(layer, LIF):
        return ReLU()
    if isinstance(layer, BatchNorm):
        return BatchNorm(layer.num_features)
    kind = type(layer)
    return kind(**layer.config())


def eight_bits(weight: Tensor) -> Tensor:
    scale = weight.abs().max() / 127
    return (weight / scale).round() * scale


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data")
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    saved = load_saved(options.model)
    train, valid, test = (Summed(part) for part in saved.sets(options.data))
    for seed in range(3):
        torch.manual_seed(seed)
        model = Sequential(*(rectified(layer) for layer in saved.model))
        config = TrainConfig(epochs=options.epochs, batch_size=50, lr=2e-3, loss=saved.loss, seed=seed)
        fit(model, train, valid, config)
        plain = evaluate(model, test, loss=saved.loss).accuracy
        for layer in model:
            if isinstance(layer, Linear | Conv2d):
                layer.weight_transform = eight_bits
        print(
            f"seed {seed}: {plain:.1%}, {evaluate(model, test, loss=saved.loss).accuracy:.1%} with 8-bit weights"
        )
    x, lengths, _ = prepare(next(iter(test.batches(16))), model)
    report = estimate(count(model, x, lengths, inputs={"in": "real"}), "ann_int8_once")
    print(
        f"energy: {report.total_pj_per_inference / 1e3:.0f} nJ, "
        f"{report.compute_pj_per_inference / 1e3:.1f} of it arithmetic"
    )


if __name__ == "__main__":
    main()

"""Small models with every kind of layer that is projected, and batches for them."""

from __future__ import annotations

import torch

from snn.continual import OrthogonalProjection
from snn.nn import LIF, Conv2d, DelayLinear, Flatten, Linear, Sequential
from snn.train import TrainConfig, processes
from snn.train.batches import Prepared
from snn.train.methods import accumulate

KINDS = ("linear", "conv", "delay")


def neurons():
    return LIF(2.0, decay_input=False, reset="soft", detach_reset=True, surrogate_alpha=4.0)


def projected_model(kind, dtype=torch.float64):
    torch.manual_seed(0)
    if kind == "linear":
        layers = [Linear(20, 30), neurons(), Linear(30, 24), neurons(), Linear(24, 4)]
    elif kind == "conv":
        layers = [
            Conv2d(2, 6, 3, stride=2, padding=1),
            neurons(),
            Conv2d(6, 8, (3, 2), groups=2, dilation=(1, 2)),
            neurons(),
            Flatten(),
            Linear(8 * 2 * 2, 4),
        ]
    else:
        layers = [DelayLinear(20, 30, 4, "gauss", sharing="dendritic"), neurons()]
        layers += [
            DelayLinear(30, 16, 2, "linear", sharing="dendritic", kernel_count=2),
            neurons(),
            Linear(16, 4),
        ]
    return Sequential(*layers).to(dtype).train()


def projected_batch(kind, seed, steps=14, samples=6, dtype=torch.float64):
    """Spikes of amplitude 2 [T, B, ...], lengths and labels."""
    generator = torch.Generator().manual_seed(seed)
    shape = (2, 8, 8) if kind == "conv" else (20,)
    x = 2 * (torch.rand(steps, samples, *shape, generator=generator) < 0.4).to(dtype)
    lengths = torch.randint(steps // 2, steps + 1, (samples,), generator=generator)
    return x, lengths, torch.randint(0, 4, (samples,), generator=generator)


def sgd(**changes):
    settings = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "loss": "step_cross_entropy"}
    return TrainConfig(**{**settings, **changes})


def two_projected_tasks(feed):
    """Learn two tasks of images by this process's share of every batch; give all rows and weights."""
    model, config = projected_model("conv"), sgd(method="sltt", chunk=5)
    projection = OrthogonalProjection(model, 4, feed=feed, lr=0.01, most_vectors=40)
    for task in range(2):
        for seed in range(2):
            whole = Prepared(*projected_batch("conv", 10 * task + seed, samples=7), False)
            mine = processes.own_share(whole)
            model.zero_grad()
            accumulate(model, mine.x, mine.lengths, mine.label, config)
            processes.average_gradients(model, len(mine.lengths) / 7)
            projection(model)
            with torch.no_grad():
                for weight in model.parameters():
                    weight -= 0.1 * weight.grad
        projection.finish_task()
    return [layer.subspace.rows for layer in projection.layers.values()] + list(model.parameters())

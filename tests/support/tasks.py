"""Small tasks and models for tests of continual learning."""

from __future__ import annotations

import numpy as np
import torch

from snn import continual, nn
from snn.train import TrainConfig

NEURON = {"tau": 2.0, "decay_input": False, "reset": "soft", "surrogate": "sigmoid", "surrogate_alpha": 4.0}


def bars(count, seed, classes=4, size=5, steps=3):
    """Images of noise with a bright row that tells the class, the same in all steps."""
    rng = np.random.default_rng(seed)
    label = np.arange(count) % classes
    pixels = 0.3 * rng.standard_normal((count, 1, size, size))
    pixels[np.arange(count), 0, label] += 1.0
    x = torch.from_numpy(pixels).float().expand(steps, -1, -1, -1, -1).clone()
    return continual.Samples(x, torch.full((count,), steps), torch.from_numpy(label))


def sets(classes=4, size=5, counts=(128, 32, 48)):
    """Give training, validation and test samples."""
    return [bars(count, seed, classes, size) for seed, count in enumerate(counts)]


def net(outputs=4, size=5, hidden=12, seed=0, bias=False):
    """Give an untrained net of two layers."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        first = nn.Linear(size * size, hidden, bias=bias)
        return nn.Sequential(nn.Flatten(), first, nn.LIF(**NEURON), nn.Linear(hidden, outputs))


def plain_training(**changes):
    """Give the settings of a run by plain gradient descent."""
    settings = {
        "epochs": 1,
        "batch_size": 16,
        "min_batch": 1,
        "optimizer": "sgd",
        "momentum": 0.0,
        "weight_decay": 0.0,
        "schedule": "constant",
        "lr": 0.1,
        "loss": "mean_cross_entropy",
    }
    return TrainConfig(**{**settings, **changes})

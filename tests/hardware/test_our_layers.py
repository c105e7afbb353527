"""Our layers over images, watched through hooks: counted as torch's own with the same weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snn import nn as ours
from snn.hardware import count_steps


class Fires(nn.Module):
    """A neuron without memory: spikes where its input reaches 1."""

    def forward(self, x):
        return (x >= 1.0).to(x.dtype)


def pair():
    """The same network twice: of our layers, and of torch's on steps and samples in one axis."""
    torch.manual_seed(0)
    neuron = {"tau": 1.0, "decay_input": False}
    mine = ours.Sequential(
        ours.Conv2d(2, 4, 3, stride=2, padding=1, groups=2, bias=True), ours.LIF(**neuron),
        ours.MaxPool2d(2), ours.Flatten(), ours.Linear(16, 6), ours.LIF(**neuron), ours.Linear(6, 3),
    )  # fmt: skip
    theirs = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2), Fires(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(16, 6, bias=False), Fires(), nn.Linear(6, 3, bias=False),
    )  # fmt: skip
    with torch.no_grad():
        for k in (0, 4, 6):
            mine[k].weight.mul_(2 * (torch.rand(mine[k].weight.shape) > 0.3))
            theirs[k].weight.copy_(mine[k].weight)
        theirs[0].bias.copy_(mine[0].bias)
    return mine, theirs


@pytest.mark.parametrize("real", [False, True])
def test_counts_are_those_of_torchs_layers(real):
    mine, theirs = pair()
    x = torch.rand(5, 3, 2, 8, 8) * 3
    x = x if real else x.round()
    found = count_steps(mine, x)
    expected = count_steps(theirs, x.flatten(0, 1), time="none", neurons=(Fires,))
    for k in (0, 4, 6):
        row, same = found[f"layers.{k}"], expected[f"{k}"]
        assert (row.values, row.synapses, row.stored_weights) == (
            same.values,
            same.synapses,
            same.stored_weights,
        )
        for name in row.counts:
            assert np.array_equal(row[name].ravel(), same[name].ravel()), name
    assert found["layers.0"].values == ("real" if real else "levels")
    assert found["layers.4"].values == "binary" and found["layers.4"]["output_spikes"].sum() > 0


def test_learned_neurons_are_counted_and_recurrent_ones_refused():
    learned = ours.LIF(decay_input=False, detach_reset=True, learn_threshold=True, learn_leak=True)
    counts = count_steps(ours.Sequential(ours.Linear(4, 5), learned), torch.ones(2, 3, 4))
    assert counts["layers.0"]["updates_dense"].tolist() == [[5, 5, 5], [5, 5, 5]]
    with pytest.raises(ValueError, match=r"layers.1 \(RecurrentDelay\) has parameters and cannot be counted"):
        count_steps(ours.Sequential(ours.Linear(4, 5), ours.RecurrentDelay(5, 3)), torch.ones(2, 3, 4))

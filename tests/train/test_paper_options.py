"""What the papers' code has beside its methods: SLTT's squared error in the loss, IIR-SNN's optimiser and sum."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from snn.nn import LIF, Linear, Sequential
from snn.train import LOSSES, TrainConfig, backward, cross_entropy_with_mse, make_optimizer

TARGETS = {"step_cross_entropy_mse": "label", "step_cross_entropy_ones": "ones"}


def network() -> Sequential:
    torch.manual_seed(0)
    return Sequential(Linear(12, 20), LIF(1.1, decay_input=False, reset="soft"), Linear(20, 4)).double()


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return (torch.rand(6, 5, 12) < 0.4).double(), torch.full((5,), 6), torch.tensor([0, 3, 1, 2, 3])


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("share", [0.05, 0.4])
def test_the_loss_of_sltt(name: str, share: float) -> None:
    """((1 - a) CE + a MSE) / T of a step, over the batch; a = 0.05 in the losses that have a name."""
    y, label = torch.randn(6, 5, 4, dtype=torch.float64), torch.tensor([0, 3, 1, 2, 3])
    target = F.one_hot(label, 4).double() if name == "step_cross_entropy_mse" else torch.ones(5, 4).double()
    due = sum((1 - share) * F.cross_entropy(y_t, label) + share * F.mse_loss(y_t, target) for y_t in y) / 6
    loss = LOSSES.find(name) if share == 0.05 else cross_entropy_with_mse(share, TARGETS[name])
    torch.testing.assert_close(loss.per_sample(y, torch.full((5,), 6), label).mean(), due)


@pytest.mark.parametrize("name", TARGETS)
def test_steps_without_label_and_beyond_the_length_have_none(name: str) -> None:
    y, label = torch.randn(6, 5, 4), torch.randint(0, 4, (6, 5))
    label[2, 1] = -100
    valid = torch.arange(6)[:, None] < torch.tensor([6, 6, 1, 3, 6])
    each = LOSSES.find(name).each_step(y, valid, label)
    assert (each[~valid] == 0).all() and each[2, 1] == 0
    assert (each > 0).sum() == valid.sum() - 1


@pytest.mark.parametrize("name", TARGETS)
def test_it_goes_with_every_method(name: str) -> None:
    found = []
    for chunk in (1, 6):
        model = network()
        backward(model, *batch(), TrainConfig(method="sltt", chunk=chunk, loss=name))
        found.append(model[0].weight.grad.clone())
    torch.testing.assert_close(*found)
    assert found[0].abs().sum() > 0


def test_amsgrad_is_torchs() -> None:
    x, lengths, label = batch()
    steps = {}
    for amsgrad in (True, False):
        mine, theirs = network(), network()
        config = TrainConfig(
            lr=0.02, amsgrad=amsgrad, weight_decay=0.0, schedule="constant", loss="sum_cross_entropy"
        )
        ours = make_optimizer(mine, config)
        other = torch.optim.Adam(theirs.parameters(), lr=0.02, amsgrad=amsgrad)
        for step in range(8):
            for model, optimizer in ((mine, ours), (theirs, other)):
                optimizer.zero_grad()
                if model is mine:
                    backward(model, x * (step < 4), lengths, label, config)
                else:
                    F.cross_entropy(model(x * (step < 4))[0].sum(0), label).backward()
                optimizer.step()
        steps[amsgrad] = mine[0].weight.detach().numpy()
        np.testing.assert_allclose(steps[amsgrad], theirs[0].weight.detach(), rtol=1e-9)
    assert not np.allclose(steps[True], steps[False])


def test_refusals() -> None:
    with pytest.raises(ValueError, match="amsgrad must be False with optimizer 'sgd', got True"):
        TrainConfig(optimizer="sgd", amsgrad=True)
    with pytest.raises(ValueError, match="amsgrad must be"):
        TrainConfig(amsgrad="no")
    with pytest.raises(ValueError, match=r"share must be .* got 1\.5"):
        cross_entropy_with_mse(1.5)
    with pytest.raises(ValueError, match="target must be one of 'label', 'ones', got 'zeros'"):
        cross_entropy_with_mse(target="zeros")

"""What is frozen holds still bit for bit, whatever the optimiser holds, and is free again afterwards."""

from __future__ import annotations

import pytest
import torch
from own_blocks import Gated
from torch import nn

from snn.nn import LIF, BatchNorm, LeakyReadout, Linear, RecurrentLIF, Sequential, frozen
from snn.train import TrainConfig, backward, check_method, make_optimizer

LEARNED = dict(decay_input=False, detach_reset=True, learn_threshold=True, learn_leak=True)


def network(over="step"):
    torch.manual_seed(0)
    return Sequential(
        Linear(5, 8), BatchNorm(8, over), LIF(1.5, **LEARNED), Linear(8, 6), RecurrentLIF(6, 3), Linear(6, 3)
    )


def values(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def batch():
    random = torch.Generator().manual_seed(1)
    x = (torch.rand(9, 7, 5, generator=random) < 0.5).float()
    return x, torch.tensor([9, 9, 4, 9, 2, 9, 9]), torch.arange(7) % 3


def train(model, optimizer, method="bptt", steps=2):
    config = TrainConfig(method=method, loss="step_cross_entropy")
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        backward(model, *batch(), config)
        optimizer.step()


def moved(model, before):
    return {name for name, tensor in values(model).items() if not torch.equal(tensor, before[name])}


NORMS = {"layers.1.weight", "layers.1.bias", "layers.1.running_mean", "layers.1.running_var"}
NEURONS = {"layers.2.threshold", "layers.2.leak"}
REST = {f"layers.{i}.weight" for i in (0, 3, 4, 5)} | {"layers.4.position"}
OPTIMIZERS = [
    lambda parameters: torch.optim.SGD(parameters, 0.1, momentum=0.9, weight_decay=0.1),
    lambda parameters: torch.optim.AdamW(parameters, 0.1, weight_decay=0.1),
]


@pytest.mark.parametrize("make", OPTIMIZERS, ids=["sgd", "adamw"])
@pytest.mark.parametrize("method", ["bptt", "sltt"])
@pytest.mark.parametrize(("norms", "neurons"), [(True, True), (True, False), (False, True), (False, False)])
def test_the_rest_trains(make, method, norms, neurons):
    """The optimiser was made before and holds momentum of everything."""
    model = network()
    optimizer = make(model.parameters())
    train(model, optimizer)
    before = values(model)
    free = REST | (NORMS if not norms else set()) | (NEURONS if not neurons else set())
    with frozen(model, batch_norm=norms, neurons=neurons):
        train(model, optimizer, method)
        assert moved(model, before) == free
        held = [p for name, p in model.named_parameters() if name not in free]
        assert all(p.grad is None and not p.requires_grad for p in held)
    train(model, optimizer)
    assert moved(model, before) == REST | NORMS | NEURONS


def test_an_optimiser_made_inside_leaves_them_out():
    model = network()
    with frozen(model):
        groups = make_optimizer(model, TrainConfig()).param_groups
    assert sum(len(group["params"]) for group in groups) == len(REST)


@pytest.mark.parametrize("over", ["sequence", "step"])
def test_normalisation_does_in_training_what_it_does_in_evaluation(over):
    model, (x, lengths, _) = Sequential(*network(over)[:2]), batch()
    norm = model[1]
    norm.running_mean.uniform_(-0.5, 0.5)
    with frozen(model):
        model.train()
        assert torch.equal(model(x, None, lengths)[0], evaluated(model, x))
    assert not torch.equal(model.train()(x, None, lengths)[0], evaluated(model, x))


def evaluated(model, x):
    y = model.eval()(x)[0]
    model.train()
    return y


def test_everything_is_as_it_was_behind_the_block():
    """Nested, after an error, and where something did not learn before."""
    model = network()
    model[2].leak.requires_grad_(False)
    model[1].weight.grad = torch.ones(8)
    with pytest.raises(KeyboardInterrupt):
        with frozen(model):
            with frozen(model, neurons=False):
                assert not model[1].weight.requires_grad
            assert model[1].frozen and model[1].weight.grad is None and not model[2].threshold.requires_grad
            raise KeyboardInterrupt
    learning = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert learning == {"layers.2.leak"} and not model[1].frozen
    assert torch.equal(model[1].weight.grad, torch.ones(8))


def test_neurons_within_a_layer_of_ones_own():
    model = Sequential(Gated(3, 4), Linear(4, 3), LeakyReadout())
    model[0].fire = LIF(1.5, **LEARNED)
    model[0].threshold = nn.Parameter(torch.ones(()))
    with frozen(model):
        held = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert held == {"layers.0.threshold", "layers.0.fire.threshold", "layers.0.fire.leak"}


def test_refusals():
    model = Sequential(Gated(3, 4))
    model[0].norm = nn.BatchNorm1d(4)
    with pytest.raises(
        ValueError, match=r"batch_norm must be False .* got True and layers.0.norm \(BatchNorm1d\)"
    ):
        with frozen(model):
            pass
    with frozen(model, batch_norm=False):
        pass
    for name in ("batch_norm", "neurons"):
        with pytest.raises(ValueError, match=f"{name} must be True or False, got 'all'"):
            with frozen(network(), **{name: "all"}):
                pass


def test_what_is_no_model():
    with pytest.raises(TypeError, match="^model must be a module of torch, got 3$"), frozen(3):
        pass


def test_a_frozen_norm_over_sequences_may_train_step_by_step():
    model, config = (
        Sequential(Linear(3, 2), BatchNorm(2)),
        TrainConfig(method="sltt", loss="step_cross_entropy"),
    )
    with pytest.raises(ValueError, match="over of layers.1 .BatchNorm. must be 'step'"):
        check_method(model, config)
    with frozen(model):
        check_method(model, config)

"""A step of the optimiser: the user's hook, the check, clipping, the schedule; in this order."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from own_parts import Momentum, loader, own_network

from snn.train import (
    OnGradients,
    OptimizerMaker,
    TrainConfig,
    fit,
    learning_rate,
    make_optimizer,
    parameter_groups,
)
from snn.train.schedules import set_step

ONE = TrainConfig(epochs=1, loss="step_cross_entropy")


def rates(config: TrainConfig) -> list[float]:
    """The learning rate of the weights in each of four steps an epoch."""
    seen: list[float] = []

    def make(groups: Any) -> torch.optim.Optimizer:
        made = torch.optim.SGD(groups)
        made.register_step_pre_hook(lambda o, *_: seen.append(o.param_groups[0]["lr"]))
        return made

    fit(own_network(), loader(), loader(), config, optimizer=make)
    return seen


def test_a_hook_is_called_once_a_step_before_clipping():
    norms, seen = [], []

    def triple(model: Any) -> None:
        for p in model.parameters():
            p.grad.mul_(1000)
        seen.append(norm(model))

    def norm(model: Any) -> float:
        return math.sqrt(sum(float(p.grad.square().sum()) for p in model.parameters()))

    model = own_network()

    def make(groups: Any) -> torch.optim.Optimizer:
        made = torch.optim.SGD(groups, lr=0.0)
        made.register_step_pre_hook(lambda *_: norms.append(norm(model)))
        return made

    config = TrainConfig(epochs=2, loss="step_cross_entropy", clip_norm=0.25, accumulate=3)
    fit(model, loader(), loader(), config, on_gradients=triple, optimizer=make)
    assert len(seen) == len(norms) == 8
    assert min(seen) > 0.25 and norms == pytest.approx([0.25] * 8, rel=1e-4)


def test_small_gradients_are_not_scaled_up():
    states = []
    for clip in (None, 1e9):
        model = own_network()
        fit(model, loader(), loader(), TrainConfig(epochs=1, loss="step_cross_entropy", clip_norm=clip))
        states.append(model.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_hook_that_breaks_gradients_is_found_before_the_step():
    model = own_network()
    before = model[0].weight.clone()

    def spoil(model: Any) -> None:
        model[0].weight.grad[0, 0] = math.inf

    hook: OnGradients = spoil
    with pytest.raises(FloatingPointError, match="its gradient is not finite in epoch 0, batch 1"):
        fit(model, loader(), loader(), ONE, on_gradients=hook)
    assert torch.equal(model[0].weight, before)


def test_a_hook_sees_model_and_settings_first_and_may_refuse():
    class Picky(Momentum):
        def check(self, model: Any, config: Any) -> None:
            raise ValueError(f"layers must be 3, got {len(model)} with {config.loss}")

    with pytest.raises(ValueError, match="layers must be 3, got 7 with step_cross_entropy"):
        fit(own_network(), loader(), loader(), ONE, on_gradients=Picky())


class Half:
    def __call__(self, model: Any) -> None: ...

    def state_dict(self) -> dict[str, Any]:
        return {}


class Odd(Momentum):
    def state_dict(self) -> dict[str, Any]:
        return {"place": {1, 2}}


def test_hooks_that_cannot_be_kept_are_refused(tmp_path):
    with pytest.raises(ValueError, match="on_gradients must be a function of the model, got 3"):
        fit(own_network(), loader(), loader(), ONE, on_gradients=3)
    with pytest.raises(
        ValueError, match=r"on_gradients must be with both of state_dict\(\) and load_state_dict"
    ):
        fit(own_network(), loader(), loader(), ONE, on_gradients=Half())
    message = (
        r"on_gradients\['place'\] must be a tensor, a number, .* to be kept in a checkpoint, got \{1, 2\}"
    )
    with pytest.raises(ValueError, match=message):
        fit(own_network(), loader(), loader(), ONE, on_gradients=Odd(), out=tmp_path)


def test_what_is_no_optimiser_is_refused():
    with pytest.raises(
        ValueError, match="optimizer must be a function that gives a torch.optim.Optimizer, got 3"
    ):
        fit(own_network(), loader(), loader(), ONE, optimizer=lambda groups: 3)


def test_every_parameter_that_learns_is_in_a_group_with_a_role():
    model = own_network()
    model[0].weight.requires_grad_(False)
    groups = parameter_groups(model, TrainConfig(lr=0.1, delay_lr=0.2, weight_decay=0.3))
    seen = [(group["role"], len(group["params"]), group["lr"], group["weight_decay"]) for group in groups]
    assert seen == [("weights", 2, 0.1, 0.3), ("plain", 2, 0.1, 0.0), ("delays", 1, 0.2, 0.0)]
    make: OptimizerMaker = torch.optim.RMSprop
    assert type(make_optimizer(model, TrainConfig(), make)) is torch.optim.RMSprop


def test_settings_reach_the_optimiser():
    sgd = make_optimizer(own_network(), TrainConfig(optimizer="sgd", momentum=0.5))
    assert [group["momentum"] for group in sgd.param_groups] == [0.5] * 3
    adam = make_optimizer(own_network(), TrainConfig(betas=(0.8, 0.95), eps=1e-6, schedule="constant"))
    assert [(group["betas"], group["eps"]) for group in adam.param_groups] == [((0.8, 0.95), 1e-6)] * 3
    set_step(adam, TrainConfig(betas=(0.8, 0.95), schedule="constant"), 0, 0, 4)
    assert [group["betas"] for group in adam.param_groups] == [(0.8, 0.95)] * 3


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "steps", "constant"])
def test_rates_move_by_epoch_or_by_step(schedule):
    by_epoch = TrainConfig(epochs=5, schedule=schedule, loss="step_cross_entropy")
    assert rates(by_epoch) == [learning_rate(epoch, by_epoch)[0] for epoch in range(5) for _ in range(4)]
    by_step = TrainConfig(epochs=5, schedule=schedule, loss="step_cross_entropy", schedule_by="step")
    assert rates(by_step) == [learning_rate(step, by_step, 20)[0] for step in range(20)]


def test_one_cycle_by_step_is_torchs():
    config = TrainConfig(epochs=5, loss="step_cross_entropy", schedule_by="step")
    other = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9)
    theirs = torch.optim.lr_scheduler.OneCycleLR(other, config.lr, total_steps=20)
    expected = []
    for _ in range(20):
        expected.append(theirs.get_last_lr()[0])
        other.step()
        theirs.step()
    assert rates(config) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("by", ["epoch", "step"])
def test_rates_warm_up(by):
    config = TrainConfig(epochs=3, schedule="cosine", loss="step_cross_entropy", schedule_by=by)
    cold = rates(config)
    warm = rates(TrainConfig(**{**vars_of(config), "warmup_steps": 6}))
    shares = [min(1.0, (step + 1) / 6) for step in range(12)]
    assert warm == [share * rate for share, rate in zip(shares, cold, strict=True)]


def vars_of(config: TrainConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in config.__dataclass_fields__}

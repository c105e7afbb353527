"""Pieces of a method inside steps: as long as what a step keeps allows, so that memory does not grow with time."""

from __future__ import annotations

import itertools

import pytest
import torch

from snn.nn import (
    LIF,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    DelayLinear,
    Dropout,
    Flatten,
    LeakyReadout,
    Linear,
    RecurrentLIF,
    Residual,
    Sequential,
    resnet18,
    vgg,
)
from snn.train import TrainConfig, backward, step_memory
from snn.train.step_memory import kept_per_step, steps_at_a_time


def images() -> Sequential:
    inner = Sequential(Conv2d(4, 4, 3, padding=1), BatchNorm(4, "step"), LIF(1.1))
    return Sequential(
        Conv2d(2, 4, 3, padding=1), BatchNorm(4, "step"), LIF(1.1), Dropout(0.2), Residual(inner), AvgPool2d(2),
        Flatten(), Linear(4 * 36, 5),
    )  # fmt: skip


def words() -> Sequential:
    return Sequential(
        DelayLinear(48, 96, 4),
        BatchNorm(96, "step"),
        LIF(1.1),
        RecurrentLIF(96, 3),
        Linear(96, 5),
        LeakyReadout(),
    )


NETS = {
    "images": (images, (2, 12, 12)),
    "words": (words, (48,)),
    "resnet": (lambda: resnet18(2, 5, width=2), (2, 12, 12)),
}


class Held:
    """A tensor kept for backward, in a tally of the bytes that are kept."""

    now = most = 0

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor, self.size = tensor, tensor.numel() * tensor.element_size()
        Held.now += self.size
        Held.most = max(Held.most, Held.now)

    def __del__(self) -> None:
        Held.now -= self.size


def most_kept(model: Sequential, x: torch.Tensor, config: TrainConfig) -> int:
    """Bytes kept for backward at most, while a batch runs."""
    Held.now = Held.most = 0
    with torch.autograd.graph.saved_tensors_hooks(Held, lambda held: held.tensor):
        backward(model, x, torch.full((x.shape[1],), len(x)), torch.arange(x.shape[1]) % 5, config)
    return Held.most


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("k", [None, 4])
def test_memory_does_not_grow_with_time(net: str, k: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nets of every kind of layer, a small budget and few steps, fewer than the pieces of a small network have."""
    make, shape = NETS[net]
    torch.manual_seed(0)
    model, config = make().train(), TrainConfig(method="sltt", loss="step_cross_entropy", k=k)
    x = (torch.rand(48, 6, *shape) < 0.3).float()
    monkeypatch.setattr(step_memory, "BUDGET", (1 if net == "words" else 4) * kept_per_step(model, x))
    monkeypatch.setattr(torch, "randperm", lambda n: torch.arange(n))  # the k steps that learn are the first
    short, long = (most_kept(model, x[:steps], config) for steps in (16, 48))
    assert 0 < long < 1.2 * short
    assert long < 0.5 * most_kept(model, x, TrainConfig(loss="step_cross_entropy", method="sltt", chunk=48))


def test_small_networks_run_in_pieces_of_fifty_steps_and_large_ones_step_by_step() -> None:
    sizes, layers = (700, 256, 256, 20), []
    for n_in, n_out in itertools.pairwise(sizes):
        layers += [Linear(n_in, n_out), BatchNorm(n_out, "step"), LIF(1.1)]
    x = torch.zeros(200, 128, 700)
    assert [steps_at_a_time(Sequential(*layers), x, marked) for marked in (False, True)] == [50, 100]
    deep, frames = vgg("vgg11", 2, 10), torch.zeros(24, 16, 2, 48, 48)
    assert [steps_at_a_time(deep, frames, marked) for marked in (False, True)] == [1, 1]
    assert steps_at_a_time(deep, frames[:1], False) == 1
    hidden = [
        part
        for n in (140, 512, 512)
        for part in (DelayLinear(n, 512, 30), BatchNorm(512, "step"), LIF(1.005))
    ]
    assert steps_at_a_time(Sequential(*hidden, Linear(512, 35)), torch.zeros(100, 128, 140), False) == 50


def test_a_step_keeps_what_its_layers_give() -> None:
    model, x = images(), torch.zeros(3, 6, 2, 12, 12)
    of_images = (
        7 * 4 * 144 + 4 * 36
    )  # conv, norm, neurons, twice, their join; pooled, of which Flatten is a view
    assert kept_per_step(model, x) == 4 * 6 * (of_images + 5)
    assert kept_per_step(model.double(), x.double()) == 8 * 6 * (of_images + 5)


def test_looking_changes_nothing() -> None:
    """Neither numbers, nor modes, nor statistics, nor hooks, nor the random numbers that come next."""
    torch.manual_seed(0)
    model = images().train()
    model[1].eval()
    x = (torch.rand(5, 6, 2, 12, 12) < 0.3).float()
    modes = [part.training for part in model.modules()]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    kept_per_step(model, x)
    assert [part.training for part in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(part._forward_hooks for part in model.modules())


def test_the_pieces_depend_on_shapes_alone() -> None:
    """A run that is resumed, with other weights by then, has the pieces of an uncut one."""
    sizes = set()
    for scale in (0.0, 1.0, 50.0):
        model = images()
        for parameter in model.parameters():
            parameter.data.mul_(scale)
        sizes.add(kept_per_step(model, torch.rand(3, 6, 2, 12, 12) * scale))
    assert len(sizes) == 1


def test_traces_halve_the_pieces():
    """A trace of a layer's input lies beside it."""
    model = Sequential(Linear(64, 4096), LIF(), Linear(4096, 4096), LIF())
    x = torch.zeros(60, 32, 64)
    plain, traced = (steps_at_a_time(model, x, False, with_traces) for with_traces in (False, True))
    assert 1 < plain < 50 and traced == plain // 2

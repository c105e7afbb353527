"""Laws of the gradient methods: where step-local gradients equal those through time, and what may not change them.

Source: Meng et al., "Towards Memory- and Time-Efficient Backpropagation for Training SNNs" (SLTT), 2023.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from double import in_float64  # noqa: F401 - a fixture of every test here
from torch import Tensor

from snn import nn
from snn.kernels.step_local import local_in_time
from snn.train import LOSSES, TrainConfig, methods

BPTT = TrainConfig(method="bptt", loss="step_cross_entropy")
SLTT = TrainConfig(method="sltt", loss="step_cross_entropy")
Given = tuple[Tensor, Tensor, Tensor]


def paper_net(tau: float) -> nn.Sequential:
    neuron = {"decay_input": False, "reset": "soft", "surrogate": "triangle"}
    return nn.Sequential(nn.Linear(30, 40), nn.LIF(tau, **neuron), nn.Linear(40, 10), nn.LIF(tau, **neuron))


def static_input(steps: int, batch: int = 32) -> Given:
    x = torch.randn(batch, 30).expand(steps, batch, 30)
    return x, torch.full((batch,), steps), torch.randint(0, 10, (batch,))


def spikes(steps: int, batch: int = 6, features: int = 12) -> Given:
    x = (torch.rand(steps, batch, features) < 0.3).double()
    return x, torch.randint(1, steps + 1, (batch,)), torch.randint(0, 5, (batch,))


def gradients(model: nn.Sequential, given: Given, config: TrainConfig, seed: int = 0) -> list[Tensor]:
    torch.manual_seed(seed)
    model.train()
    model.zero_grad()
    methods.backward(model, *given, config)
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


def compare(model: nn.Sequential, given: Given) -> tuple[float, float]:
    """Cosine and relative gap of the first layer's gradient, SLTT against BPTT."""
    full, local = (gradients(model, given, config)[0].flatten() for config in (BPTT, SLTT))
    return float(torch.cosine_similarity(full, local, 0)), float((full - local).norm() / full.norm())


@pytest.mark.parametrize("tau", [1.0, 1.1, 1.25, 2.0, 5.0])
def test_one_step_is_exact(tau: float) -> None:
    _, gap = compare(paper_net(tau), static_input(1))
    assert gap < 1e-14


@pytest.mark.parametrize("steps", [1, 6, 20])
def test_without_memory_it_is_exact(steps: int) -> None:
    _, gap = compare(paper_net(1.0), static_input(steps))
    assert gap < 1e-14


@pytest.mark.parametrize("steps", [6, 20])
def test_little_is_lost_at_the_papers_leak(steps: int) -> None:
    cosine, gap = compare(paper_net(1.1), static_input(steps))
    assert cosine > 0.999
    assert 0.005 < gap < 0.1


def test_more_is_lost_with_longer_memory() -> None:
    gaps = []
    for tau in (1.1, 1.25, 2.0, 5.0):
        torch.manual_seed(0)
        gaps.append(compare(paper_net(tau), static_input(6))[1])
    assert gaps == sorted(gaps)
    assert gaps[-1] > 3 * gaps[0]


def test_one_backward_of_the_summed_loss_gives_the_same() -> None:
    model, (x, lengths, label) = paper_net(2.0), static_input(6)
    online = gradients(model, (x, lengths, label), dataclasses.replace(SLTT, chunk=1))
    model.zero_grad()
    with local_in_time():
        y, _ = model(x, None, lengths)
    each = [torch.nn.functional.cross_entropy(y_t, label) for y_t in y]
    (sum(each) / len(each)).backward()
    for mine, parameter in zip(online, model.parameters(), strict=True):
        torch.testing.assert_close(mine, parameter.grad, rtol=1e-12, atol=1e-14)


def test_all_steps_drawn_are_all_steps() -> None:
    model, given = paper_net(2.0), static_input(6)
    for drawn, every in zip(
        gradients(model, given, dataclasses.replace(SLTT, k=6)), gradients(model, given, SLTT), strict=True
    ):
        assert torch.equal(drawn, every)


@pytest.mark.parametrize("rescale", [False, True])
def test_drawn_steps_are_all_steps_on_average(rescale: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    model, given = paper_net(2.0), static_input(4)
    config = dataclasses.replace(SLTT, k=2, rescale_k=rescale)
    total = [torch.zeros_like(p) for p in model.parameters()]
    subsets = list(itertools.combinations(range(4), 2))
    for subset in subsets:
        order = torch.tensor([*subset, *(t for t in range(4) if t not in subset)])
        monkeypatch.setattr(methods.torch, "randperm", lambda n, order=order: order)
        for sum_, g in zip(total, gradients(model, given, config), strict=True):
            sum_ += g / len(subsets)
    for mean, every in zip(total, gradients(model, given, SLTT), strict=True):
        torch.testing.assert_close(mean * (1 if rescale else 2), every, rtol=1e-12, atol=1e-14)


def linear_net() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(12, 16, bias=True),
        nn.BatchNorm(16, over="step"),
        nn.LIF(1.5, decay_input=False, surrogate="atan"),
        nn.Dropout(0.3),
        nn.Linear(16, 5),
        nn.LeakyReadout(2.0),
    )


def delay_net(mode: nn.DelayMode) -> Callable[[], nn.Sequential]:
    return lambda: nn.Sequential(
        nn.Linear(12, 12),
        nn.LIF(1.5, reset="hard_next_step", surrogate="atan"),
        nn.DelayLinear(12, 16, max_delay=4, mode=mode, kernel_count=2),
        nn.LIF(1.5, reset="soft", surrogate="sigmoid"),
        nn.Linear(16, 5),
        nn.LeakyReadout(2.0),
    )


def recurrent_net() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(12, 16), nn.RecurrentLIF(16, 4, tau=1.5), nn.Linear(16, 5), nn.LeakyReadout(2.0)
    )


def convolutional_net() -> nn.Sequential:
    """Of the same inputs, as a strip of pixels."""
    neuron = {"reset": "soft", "surrogate": "triangle"}
    return nn.Sequential(
        Strip(),
        nn.Conv2d(1, 4, (1, 3), padding=(0, 1)),
        nn.BatchNorm(4, over="step"),
        nn.LIF(1.5, **neuron),
        nn.AvgPool2d((1, 2)),
        nn.Residual(nn.Sequential(nn.Conv2d(4, 4, (1, 3), padding=(0, 1)), nn.LIF(1.3, **neuron))),
        nn.Flatten(),
        nn.Linear(24, 5),
        nn.LeakyReadout(2.0),
    )


class Strip(nn.Layer):
    """Lay out [T, B, N] as images of one row [T, B, 1, 1, N]."""

    def config(self) -> dict[str, Any]:
        return {}

    def forward(
        self, x: Tensor, state: tuple[()] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[()]]:
        return x[:, :, None, None], ()


NETS = {
    "linear": linear_net,
    "convolutional": convolutional_net,
    "gauss": delay_net("gauss"),
    "two_taps": delay_net("linear"),
    "integer": delay_net("integer"),
    "recurrent": recurrent_net,
}


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("chunk", [1, 3, 7])
def test_pieces_do_not_change_step_local_gradients(net: str, chunk: int) -> None:
    model, given = NETS[net](), spikes(11)
    whole = gradients(model, given, dataclasses.replace(SLTT, chunk=11))
    parts = gradients(model, given, dataclasses.replace(SLTT, chunk=chunk))
    for a, b in zip(whole, parts, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)
    assert any(g.abs().sum() > 0 for g in whole)


@pytest.mark.parametrize("net", ["linear", "convolutional", "recurrent"])
@pytest.mark.parametrize(
    "config", [BPTT, SLTT, dataclasses.replace(SLTT, k=4), dataclasses.replace(SLTT, chunk=3)]
)
def test_the_same_label_in_every_step_is_the_label_of_the_sample(net: str, config: TrainConfig) -> None:
    model, (x, lengths, label) = NETS[net](), spikes(11)
    once = gradients(model, (x, lengths, label), config)
    each = gradients(model, (x, lengths, label.repeat(11, 1)), config)
    for a, b in zip(once, each, strict=True):
        assert torch.equal(a, b)
    assert any(g.abs().sum() > 0 for g in once)


def shared_net() -> nn.Sequential:
    """Spikes that two ways read, so few that products go by events."""
    ways = (nn.Sequential(nn.Linear(40, 30), nn.LIF(1.5, surrogate="atan")) for _ in range(2))
    block = nn.Residual(*ways)
    return nn.Sequential(nn.Linear(12, 40), nn.LIF(1.5, v_th=1.5), block, nn.Linear(30, 5), nn.LIF(1.5))


@pytest.mark.parametrize("net", [*NETS, "shared"])
@pytest.mark.parametrize(("chunk", "ragged"), [(None, True), (4, True), (None, False), (4, False)])
def test_drawn_steps_learn_as_if_the_loss_had_no_others(
    net: str, chunk: int | None, ragged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels skip the other steps; without marks, and with those steps out of the loss, gradients are the same."""
    torch.manual_seed(3)
    model = (shared_net if net == "shared" else NETS[net])()
    x, lengths, label = spikes(11)
    lengths = lengths if ragged else torch.full_like(lengths, 11)
    x *= torch.rand_like(x) < 0.5
    drawn = torch.tensor([1, 2, 6, 10])
    others = torch.tensor([t for t in range(11) if t not in drawn])
    monkeypatch.setattr(methods.torch, "randperm", lambda n: torch.cat([drawn, others]))
    mine = gradients(model, (x, lengths, label), dataclasses.replace(SLTT, k=4, chunk=chunk))
    torch.manual_seed(0)
    model.zero_grad()
    with local_in_time():
        y, _ = model(x, None, lengths)
    each = LOSSES.find(SLTT.loss).of_steps(y, torch.arange(11)[:, None] < lengths, label)
    own = lengths > model.tail_steps  # a sample of no more than the tail has no step of its own
    (each[drawn].sum(0) / lengths)[own].mean().backward()
    learned = [p.grad for p in model.parameters() if p.grad is not None]
    assert any(g.abs().sum() > 0 for g in learned)
    for a, b in zip(mine, learned, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("net", NETS)
def test_no_gradient_crosses_a_step(net: str) -> None:
    """The loss of the last step alone has no gradient at earlier inputs, for layers that would carry it."""
    model = NETS[net]().train()
    x = (torch.rand(6, 3, 12) < 0.4).double().requires_grad_()
    with local_in_time():
        y, _ = model(x)
    y[-1].square().sum().backward()
    assert x.grad is not None
    assert x.grad[:-1].abs().sum() == 0


def test_batch_norm_moves_its_statistics_once_a_step() -> None:
    model, (x, lengths, label) = linear_net(), spikes(5)
    lengths = torch.full_like(lengths, 5)
    drive = model[0](x)[0].detach()
    for k in (None, 2):
        model[1].running_mean.zero_()
        gradients(model, (x, lengths, label), dataclasses.replace(SLTT, k=k))
        mean = torch.zeros(16)
        for step in drive:
            mean = 0.9 * mean + 0.1 * step.mean(0)
        torch.testing.assert_close(model[1].running_mean, mean)


@pytest.mark.parametrize("config", [SLTT, dataclasses.replace(BPTT, chunk=4)])
def test_statistics_over_the_sequence_are_refused(config: TrainConfig) -> None:
    model = nn.Sequential(nn.Linear(12, 5), nn.BatchNorm(5), nn.LIF())
    with pytest.raises(ValueError, match=r"over of layers.1 \(BatchNorm\) must be 'step' .*, got 'sequence'"):
        methods.check_method(model, config)


def test_a_loss_of_the_whole_sequence_is_refused() -> None:
    with pytest.raises(ValueError, match="loss must be a sum over steps for method 'sltt'"):
        TrainConfig(method="sltt", loss="softmax_sum")


def test_truncated_bptt_cuts_at_its_chunks() -> None:
    """Within a chunk the gradient is BPTT's of those steps from a constant state."""
    model, (x, lengths, label) = paper_net(2.0), static_input(6, batch=4)
    cut = gradients(model, (x, lengths, label), dataclasses.replace(BPTT, chunk=3))
    model.zero_grad()
    y, state = model(x[:3])
    constant = tuple(part._replace(v=part.v.detach()) if part else () for part in state)
    y = torch.cat([y, model(x[3:], constant)[0]])
    torch.stack([torch.nn.functional.cross_entropy(y_t, label) for y_t in y]).mean().backward()
    for mine, parameter in zip(cut, model.parameters(), strict=True):
        torch.testing.assert_close(mine, parameter.grad)

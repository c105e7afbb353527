"""Memory and exactness of the gradient methods."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from snn import nn
from snn.train import LOSSES, BatchResult, Loss, TrainConfig, methods

BPTT = TrainConfig(method="bptt", loss="step_cross_entropy")
SLTT = TrainConfig(method="sltt", loss="step_cross_entropy")


def net(delayed: bool = True) -> nn.Sequential:
    torch.manual_seed(0)
    first = nn.DelayLinear(30, 40, max_delay=6, mode="linear") if delayed else nn.Linear(30, 40)
    return nn.Sequential(
        first,
        nn.BatchNorm(40, over="step"),
        nn.LIF(2.0, detach_reset=True),
        nn.Dropout(0.2),
        nn.RecurrentLIF(40, 3),
        nn.Linear(40, 5),
        nn.LeakyReadout(2.0),
    )


def batch(steps: int) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    x = (torch.rand(steps, 8, 30) < 0.2).float()
    return x, torch.full((8,), steps), torch.randint(0, 5, (8,))


def peak_saved(model: nn.Sequential, steps: int, config: TrainConfig) -> int:
    """Largest number of bytes, the input's apart, that graphs hold at one time while gradients are made."""
    held, peak = {}, 0
    given = batch(steps)
    inputs = given[0].untyped_storage().data_ptr()

    class Held:
        def __init__(self, tensor: Tensor) -> None:
            nonlocal peak
            self.tensor, self.key = tensor, id(self)
            storage = tensor.untyped_storage()
            if storage.data_ptr() != inputs:
                held[self.key] = (storage.data_ptr(), storage.nbytes())
            peak = max(peak, sum(dict(held.values()).values()))  # what several nodes share counts once

        def __del__(self) -> None:
            held.pop(self.key, None)

    with torch.autograd.graph.saved_tensors_hooks(Held, lambda kept: kept.tensor):
        methods.backward(model, *given, config)
    return peak


@pytest.mark.parametrize(("delayed", "few"), [(False, 50), (True, 100)])
def test_memory_of_step_local_gradients_does_not_grow_with_steps(delayed: bool, few: int) -> None:
    """A delay line brings what lies before a piece to all but the first: so two pieces at least."""
    model = net(delayed=delayed).train()
    bytes_ = {
        (config.method, steps): peak_saved(model, steps, config)
        for config in (SLTT, BPTT)
        for steps in (few, 800)
    }
    assert bytes_["sltt", 800] <= 1.1 * bytes_["sltt", few]
    assert bytes_["bptt", 800] > 0.75 * (800 / few) * bytes_["bptt", few]


def test_steps_that_do_not_learn_are_not_kept() -> None:
    model = nn.Sequential(
        nn.Linear(30, 40), nn.BatchNorm(40, over="step"), nn.LIF(2.0), nn.Linear(40, 5), nn.LIF(2.0)
    )
    few, every = (
        peak_saved(model.train(), 100, dataclasses.replace(SLTT, k=k, chunk=100)) for k in (5, None)
    )
    assert few < 0.3 * every


def test_gradients_add_up_and_lie_as_their_weights_do() -> None:
    """Pieces turn weights in memory while they run; tools that flatten parameters see nothing of it."""
    model = net(delayed=False).eval()
    methods.backward(model, *batch(30), SLTT)
    learned = [p for p in model.parameters() if p.grad is not None]
    once = [p.grad.clone() for p in learned]
    methods.backward(model, *batch(30), SLTT)
    for single, parameter in zip(once, learned, strict=True):
        torch.testing.assert_close(parameter.grad, 2 * single)
        assert parameter.is_contiguous() and parameter.grad.is_contiguous()


def test_recomputing_gives_the_whole_gradient_in_less_memory() -> None:
    model = net()
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    found = []
    for config in (dataclasses.replace(BPTT, chunk=40), dataclasses.replace(BPTT, chunk=7, recompute=True)):
        model.load_state_dict(start)
        model.train().zero_grad()
        torch.manual_seed(2)
        found.append(
            (peak_saved(model, 40, config), [p.grad.clone() for p in model.parameters()], model.state_dict())
        )
    (whole, exact, after), (less, again, same) = found
    for a, b in zip(exact, again, strict=True):
        torch.testing.assert_close(a, b)
    for name in after:
        torch.testing.assert_close(after[name], same[name])
    assert less < whole / 2


@pytest.mark.parametrize(
    "setting",
    [{"recompute": True}, {"recompute": True, "chunk": 4, "method": "sltt", "loss": "step_cross_entropy"}],
)
def test_recomputing_needs_pieces_of_bptt(setting: dict[str, object]) -> None:
    with pytest.raises(
        ValueError, match="recompute must be False unless method is 'bptt' and chunk is given"
    ):
        TrainConfig(**setting)


@pytest.mark.parametrize("config", [BPTT, SLTT, dataclasses.replace(BPTT, chunk=4)])
def test_what_a_pass_finds_does_not_depend_on_the_pieces(config: TrainConfig) -> None:
    """Mean loss of a sample and scores without graph, as the whole outputs have them."""
    model, given = net().eval(), batch(10)
    found = methods.backward(model, *given, config)
    loss: Loss = LOSSES.find(config.loss)
    y, _ = model(given[0], None, given[1])
    assert isinstance(found, BatchResult)
    assert found.loss == pytest.approx(loss.per_sample(y, *given[1:]).mean().item(), rel=1e-5)
    torch.testing.assert_close(found.score, loss.score(y, given[1]).detach())
    assert not found.score.requires_grad

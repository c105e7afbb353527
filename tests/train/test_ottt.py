"""Online training through time in use: hooks, neurons of one's own, refusals, runs that go on, memory."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from double import in_float64  # noqa: F401 - a fixture of every test here
from online import (
    BPTT,
    OTTT,
    SLTT,
    assert_same,
    convolutional,
    delayed,
    gradients,
    perceptron,
    spikes,
)
from torch import Tensor

from snn import nn
from snn.train import TrainConfig, fit, methods
from snn.train.traces import trace_decays


def test_weights_that_are_transformed_learn_through_their_transform() -> None:
    model, given = perceptron(2.0, 2.0), spikes()
    plain = gradients(model, given)
    with torch.no_grad():
        model[2].weight.mul_(0.5)
    model[2].weight_transform = lambda w: 2 * w
    twice = gradients(model, given)
    torch.testing.assert_close(twice["layers.2.weight"], 2 * plain["layers.2.weight"], rtol=1e-12, atol=1e-14)


def test_a_hook_sees_the_traces_and_may_change_what_weights_learn_from() -> None:
    """What orthogonal projection needs: the traces themselves, and other ones in their place."""
    model, given = perceptron(2.0, 3.0, out=nn.LeakyReadout(2.0)), spikes(11)
    plain = gradients(model, given)
    seen: list[Tensor] = []
    model[2].gradient_input = lambda a: seen.append(a) or a  # type: ignore[func-returns-value]
    assert_same(plain, gradients(model, given, dataclasses.replace(OTTT, chunk=4)), rtol=1e-10)
    model[2].gradient_input = None
    sent: list[Tensor] = []
    handle = model[1].register_forward_hook(lambda _, __, out: sent.append(out[0].detach()))
    gradients(model, given)
    handle.remove()
    want, trace = [], torch.zeros(6, 20)
    for s in sent[-1]:
        trace = trace * (1 - 1 / 3) + s
        want.append(trace)
    torch.testing.assert_close(torch.cat(seen), torch.stack(want), rtol=1e-14, atol=0.0)
    assert [len(a) for a in seen] == [4, 4, 3] and not seen[0].requires_grad
    q, _ = torch.linalg.qr(torch.randn(20, 6))
    for config in (OTTT, SLTT, BPTT):
        free = gradients(model, given, config)
        model[2].gradient_input = lambda a: a - a @ q @ q.T
        held = gradients(model, given, config)
        model[2].gradient_input = None
        g = free["layers.2.weight"]
        torch.testing.assert_close(held.pop("layers.2.weight"), g - g @ q @ q.T, rtol=1e-10, atol=1e-13)
        assert_same(held, {name: free[name] for name in held})


def test_a_hook_of_convolutions_and_delays() -> None:
    given = spikes()
    for make, place in ((convolutional, 6), (delayed("linear"), 2)):
        model = make()
        plain = gradients(model, given)
        name = f"layers.{place}"
        model[place].gradient_input = lambda a: 3 * a
        tripled = gradients(model, given, dataclasses.replace(OTTT, chunk=4))
        for key in plain:
            factor = 3 if key.startswith(f"{name}.") else 1
            torch.testing.assert_close(tripled[key], factor * plain[key], rtol=1e-10, atol=1e-13)
    with pytest.raises(
        ValueError, match="gradient_input of DelayLinear must be None, or a function that gives"
    ):
        gradients(model, given, BPTT)
    model[place].gradient_input = lambda a: a
    gradients(model, given, BPTT)
    model[place].gradient_input = lambda a: a[1:]
    with pytest.raises(
        ValueError, match=r"gradient_input must keep the shape \[9, 6, 14\] of what it got, got"
    ):
        gradients(model, given, BPTT)
    with torch.no_grad():
        model(given[0])  # nothing learns: it is not called


class Own(nn.Layer):
    def config(self) -> dict[str, Any]:
        return {}

    def forward(
        self, x: Tensor, state: Any = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[()]]:
        return x, ()


class OwnWeights(Own):
    trace_decay = None

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(12, 1))


class OwnNeurons(nn.SteppedNeuron):
    """Integrators that lose a fifth in a step."""

    trace_decay = 0.8

    def at_rest(self, x: Tensor) -> tuple[Tensor]:
        return (torch.zeros_like(x),)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, tuple[Tensor]]:
        v = 0.8 * state[0] + x
        return v, (v,)


def test_neurons_of_ones_own_say_how_they_decay() -> None:
    model, given = perceptron(2.0, out=OwnNeurons()), spikes()
    assert list(trace_decays(model).values()) == [0.8]
    name = "layers.2.weight"
    online, through = (gradients(model, given, config)[name] for config in (OTTT, BPTT))
    torch.testing.assert_close(online, through, rtol=1e-12, atol=1e-14)
    OwnNeurons.trace_decay = 1.2
    try:
        with pytest.raises(
            ValueError, match=r"trace_decay of layers.3 \(OwnNeurons\) must be .* <= 1, got 1.2"
        ):
            trace_decays(model)
    finally:
        OwnNeurons.trace_decay = 0.8


SHARED = nn.Linear(12, 12)
REFUSED: dict[str, tuple[list[nn.Layer], str]] = {
    "recurrent": ([nn.RecurrentLIF(12, 3)], "layers.0 of the model must be made of .*, got 'RecurrentLIF'"),
    "currents": ([nn.LIF(tau_syn=3.0)], r"tau_syn of layers.0 \(LIF\) must be None .*, got 3.0"),
    "leak": (
        [nn.LeakyReadout(syn_leak=0.5)],
        r"syn_leak of layers.0 \(LeakyReadout\) must be None .*, got 0.5",
    ),
    "own": ([Own()], "layers.0 of the model must be made of LIF, .* that has a trace_decay.*, got 'Own'"),
    "weights": ([OwnWeights()], "layers.0 of the model must be made of .*, got 'OwnWeights'"),
    "twice": (
        [SHARED, nn.LIF(), SHARED],
        r"layers.0 \(Linear\) of the model must be at one place .* got 'two'",
    ),
    "statistics": ([nn.BatchNorm(12), nn.LIF()], r"over of layers.0 \(BatchNorm\) must be 'step' .*'ottt'"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_it_cannot_train_is_refused(kind: str) -> None:
    layers, message = REFUSED[kind]
    with pytest.raises(ValueError, match=message):
        methods.check_method(nn.Sequential(*layers, nn.Linear(12, 5)), OTTT)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "softmax_sum"}, "loss must be a sum over steps for method 'ottt'"),
        ({"k": 2}, "k must be None with method 'ottt', got 2"),
        ({"chunk": 2, "recompute": True}, "recompute must be False unless method is 'bptt'"),
    ],
)
def test_settings_that_do_not_go_with_it(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(OTTT, **changes)


def test_a_run_that_is_resumed_ends_with_the_same_bits(tmp_path: Path) -> None:
    torch.manual_seed(3)
    data = [spikes(8, 16, ragged=True) for _ in range(3)]
    settings = dataclasses.replace(OTTT, batch_size=16, schedule="constant", lr=0.02)

    def run(place: str, epochs: int, resume: bool = False) -> tuple[nn.Sequential, float]:
        torch.manual_seed(0)
        model = perceptron(2.0, out=nn.LeakyReadout(2.0))
        config = dataclasses.replace(settings, epochs=epochs)
        found = fit(model, data[:2], data[2:], config, out=tmp_path / place, resume=resume)
        return model, found.history[-1]["train_loss"]

    uncut, last = run("uncut", 6)
    run("cut", 4)
    resumed, _ = run("cut", 6, resume=True)
    for a, b in zip(uncut.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
    assert last < run("first", 1)[1]
    settings = dataclasses.replace(settings, method="sltt")
    with pytest.raises(ValueError, match="config method must be 'ottt' to resume .*, got 'sltt'"):
        run("cut", 6, resume=True)


def test_memory_does_not_grow_with_steps() -> None:
    """Bytes that graphs and traces keep at most, by hooks on saved tensors."""
    short, long = (most_kept(steps, OTTT) for steps in (100, 800))
    assert long <= 1.02 * short
    assert most_kept(800, BPTT) > 6 * most_kept(100, BPTT)


def most_kept(steps: int, config: TrainConfig) -> int:
    held: dict[int, int] = {}
    peak = 0

    class Held:
        def __init__(self, tensor: Tensor) -> None:
            nonlocal peak
            self.tensor = tensor
            held[id(self)] = tensor.nbytes
            peak = max(peak, sum(held.values()))

        def __del__(self) -> None:
            held.pop(id(self), None)

    with torch.autograd.graph.saved_tensors_hooks(Held, lambda kept: kept.tensor):
        gradients(perceptron(2.0, 3.0, out=nn.LeakyReadout(2.0)), spikes(steps), config)
    return peak

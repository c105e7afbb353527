"""Laws of online training through time: plain loops, the published modules, and where it equals other methods.

Source: Xiao et al., "Online Training Through Time for Spiking Neural Networks" (OTTT), 2022.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from double import in_float64  # noqa: F401 - a fixture of every test here
from online import (
    BPTT,
    NEURON,
    OTTT,
    SLTT,
    Given,
    Strip,
    assert_same,
    convolutional,
    delayed,
    gradients,
    perceptron,
    spikes,
)
from torch import Tensor
from torch.nn import functional

from snn import nn
from snn.kernels import local_in_time
from snn.train import methods
from snn.train.traces import trace_decays


def test_a_perceptron_written_out() -> None:
    """Every product by hand, nothing of ours in it: membranes, surrogates, errors, traces."""
    model, (x, lengths, label) = perceptron(2.0, 4.0, out=nn.LeakyReadout(1.5)), spikes()
    w1, w2, w3 = (model[i].weight.detach() for i in (0, 2, 4))
    want = [torch.zeros_like(w) for w in (w1, w2, w3)]
    v1, v2, y = torch.zeros(6, 20), torch.zeros(6, 16), torch.zeros(6, 5)
    a2, a3 = torch.zeros(6, 20), torch.zeros(6, 16)
    one_hot = functional.one_hot(label, 5).double()
    for x_t in x:
        v1 = 0.5 * v1 + x_t @ w1.T
        s1, h1 = (v1 >= 0.6).double(), slope(v1 - 0.6)
        v2 = 0.75 * v2 + s1 @ w2.T
        s2, h2 = (v2 >= 0.6).double(), slope(v2 - 0.6)
        v1, v2 = v1 - 0.6 * s1, v2 - 0.6 * s2
        y = y / 3 + s2 @ w3.T
        a2, a3 = 0.75 * a2 + s1, a3 / 3 + s2  # decays of the neurons that follow
        e3 = (y.softmax(1) - one_hot) / (6 * len(x))
        e2 = (e3 @ w3) * h2
        e1 = (e2 @ w2) * h1
        for total, e, a in zip(want, (e1, e2, e3), (x_t, a2, a3), strict=True):
            total += e.T @ a
    found = gradients(model, (x, lengths, label))
    assert all(g.abs().max() > 1e-4 for g in want)
    assert_same(found, dict(zip(found, want, strict=True)))


def slope(over: Tensor) -> Tensor:
    s = torch.sigmoid(4.0 * over)
    return 4.0 * s * (1 - s)


NETS: dict[str, tuple[Callable[[], nn.Sequential], dict[str, float]]] = {
    "convolutional": (
        convolutional,
        {
            "layers.5.body.layers.0": 2 / 3,
            "layers.5.shortcut.layers.0": 1 / 3,
            "layers.6": 0.75,
            "layers.10": 0.75,  # no neuron follows: that of the one before
        },
    ),
    "gauss": (delayed("gauss"), {"layers.2": 2 / 3, "layers.4": 0.5}),
    "two taps": (delayed("linear"), {"layers.2": 2 / 3, "layers.4": 0.5}),
    "integer": (delayed("integer"), {"layers.2": 2 / 3, "layers.4": 0.5}),
}


def weights_by_plain_loop(
    model: nn.Sequential, given: Given, decays: dict[str, float]
) -> dict[str, list[Tensor | None]]:
    """The gradient of each layer's parameters by its definition: errors inside steps, traces summed up by hand.

    The whole sequence runs once, step-local, so that each error is that of its own step; a layer with a trace is
    then run on that trace alone, and differentiated with the error at its output.
    """
    x, lengths, label = given
    parts = {n: m for n, m in model.named_modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.DelayLinear)}
    seen: dict[str, tuple[Tensor, Tensor]] = {}
    handles = [
        m.register_forward_hook(lambda _, args, out, n=n: seen.update({n: (args[0], out[0])}))
        for n, m in parts.items()
    ]
    torch.manual_seed(0)
    with local_in_time():
        y, _ = model.train()(x, None, lengths)
    for handle in handles:
        handle.remove()
    valid = torch.arange(len(x))[:, None] < lengths
    each = functional.cross_entropy(y.flatten(0, 1), label.repeat(len(x)), reduction="none").reshape(
        len(x), -1
    )
    loss = ((each * valid).sum(0) / lengths).mean()
    want = {}
    for name, layer in parts.items():
        entered, left = seen[name]
        (error,) = torch.autograd.grad(loss, left, retain_graph=True)
        a, trace = [], torch.zeros_like(entered[0])
        for x_t in entered.detach():
            trace = decays.get(name, 0.0) * trace + x_t
            a.append(trace)
        again, _ = layer(torch.stack(a))
        learned = [p for p in layer.parameters() if p.requires_grad]
        want[name] = list(torch.autograd.grad(again, learned, error, allow_unused=True))
    return want


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("chunk", [None, 1, 4])
@pytest.mark.parametrize("ragged", [False, True])
def test_layers_of_every_kind_by_a_plain_loop(net: str, chunk: int | None, ragged: bool) -> None:
    make, decays = NETS[net]
    model, (x, lengths, label) = make(), spikes(ragged=ragged)
    given = x, lengths.clamp(min=model.tail_steps + 1), label  # a sample of no more than the tail is left out
    want = weights_by_plain_loop(model, given, decays)
    found = gradients(model, given, dataclasses.replace(OTTT, chunk=chunk))
    for name, parts in want.items():
        names = [n for n, _ in model.get_submodule(name).named_parameters()]
        for part, expected in zip(names, parts, strict=True):
            if expected is None:  # whole delays do not learn
                assert net == "integer" and part == "position" and f"{name}.{part}" not in found
                continue
            assert expected.abs().max() > 0
            torch.testing.assert_close(
                found[f"{name}.{part}"], expected, rtol=1e-10, atol=1e-13, msg=lambda m, n=name: f"{n}: {m}"
            )


def test_the_decays_are_those_of_the_neurons_that_follow() -> None:
    for make, decays in NETS.values():
        model = make()
        names = {module: name for name, module in model.named_modules()}
        assert {names[layer]: decay for layer, decay in trace_decays(model).items()} == pytest.approx(decays)
    learned = nn.LIF(leak=0.8, learn_leak=True, **NEURON)
    model = nn.Sequential(nn.Linear(3, 3), nn.LIF(**NEURON), nn.Linear(3, 3), learned)
    assert list(trace_decays(model).values()) == [pytest.approx(0.8)]
    with torch.no_grad():
        learned.leak.fill_(0.3)
    assert list(trace_decays(model).values()) == [pytest.approx(0.3)]


def test_everything_but_weights_learns_as_in_sltt() -> None:
    model, given = convolutional(), spikes(ragged=True)
    online, local = (gradients(model, given, config) for config in (OTTT, SLTT))
    same = [name for name in online if torch.equal(online[name], local[name])]
    assert same == ["layers.1.weight", "layers.1.bias", "layers.2.weight", "layers.2.bias", "layers.10.bias"]


@pytest.mark.parametrize("out", [None, "neurons"])
@pytest.mark.parametrize("pooled", [False, True])
def test_against_the_published_modules(out: str | None, pooled: bool) -> None:
    layer = pytest.importorskip("spikingjelly.activation_based.layer")
    from spikingjelly.activation_based import neuron
    from spikingjelly.activation_based.functional.net_config import detach_net

    ours: list[nn.Layer] = [nn.Linear(12, 16), nn.LIF(2.0, **NEURON)]
    theirs: list[Any] = [torch.nn.Linear(12, 16, bias=False), neuron.OTTTLIFNode(2.0)]
    x, lengths, label = spikes(12)
    if pooled:
        x = (torch.rand(12, 6, 2, 6, 6) < 0.4).double()
        ours = [nn.Conv2d(2, 4, 3), nn.LIF(2.0, **NEURON), nn.AvgPool2d(2), nn.Conv2d(4, 16, 2)]
        theirs = [torch.nn.Conv2d(2, 4, 3, bias=False), neuron.OTTTLIFNode(2.0), torch.nn.AvgPool2d(2)]
        ours += [nn.LIF(2.0, **NEURON), nn.Flatten()]
        theirs += [torch.nn.Conv2d(4, 16, 2, bias=False), neuron.OTTTLIFNode(2.0), torch.nn.Flatten()]
    ours += [nn.Linear(16, 14), nn.LIF(2.0, **NEURON), nn.Linear(14, 5)]
    theirs += [torch.nn.Linear(16, 14, bias=False), neuron.OTTTLIFNode(2.0)]
    theirs += [torch.nn.Linear(14, 5, bias=False)]
    ours += [nn.LIF(2.0, **NEURON)] if out else []
    theirs += [neuron.OTTTLIFNode(2.0)] if out else []
    model, peer = nn.Sequential(*ours), layer.OTTTSequential(*theirs).train()
    with torch.no_grad():
        for mine, other in zip(model.parameters(), peer.parameters(), strict=True):
            other.copy_(mine)
    for x_t in x:
        y = peer(x_t)
        (functional.cross_entropy(y[0] if out else y, label) / len(x)).backward()
        detach_net(peer)
    found = gradients(model, (x, lengths, label))
    want = [p.grad for p in peer.parameters()]
    assert all(g.abs().max() > 0 for g in want)
    assert_same(found, dict(zip(found, want, strict=True)))


def test_one_step_equals_bptt() -> None:
    model = perceptron(2.0, 3.0, out=nn.LeakyReadout(2.0))
    given = spikes(1)
    assert_same(gradients(model, given), gradients(model, given, BPTT))


def test_without_memory_it_is_sltt_and_bptt() -> None:
    model, given = perceptron(1.0, 1.0), spikes()
    assert_same(gradients(model, given), gradients(model, given, SLTT))
    assert_same(gradients(model, given), gradients(model, given, BPTT))


@pytest.mark.parametrize("out", [nn.LeakyReadout(3.0), nn.LIF(3.0, v_th=0.3, **NEURON)])
def test_the_last_weights_have_the_gradient_through_time(out: nn.Layer) -> None:
    """Only their own membranes remember, without a gradient through the reset: the trace is all of that memory."""
    model, given = perceptron(2.0, 2.0, out=out), spikes(20)
    online, through, local = (gradients(model, given, config) for config in (OTTT, BPTT, SLTT))
    last = "layers.4.weight"
    torch.testing.assert_close(online[last], through[last], rtol=1e-12, atol=1e-14)
    assert (local[last] - through[last]).norm() > 0.1 * through[last].norm()
    assert (online["layers.2.weight"] - through["layers.2.weight"]).norm() > 1e-3


@pytest.mark.parametrize(
    ("last", "learned"),
    [
        ([nn.DelayLinear(20, 5, max_delay=4, mode="linear")], ["weight", "position"]),
        ([nn.DelayLinear(20, 5, max_delay=4)], ["weight", "position"]),
        ([Strip(), nn.Conv2d(1, 5, (1, 20)), nn.Flatten()], ["weight"]),
    ],
)
@pytest.mark.parametrize("chunk", [None, 3])
def test_so_have_delays_and_kernels(last: list[nn.Layer], learned: list[str], chunk: int | None) -> None:
    model = nn.Sequential(nn.Linear(12, 20), nn.LIF(2.0, **NEURON), *last, nn.LeakyReadout(3.0)).double()
    given = spikes(20)
    online, through = (
        gradients(model, given, dataclasses.replace(OTTT, chunk=chunk)),
        gradients(model, given, BPTT),
    )
    place = 3 if len(last) > 1 else 2
    for name in learned:
        key = f"layers.{place}.{name}"
        assert through[key].abs().max() > 1e-4
        torch.testing.assert_close(online[key], through[key], rtol=1e-10, atol=1e-13)


def test_samples_of_a_batch_learn_as_if_each_was_alone() -> None:
    model, (x, lengths, label) = perceptron(2.0, 3.0, out=nn.LeakyReadout(2.0)), spikes(11, ragged=True)
    whole = gradients(model, (x, lengths, label))
    alone = [gradients(model, (x[:n, b : b + 1], n[None], label[b : b + 1])) for b, n in enumerate(lengths)]
    assert_same(whole, {name: sum(g[name] for g in alone) / 6 for name in whole})  # type: ignore[misc]


@pytest.mark.parametrize("changes", [{"accumulate": 3}, {"chunk": 2}, {"accumulate": 2, "chunk": 5}])
def test_parts_and_pieces_change_nothing(changes: dict[str, int]) -> None:
    model, given = perceptron(2.0, 3.0), spikes(11, ragged=True)
    whole = gradients(model, given)
    model.zero_grad()
    methods.accumulate(model, *given, dataclasses.replace(OTTT, **changes))
    assert_same(whole, {name: p.grad for name, p in model.named_parameters()}, rtol=1e-10)  # type: ignore[misc]


def test_a_label_per_step() -> None:
    model, (x, lengths, label) = perceptron(2.0), spikes(ragged=True)
    once = gradients(model, (x, lengths, label))
    assert_same(once, gradients(model, (x, lengths, label.repeat(len(x), 1))))

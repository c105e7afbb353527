"""Neurons that rest at `v_reset`, as SpikingJelly's do: in torch, in SpikingJelly, and by events."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

import snn
from snn.nn import LIF, AvgPool2d, Conv2d, DelayLinear, Flatten, Linear, RecurrentLIF, Sequential, to_network

OPTIONS = [
    {"decay_input": decay_input, "reset": reset, "v_reset": v_reset}
    for decay_input, reset, v_reset in itertools.product(
        (True, False), ("hard", "soft", "hard_next_step"), (-0.4, 0.3)
    )
]


def trained(options, kind):
    """Hidden neurons of a kind and neurons at the end, after three steps of training towards their labels."""
    torch.manual_seed(1)
    hidden = {
        "delays": lambda: Sequential(DelayLinear(9, 14, 6), LIF(2.0, **options)),
        "recurrent": lambda: Sequential(Linear(9, 14), RecurrentLIF(14, 5, tau=2.0, **options)),
    }[kind]()
    model = Sequential(hidden, Linear(14, 4), LIF(2.0, **options)).double()
    with torch.no_grad():
        for layer in (hidden[0], model[1]):
            layer.weight.mul_(3.0).add_(0.3)
    x, label = poisson((30, 6, 9)), torch.arange(6) % 4
    step = torch.optim.SGD(model.parameters(), 0.02)
    for _ in range(3):
        step.zero_grad()
        torch.nn.functional.cross_entropy(model(x)[0].sum(0), label).backward()
        step.step()
        for layer in model.modules():
            if hasattr(layer, "clamp_"):
                layer.clamp_()
    return model.eval()


def poisson(shape, rate=0.4):
    torch.manual_seed(2)
    return torch.poisson(torch.full(shape, rate, dtype=torch.float64))


def outputs(net, x, engine="event"):
    """Spikes of the last population, [T, B, N]."""
    rows = x.flatten(2).numpy().astype(int)
    rec = snn.simulate(net, {"in": snn.Raster(rows, snn.TimeGrid(len(rows), 1.0)).to_events()}, engine=engine)
    return rec.spikes["out"].to_raster(len(rows)).z


def at_zero(net):
    """The same network, whose membranes rest at 0."""
    populations = [
        p if p.neuron is None else replace(p, neuron=replace(p.neuron, v_rest=0.0)) for p in net.populations
    ]
    return snn.Network(net.dt_ms, populations, net.projections)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("kind", ["delays", "recurrent"])
def test_an_exported_neuron_rests_where_it_did(options, kind):
    model = trained(options, kind)
    x = torch.cat([poisson((40, 5, 9)), torch.zeros(model.tail_steps, 5, 9, dtype=torch.float64)])
    z = model(x)[0].detach().numpy()
    net = to_network(model, dt_ms=1.0)
    for name in ("hid1", "out"):
        neuron = net.population(name).neuron
        assert neuron.v_rest == neuron.v_reset == options["v_reset"]
    assert z.sum() > 20
    for engine in ("event", "clock"):
        assert np.array_equal(outputs(net, x, engine), z)
    assert not np.array_equal(outputs(at_zero(net), x), z)  # where they rest decides spikes here


@pytest.mark.parametrize("v_reset", [-0.4, 0.3])
def test_an_exported_neuron_over_images_rests_where_it_did(v_reset):
    torch.manual_seed(0)
    model = Sequential(
        Conv2d(2, 4, 3, padding=1),
        LIF(v_reset=v_reset),
        AvgPool2d(2),
        Flatten(),
        Linear(36, 5),
        LIF(v_reset=v_reset),
    )
    with torch.no_grad():
        for layer in (model[0], model[4]):
            layer.weight.mul_(4.0).add_(0.2)
    model, x = model.double().eval(), poisson((25, 4, 2, 6, 6))
    z = model(x)[0].detach().numpy()
    net = to_network(model, dt_ms=1.0, shape=(2, 6, 6))
    assert [p.neuron.v_rest for p in net.populations[1:]] == [v_reset, v_reset]
    assert z.sum() > 20 and np.array_equal(outputs(net, x), z)
    assert not np.array_equal(outputs(at_zero(net), x), z)


@pytest.mark.parametrize("decay_input", [True, False])
@pytest.mark.parametrize("v_reset", [-0.4, 0.3])
def test_a_layer_rests_where_spikingjelly_does(decay_input, v_reset):
    node = pytest.importorskip("spikingjelly.activation_based.neuron").LIFNode
    ours = LIF(3.0, decay_input=decay_input, v_reset=v_reset)
    theirs = node(tau=3.0, decay_input=decay_input, v_reset=v_reset, step_mode="m")
    x = 2.0 * poisson((60, 7, 40)) - 0.3
    z, state = ours(x)
    assert 0.02 < z.mean() < 0.95
    assert torch.equal(z, theirs(x))
    torch.testing.assert_close(state.v, theirs.v, rtol=1e-14, atol=1e-14)

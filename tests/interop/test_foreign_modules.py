"""Modules of SpikingJelly and snnTorch as our layers: the same spikes in every one of 300 steps, in float64."""

from __future__ import annotations

import importlib
import warnings

import pytest
import torch
from torch import nn as torch_nn

from snn.interop import snntorch, spikingjelly
from snn.nn import LIF, BatchNorm, Conv2d, RecurrentLIF, to_network

STEPS, BATCH, N = 300, 3, 12


def drive(*shape, seed=0):
    return (torch.rand(STEPS, BATCH, *shape, generator=torch.Generator().manual_seed(seed)) < 0.4).double()


def filled(module, seed=0, scale=1.0):
    """Draw all weights anew, so that neurons spike now and then."""
    torch.manual_seed(seed)
    for parameter in module.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, 0.3 * scale, scale)
        elif parameter.dim() == 1:
            torch.nn.init.normal_(parameter, 0.05, 0.05)
    return module.double()


def assert_same(ours, theirs, x):
    with torch.no_grad():
        z = ours(x)[0]
    assert z.shape == theirs.shape and 0.005 < theirs.mean() < 0.98
    assert int((z != theirs).flatten(1).any(dim=1).sum()) == 0


def jelly():
    base = pytest.importorskip("spikingjelly.activation_based")
    for name in ("functional", "layer", "neuron", "surrogate"):
        importlib.import_module(f"spikingjelly.activation_based.{name}")
    return base


NODES = {
    "LIFNode": lambda n: n.LIFNode(tau=3.0),
    "LIFNode, input not decayed": lambda n: n.LIFNode(tau=4.0, decay_input=False, v_threshold=2.0),
    "LIFNode, v_reset -0.1": lambda n: n.LIFNode(tau=3.0, v_reset=-0.1),
    "LIFNode, soft": lambda n: n.LIFNode(tau=3.0, v_reset=None, detach_reset=True),
    "IFNode": lambda n: n.IFNode(v_threshold=4.0),
    "IFNode, soft": lambda n: n.IFNode(v_threshold=4.0, v_reset=None),
    "CUBALIFNode": lambda n: n.CUBALIFNode(v_threshold=5.0),
    "CUBALIFNode, soft": lambda n: n.CUBALIFNode(v_threshold=5.0, v_reset=None),
}


def step_by_step(module, x):
    """Run a module of SpikingJelly in single-step mode, which all of them have."""
    from spikingjelly.activation_based import functional

    functional.reset_net(module)
    functional.set_step_mode(module, "s")
    with torch.no_grad():
        return torch.stack([module(x_t) for x_t in x])


@pytest.mark.parametrize("name", NODES)
def test_neurons_of_spikingjelly(name):
    base = jelly()
    module = filled(torch_nn.Sequential(base.layer.Linear(N, N, bias=False), NODES[name](base.neuron)))
    x = drive(N)
    assert_same(spikingjelly.convert(module), step_by_step(module, x), x)


@pytest.mark.parametrize("name", ["LIFNode", "IFNode, soft", "CUBALIFNode"])
def test_recurrent_containers_of_spikingjelly(name):
    base = jelly()
    module = base.layer.LinearRecurrentContainer(NODES[name](base.neuron), N, N, bias=True)
    filled(module, scale=0.4)
    x = drive(N)
    model = spikingjelly.convert([module])
    assert isinstance(model[1], RecurrentLIF)
    assert_same(model, step_by_step(module, x), x)


def test_a_convolutional_net_of_spikingjelly_runs_by_events():
    base = jelly()
    layer, neuron = base.layer, base.neuron
    module = torch_nn.Sequential(
        torch_nn.Sequential(layer.Conv2d(2, 4, 3, padding=1, bias=False), layer.BatchNorm2d(4)),
        neuron.LIFNode(tau=2.0),
        layer.AvgPool2d(2, 2),
        layer.Conv2d(4, 4, 3, padding="same", groups=2),
        neuron.IFNode(v_threshold=2.0),
        layer.Flatten(),
        layer.Dropout(0.5),
        layer.Linear(4 * 4 * 4, 5),
        neuron.LIFNode(tau=2.0),
    )
    filled(module, scale=0.5)
    torch.nn.init.uniform_(module[0][1].running_mean, -0.1, 0.1)
    torch.nn.init.uniform_(module[0][1].running_var, 0.5, 2.0)
    module.eval()
    x = drive(2, 8, 8)
    model = spikingjelly.convert(module)
    assert not model.training and isinstance(model[0], Conv2d) and isinstance(model[1], BatchNorm)
    assert_same(model, step_by_step(module, x), x)
    assert to_network(model, 1.0, shape=(2, 8, 8)).order[-1] == "out"


def test_gradients_of_spikingjelly_are_ours():
    base = jelly()
    module = torch_nn.Sequential(
        base.layer.Linear(N, N), base.neuron.LIFNode(surrogate_function=base.surrogate.ATan(3.0))
    )
    filled(module)
    model = spikingjelly.convert(module)
    x = drive(N)[:20]
    base.functional.set_step_mode(module, "m")
    module(x).sum().backward()
    model(x)[0].sum().backward()
    torch.testing.assert_close(model[0].weight.grad, module[0].weight.grad, rtol=1e-9, atol=1e-12)


def test_what_spikingjelly_has_and_we_do_not():
    base = jelly()
    with pytest.raises(ValueError, match=r"^module '1' must be one of Linear, .*, got 'KLIFNode'$"):
        spikingjelly.convert([base.layer.Linear(2, 2), base.neuron.KLIFNode()])
    odd = base.neuron.LIFNode(surrogate_function=base.surrogate.Erf())
    with pytest.raises(
        ValueError, match=r"^module '0' \(LIFNode\): surrogate_function must be one of Sigmoid, ATan"
    ):
        spikingjelly.convert(odd)
    with pytest.raises(
        ValueError, match=r"^module '0' \(AvgPool2d\): ceil_mode and count_include_pad must be"
    ):
        spikingjelly.convert(torch_nn.AvgPool2d(2, ceil_mode=True))
    with pytest.raises(TypeError, match="module must be a torch module or a list of them, got int"):
        spikingjelly.convert([3])

    class Own(torch_nn.Module):
        pass

    with pytest.raises(ValueError, match=r"^module '0\.0' must be one of .* got 'Own'$"):
        spikingjelly.convert(torch_nn.Sequential(Own()))


LEAKY = {
    "Leaky, zero": lambda s: s.Leaky(0.9, threshold=4.0, reset_mechanism="zero", reset_delay=False),
    "Leaky, zero, delay": lambda s: s.Leaky(0.9, threshold=4.0, reset_mechanism="zero"),
    "Leaky, subtract": lambda s: s.Leaky(0.8, threshold=6.0),
    "Leaky, learned": lambda s: s.Leaky(0.8, threshold=6.0, learn_beta=True, learn_threshold=True),
    "Synaptic, zero": lambda s: s.Synaptic(
        0.5, 0.8, threshold=9.0, reset_mechanism="zero", reset_delay=False
    ),
    "Synaptic, subtract": lambda s: s.Synaptic(0.5, 0.8, threshold=9.0),
    "RLeaky": lambda s: s.RLeaky(0.8, linear_features=N, threshold=6.0),
    "RSynaptic": lambda s: s.RSynaptic(0.5, 0.8, linear_features=N, threshold=9.0),
}


@pytest.mark.parametrize("name", LEAKY)
def test_neurons_of_snntorch(name):
    other = pytest.importorskip("snntorch")
    connection, cell = torch_nn.Linear(N, N), LEAKY[name](other)
    filled(torch_nn.ModuleList([connection, getattr(cell, "recurrent", torch_nn.Identity())]))
    if hasattr(cell, "recurrent"):
        with torch.no_grad():
            cell.recurrent.weight.mul_(0.3)
    cell.double()
    x, spikes, state = drive(N), [], ()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for x_t in x:
            z, *state = cell(
                connection(x_t),
                *(
                    s.double()
                    for s in ([spikes[-1], *state] if hasattr(cell, "recurrent") and spikes else state)
                ),
            )
            spikes.append(z.double())
    assert_same(snntorch.convert([connection, cell]), torch.stack(spikes), x)


@pytest.mark.filterwarnings("ignore:Inhibition")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda s: s.Leaky(0.9, reset_delay=False), "reset_delay must be True with reset 'subtract'"),
        (
            lambda s: s.Leaky(0.9, reset_mechanism="none"),
            "reset_mechanism must be 'subtract' or 'zero', got 'none'",
        ),
        (lambda s: s.Leaky(0.9, inhibition=True), "inhibition must be False, got True"),
        (lambda s: s.Leaky(0.9, graded_spikes_factor=2.0), "graded_spikes_factor must be 1, got 2.0"),
        (lambda s: s.Leaky(torch.tensor([0.9, 0.8])), "beta must be one number for the layer"),
        (
            lambda s: s.Synaptic(0.5, 0.9, reset_mechanism="zero"),
            "reset_delay must be False with reset 'zero'",
        ),
        (
            lambda s: s.RLeaky(0.9, linear_features=4),
            "RLeaky: bias of its recurrence must be behind a Linear",
        ),
    ],
)
def test_what_snntorch_has_and_we_do_not(make, message):
    with pytest.raises(ValueError, match=rf"^module '0' \(\w+\): {message}"):
        snntorch.convert(make(pytest.importorskip("snntorch")))


def test_surrogates_of_snntorch_are_named():
    other = pytest.importorskip("snntorch")
    model = snntorch.convert([other.Leaky(0.9)], surrogate="sigmoid", surrogate_alpha=25.0)
    assert isinstance(model[0], LIF) and model[0].options.surrogate.alpha == 25.0

"""Our layers as modules of SpikingJelly: the same parameters, the same spikes in every one of 300 steps."""

from __future__ import annotations

import pytest
import torch
from double import in_float64  # noqa: F401 - holds for all tests here

from snn import nn
from snn.interop.spikingjelly import convert, to_spikingjelly
from snn.nn import LIF, BatchNorm, Conv2d, Linear, Sequential

pytest.importorskip("spikingjelly.activation_based")

STEPS, BATCH, N = 300, 3, 12


def drive(*shape):
    return (torch.rand(STEPS, BATCH, *shape, generator=torch.Generator().manual_seed(0)) < 0.4).double()


def filled(model):
    """Draw all weights anew, so that neurons spike now and then."""
    for name, parameter in model.named_parameters():
        if name.endswith(("weight", "bias")):
            wide = parameter.dim() > 1
            torch.nn.init.normal_(parameter, 0.3 if wide else 0.8, 1.0 if wide else 0.1)
    return model


def assert_same(model, x):
    with torch.no_grad():
        ours, theirs = model(x)[0], to_spikingjelly(model)(x)
    assert ours.shape == theirs.shape and 0.005 < ours.mean() < 0.98
    assert int((ours != theirs).flatten(1).any(dim=1).sum()) == 0


NEURONS = {
    "LIFNode": LIF(3.0),
    "LIFNode, input not decayed": LIF(4.0, decay_input=False, v_th=2.0),
    "LIFNode, v_reset -0.1": LIF(3.0, v_reset=-0.1),
    "LIFNode, soft": LIF(3.0, reset="soft", reset_by=1.0, v_leak=0.0, v_reset=-5.0),
    "LIFNode, leak": LIF(leak=0.6, decay_input=False, v_th=4.0),
    "IFNode": LIF(leak=1.0, decay_input=False, v_th=4.0),
    "IFNode, soft": LIF(leak=1.0, decay_input=False, v_th=4.0, reset="soft"),
    "CUBALIFNode": LIF(4.0, decay_input=False, tau_syn=2.0, v_th=5.0),
    "CUBALIFNode, soft": LIF(leak=0.9, syn_leak=0.3, decay_input=False, v_th=5.0, reset="soft"),
}


@pytest.mark.parametrize("name", NEURONS)
def test_neurons_spike_alike(name):
    model = filled(Sequential(Linear(N, N), NEURONS[name]))
    assert_same(model, drive(N))
    assert type(to_spikingjelly(model)[1]).__name__ == name.partition(",")[0]


def convolutional():
    """Make a net of all that has a counterpart, with the statistics of a batch."""
    model = filled(
        Sequential(
            Sequential(Conv2d(2, 4, 3, padding=1), BatchNorm(4, momentum=1.0)),
            LIF(2.0, detach_reset=True, surrogate="atan", surrogate_alpha=3.0),
            nn.AvgPool2d(2),
            Conv2d(4, 4, 3, padding=(1, 2), groups=2, bias=True),
            LIF(leak=1.0, decay_input=False, v_th=2.0, surrogate="triangle", surrogate_alpha=1.0),
            nn.MaxPool2d(2),
            nn.AdaptiveAvgPool2d((2, 3)),
            nn.Flatten(),
            nn.Dropout(0.5),
            Linear(24, 5, bias=True),
            BatchNorm(5, momentum=1.0),
            LIF(2.0, surrogate="rectangle", surrogate_alpha=2.0),
        )
    )
    model(drive(2, 8, 8))
    return model


def test_a_convolutional_net_spikes_alike():
    model, x = convolutional(), drive(2, 8, 8)
    assert_same(model.eval(), x)
    assert to_spikingjelly(model.train()).training


def test_what_one_learns_both_have():
    """Gradients, a step of the optimiser, and the statistics of normalisation."""
    model = convolutional().train()
    model[8].p = 0.0  # masks are drawn anew in every pass
    module, x = to_spikingjelly(model), drive(2, 8, 8)[:20]
    assert {id(p) for p in module.parameters()} == {id(p) for p in model.parameters()}
    model(x)[0].sum().backward()
    ours = [p.grad.clone() for p in model.parameters()]
    mean = model[0][1].running_mean.clone()
    model.zero_grad()
    model[0][1].running_mean.zero_()
    module(x).sum().backward()
    torch.testing.assert_close([p.grad for p in model.parameters()], ours, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(model[0][1].running_mean, mean)  # as the module moves it
    torch.optim.SGD(module.parameters(), 1e-4).step()
    assert_same(model.eval(), drive(2, 8, 8))


def test_readouts_stay_what_they_are():
    model, x = filled(Sequential(Linear(N, N), nn.LeakyReadout(3.0))), drive(N)
    torch.testing.assert_close(to_spikingjelly(model)(x), model(x)[0], rtol=0, atol=0)


def test_there_and_back():
    model = convolutional().eval()
    again = convert(to_spikingjelly(model))
    assert nn.to_config(again) == nn.to_config(Sequential(*nn.layer.flat_stages(model)))


def transformed():
    layer = Linear(2, 2)
    layer.weight_transform = torch.abs
    return layer


REFUSED = [
    (nn.DelayLinear(2, 2, 4), r"layer 0 \(DelayLinear\): kind of layer must be one of Linear, Conv2d, .*"),
    (nn.RecurrentLIF(2, 3), r"layer 0 \(RecurrentLIF\): kind of layer must be"),
    (Sequential(Linear(2, 2), nn.Residual(LIF())), r"layer 1 \(Residual\): kind of layer must be"),
    (nn.ReLU(), r"layer 0 \(ReLU\): kind of layer must be"),
    (transformed(), r"layer 0 \(Linear\): weight_transform must be None"),
    (BatchNorm(2, "step"), r"layer 0 \(BatchNorm\): over must be 'sequence', got 'step'"),
    (LIF(fires=">"), r"layer 0 \(LIF\): fires must be '>=', got '>'"),
    (LIF(t_ref=2), "t_ref must be 0, got 2"),
    (LIF(adapt_by=0.1, tau_adapt=5.0), "tau_adapt must be None, got 5.0"),
    (LIF(reset="soft", spikes="multiple"), "spikes must be 'single', got 'multiple'"),
    (LIF(reset="soft", reset_by=0.5), "reset_by must be the threshold, 1, got 0.5"),
    (LIF(reset="hard_next_step"), "reset must be 'hard' or 'soft', got 'hard_next_step'"),
    (LIF(v_leak=0.2), "v_leak must be 0, where its membranes start and leak to, got 0.2"),
    (LIF(leak=[0.5, 0.6], decay_input=False), "leak must be one number for the layer"),
    (LIF(leak=0.1, decay_input=False), "leak must be 1 - 1 / tau of a number tau > 1, to the bit, got 0.1"),
    (LIF(tau_syn={"a": 2.0, "b": 3.0}, decay_input=False), "tau_syn must be one synaptic current"),
    (LIF(tau_syn=2.0), "decay_input must be False beside a synaptic current, got True"),
    (LIF(tau_syn=2.0, decay_input=False, v_reset=-1.0), "v_reset must be 0 beside a synaptic current"),
    (
        LIF(decay_input=False, detach_reset=True, learn_threshold=True),
        "learn_threshold must be False, got True",
    ),
    (LIF(normalise_peak=True, surrogate="atan", surrogate_alpha=3.0), "normalise_peak and surrogate_gain"),
]


@pytest.mark.parametrize(("model", "message"), REFUSED, ids=[row[1][:40] for row in REFUSED])
def test_what_spikingjelly_has_not(model, message):
    with pytest.raises(ValueError, match=message):
        to_spikingjelly(model)


def test_only_layers():
    with pytest.raises(TypeError, match="model must be a layer of snn.nn"):
        to_spikingjelly(torch.nn.Linear(2, 2))

"""A leak per neuron, and one delay per sender: layers, their files, and the engines."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import snn
from snn.nn import LIF, Linear, RecurrentLIF, Sequential, to_network

LEAKS = [0.25, 0.5, 0.75, 1.0]
PLAIN = {"decay_input": False, "v_th": 1.0}


@pytest.mark.parametrize(
    "options", [{}, {"t_ref": 2}, {"reset": "soft", "spikes": "multiple"}, {"tau_syn": 2.0}]
)
def test_each_neuron_leaks_as_a_layer_of_its_leak(options):
    torch.manual_seed(0)
    x = torch.rand(40, 3, 4, dtype=torch.float64)
    lengths = torch.tensor([40, 7, 22])
    z, state = LIF(leak=LEAKS, **PLAIN, **options)(x, None, lengths)
    assert 0 < z.sum() < z.numel()
    for n, leak in enumerate(LEAKS):
        alone, after = LIF(leak=leak, **PLAIN, **options)(x[..., n : n + 1], None, lengths)
        assert torch.equal(z[..., n], alone[..., 0])
        torch.testing.assert_close(state.v[:, n], after.v[:, 0], rtol=1e-14, atol=1e-14)


def test_gradients_are_those_of_each_leak():
    torch.manual_seed(1)
    x = torch.rand(20, 2, 4, dtype=torch.float64, requires_grad=True)
    (together,) = torch.autograd.grad(LIF(leak=LEAKS, **PLAIN)(x)[0].sum(), x)
    for n, leak in enumerate(LEAKS):
        (alone,) = torch.autograd.grad(LIF(leak=leak, **PLAIN)(x)[0][..., n].sum(), x)
        torch.testing.assert_close(together[..., n], alone[..., n], rtol=1e-12, atol=1e-12)


def test_leaks_and_delays_per_sender_go_through_files_and_engines(tmp_path):
    torch.manual_seed(2)
    neurons = RecurrentLIF(4, 5, "fixed", sharing="axonal", leak=LEAKS, **PLAIN)
    assert tuple(neurons.position.shape) == (1, 4)
    model = Sequential(Linear(3, 4), neurons).double().eval()
    with torch.no_grad():
        for layer in model:
            layer.weight.copy_(torch.randint(-8, 16, layer.weight.shape) / 16)
    given = snn.Events.from_lists([np.arange(30)], [np.arange(30) % 3], n_units=3, dt_ms=1.0, n_steps=40)
    x = torch.tensor(given.to_raster().z, dtype=torch.float64)
    z = model(x)[0]
    spikes = snn.simulate(to_network(model, 1.0), {"in": given}).spikes["out"]
    assert z.sum() > 0
    np.testing.assert_array_equal(spikes.to_raster().z, z.detach().numpy())
    snn.train.save(model, tmp_path / "model.safetensors")
    again = snn.train.load(tmp_path / "model.safetensors").double()
    assert torch.equal(again(x)[0], z)
    neurons.position.copy_(neurons.position)
    first, state = model(x[:13])
    assert torch.equal(torch.cat([first, model(x[13:], state)[0]]), z)


def test_delays_per_sender_are_learned_together():
    neurons = RecurrentLIF(4, 5, "linear", sharing="axonal", **PLAIN)
    torch.manual_seed(3)
    neurons(torch.rand(20, 2, 4))[0].sum().backward()
    assert tuple(neurons.position.grad.shape) == (1, 4) and bool((neurons.position.grad != 0).any())


@pytest.mark.parametrize(
    ("leak", "message"),
    [
        ([0.5, 1.5], r"leak\[1\] must be finite and >= 0 and <= 1, got 1.5"),
        ([[0.5]], r"leak must be one number or one per neuron, \[N\]"),
        ([], r"leak must be one number or one per neuron, \[N\]"),
        (-0.1, "leak must be a finite number >= 0 and <= 1"),
    ],
)
def test_impossible_leaks_are_refused(leak, message):
    with pytest.raises(ValueError, match=message):
        LIF(leak=leak, **PLAIN)


def test_leaks_of_other_neurons_are_refused():
    with pytest.raises(ValueError, match=r"x must be \[T, B, 4\], as leak has one number per neuron"):
        LIF(leak=LEAKS, **PLAIN)(torch.zeros(2, 1, 3))
    with pytest.raises(ValueError, match="leak must be one number or 3, one per neuron, got 4"):
        RecurrentLIF(3, 1, leak=LEAKS, **PLAIN)
    with pytest.raises(ValueError, match="leak must be one number to learn a threshold or leak"):
        LIF(leak=LEAKS, learn_leak=True, detach_reset=True, **PLAIN)
    with pytest.raises(ValueError, match="sharing must be one of 'synapse', 'axonal', got 'dendritic'"):
        RecurrentLIF(3, 1, sharing="dendritic")

"""Every neuron option in the layers and in both engines: the same spikes and membranes, on random networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from networks import assert_same

import snn
from snn.core import Raster, Record, TimeGrid
from snn.nn import LIF, BatchNorm, DelayLinear, LeakyReadout, Linear, RecurrentLIF, Sequential, to_network

STEPS, SAMPLES, INPUTS = 40, 3, 6


def random_neuron(rng: np.random.Generator, recurrent: bool) -> dict:
    """Draw options that go together."""
    reset = rng.choice(["hard", "soft", "hard_next_step"]).item()
    options = {
        "tau": float(rng.uniform(1.2, 6.0)),
        "decay_input": bool(rng.integers(2)),
        "v_th": float(rng.uniform(0.3, 0.8)),
        "v_reset": float(rng.choice([0.0, -0.2])),
        "reset": reset,
        "fires": rng.choice([">=", ">"]).item(),
    }
    if rng.random() < 0.5:
        options["v_leak"] = float(rng.uniform(-0.3, 0.2))
    if reset == "soft" and rng.random() < 0.6:
        options["reset_by"] = float(rng.uniform(0.2, 0.9))
    if rng.random() < 0.4:
        options["tau_syn"] = float(rng.uniform(1.0, 4.0))
    elif rng.random() < 0.5:
        options["syn_leak"] = {"exc": float(rng.uniform(0.1, 0.9)), "inh": float(rng.uniform(0.0, 0.8))}
        if recurrent:
            options["receptor"] = rng.choice(["exc", "inh"]).item()
    if reset != "hard_next_step" and rng.random() < 0.5:
        options |= {"adapt_by": float(rng.uniform(0.05, 0.4)), "tau_adapt": float(rng.uniform(1.0, 8.0))}
    if reset == "soft" and rng.random() < 0.5:
        options["spikes"] = "multiple"
    elif rng.random() < 0.5:
        options["t_ref"] = int(rng.integers(1, 4))
    return options


def random_model(rng: np.random.Generator) -> Sequential:
    """Draw two populations of neurons, and a readout or none."""
    layers, width = [], INPUTS
    for _ in range(2):
        size, recurrent = int(rng.integers(3, 7)), bool(rng.random() < 0.3)
        options = random_neuron(rng, recurrent)
        parts = len(options["syn_leak"]) if isinstance(options.get("syn_leak"), dict) else 1
        out = size * parts
        layers.append(
            DelayLinear(width, out, 4, "linear") if rng.random() < 0.4 else Linear(width, out, True)
        )
        if rng.random() < 0.4:
            layers.append(BatchNorm(out))
        layers.append(RecurrentLIF(size, 3, **options) if recurrent else LIF(**options))
        width = size
    if rng.random() < 0.5:
        layers += [Linear(width, 3), LeakyReadout(2.5, v_leak=0.1, tau_syn=2.0)]
    model = Sequential(*layers).double().eval()
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, Linear | DelayLinear):
                layer.weight.add_(0.1).mul_(2.5)
    return model


@pytest.mark.parametrize("seed", range(200))
def test_layer_equals_both_engines(seed):
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    model = random_model(rng)
    net = to_network(model, dt_ms=1.0)
    z = rng.poisson(0.3, (STEPS, SAMPLES, INPUTS))
    with torch.no_grad():
        spikes, _ = model(torch.tensor(z, dtype=torch.float64))
    inputs = {"in": Raster(z, TimeGrid(STEPS, 1.0))}
    keep = Record(spikes=[p.name for p in net.populations if p.name != "in"], v=["out"])
    event, clock = (snn.simulate(net, inputs, engine=e, record=keep) for e in ("event", "clock"))
    assert_same(event, clock)
    if isinstance(model[-1], LeakyReadout):
        np.testing.assert_allclose(event.v["out"], spikes.numpy(), rtol=1e-9, atol=1e-9)
    else:
        assert np.array_equal(event.spikes["out"].to_raster().z, spikes.numpy())


def test_the_family_spikes():
    """The networks are busy enough for the test above to say something."""
    rates = []
    for seed in range(20):
        torch.manual_seed(seed)
        model = random_model(np.random.default_rng(seed))
        x = torch.tensor(
            np.random.default_rng(seed).poisson(0.3, (STEPS, SAMPLES, INPUTS)), dtype=torch.float64
        )
        with torch.no_grad():
            rates.append(sum(layer(x)[0].abs().mean().item() for layer in [model]))
    assert np.mean([rate > 0.01 for rate in rates]) > 0.7, rates

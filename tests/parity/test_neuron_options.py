"""Every neuron option in the layers and in both engines: the same spikes and membranes, on random networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from networks import assert_same
from option_models import INPUTS, random_model

import snn
from snn.core import Raster, Record, TimeGrid
from snn.nn import LeakyReadout, to_network

STEPS, SAMPLES = 40, 3


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

"""Models whose neurons have options run on crossbars, are written as networks, counted and priced there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from option_models import INPUTS, random_model

import snn
from snn.hardware import CrossbarConfig, count, crossbar_energy, crossbar_network, to_crossbar
from snn.nn import LIF, LeakyReadout, Linear, RecurrentLIF, Sequential

STEPS, SAMPLES = 20, 3


@pytest.mark.parametrize("seed", range(12))
def test_ideal_arrays_compute_the_model(seed):
    torch.manual_seed(seed)
    model = random_model(np.random.default_rng(seed))
    analog = to_crossbar(model, CrossbarConfig.ideal())
    x = torch.from_numpy(np.random.default_rng(seed).poisson(0.3, (STEPS, SAMPLES, INPUTS))).double()
    lengths = torch.tensor([STEPS, 7, 0])
    with torch.no_grad():
        for first in (0, 1, 5):  # cut in two, read row by row, and with samples that end early
            mine, state = analog(x[:first]) if first else (x.new_zeros(0), None)
            with analog.observed(lambda *_: None):
                rest, _ = analog(x[first:], state)
            assert torch.equal(torch.cat([mine, rest]) if first else rest, model(x)[0])
        with analog.observed(lambda *_: None):
            short, after = analog(x, None, lengths)
        wanted, state = model(x, None, lengths)
        inside = torch.arange(STEPS)[:, None, None] < lengths[:, None]
        assert torch.equal(torch.where(inside, short, 0.0), torch.where(inside, wanted, 0.0))
        for mine, theirs in zip(tensors(after), tensors(state), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)
    assert count(analog, x).rows == count(model, x).rows


def tensors(state):
    """List the tensors of a state, in order."""
    if isinstance(state, torch.Tensor):
        return [state]
    if hasattr(state, "inner"):
        return tensors(state.inner)
    return [] if not isinstance(state, tuple) else [part for one in state for part in tensors(one)]


@pytest.mark.parametrize("seed", range(6))
def test_arrays_as_networks(seed):
    torch.manual_seed(seed)
    model = random_model(np.random.default_rng(seed))
    analog = to_crossbar(model, CrossbarConfig.ideal())
    x = torch.from_numpy(np.random.default_rng(seed).poisson(0.3, (STEPS, SAMPLES, INPUTS))).double()
    net = crossbar_network(analog, dt_ms=1.0)
    rec = snn.simulate(net, {"in": snn.Raster(x.numpy().astype(int), snn.TimeGrid(STEPS, 1.0))},
                       record=snn.Record(spikes=["hid1"], v=["out"]))  # fmt: skip
    with torch.no_grad():
        y = model(x)[0].numpy()
    if isinstance(model[-1], LeakyReadout):
        np.testing.assert_allclose(rec.v["out"], y, rtol=1e-9, atol=1e-9)
    else:
        assert rec.counts.spikes["out"] == y.sum()


def test_arrays_of_several_receptors_are_priced_once():
    torch.manual_seed(0)
    both = {"exc": 2.0, "inh": 3.0}
    plain = Sequential(Linear(4, 6), LIF(), Linear(6, 2), LeakyReadout()).double()
    shared = Sequential(Linear(4, 6), LIF(tau_syn=both), Linear(3, 2), LeakyReadout(tau_syn=2.0)).double()
    x = torch.poisson(torch.full((5, 2, 4), 0.5)).double()
    for model, name in ((plain, "in-hid1"), (shared, "in-hid1.exc")):
        report = crossbar_energy(to_crossbar(model, CrossbarConfig.ideal()), x)
        assert name in {row.layer for row in report.rows if row.component == "converters"}
    again = Sequential(Linear(4, 6), RecurrentLIF(3, 2, receptor="inh", tau_syn=both)).double()
    rows = crossbar_energy(to_crossbar(again, CrossbarConfig.ideal()), x).rows
    assert {row.layer for row in rows if row.component == "converters"} == {"in-out.exc", "out-out"}

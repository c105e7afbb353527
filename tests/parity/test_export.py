"""The trained model and its network: the same spikes, the same counts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from layers import set_statistics_

import snn
from snn.hardware import count
from snn.nn import (
    LIF,
    BatchNorm,
    DelayLinear,
    Dropout,
    LeakyReadout,
    Linear,
    RecurrentLIF,
    Sequential,
    populations,
    to_network,
)

NEURONS = [
    {"decay_input": decay_input, "reset": reset, "fires": fires}
    for decay_input, reset, fires in itertools.product(
        (True, False), ("hard", "soft", "hard_next_step"), (">=", ">")
    )
]


AT_REST = [
    {"decay_input": decay_input, "reset": "hard", "fires": ">=", "v_reset": v_reset}
    for decay_input, v_reset in itertools.product((True, False), (-0.4, 0.3))
]
"""Neurons that rest and start elsewhere than at 0: their leak goes to `v_reset`."""


def model(options, kind="delays", tau=1.7):
    """A model with statistics and weights as if trained."""
    torch.manual_seed(3)
    kernels = 2 if kind == "recurrent" else 1
    delayed = lambda i, o: DelayLinear(i, o, 6, kernel_count=kernels)  # noqa: E731
    connect = (lambda i, o: Linear(i, o, bias=True)) if kind == "no delays" else delayed
    second = RecurrentLIF(11, 5, tau=tau, **options) if kind == "recurrent" else LIF(tau, **options)
    made = Sequential(
        connect(9, 14),
        BatchNorm(14),
        LIF(tau, **options),
        Dropout(0.3),
        connect(14, 11),
        BatchNorm(11),
        second,
        connect(11, 4),
        LeakyReadout(tau, decay_input=options["decay_input"]),
    )
    set_statistics_(made)
    with torch.no_grad():
        for layer in made:
            if isinstance(layer, Linear | DelayLinear | RecurrentLIF):
                layer.weight[torch.rand_like(layer.weight) < 0.2] = 0.0
    return made.double().eval()


def spikes(batch=5, steps=25):
    torch.manual_seed(4)
    lengths = torch.tensor([25, 7, 1, 19, 25])[:batch]
    x = torch.poisson(torch.full((steps, batch, 9), 0.3, dtype=torch.float64))
    return torch.where(torch.arange(steps)[:, None, None] < lengths[:, None], x, 0.0), lengths


@pytest.mark.parametrize("options", [*NEURONS, *AT_REST], ids=str)
@pytest.mark.parametrize("kind", ["delays", "no delays", "recurrent"])
def test_same_spikes_and_counts(options, kind):
    made = model(options, kind)
    x, lengths = spikes()
    tail = made.tail_steps
    longer = torch.cat([x, x.new_zeros(tail, *x.shape[1:])])
    traced = populations.trace(made, longer, lengths + tail)
    net = snn.nn.to_network(made, dt_ms=2.0)
    grid = snn.TimeGrid(len(longer), 2.0)
    events = snn.Raster(longer.numpy().astype(int), grid, (lengths + tail).numpy()).to_events()
    ledgers = []
    for engine in ("event", "clock"):
        rec = snn.simulate(net, {"in": events}, engine=engine, record=snn.Record(v=["out"]))
        for name, (_, z) in zip(("hid1", "hid2"), traced, strict=False):
            assert z.sum() > 0
            assert np.array_equal(rec.spikes[name].to_raster(len(longer)).z, z.numpy())
        ours = np.nan_to_num(rec.v["out"])
        np.testing.assert_allclose(ours, traced[2][1].numpy(), rtol=1e-11, atol=1e-11)
        ledgers.append(count(rec, net))
    assert ledgers[0] == ledgers[1] == count(made, x, lengths)


def test_kernels_and_recurrence_are_projections_of_their_own():
    names = [p.name for p in to_network(model(NEURONS[0], "recurrent"), 1.0).projections]
    assert names == [
        "in-hid1",
        "in-hid1.2",
        "hid1-hid2",
        "hid1-hid2.2",
        "hid2-hid2",
        "hid2-out",
        "hid2-out.2",
    ]


def test_exported_delays_are_the_rounded_ones(tmp_path):
    made = model(NEURONS[0])
    net = to_network(made, dt_ms=2.0)
    net.save(tmp_path / "net.h5")
    again = snn.Network.load(tmp_path / "net.h5")
    for part, projection in zip(populations.split(made), again.projections, strict=True):
        steps = part.connection.delay_steps().t().numpy()
        assert np.array_equal(projection.delay_ms, steps * 2.0)
        assert projection.name == part.projection


def test_dropout_layers_and_nesting_are_passed_over():
    inner = Sequential(Linear(3, 4), LIF(), Dropout(0.5))
    net = to_network(Sequential(inner, Linear(4, 2), LIF()), dt_ms=1.0)
    assert [p.name for p in net.populations] == ["in", "hid1", "out"]

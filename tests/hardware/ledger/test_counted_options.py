"""Neurons with every option are counted layer by layer in torch and from runs of the engines: the same integers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from option_models import INPUTS, random_model

import snn
from snn.hardware import count, count_steps
from snn.nn import (
    LIF,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Flatten,
    LeakyReadout,
    Linear,
    RecurrentLIF,
    Sequential,
    to_network,
)

STEPS, SAMPLES = 7, 3
TWO = {"syn_leak": {"exc": 0.5, "inh": 0.25}}


def run(model, x, ends, engine, pieces=(), net=None):
    """Count runs of the network of a model: one, or one for each piece, continued."""
    net = to_network(model, 1.0) if net is None else net
    x = torch.cat([x, x.new_zeros(model.tail_steps, *x.shape[1:])]).flatten(2).numpy().astype(int)
    grid = snn.TimeGrid(len(x), 1.0)
    events = snn.Raster(x, grid, (ends + model.tail_steps).numpy()).to_events()
    state, found = None, []
    for start, stop in pieces or [(0, len(x))]:
        rec = snn.simulate(net, {"in": events.slice(start, stop)}, engine=engine, state=state)
        state = rec.state
        found.append(count(rec, net))
    return found


def spikes(seed, *shape):
    rng = np.random.default_rng(seed)
    ends = torch.from_numpy(rng.integers(1, STEPS + 1, SAMPLES))
    x = torch.from_numpy(rng.poisson(0.5, (STEPS, SAMPLES, *shape))).double()
    inside = torch.arange(STEPS)[:, None] < ends
    return torch.where(inside.reshape(STEPS, SAMPLES, *[1] * len(shape)), x, 0.0), ends


@pytest.mark.parametrize("seed", range(40))
def test_rows_are_those_of_the_engines(seed):
    torch.manual_seed(seed)
    model = random_model(np.random.default_rng(seed))
    x, ends = spikes(seed, INPUTS)
    steps = count_steps(model, x, ends)
    engine = ("event", "clock")[seed % 2]
    (whole,) = run(model, x, ends, engine)
    assert whole.rows == steps.ledger().rows
    parts = [count(model, x[:, b : b + 1], ends[b : b + 1]) for b in range(SAMPLES)]
    assert parts[0] + parts[1] + parts[2] == steps.ledger()
    length = STEPS + model.tail_steps
    pieces = run(model, x, ends, engine, [(t, t + 1) for t in range(length)])
    for t, piece in enumerate(pieces):
        for row, mine in zip(steps, piece, strict=True):
            assert all(getattr(mine, name) == row[name][t].sum() for name in row.counts), (row.name, t)


def images(seed):
    """Receptors behind a convolution, behind pooling and a convolution, behind pooling alone, and flattened."""
    torch.manual_seed(seed)
    layers = [
        *(Conv2d(2, 4, 3, padding=1, groups=2), BatchNorm(4), LIF(v_th=0.2, t_ref=1, **TWO)),
        *(AvgPool2d(2), Conv2d(2, 4, 2, bias=True), LIF(v_th=0.2, reset="soft", spikes="multiple", **TWO)),
        *(AvgPool2d(2, 1, 1), LIF(v_th=0.1, tau=1.5, adapt_by=0.1, tau_adapt=3.0, **TWO)),
        *(Flatten(), Linear(16, 6), BatchNorm(6), RecurrentLIF(3, 2, v_th=0.1, receptor="inh", **TWO)),
        *(Linear(3, 4), LeakyReadout(1.5, tau_syn={"a": 2.0, "b": 3.0})),
    ]
    model = Sequential(*layers).double().eval()
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, BatchNorm):
                layer.weight.uniform_(-0.2, 1.5)
                layer.weight[0] = 0.0
            elif hasattr(layer, "weight"):
                layer.weight.uniform_(-0.3, 1.0)
                layer.weight[torch.rand_like(layer.weight) < 0.2] = 0.0
    return model


@pytest.mark.parametrize("seed", range(4))
def test_images_are_shared_among_receptors(seed, tmp_path):
    model = images(seed)
    x, ends = spikes(seed, 2, 8, 8)
    found = count(model, x, ends)
    to_network(model, 1.0, shape=(2, 8, 8)).save(tmp_path / "net.h5")
    net = snn.Network.load(tmp_path / "net.h5")
    for engine in ("event", "clock"):
        (whole,) = run(model, x, ends, engine, net=net)
        for mine, theirs in zip(whole, found, strict=True):
            same = {
                n: getattr(theirs, n) for n in mine.__dataclass_fields__ if n not in ("name", "pre", "post")
            }
            assert {n: getattr(mine, n) for n in same} == same, (mine.name, theirs.name)
    assert sum(row.output_spikes for row in found) > 0


def test_a_row_for_each_receptor_and_a_spike_for_each_of_several():
    """By hand: two inputs, two neurons; the drive 2.5 passes a threshold of 1 that falls by 1: 2 spikes."""
    model = Sequential(
        Linear(2, 4), LIF(tau=1.0, decay_input=False, reset="soft", spikes="multiple", **TWO), Linear(2, 3)
    )
    model = Sequential(*model, LeakyReadout()).double().eval()
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[2.5, 0.0], [1.0, 0.5], [0.0, 0.0], [0.0, -0.5]]))
        model[2].weight.fill_(1.0)
    found = count(model, torch.tensor([[[1.0, 2.0]]]).double())
    assert [row.name for row in found] == ["in-hid1.exc", "in-hid1.inh", "hid1-out"]
    exc, inh, out = found
    assert (exc.synapses, exc.synaptic_events, exc.active_inputs, exc.macs) == (3, 4, 3, 1)
    assert (inh.synapses, inh.synaptic_events, inh.active_inputs, inh.macs) == (1, 2, 1, 1)
    assert (exc.output_spikes, exc.updates_dense, exc.updates_touched) == (
        3,
        2,
        2,
    )  # 2 at 2.5, 1 at 1 + 1 - 1
    assert (inh.output_spikes, inh.updates_dense, inh.updates_touched) == (0, 0, 0)
    assert (out.input_spikes, out.synaptic_events, out.active_inputs, out.macs) == (3, 9, 6, 3)


class Foreign(torch.nn.Module):
    """The same layers in a model of torch, which is counted through hooks."""

    def __init__(self, layers):
        super().__init__()
        self.first, self.last = torch.nn.Linear(4, 6).double(), torch.nn.Linear(6, 2).double()
        self.neurons = layers[1]
        self.load_state_dict({"first.weight": layers[0].weight, "first.bias": layers[0].bias,
                              "last.weight": layers[2].weight, "last.bias": layers[2].bias})  # fmt: skip

    def forward(self, x):
        z, _ = self.neurons(self.first(x))
        return self.last(z)


@pytest.mark.parametrize("spikes_a_step", ["single", "multiple"])
def test_foreign_models_count_each_of_several_spikes(spikes_a_step):
    torch.manual_seed(0)
    neuron = LIF(v_th=0.2, reset="soft", spikes=spikes_a_step, tau_syn=2.0, adapt_by=0.02, tau_adapt=3.0)
    layers = Sequential(Linear(4, 6, bias=True), neuron, Linear(6, 2, bias=True), LeakyReadout()).double()
    x, _ = spikes(0, 4)
    mine, theirs = count(Foreign(layers), x), count(layers, x)
    names = ("input_spikes", "synaptic_events", "active_inputs", "macs", "output_spikes", "updates_dense")
    for a, b in zip(mine, theirs, strict=True):
        assert [getattr(a, name) for name in names[:4]] == [getattr(b, name) for name in names[:4]]
    first, same = next(iter(mine)), theirs["in-hid1"]
    assert [getattr(first, name) for name in names] == [getattr(same, name) for name in names]
    assert (theirs["hid1-out"].macs > 0) is (spikes_a_step == "multiple")


def test_channels_that_receptors_cannot_share_are_refused_by_name():
    model = Sequential(Conv2d(1, 3, 1), Flatten(), LIF(**TWO)).double().eval()
    with pytest.raises(ValueError, match="channels of conv1 must be a multiple of 2"):
        count(model, torch.ones(2, 1, 1, 2, 2).double())
    with pytest.raises(ValueError, match="features into out must be a multiple of 2"):
        to_network(Sequential(Linear(2, 3), LIF(**TWO)), 1.0)

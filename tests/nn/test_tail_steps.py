"""The silent steps after a sample: as many as the longest path of a model delays, or late spikes are cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import snn
from snn.nn import LIF, DelayLinear, Layer, Linear, RecurrentLIF, Residual, Sequential
from snn.train import prepare


def relay(steps):
    """One neuron that passes on every spike, `steps` later: the tail that such a layer asks for."""
    layer = DelayLinear(1, 1, 2 * steps, mode="fixed") if steps else Linear(1, 1)
    with torch.no_grad():
        layer.weight.fill_(1.5)
        if steps:
            layer.position.zero_()
    return Sequential(layer, LIF(tau=1.0, decay_input=False))


CHAINS = {
    "two": (Sequential(relay(4), relay(2)), 6),
    "three, the last the shortest": (Sequential(relay(3), relay(4), relay(1)), 8),
    "three, the last without delay": (Sequential(relay(3), relay(2), relay(0)), 5),
    "nested": (Sequential(Sequential(relay(1), relay(5)), Sequential(relay(2), relay(3))), 11),
}
RESIDUALS = {
    "the body is late": (Sequential(relay(2), Residual(Sequential(relay(3), relay(4))), relay(1)), 10),
    "the shortcut is late": (Sequential(relay(2), Residual(relay(1), relay(6)), relay(3)), 11),
    "both are late": (
        Sequential(Residual(Sequential(relay(2), relay(3)), Sequential(relay(1), relay(3))), relay(2)),
        7,
    ),
    "within a residual": (Residual(Sequential(relay(1), Residual(relay(2), relay(5)), relay(3))), 9),
}


class Batch:
    """One sample of five steps, one spike in the last of them."""

    x = np.zeros((5, 1, 1), dtype=np.float32)
    x[-1] = 1.0
    lengths = np.array([5])
    label = np.array([0])


@pytest.mark.parametrize(
    ("model", "late"), [*CHAINS.values(), *RESIDUALS.values()], ids=[*CHAINS, *RESIDUALS]
)
def test_a_spike_in_the_last_step_comes_out(model, late):
    x, lengths, _ = prepare(Batch, model)
    assert lengths.tolist() == [len(x)] == [5 + model.tail_steps]
    out = model.eval()(x, None, lengths)[0]
    assert out[-1].sum() > 0  # the latest spike, in the last step: one step less would cut it
    assert model.tail_steps == late


@pytest.mark.parametrize(("model", "late"), CHAINS.values(), ids=CHAINS)
def test_a_spike_in_the_last_step_comes_out_of_the_engine(model, late):
    net = snn.nn.to_network(model, dt_ms=1.0)
    events = snn.Events.from_lists([[4]], [[0]], n_units=1, dt_ms=1.0, n_steps=5)
    rec = snn.simulate(net, {"in": events.pad(model.tail_steps)})
    assert rec.spikes["out"].step.tolist() == [4 + late]


class Both(Layer):
    """A layer of its own arithmetic, without stages, around two that delay."""

    def __init__(self):
        super().__init__()
        self.parts = torch.nn.ModuleDict({"first": relay(2), "second": Sequential(relay(3))})

    def forward(self, x, state=None, lengths=None):
        return self.parts["second"](self.parts["first"](x)[0])[0], ()


class Exact(Both):
    """The same, that says so itself."""

    tail_steps = 4


def test_a_layer_without_stages_asks_for_the_sum_over_those_that_it_holds():
    test_a_spike_in_the_last_step_comes_out(Sequential(Both(), relay(1)), 6)
    assert Exact().tail_steps == 4 and Sequential(Exact(), relay(1)).tail_steps == 5


def test_layers_of_ours_ask_for_what_they_did():
    layers = DelayLinear(2, 2, 6), RecurrentLIF(2, 3), LIF(), Linear(2, 2)
    assert [layer.tail_steps for layer in layers] == [3, 0, 0, 0]

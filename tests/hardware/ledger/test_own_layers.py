"""A layer that says what it is made of is counted as what it is made of."""

from __future__ import annotations

import pytest
import torch
from own_blocks import Block, Gated

from snn.core import Raster, TimeGrid, simulate
from snn.hardware import count
from snn.nn import LIF, BatchNorm, LeakyReadout, Linear, Residual, Sequential, to_network


def network():
    torch.manual_seed(0)
    made = Sequential(Block(6, 8), Block(8, 5), Linear(5, 3), LeakyReadout()).eval()
    with torch.no_grad():
        for layer in made.modules():
            if isinstance(layer, BatchNorm):
                layer.running_mean.uniform_(-0.2, 0.2)
                layer.weight[0] = 0.0  # what lies ahead of it has no synapses
    return made


def unpacked(model):
    """The same layers without blocks around them."""
    return Sequential(*[part for layer in model for part in layer.stages()])


def spikes():
    lengths = torch.tensor([12, 5, 9])
    x = torch.poisson(torch.full((12, 3, 6), 0.4), generator=torch.Generator().manual_seed(1))
    return torch.where(torch.arange(12)[:, None, None] < lengths[:, None], x, 0.0), lengths


def test_blocks_count_as_their_stages():
    model, (x, lengths) = network(), spikes()
    ledger = count(model, x, lengths)
    assert [row.name for row in ledger] == ["in-hid1", "hid1-hid2", "hid2-out"]
    assert ledger == count(unpacked(model), x, lengths)
    assert ledger["in-hid1"].synapses == 6 * 7


def test_the_engines_count_the_same():
    model, (x, lengths) = network(), spikes()
    tail = model.tail_steps
    longer = torch.cat([x, x.new_zeros(tail, *x.shape[1:])]).numpy().astype(int)
    events = Raster(longer, TimeGrid(len(longer), 1.0), (lengths + tail).numpy()).to_events()
    net = to_network(model, 1.0)
    assert count(simulate(net, {"in": events}), net) == count(model, x, lengths)


def test_blocks_inside_residual_blocks_are_named_by_kind():
    model = Sequential(Residual(Block(6, 6)), Linear(6, 3), LIF())
    ledger = count(model, *spikes())
    assert [row.name for row in ledger] == ["delay1", "linear1"]
    assert [row.post for row in ledger] == ["lif1", "lif2"]


class Backwards(Sequential):
    """Layers that do not run one after another."""

    def forward(self, x, state=None, lengths=None):
        return super().forward(x.flip(0), state, lengths)


@pytest.mark.parametrize("layer", [Gated(6, 4), Backwards(Linear(6, 4), LIF())], ids=["own", "sequence"])
def test_what_is_not_made_of_ours_is_refused_by_name(layer):
    name = type(layer).__name__
    rule = rf"{name.lower()}1 must be of a class that has a counter .*register_counter.*got {name}"
    with pytest.raises(ValueError, match=rule):
        count(Sequential(layer), *spikes())


def test_an_attribute_called_names_is_no_name_of_layers():
    model = Sequential(Block(6, 8), Linear(8, 3), LeakyReadout())
    model.names = {"a": "one", "b": "two"}
    assert [row.name for row in count(model, *spikes())] == ["in-hid1", "hid1-out"]

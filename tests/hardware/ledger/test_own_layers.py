"""A layer that says what it is made of is counted as what it is made of."""

from __future__ import annotations

import pytest
import torch
from own_blocks import Block, Gated

from snn.core import Raster, TimeGrid, simulate
from snn.hardware import CrossbarConfig, Placement, count, register_counter, register_placement, to_crossbar
from snn.nn import LIF, BatchNorm, Layer, LeakyReadout, Linear, Residual, Sequential, to_network


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


class Half(LIF):
    """Neurons that inherit and send something else."""

    def forward(self, x, state=None, lengths=None):
        z, after = super().forward(x, state, lengths)
        return z * 0.5, after


class Twofold(Linear):
    """Weights that inherit and are read in another way."""

    def forward(self, x, state=None, lengths=None):
        return super().forward(2 * x, state, lengths)


class Renamed(LIF):
    """Neurons that inherit and run in the same way."""


def test_a_counter_is_inherited_only_with_forward():
    model = Sequential(Linear(6, 4), Renamed())
    assert [row.name for row in count(model, *spikes())] == ["in-out"]
    model = Sequential(Linear(6, 4), Half())
    with pytest.raises(ValueError, match="has a counter .*, got Half, whose forward is not that of LIF$"):
        count(model, *spikes())
    message = "has a placement .*, got {}, whose forward is not that of {}$"
    with pytest.raises(ValueError, match=message.format("Half", "LIF")):
        to_crossbar(model, CrossbarConfig.ideal())
    with pytest.raises(ValueError, match=message.format("Twofold", "Linear")):
        to_crossbar(Sequential(Twofold(6, 4), LIF()), CrossbarConfig.ideal())


def test_what_cannot_be_registered():
    with pytest.raises(TypeError, match="^kind must be a subclass of snn.nn.Layer, got 3$"):
        register_counter(3, print)
    with pytest.raises(TypeError, match=r"^counter must be a function \(layer, signal, builder\), got 4$"):
        register_counter(Half, 4)
    with pytest.raises(TypeError, match="^kind must be a subclass of snn.nn.Layer, got 3$"):
        register_placement(3, None)
    for given in (4, Placement):
        with pytest.raises(TypeError, match="^placement must be a Placement or None, got "):
            register_placement(Half, given)


class Silent(Layer):
    """A layer whose counter gives nothing."""

    def forward(self, x, state=None, lengths=None):
        return x, ()


def count_nothing(layer, signal, builder):
    builder.forward(layer, signal.x)


def test_a_counter_that_gives_no_signal():
    register_counter(Silent, count_nothing)
    with pytest.raises(TypeError, match="^what count_nothing gives for Silent must be a Signal, got None$"):
        count(Sequential(Silent(), Linear(6, 3), LIF()), *spikes())


class Twice(Layer):
    """A block that runs its layers two times."""

    def __init__(self):
        super().__init__()
        self.connect, self.fire = Linear(6, 6), LIF()

    def stages(self):
        return [self.connect, self.fire, self.connect, self.fire]

    def forward(self, x, state=None, lengths=None):
        for layer in self.stages():
            x, _ = layer(x, None, lengths)
        return x, ()


@pytest.mark.parametrize("within", [False, True])
def test_a_layer_at_two_places_is_refused_everywhere(within):
    model = Sequential(Linear(6, 6), Residual(Twice()), LIF()) if within else Twice()
    first, second = ("1.body.0", "1.body.2") if within else ("0", "2")
    rule = "must be a layer of its own, got the Linear that is stage"
    message = f"^stage {second} of the model {rule} {first} already$"
    for use in (
        lambda: count(model, *spikes()),
        lambda: to_network(model, 1.0),
        lambda: to_crossbar(model, CrossbarConfig.ideal()),
    ):
        with pytest.raises(ValueError, match=message):
            use()

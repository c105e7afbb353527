"""A user's layer is printed, described and built again; what it is made of says the rest."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from own_blocks import Block, Gated

from snn.core import Record, simulate
from snn.hardware import CrossbarConfig, to_crossbar
from snn.nn import (
    LIF,
    BatchNorm,
    DelayLinear,
    Dropout,
    Layer,
    LeakyReadout,
    Linear,
    Residual,
    Sequential,
    from_config,
    register_layer,
    to_config,
    to_network,
)
from snn.nn.layer import flat_stages

BLOCK = f"{Block.__module__}:Block"


class Plain(Layer):
    """A layer without arguments, as short as one can be."""

    def forward(self, x, state=None, lengths=None):
        return x, ()


@register_layer
class Careless(Layer):
    """A layer whose description is what a test sets."""

    def __init__(self, width: int = 1) -> None:
        super().__init__()
        self.said = {"width": width}

    def config(self):
        return self.said


class Sparse(Linear):
    """A layer that inherits and runs in another way."""

    def forward(self, x, state=None, lengths=None):
        return super().forward(x.relu(), state, lengths)


class Renamed(Linear):
    """A layer that inherits and runs in the same way."""


class Backwards(Sequential):
    """Layers that do not run one after another."""

    def forward(self, x, state=None, lengths=None):
        return super().forward(x.flip(0), state, lengths)


def network():
    torch.manual_seed(0)
    return Sequential(Block(6, 8), Dropout(0.2), Block(8, 5), Linear(5, 3), LeakyReadout())


def spikes(steps=12, batch=3, units=6):
    return (torch.rand(steps, batch, units, generator=torch.Generator().manual_seed(1)) < 0.4).double()


# --- printing ---


def test_any_layer_prints():
    assert repr(Plain()) == "Plain()"
    assert repr(Sequential(Plain())) == "Sequential(\n  (layers): ModuleList(\n    (0): Plain()\n  )\n)"
    assert repr(Block(2, 3)).startswith("Block(\n  inputs=2, neurons=3, max_delay=4\n  (fire): LIF(tau=1.5")


def test_a_layer_whose_config_is_none_prints():
    layer = Careless()
    layer.said = [1]
    assert repr(layer) == "Careless(config()=[1])"


# --- what forward takes and gives ---


class Gives(Layer):
    """A layer that gives what a test says."""

    def __init__(self, give):
        super().__init__()
        self.give = give

    def forward(self, x, state=None, lengths=None):
        return self.give(x)


class TakesX(Layer):
    """A layer that knows of no state."""

    def forward(self, x):
        return x


@pytest.mark.parametrize(
    ("layer", "error", "message"),
    [
        (
            Gives(lambda x: x),
            TypeError,
            r"\(Gives\) must give \(y, state\), a tensor .*, got Tensor of shape",
        ),
        (Gives(lambda x: (x, (), 1)), TypeError, r"\(Gives\) must give \(y, state\), .*"),
        (Gives(lambda x: ([x], ())), TypeError, r"\(Gives\) must give \(y, state\), .*"),
        (Gives(lambda x: None), TypeError, r"\(Gives\) must give \(y, state\), .*, got None$"),
        (
            Gives(lambda x: (x[1:], ())),
            ValueError,
            r"must give y of 12 steps, .* got the shape \[11, 3, 6\]$",
        ),
        (Gives(lambda x: (x.sum(), ())), ValueError, r"must give y of 12 steps, .*, got the shape \[\]$"),
        (TakesX(), TypeError, r"\(TakesX\) must take \(x, state, lengths\), got one that takes \(x\)$"),
    ],
    ids=["y", "three", "no tensor", "nothing", "steps", "no axes", "x only"],
)
def test_what_a_layer_takes_and_gives_is_checked_where_it_runs(layer, error, message):
    with pytest.raises(error, match=r"^forward of layers\[1\] .*" + message):
        Sequential(Plain(), layer)(spikes())


def test_an_error_inside_a_layer_stays_what_it_is():
    with pytest.raises(TypeError, match="^unsupported operand"):
        Sequential(Gives(lambda x: x + object()))(spikes())


# --- description ---


def test_a_registered_layer_is_built_again():
    model = Sequential(network(), Residual(Gated(3, 3, "position")))
    description = to_config(model)
    assert description["layers"][0]["layers"][0] == {"kind": BLOCK, "inputs": 6, "neurons": 8, "max_delay": 4}
    again = from_config(description)
    again.load_state_dict(model.state_dict())
    x = spikes().float()
    assert torch.equal(again.eval()(x)[0], model.eval()(x)[0])


def test_a_class_defined_again_takes_the_place_of_the_one_before():
    first = type("Cell", (Plain,), {"__module__": "__main__"})
    second = type("Cell", (Plain,), {"__module__": "__main__"})
    assert register_layer(first) is first and register_layer(second) is second
    assert type(from_config(to_config(second()))) is second
    with pytest.raises(
        TypeError, match=r"a class that is registered \(snn.nn.register_layer\(Cell\)\), got Cell"
    ):
        to_config(first())


def test_what_cannot_be_registered():
    class Local(Plain):
        pass

    with pytest.raises(
        TypeError, match="kind must be a subclass of snn.nn.Layer, got <class 'torch.nn.*Linear'>"
    ):
        register_layer(torch.nn.Linear)
    with pytest.raises(TypeError, match=r"kind must be a subclass of snn.nn.Layer, got Plain\(\)"):
        register_layer(Plain())
    with pytest.raises(ValueError, match="kind must be a class of your own, got 'Linear'"):
        register_layer(Linear)
    with pytest.raises(
        ValueError, match="at the top level of a module, .*, got '.*:test_what.*<locals>.Local'"
    ):
        register_layer(Local)


def test_layers_that_are_not_registered():
    for layer in (Plain(), Renamed(2, 2), Backwards(Linear(2, 2))):
        kind = type(layer).__name__
        with pytest.raises(
            TypeError, match=rf"must be of Sequential, .*register_layer\({kind}\)\), got {kind}$"
        ):
            to_config(Sequential(layer))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            {"width": torch.ones(2)},
            "width in config() of Careless must be a JSON value, not torch.Tensor, got Tensor of shape [2]",
        ),
        ({"width": float("nan")}, "width in config() of Careless must be a JSON value, got nan"),
        ({"width": {1: 2}}, "width in config() of Careless must be a JSON value, got {1: 2}"),
        (
            {"width": np.int64(3)},
            "width in config() of Careless must be a JSON value, not numpy.int64, got 3",
        ),
        ({"kind": 1}, "config() of Careless must have no argument named 'kind', got one"),
        (
            {"wide": 1},
            "must give the arguments of its constructor, got {'wide': 1}: got an unexpected keyword",
        ),
        (None, "config() of Careless must be a dict of JSON values, got None"),
    ],
    ids=str,
)
def test_descriptions_that_build_nothing(said, message):
    layer = Careless()
    layer.said = said
    with pytest.raises(ValueError) as refused:
        to_config(layer)
    assert message in str(refused.value)


def test_a_description_without_the_arguments_is_refused_when_it_is_made():
    class Forgetful(Block):
        config = Layer.config

    Forgetful.__qualname__ = "Forgetful"
    layer = register_layer(Forgetful)(2, 3)
    with pytest.raises(
        ValueError,
        match=r"^config of Forgetful must give its arguments \(inputs, neurons, max_delay\), got {}$",
    ):
        to_config(layer)


@register_layer
class Half(Plain):
    """A layer whose argument has a default, and no description."""

    def __init__(self, gain=1.0):
        super().__init__()
        self.gain = gain


@register_layer
class Loose(Plain):
    """A layer that takes its arguments by name only, whatever they are."""

    def __init__(self, **options):
        super().__init__()
        self.inner = Linear(options["n"], options["n"])


@register_layer
class Wider(LIF):
    """Neurons with an argument more than those whose description they inherit."""

    def __init__(self, tau=2.0, width=1):
        super().__init__(tau)


@register_layer
class Stack(Sequential):
    """A sequence under another name."""


@register_layer
class Passing(LIF):
    """Neurons that pass on what they are given: the inherited description holds it all."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Half(5.0), r"^config of Half must give its arguments \(gain\), got {}$"),
        (Loose(n=2), r"^config of Loose must give its arguments \(\*\*options\), got {}$"),
        (Stack(Linear(2, 2)), r"^config of Stack must give its arguments \(\*layers\), got {}$"),
        (Wider(width=3), r"^config of Wider must give its arguments \(width\), got {'tau'"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_arguments_that_a_description_leaves_to_their_defaults(layer, message):
    with pytest.raises(ValueError, match=message):
        to_config(Sequential(layer))


def test_a_description_that_is_inherited_may_hold_all():
    assert from_config(to_config(Passing(3.0, v_th=0.5))).options.tau == 3.0


def test_what_snn_makes_of_a_model_is_not_described():
    ideal = to_crossbar(Sequential(Linear(2, 2), LIF()), CrossbarConfig.ideal())
    with pytest.raises(
        TypeError, match="got AnalogModel, which snn makes of another model: save that model$"
    ):
        to_config(ideal)
    with pytest.raises(TypeError, match=r"^model must be a layer of snn.nn \(torch.save .*\), got ReLU$"):
        to_config(torch.nn.ReLU())


# --- stages ---


def test_stages_are_the_model():
    """Nested sequences and blocks are flat; run one after another they give what the model gives."""
    model = Sequential(network(), Sequential())
    model.train()
    stages = flat_stages(model)
    assert [type(stage) for stage in stages] == [
        *(DelayLinear, BatchNorm, LIF, Dropout, DelayLinear, BatchNorm, LIF, Linear, LeakyReadout)
    ]
    assert model.tail_steps == 4 and Block(2, 2, 8).tail_steps == 4 and Plain().tail_steps == 0
    model.eval()
    x, lengths = spikes().float(), torch.tensor([12, 5, 9])
    y, by_hand = model(x, None, lengths)[0], x
    for stage in stages:
        by_hand, _ = stage(by_hand, None, lengths)
    assert torch.equal(y, by_hand)


def test_stages_that_are_none():
    block = Block(2, 3)
    for stages, error, message in (
        (None, TypeError, r"stages\(\) of Block must be a list of layers, got None"),
        (
            [block, block.fire],
            ValueError,
            r"stages\(\)\[0\] of Block must be a layer that it holds .*the Block itself",
        ),
        ([LIF()], ValueError, r"stages\(\)\[0\] of Block must be a layer that it holds as a module, got LIF"),
        (
            [block.fire, torch.nn.ReLU()],
            TypeError,
            r"stages\(\)\[1\] of Block must be a layer of snn.nn, got ReLU",
        ),
    ):
        block.stages = lambda given=stages: given
        with pytest.raises(error, match=message):
            to_network(Sequential(block), 1.0)


def test_a_block_runs_by_events():
    model = network().double()
    for layer in model.modules():
        if isinstance(layer, BatchNorm):
            layer.running_mean.uniform_(-0.2, 0.2)
    model.eval()
    net = to_network(model, dt_ms=1.0)
    assert [p.name for p in net.projections] == ["in-hid1", "hid1-hid2", "hid2-out"]
    x = spikes()
    longer = torch.cat([x, x.new_zeros(model.tail_steps, *x.shape[1:])])
    events = to_events(longer)
    for engine in ("event", "clock"):
        rec = simulate(net, {"in": events}, engine=engine, record=Record(spikes=["hid1"], v=["out"]))
        assert (rec.spikes["hid1"].to_raster(len(longer)).z == model[0](longer)[0].detach().numpy()).all()
        torch.testing.assert_close(torch.from_numpy(rec.v["out"]), model(longer)[0].detach())
    assert rec.counts.spikes["hid1"] > 0


def to_events(x):
    from snn.core import Raster, TimeGrid

    return Raster(x.numpy().astype(int), TimeGrid(len(x), 1.0)).to_events()


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([Gated(2, 2)], "the model must end in LIF or LeakyReadout, got Gated"),
        (
            [Sparse(2, 2), LIF()],
            "layer 0 of the model must be a weighted sum .*, got Sparse",
        ),
        ([Backwards(Linear(2, 2), LIF())], "the model must end in LIF or LeakyReadout, got Backwards"),
        ([Linear(2, 2), Plain()], "the model must end in LIF or LeakyReadout, got Plain"),
    ],
    ids=["own", "inherits", "sequence", "neurons"],
)
def test_a_layer_that_is_not_made_of_ours_does_not_run_by_events(layers, message):
    with pytest.raises(ValueError, match=message):
        to_network(Sequential(*layers), 1.0)


def test_a_class_that_inherits_and_runs_the_same_way_does():
    assert to_network(Sequential(Renamed(2, 3), LIF()), 1.0).projections[0].name == "in-out"

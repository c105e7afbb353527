"""A weight as a device would hold it: used in every pass, learned through, exported, never saved."""

from __future__ import annotations

import copy

import pytest
import torch

from snn.nn import (
    LIF,
    Conv2d,
    DelayLinear,
    LeakyReadout,
    Linear,
    RecurrentLIF,
    Sequential,
    to_config,
    to_network,
)


def halved(weight):
    return 0.5 * weight


LAYERS = [
    (lambda: Linear(4, 3), (6, 2, 4)),
    (lambda: Conv2d(2, 4, 3, padding=1, groups=2), (3, 2, 2, 5, 5)),
    (lambda: DelayLinear(4, 3, 4), (6, 2, 4)),
    (lambda: DelayLinear(4, 3, 4, mode="linear", kernel_count=2), (6, 2, 4)),
    (lambda: RecurrentLIF(4, 3, v_th=0.3), (6, 2, 4)),
]


@pytest.mark.parametrize(("make", "shape"), LAYERS)
@pytest.mark.parametrize("training", [False, True])
def test_every_layer_with_weights_uses_it(make, shape, training):
    torch.manual_seed(0)
    layer, x = make().train(training), torch.rand(shape)
    other = copy.deepcopy(layer)
    layer.weight_transform = halved
    with torch.no_grad():
        other.weight.mul_(0.5)
    y, _ = layer(x)
    assert torch.equal(y, other(x)[0])
    y.square().sum().backward()
    other(x)[0].square().sum().backward()
    torch.testing.assert_close(layer.weight.grad, 0.5 * other.weight.grad)
    assert list(layer.state_dict()) == list(other.state_dict()) and to_config(layer) == to_config(other)


def test_it_is_called_once_per_pass_and_exported():
    torch.manual_seed(0)
    calls = []
    made = Sequential(DelayLinear(4, 5, 2), LIF(1.2), Linear(5, 3), LeakyReadout(1.2)).eval()

    def count(weight):
        calls.append(weight)
        return halved(weight)

    made[0].weight_transform = count
    made(torch.rand(6, 2, 4))
    assert len(calls) == 1
    weight = to_network(made, 1.0).synapses("in-hid1").weight
    assert abs(weight).sum() == pytest.approx(0.5 * float(made[0].weight.detach().abs().sum()))


def test_another_shape_is_refused():
    layer = Linear(4, 3)
    layer.weight_transform = lambda weight: weight[:2]
    with pytest.raises(ValueError, match=r"must keep the shape \[3, 4\] of the weight, got \[2, 4\]"):
        layer(torch.rand(2, 1, 4))

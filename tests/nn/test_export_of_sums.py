"""Models of layers that sum, with delays and recurrent neurons at any place: exported, or refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from layers import set_statistics_
from torch.nn.utils import parametrizations, prune

import snn
from snn.nn import (
    LIF,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    DelayLinear,
    Dropout,
    Flatten,
    LeakyReadout,
    Linear,
    MaxPool2d,
    RecurrentLIF,
    Residual,
    Sequential,
    to_network,
)
from snn.nn.copies import copy_module
from snn.train import fold_batch_norm

IMAGE = (2, 5, 4)


def readout():
    return Linear(6, 3), LeakyReadout()


def lif():
    return LIF(decay_input=False)


def body():
    return Conv2d(2, 3, 3, padding=1, bias=True), BatchNorm(3), lif()


MODELS = {
    "two linear": (None, lambda: (Linear(7, 5, bias=True), Linear(5, 6), lif(), *readout())),
    "leading norm": (None, lambda: (BatchNorm(7), Linear(7, 6), lif(), *readout())),
    "norm behind spikes": (None, lambda: (Linear(7, 6), lif(), BatchNorm(6), *readout())),
    "norm twice": (None, lambda: (Linear(7, 6), BatchNorm(6), Dropout(0.2), BatchNorm(6), lif(), *readout())),
    "nested": (
        None,
        lambda: (Sequential(Linear(7, 6), Sequential(BatchNorm(6))), Sequential(lif()), *readout()),
    ),
    "delays behind a sum": (
        None,
        lambda: (
            Linear(7, 5),
            Linear(5, 8),
            lif(),
            DelayLinear(8, 6, 4, kernel_count=2),
            BatchNorm(6),
            lif(),
            *readout(),
        ),
    ),
    "convolution, delays": (IMAGE, lambda: (*body(), Flatten(), DelayLinear(60, 6, 4), lif(), *readout())),
    "convolution, recurrent": (
        IMAGE,
        lambda: (
            *body(),
            Flatten(),
            Linear(60, 6),
            BatchNorm(6),
            RecurrentLIF(6, 3, decay_input=False),
            *readout(),
        ),
    ),
    "image norm first": (
        IMAGE,
        lambda: (BatchNorm(2), *body(), AvgPool2d(2), Flatten(), Linear(12, 6), lif(), *readout()),
    ),
    "delays of an image": (
        IMAGE,
        lambda: (Flatten(), DelayLinear(40, 6, 4), BatchNorm(6), lif(), *readout()),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_network_spikes_as_the_model(name):
    torch.manual_seed(3)
    shape, make = MODELS[name]
    model = Sequential(*make()).double()
    set_statistics_(model)
    model.eval()
    net = to_network(model, 2.0, shape=shape)
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.poisson(0.4, (12, 2, *(shape or (7,))))).double()
    x = torch.cat([x, x.new_zeros(model.tail_steps, *x.shape[1:])])
    events = snn.Raster(x.flatten(2).numpy().astype(int), snn.TimeGrid(len(x), 2.0)).to_events()
    rec = snn.simulate(net, {"in": events}, record=snn.Record(v=["out"]))
    spikes = []
    for layer in model.modules():
        if isinstance(layer, LIF):
            layer.register_forward_hook(lambda _, __, out: spikes.append(out[0].flatten(2)))
    with torch.no_grad():
        y, _ = model(x)
    assert spikes and all(z.any() for z in spikes)
    for i, z in enumerate(spikes, 1):
        assert np.array_equal(rec.spikes[f"hid{i}"].to_raster(len(x)).z, z.numpy())
    assert np.allclose(rec.v["out"], y.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("layers", "shape", "message"),
    [
        ((), None, "must end in LIF or LeakyReadout, got no layer"),
        ((Linear(7, 6),), None, "must end in LIF or LeakyReadout, got Linear"),
        ((lif(),), None, "layer 0 of the model must be a weighted sum"),
        ((Linear(7, 6), LeakyReadout(), Linear(6, 2), lif()), None, "layer 3 .* follow neurons that spike"),
        ((Linear(7, 6), DelayLinear(6, 6, 4), lif()), None, "layer 1 .* alone .* DelayLinear beside Linear"),
        ((BatchNorm(7), DelayLinear(7, 6, 4), lif()), None, "layer 1 .* alone .* beside BatchNorm"),
        ((DelayLinear(7, 6, 4), Linear(6, 6), lif()), None, "layer 0 .* alone .* beside Linear"),
        (
            (*body(), MaxPool2d(2), Flatten(), DelayLinear(6, 6, 4), lif()),
            IMAGE,
            "DelayLinear beside MaxPool2d",
        ),
        ((*body(), MaxPool2d(2), lif()), IMAGE, "layer 3 .* weighted sum .*, got MaxPool2d"),
        (
            (Linear(7, 6), lif(), Residual(Linear(6, 6)), lif()),
            None,
            "layer 2 .* got Residual, which joins two branches",
        ),
        ((*body(), Flatten(), DelayLinear(9, 6, 4), lif()), IMAGE, "in_features .* must be 60, .* got 9"),
        ((*body(), BatchNorm(4), lif()), IMAGE, "num_features of BatchNorm must be 3, .* got 4"),
        (body(), (2, 0, 4), r"shape\[1\] must be a whole number >= 1, got 0"),
        (body(), 5, "shape must be the axes"),
        (body(), (2.5, 5, 4), r"shape\[0\] must be a whole number"),
    ],
)
def test_what_cannot_be_exported_is_named(layers, shape, message):
    with pytest.raises(ValueError, match=message):
        to_network(Sequential(*layers), 1.0, shape=shape)


def test_what_is_no_layer_or_no_step_is_named():
    with pytest.raises(TypeError, match="model must be a layer of snn.nn"):
        to_network(torch.nn.Linear(2, 2), 1.0)
    for dt_ms in (True, "1", float("nan"), 0):
        with pytest.raises(ValueError, match="dt_ms must be"):
            to_network(Sequential(Linear(7, 6), lif()), dt_ms)


COMPUTED = {
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight", 0.5),
    "weight norm": lambda layer: torch.nn.utils.weight_norm(layer),
    "spectral norm": lambda layer: torch.nn.utils.spectral_norm(layer),
    "parametrised": parametrizations.weight_norm,
}


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("how", COMPUTED)
@pytest.mark.parametrize("shape", [None, IMAGE])
def test_computed_weights_are_exported_counted_and_copied_as_they_are_now(how, shape):
    torch.manual_seed(0)
    layers = (
        (Linear(7, 6), lif(), *readout())
        if shape is None
        else (*body(), Flatten(), Linear(60, 6), lif(), *readout())
    )
    model = Sequential(*layers).eval()
    set_statistics_(model)
    x = (torch.rand(6, 2, *(shape or (7,))) < 0.5).float()
    COMPUTED[how](model[0])
    model(x)
    with (
        torch.no_grad()
    ):  # as a step of an optimiser, or weights that are loaded: no forward pass has seen it
        for parameter in model[0].parameters():
            parameter.add_(0.05)
    net, copied = to_network(model, 1.0, shape=shape), copy_module(model)
    y, _ = model(x)
    assert torch.equal(copied(x)[0], y)
    weight = model[0].weight.detach().double()
    first = net.projections[0].weight
    if shape is None:
        assert np.array_equal(np.asarray(first), weight.t().numpy())
        plain = fold_batch_norm(model)
        assert torch.equal(plain(x)[0], y)
    assert snn.hardware.count(model, x).samples == 2
    assert snn.hardware.to_crossbar(model, snn.hardware.CrossbarConfig.ideal()) is not None

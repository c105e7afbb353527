"""A convolutional model and its network: the same matrix, the same spikes, the same outputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from layers import set_statistics_

import snn
from snn.nn import (
    LIF,
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    LeakyReadout,
    Linear,
    MaxPool2d,
    Residual,
    Sequential,
    to_network,
)
from snn.nn.unrolled import UnrolledWeights, takes_images
from snn.recipes.agreement import compare

SHAPE = (2, 9, 7)


def model(**options):
    """All layers that sum, with statistics as if trained."""
    torch.manual_seed(2)
    made = Sequential(
        Conv2d(2, 4, 3, padding=1, bias=True),
        BatchNorm(4),
        LIF(1.6, **options),
        Dropout(0.2),
        AvgPool2d(2),
        Sequential(Conv2d(4, 6, (3, 2), stride=(1, 2), dilation=1, groups=2), BatchNorm(6)),
        LIF(1.3, **options),
        AdaptiveAvgPool2d(1),
        Flatten(),
        Linear(6, 5, bias=True),
        LIF(2.0, **options),
        Linear(5, 3, bias=True),
        BatchNorm(3),
        LeakyReadout(1.5),
    ).eval()
    set_statistics_(made)
    with torch.no_grad():
        for layer in made.modules():
            if isinstance(layer, Conv2d | Linear) and layer.bias is not None:
                layer.bias.uniform_(-0.2, 1.5)
    return made


def images(batch=6, steps=8):
    return torch.from_numpy(np.random.default_rng(0).poisson(0.3, (steps, batch, *SHAPE))).double()


@pytest.mark.parametrize(
    "layer",
    [
        Conv2d(2, 6, (3, 2), (2, 1), (1, 0), dilation=(1, 2), groups=2, bias=True),
        AvgPool2d(3, 2, 1),
        AdaptiveAvgPool2d((4, 3)),
        Flatten(),
        Sequential(Flatten(), Linear(126, 5, bias=True)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_layer_is_its_matrix(layer):
    layer = layer.double()
    if getattr(layer, "bias", None) is not None:
        torch.nn.init.uniform_(layer.bias)
    unrolled = UnrolledWeights(SHAPE)
    assert all(unrolled.append(part) for part in (layer if isinstance(layer, Sequential) else (layer,)))
    x = torch.rand(1, 5, *SHAPE, dtype=torch.float64)
    y, _ = layer(x)
    by_hand = x.reshape(5, -1).numpy() @ unrolled.weight.toarray() + unrolled.bias
    assert unrolled.shape == tuple(y.shape[2:])
    assert np.allclose(by_hand, y.detach().reshape(5, -1).numpy(), rtol=0, atol=1e-13)


@pytest.mark.parametrize("reset", ["hard", "soft", "hard_next_step"])
@pytest.mark.parametrize("decay_input", [True, False])
def test_the_same_spikes_by_events(reset, decay_input):
    made = model(reset=reset, decay_input=decay_input).double()
    net = to_network(made, 2.0, shape=SHAPE)
    sizes = [population.size for population in net.populations]
    assert sizes == [126, 4 * 9 * 7, 6 * 2 * 1, 5, 3] and net.dt_ms == 2.0
    assert [p.name for p in net.projections] == ["in-hid1", "hid1-hid2", "hid2-hid3", "hid3-out"]
    x = images()
    events = snn.Raster(x.flatten(2).numpy().astype(int), snn.TimeGrid(8, 2.0)).to_events()
    rec = snn.simulate(net, {"in": events}, record=snn.Record(spikes=["hid1", "hid2", "hid3"], v=["out"]))
    spikes = []
    for layer in made.modules():
        if isinstance(layer, LIF):
            layer.register_forward_hook(lambda _, __, out: spikes.append(out[0].flatten(2)))
    with torch.no_grad():
        y, _ = made(x)
    assert len(spikes) == 3 and all(z.any() for z in spikes)
    for i, z in enumerate(spikes, 1):
        assert np.array_equal(rec.spikes[f"hid{i}"].to_raster(8).z, z.numpy())
    assert np.allclose(rec.v["out"], y.numpy(), rtol=0, atol=1e-12)


def test_the_comparison_sees_images_and_finds_a_difference():
    made = model(decay_input=False)
    z = images(12).numpy().astype(int)
    events = snn.Raster(z.reshape(8, 12, -1), snn.TimeGrid(8, 1.0)).to_events()
    labels = np.zeros(12, dtype=np.int64)
    data = snn.datasets.SpikeSet("made here", events, labels, labels, ("0", "1", "2"), shape=SHAPE)
    assert np.array_equal(next(data.batches(12)).x, z)
    found = compare(made, to_network(made, 1.0, shape=SHAPE), data, batch_size=5, loss="step_cross_entropy")
    assert found.exact and found.samples == 12 and found.differing_samples == 0 and found.spikes > 100
    other = to_network(made, 1.0, shape=SHAPE)
    with torch.no_grad():
        made[0].weight[1, 0, 1, 1] += 0.3
    found = compare(made, other, data, loss="step_cross_entropy")
    assert not found.exact and found.differing_samples > 3 and found.ties == 0
    assert "of 12 samples: the same spikes" in found.sentence()


def test_what_does_not_sum_is_refused_by_name():
    assert takes_images(model()) and not takes_images(Sequential(Linear(2, 2), LIF()))
    with pytest.raises(ValueError, match=r"shape must be \(C, H, W\), .* got None"):
        to_network(model(), 1.0)
    conv, lif = Conv2d(2, 4, 3, padding=1), LIF()
    for layers, message in (
        (
            (conv, lif, MaxPool2d(2), Flatten(), Linear(48, 3), LIF()),
            "layer 2 of the model must be a weighted sum of spikes to be run by events, got MaxPool2d",
        ),
        ((conv, lif, Residual(Conv2d(4, 4, 1)), LIF()), "layer 2 .* weighted sum .*, got Residual"),
        ((conv, lif, LIF()), "layer 2 .* weighted sum of spikes, got LIF"),
        ((BatchNorm(3), conv, lif), "num_features of BatchNorm must be 2, that of its input, got 3"),
        ((conv, lif, Flatten()), "the model must end in LIF or LeakyReadout, got Flatten"),
    ):
        with pytest.raises(ValueError, match=message):
            to_network(Sequential(*layers), 1.0, shape=SHAPE)

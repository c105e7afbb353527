"""Residual blocks and the papers' networks: sizes, shapes, states, joins."""

from __future__ import annotations

import itertools

import pytest
import torch

from snn.nn import (
    LIF,
    SLTT_NEURON,
    VGG_PLANS,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Linear,
    Residual,
    ResidualState,
    Sequential,
    from_config,
    resnet18,
    to_config,
    vgg,
)
from snn.train import TrainConfig, backward


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def conv(i, o, k=3, bias=True):
    return i * o * k * k + o * bias


def test_vgg_of_sltt_has_its_parameters():
    """papers.md §6.2: VGG-11 with BatchNorm on two-channel event frames, 9.5 M."""
    model = vgg("vgg11", 2, 10)
    widths = [2, *(w for w in VGG_PLANS["vgg11"] if isinstance(w, int))]
    pairs = list(itertools.pairwise(widths))
    assert len(pairs) == 8
    expected = sum(conv(i, o) + 2 * o for i, o in pairs) + 512 * 7 * 7 * 10 + 10
    assert parameters(model) == expected == 9_476_298


def test_vgg_of_iir_has_its_parameters():
    """papers.md §3.2: VGG16, 39.9 M on CIFAR-10 and 40.3 M on CIFAR-100."""
    options = {"features": 2, "hidden": (4096, 4096), "bias": False, "head_bias": False}
    with torch.device("meta"):
        sizes = [parameters(vgg("vgg16", 3, classes, **options)) for classes in (10, 100)]
    convolutions = 14_710_464 + 2 * 4224
    assert sizes == [convolutions + 2048 * 4096 + 4096 * 4096 + 4096 * n for n in (10, 100)]
    assert [round(size / 1e6, 1) for size in sizes] == [39.9, 40.3]


def test_resnet_of_sltt_has_its_parameters():
    """papers.md §6.2: pre-activation ResNet-18, 11.18 M."""
    with torch.device("meta"):
        model = resnet18(3, 10)
    expected, channels = conv(3, 64, bias=False), 64
    for out in (64, 128, 256, 512):
        first = 2 * channels + conv(channels, out) + 2 * out + conv(out, out)
        second = 4 * out + 2 * conv(out, out)
        expected += first + second + (conv(channels, out, 1) if out != channels else 0)
        channels = out
    expected += 2 * 512 + 512 * 10 + 10
    assert parameters(model) == expected
    assert round(expected / 1e6, 2) == 11.18


def test_spike_element_wise_has_the_parameters_of_a_resnet():
    with torch.device("meta"):
        model = resnet18(3, 10, kind="sew")
    assert parameters(model) == 11_173_962  # a ResNet-18 for 32 x 32 images


@pytest.mark.parametrize("kind", ["preact", "sew"])
def test_resnets_run_cut_and_save(kind):
    torch.manual_seed(0)
    model = resnet18(2, 3, kind=kind, width=4, dropout=0.2).eval()
    x = torch.rand(4, 2, 2, 16, 16)
    whole, _ = model(x)
    first, state = model(x[:1])
    second, last = model(x[1:], state)
    assert whole.shape == (4, 2, 3)
    assert torch.equal(torch.cat([first, second]), whole)
    assert any(isinstance(part, ResidualState) for part in last)
    again = from_config(to_config(model)).eval()
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(x)[0], whole)
    kinds = [type(m).__name__ for m in model.modules()]
    assert kinds.count("LIF") == {"preact": 17, "sew": 20}[kind] and kinds.count("Residual") == 8


def test_sew_blocks_join_spikes_with_spikes():
    """The stream of joined spikes holds whole numbers; after "and" and "iand" it stays binary."""
    torch.manual_seed(0)
    x = torch.rand(3, 2, 2, 8, 8) * 3
    for join, allowed in (("add", set(range(10))), ("and", {0, 1}), ("iand", {0, 1})):
        model = resnet18(2, 3, kind="sew", width=4, join=join)
        seen, y = set(), x
        for block in model:
            y, _ = block(y)
            if isinstance(block, Residual):
                seen |= set(y.unique().tolist())
        assert seen <= allowed and len(seen) > 1


def test_joins():
    one = Sequential(Dropout(0.0))
    x = torch.tensor([0.0, 1.0]).reshape(1, 1, 2)
    body = Linear(2, 2)
    with torch.no_grad():
        body.weight.copy_(torch.tensor([[0.0, 1.0], [0.0, 1.0]]))  # body of x is (1, 1)
    results = {j: Residual(body, one, join=j)(x)[0].flatten().tolist() for j in ("add", "and", "iand")}
    assert results == {"add": [1.0, 2.0], "and": [0.0, 1.0], "iand": [0.0, 0.0]}


@pytest.mark.parametrize("kind", ["preact", "sew"])
def test_sltt_with_all_steps_in_one_piece_or_each_by_itself(kind):
    """States inside residual blocks are cut too: pieces of one step give the gradients of one piece."""
    x, label = torch.rand(4, 3, 2, 8, 8, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2])
    gradients = []
    for chunk in (1, 4):
        torch.manual_seed(0)
        model = resnet18(2, 3, kind=kind, width=4)
        config = TrainConfig(method="sltt", chunk=chunk, loss="step_cross_entropy", batch_size=3, min_batch=1)
        backward(model, x, torch.full((3,), 4), label, config)
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-5)


def test_builders_use_what_they_are_given():
    model = vgg((4, "M", 6), 1, 2, features=(2, 3), hidden=(5,), dropout=0.1, over="sequence", neurons=LIF)
    kinds = [type(layer).__name__ for layer in model]
    assert kinds.count("Dropout") == 3 and "MaxPool2d" in kinds
    assert all(layer.over == "sequence" for layer in model if isinstance(layer, BatchNorm))
    assert model(torch.rand(2, 2, 1, 8, 9))[0].shape == (2, 2, 2)
    neuron = next(layer for layer in vgg((4,), 1, 2) if isinstance(layer, LIF))
    assert neuron.config().items() >= SLTT_NEURON.items()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: vgg("vgg12", 2, 10),
            "plan must be channels of convolutions or one of 'vgg11', 'vgg16', got 'vgg12'",
        ),
        (lambda: vgg((4, "X"), 2, 10), r"plan\[1\] must be one of 'A', 'M', got 'X'"),
        (lambda: resnet18(2, 10, kind="plain"), "kind must be one of 'preact', 'sew', got 'plain'"),
        (
            lambda: resnet18(2, 10, kind="sew", join="or"),
            "join must be one of 'add', 'and', 'iand', got 'or'",
        ),
        (
            lambda: Residual(Conv2d(1, 2, 3))(torch.zeros(1, 1, 1, 5, 5)),
            r"shortcut of Residual must end in the shape \[1, 1, 2, 3, 3\] of the body, got",
        ),
    ],
)
def test_bad_values_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_only_layers_are_branches():
    with pytest.raises(TypeError, match="shortcut must be a layer of snn.nn, got Identity"):
        Residual(AvgPool2d(1), torch.nn.Identity())

"""Networks of torch without spikes: the same outputs as layers, and their way to one time step."""

from __future__ import annotations

import pytest
import torch
from double import in_float64  # noqa: F401 - holds for all tests here
from torch import nn as torch_nn

from snn.datasets import ImageSet
from snn.interop import pytorch
from snn.nn import LIF, Sequential
from snn.train import TrainConfig, convert, evaluate, fold_batch_norm, reduce_steps


def rectifiers():
    """Make a network of all that is converted, with statistics of its own."""
    net = torch_nn.Sequential(
        torch_nn.Sequential(torch_nn.Conv2d(1, 4, 3, padding=1, bias=False), torch_nn.BatchNorm2d(4)),
        torch_nn.ReLU(),
        torch_nn.AvgPool2d(2),
        torch_nn.Conv2d(4, 6, 3, padding="same", groups=2),
        torch_nn.ReLU(inplace=True),
        torch_nn.MaxPool2d(2),
        torch_nn.Flatten(),
        torch_nn.Dropout(0.2),
        torch_nn.Linear(24, 8),
        torch_nn.BatchNorm1d(8),
        torch_nn.ReLU(),
        torch_nn.Linear(8, 2),
    )
    for _ in range(20):
        net(torch.randn(32, 1, 8, 8))
    return net.eval()


def test_outputs_are_the_same_in_every_step():
    net, x = rectifiers(), torch.randn(3, 5, 1, 8, 8)
    model = pytorch.convert(net)
    assert isinstance(model, Sequential) and not model.training
    with torch.no_grad():
        torch.testing.assert_close(model(x)[0], torch.stack([net(step) for step in x]))
        torch.testing.assert_close(fold_batch_norm(model)(x)[0], model(x)[0])


def bars(n, seed):
    """Make images with a bar that lies, 0, or stands, 1."""
    draw = torch.Generator().manual_seed(seed)
    x, label = torch.rand(n, 1, 8, 8, generator=draw) * 0.3, torch.arange(n) % 2
    for i, place in enumerate(torch.randint(8, (n,), generator=draw).tolist()):
        (x[i, 0, place] if label[i] == 0 else x[i, 0, :, place]).fill_(1.0)
    return x, label


def as_set(x, label, steps):
    pixels = (x * 255).round().to(torch.uint8).numpy()
    return ImageSet("bars", pixels, label.numpy(), ("lying", "standing"), steps)


def test_down_to_one_time_step():
    net, (x, label) = rectifiers().float().train(), bars(128, 0)
    x = x.float()
    adam = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(30):
        adam.zero_grad()
        torch.nn.functional.cross_entropy(net(x), label).backward()
        adam.step()
    spiking = convert(pytorch.convert(net.eval()), x, steps=10)
    neurons = [layer for layer in spiking.modules() if isinstance(layer, LIF)]
    assert len(neurons) == 3 and all(layer.threshold.item() > 0 for layer in neurons)
    first = torch.quantile(net[0](x).flatten(), 0.9)  # of what arrives at the first neurons in every step
    assert neurons[0].threshold.item() == pytest.approx(first.item(), rel=1e-4)
    config = TrainConfig(3, 32, lr=3e-3, loss="mean_cross_entropy")
    reduce_steps(spiking, lambda n: (as_set(x, label, n), as_set(*bars(32, 1), n)), config, steps=(3, 1))
    assert evaluate(spiking, as_set(*bars(64, 2), 1), loss=config.loss).accuracy > 0.9


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            torch_nn.GELU(),
            r"^module '0' must be one of Linear, Conv2d, .*, ReLU, or Sequential, got 'GELU'$",
        ),
        (torch_nn.Conv1d(1, 1, 3), r"^module '0' must be one of .*, got 'Conv1d'$"),
        (
            torch_nn.Conv2d(1, 1, 3, padding_mode="reflect"),
            r"^module '0' \(Conv2d\): padding_mode must be 'zeros'",
        ),
        (
            torch_nn.BatchNorm1d(2, affine=False),
            r"^module '0' \(BatchNorm1d\): affine, track_running_stats and",
        ),
        (torch_nn.Flatten(2), r"^module '0' \(Flatten\): start_dim and end_dim must be 1 and -1"),
    ],
)
def test_what_cannot_be_converted(module, message):
    with pytest.raises(ValueError, match=message):
        pytorch.convert(module)


def test_hooks_are_refused_since_they_change_what_is_computed():
    pruned, hooked, normed = (torch_nn.Linear(4, 3) for _ in range(3))
    torch.nn.utils.prune.l1_unstructured(pruned, "weight", 0.5)
    hooked.register_forward_hook(lambda module, given, made: 0 * made)
    outer = torch_nn.Sequential(torch_nn.Linear(4, 3))
    outer.register_forward_pre_hook(lambda module, given: None)
    with pytest.raises(ValueError, match="module '0' must be .*, got 'ParametrizedLinear'"):
        pytorch.convert(torch.nn.utils.parametrizations.weight_norm(normed))
    for module in (pruned, hooked, torch_nn.Sequential(outer)):
        with pytest.raises(ValueError, match="module '0.*' must be without hooks .*prune.remove"):
            pytorch.convert(module)
    torch.nn.utils.prune.remove(pruned, "weight")
    x = torch.randn(2, 4)
    assert torch.equal(pytorch.convert(pruned)(x[None])[0][0], pruned(x))


@pytest.mark.parametrize("module", [None, torch_nn.Linear, 3])
def test_what_is_no_module(module):
    with pytest.raises(TypeError, match="module must be a torch module or a list of them, got"):
        pytorch.convert(module)

"""The papers' networks as functions: outputs and gradients of ours against plain loops over torch's own layers.

The loops are written from the papers' equations and take the weights of our networks; everything is in float64.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from double import in_float64  # noqa: F401 - a fixture of every test here
from torch import Tensor
from torch.nn import functional as F

from snn import nn
from snn.train import TrainConfig, backward, convert, methods

STEPS, BATCH, CLASSES = 4, 3, 5
SLTT = TrainConfig(method="sltt", loss="step_cross_entropy")


class Triangle(torch.autograd.Function):
    """Spike where z fires; the gradient is height max(0, 1 - |z|)."""

    @staticmethod
    def forward(ctx, z, at_zero, height):
        ctx.save_for_backward(z)
        ctx.height = height
        return ((z >= 0) if at_zero else (z > 0)).to(z)

    @staticmethod
    def backward(ctx, g):
        (z,) = ctx.saved_tensors
        return g * ctx.height * (1 - z.abs()).clamp(min=0), None, None


class SlttNeuron(torch.nn.Module):
    """u = (1 - 1/1.1) v + x; s = 1 where u >= 1; v = u - s. SLTT cuts v before it is used again."""

    cut = True

    def forward(self, x: Tensor) -> Tensor:
        u = (1 - 1 / 1.1) * (self.v.detach() if self.cut else self.v) + x
        s = Triangle.apply(u - 1, True, 1.0)
        self.v = u - s
        return s


class MaskedOnce(torch.nn.Module):
    """Dropout that draws one mask for all steps."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if self.mask is None:
            self.mask = F.dropout(torch.ones_like(x), self.p)
        return x * self.mask


class Block(torch.nn.Module):
    """Neurons; what they send goes through two convolutions, with neurons between, and around them."""

    def __init__(self, n_in: int, n_out: int, stride: int, p: float) -> None:
        super().__init__()
        self.enter = torch.nn.Sequential(torch.nn.BatchNorm2d(n_in), SlttNeuron())
        self.way = torch.nn.Sequential(
            torch.nn.Conv2d(n_in, n_out, 3, stride, 1), torch.nn.BatchNorm2d(n_out), SlttNeuron(),
            MaskedOnce(p), torch.nn.Conv2d(n_out, n_out, 3, 1, 1),
        )  # fmt: skip
        same = n_in == n_out and stride == 1
        self.around = torch.nn.Identity() if same else torch.nn.Conv2d(n_in, n_out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.enter(x)
        return self.way(spikes) + self.around(spikes)


class SpikeBlock(torch.nn.Module):
    """Two units of convolution, BatchNorm and neurons; spikes go around them, through a unit for a new shape."""

    def __init__(self, n_in: int, n_out: int, stride: int, p: float) -> None:
        super().__init__()

        def unit(kernel: int, before: int, step: int) -> list[torch.nn.Module]:
            weights = torch.nn.Conv2d(before, n_out, kernel, step, kernel // 2, bias=False)
            return [weights, torch.nn.BatchNorm2d(n_out), SlttNeuron()]

        self.way = torch.nn.Sequential(*unit(3, n_in, stride), *unit(3, n_out, 1))
        same = n_in == n_out and stride == 1
        self.around = torch.nn.Identity() if same else torch.nn.Sequential(*unit(1, n_in, stride))

    def forward(self, x: Tensor) -> Tensor:
        return self.way(x) + self.around(x)


def resnet(width: int, p: float, block: type[torch.nn.Module] = Block) -> torch.nn.Sequential:
    """ResNet-18 of images whose last maps are averaged whole, as SLTT has it, or of blocks of spikes (SEW)."""
    sizes = [width, width, width, *(width * n for n in (2, 2, 4, 4, 8, 8))]
    blocks = [block(n_in, n_out, 1 + (n_out > n_in), p) for n_in, n_out in itertools.pairwise(sizes)]
    stem = [torch.nn.Conv2d(2, width, 3, 1, 1, bias=False)]
    if block is Block:
        blocks += [torch.nn.BatchNorm2d(8 * width), SlttNeuron()]
    else:
        stem += [torch.nn.BatchNorm2d(width), SlttNeuron()]
    return torch.nn.Sequential(
        *stem, *blocks,
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), MaskedOnce(p), torch.nn.Linear(8 * width, CLASSES),
    )  # fmt: skip


def vgg11(share: int, p: float) -> torch.nn.Sequential:
    """VGG-11 of SLTT: a pooling after the convolutions 1, 2, 4, 6 and 8; the widths are divided by `share`."""
    sizes = [2, *(n // share for n in (64, 128, 256, 256, 512, 512, 512, 512))]
    layers: list[torch.nn.Module] = []
    for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes), 1):
        layers += [
            torch.nn.Conv2d(n_in, n_out, 3, 1, 1),
            torch.nn.BatchNorm2d(n_out),
            SlttNeuron(),
            MaskedOnce(p),
        ]
        layers += [torch.nn.AvgPool2d(2)] if i in (1, 2, 4, 6, 8) else []
    head = torch.nn.AdaptiveAvgPool2d(7), torch.nn.Flatten(), torch.nn.Linear(49 * sizes[-1], CLASSES)
    return torch.nn.Sequential(*layers, *head)


def plan(name: str, share: int) -> list[int | str]:
    return [part if isinstance(part, str) else part // share for part in nn.VGG_PLANS[name]]


PAIRS = {
    "preact": (lambda p: nn.resnet18(2, CLASSES, width=4, dropout=p), lambda p: resnet(4, p), 16),
    "sew": (
        lambda p: nn.resnet18(2, CLASSES, kind="sew", width=4, dropout=p),
        lambda p: resnet(4, p, SpikeBlock),
        16,
    ),
    "vgg11": (lambda p: nn.vgg(plan("vgg11", 16), 2, CLASSES, dropout=p), lambda p: vgg11(16, p), 32),
}


def tensors(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    """Weights and biases in the order of the layers."""
    layers = [
        part for part in model.modules() if isinstance(getattr(part, "weight", None), torch.nn.Parameter)
    ]
    return [p for part in layers for p in (part.weight, part.bias) if p is not None]


def run_plain(model: torch.nn.Module, x: Tensor, label: Tensor, drawn: set[int], cut: bool) -> list[Tensor]:
    """Run step by step, loss of a step / T, backward at once where gradients are cut; give the outputs."""
    for part in model.modules():
        if isinstance(part, SlttNeuron):
            part.v, part.cut = torch.zeros(()), cut
        elif isinstance(part, MaskedOnce):
            part.mask = None
    outputs, total = [], 0.0
    for t, x_t in enumerate(x):
        with torch.set_grad_enabled(t in drawn):
            y = model(x_t)
            loss = F.cross_entropy(y, label) / len(x)
        if cut and t in drawn:
            loss.backward()
        total = total + loss
        outputs.append(y.detach())
    if not cut:
        total.backward()
    return outputs


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize(
    ("config", "drawn"),
    [
        (SLTT, {0, 1, 2, 3}),
        (dataclasses.replace(SLTT, chunk=1), {0, 1, 2, 3}),
        (dataclasses.replace(SLTT, k=2), {1, 3}),
        (TrainConfig(loss="step_cross_entropy"), {0, 1, 2, 3}),
    ],
    ids=["SLTT", "SLTT, a step at a time", "SLTT-K", "BPTT"],
)
def test_networks_and_methods_of_sltt(
    name: str, config: TrainConfig, drawn: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meng et al., 2023 ("sew": Fang et al., 2021): outputs, gradients, running statistics, with dropout."""
    make_ours, make_plain, size = PAIRS[name]
    ours, plain = make_ours(0.2), make_plain(0.2)
    for mine, other in zip(tensors(ours), tensors(plain), strict=True):
        with torch.no_grad():
            other.copy_(mine)
    x, label = torch.rand(STEPS, BATCH, 2, size, size), torch.arange(BATCH)
    order = torch.tensor([*drawn, *(set(range(STEPS)) - drawn)])
    monkeypatch.setattr(methods.torch, "randperm", lambda n: order)
    torch.manual_seed(1)
    found = backward(ours, x, torch.full((BATCH,), STEPS), label, config)
    torch.manual_seed(1)
    y = run_plain(plain, x, label, drawn, cut=config.method == "sltt")
    torch.testing.assert_close(found.score, sum(y), rtol=1e-12, atol=1e-12)
    for mine, other in zip(tensors(ours), tensors(plain), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-9, atol=1e-12)
    norms = [part for part in plain.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    mine = [part for part in ours.modules() if isinstance(part, nn.BatchNorm)]
    for a, b in zip(mine, norms, strict=True):
        torch.testing.assert_close(a.running_var, b.running_var, rtol=1e-12, atol=1e-12)
    assert all(float(p.grad.abs().sum()) > 0 for p in ours.parameters() if p.dim() > 1)


POOLED = {2, 4, 7, 10}
"""Convolutions of IIR-SNN's VGG16 that a pooling follows."""


def run_iir(
    weights: list[tuple[Tensor, Tensor]], neuron: Callable[[int, Tensor], Tensor], x: Tensor
) -> Tensor:
    """VGG16 of IIR-SNN in one step: 13 convolutions, two hidden linear layers, and a linear output."""
    for i, (weight, bias) in enumerate(weights[:13], 1):
        x = neuron(i - 1, F.conv2d(x, weight, bias, padding=1))
        x = F.avg_pool2d(x, 2) if i in POOLED else x
    x = x.flatten(1)
    for i, (weight, _) in enumerate(weights[13:15], 13):
        x = neuron(i, F.linear(x, weight))
    return F.linear(x, weights[15][0])


def iir_networks() -> tuple[nn.Layer, nn.Layer, Tensor]:
    """VGG16 with a sixteenth of the widths, with rectifiers and converted, and images."""
    ann = nn.vgg(
        plan("vgg16", 16),
        3,
        CLASSES,
        features=2,
        hidden=(48, 48),
        bias=False,
        head_bias=False,
        neurons=nn.ReLU,
    )
    for norm in (part for part in ann.modules() if isinstance(part, nn.BatchNorm)):
        torch.nn.init.uniform_(norm.weight, 0.8, 1.2)
        torch.nn.init.normal_(norm.bias, 0.1, 0.1)
        norm.running_mean.normal_(0, 0.1)
        norm.running_var.uniform_(0.8, 1.2)
    images = torch.randn(11, 3, 32, 32)
    return ann.eval(), convert(ann.eval(), images, steps=6), images


def folded(ann: nn.Layer) -> list[tuple[Tensor, Tensor]]:
    """w g / sqrt(var + eps) and beta - mean g / sqrt(var + eps)."""
    weights = [part.weight for part in ann.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    norms = [part for part in ann.modules() if isinstance(part, nn.BatchNorm)]
    scales = [n.weight / (n.running_var + 1e-5).sqrt() for n in norms]
    first = [(w * s[:, None, None, None], n.bias - n.running_mean * s)
             for w, s, n in zip(weights, scales, norms, strict=False)]  # fmt: skip
    return [(w.detach(), b.detach()) for w, b in first] + [
        (w.detach(), torch.zeros(())) for w in weights[13:]
    ]


def test_network_thresholds_and_gradients_of_iir() -> None:
    """Chowdhury et al., 2021: the net with rectifiers, its thresholds, and three steps of the spiking one."""
    ann, spiking, images = iir_networks()
    weights = folded(ann)
    rectified = run_iir(weights, lambda i, current: current.relu(), images)
    torch.testing.assert_close(ann(images[None])[0][0], rectified, rtol=1e-9, atol=1e-10)

    thresholds = [1.0] * 15
    for layer in range(
        15
    ):  # from the input on: the most that the 90th percentile of the current is in a step
        seen: list[float] = []
        u = [torch.zeros(())] * 15

        def found(
            i: int, current: Tensor, layer: int = layer, seen: list[float] = seen, u: list[Tensor] = u
        ) -> Tensor:
            if i == layer:
                seen.append(float(np.percentile(current, 90)))
            u[i] = u[i] + current
            spikes = (u[i] > thresholds[i]).to(current)
            u[i] = u[i] - thresholds[i] * spikes
            return spikes

        for _ in range(6):
            run_iir(weights, found, images)
        thresholds[layer] = max(seen)
    neurons = [part for part in spiking.modules() if isinstance(part, nn.LIF)]
    assert [n.options.v_th for n in neurons] == pytest.approx(thresholds, rel=1e-9)

    v_th = [torch.tensor(value, requires_grad=True) for value in thresholds]
    leak = [torch.tensor(0.9, requires_grad=True) for _ in v_th]
    for n in neurons:
        torch.nn.init.constant_(n.leak, 0.9)
    plain = [(w.requires_grad_(), b.requires_grad_()) for w, b in weights]
    u = [torch.zeros(())] * 15

    def fire(i: int, current: Tensor) -> Tensor:
        u[i] = leak[i] * u[i] + current
        z = u[i] / v_th[i] - 1
        u[i] = u[i] - v_th[i] * (z > 0)
        return Triangle.apply(z, False, 0.3)

    label = torch.arange(11) % CLASSES
    out = sum(run_iir(plain, fire, images) for _ in range(3))
    F.cross_entropy(out, label).backward()
    x, lengths = images.expand(3, *images.shape), torch.full((11,), 3)
    got = backward(spiking.train(), x, lengths, label, TrainConfig(loss="sum_cross_entropy"))
    torch.testing.assert_close(got.score, out.detach(), rtol=1e-9, atol=1e-10)
    layers = [part for part in spiking.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    for layer, (w, b) in zip(layers, plain, strict=True):
        torch.testing.assert_close(layer.weight.grad, w.grad, rtol=1e-7, atol=1e-12)
        if isinstance(layer, nn.Conv2d):
            torch.testing.assert_close(layer.bias.grad, b.grad, rtol=1e-7, atol=1e-12)
    for n, th, lk in zip(neurons, v_th, leak, strict=True):
        torch.testing.assert_close(n.threshold.grad, th.grad, rtol=1e-7, atol=1e-12)
        torch.testing.assert_close(n.leak.grad, lk.grad, rtol=1e-7, atol=1e-12)
    assert float(layers[0].weight.grad.abs().sum()) > 0

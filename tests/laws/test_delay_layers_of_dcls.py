"""Delayed layers against plain loops over the equations of Hammouamri et al., 2023, and what padding changes."""

from __future__ import annotations

import pytest
import torch
from double import in_float64  # noqa: F401 - a fixture of every test here
from torch import Tensor
from torch.nn import functional as F

from snn.nn import LIF, BatchNorm, DelayLinear, LeakyReadout, Sequential
from snn.train import sigma_at, softmax_sum

TAPS, CENTRE = 9, 4


def bells(weight: Tensor, position: Tensor, sigma: float) -> Tensor:
    """w G / (sum G + 1e-7), G[k] = exp(-((k - P - c) / (|sigma| + 0.27))^2 / 2): kernel [out, in, K]."""
    k = torch.arange(TAPS).to(weight)
    bell = torch.exp(-0.5 * ((k - (position[..., None] + CENTRE)) / (abs(sigma) + 0.27)) ** 2)
    return weight[..., None] * bell / (bell.sum(-1, keepdim=True) + 1e-7)


def tents(weight: Tensor, position: Tensor) -> Tensor:
    """What evaluation runs: positions rounded and kept in -c..c, all of the weight in one tap."""
    place = position.round().clamp(-CENTRE, CENTRE) + CENTRE
    return weight[..., None] * (torch.arange(TAPS) == place[..., None])


def correlate(x: Tensor, kernel: Tensor, right: int = 0) -> Tensor:
    """Cross-correlate x [T, B, in] in time, K - 1 zeros before and `right` after it: [T + right, B, out]."""
    padded = F.pad(x.permute(1, 2, 0), (TAPS - 1, right))
    return F.conv1d(padded, kernel).permute(2, 0, 1)


@pytest.mark.parametrize("sigma", [4.0, 1.1, 0.23])
def test_training_is_a_correlation_with_bells(sigma: float) -> None:
    layer = DelayLinear(6, 5, TAPS - 1).train()
    layer.set_sigma_(sigma)
    weight, position = (p.detach().clone().requires_grad_() for p in (layer.weight, layer.position))
    x = (torch.rand(14, 3, 6) < 0.3).to(weight).requires_grad_()
    y, plain = layer(x)[0], correlate(x, bells(weight, position, sigma))
    torch.testing.assert_close(y, plain, rtol=1e-9, atol=1e-10)
    g = torch.randn_like(y)
    mine = torch.autograd.grad(y, (x, layer.weight, layer.position), g)
    for a, b in zip(mine, torch.autograd.grad(plain, (x, weight, position), g), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-9)


def test_evaluation_has_one_rounded_tap() -> None:
    layer = DelayLinear(6, 5, TAPS - 1).eval()
    with torch.no_grad():
        layer.position[0] = torch.tensor([-4.0, -0.5, 0.5, 1.5, 2.5, 4.0])
    x = (torch.rand(14, 3, 6) < 0.3).double()
    assert layer.delay_steps()[0].tolist() == [8, 4, 4, 2, 2, 0]
    torch.testing.assert_close(layer(x)[0], correlate(x, tents(layer.weight, layer.position)))


@pytest.mark.parametrize("epochs", range(1, 14))
def test_the_kernel_shrinks_as_in_the_papers_code(epochs: int) -> None:
    """After each epoch of the first quarter by one factor; ours shrinks in runs below four epochs too."""
    theirs, quarter = 12.0, epochs // 4
    for epoch in range(epochs):
        same = quarter > 0 or epoch == 0
        assert sigma_at(epoch, epochs, 12.0, 0.23) == pytest.approx(theirs if same else 0.23)
        if epoch < quarter and theirs > 0.23:
            theirs *= (0.23 / 12.0) ** (1 / quarter)
    assert theirs == pytest.approx(0.23 if quarter else 12.0)


def network() -> Sequential:
    layers = []
    for n_in, n_out in ((20, 32), (32, 32)):
        layers += [DelayLinear(n_in, n_out, TAPS - 1), BatchNorm(n_out)]
        layers += [LIF(1.005, decay_input=False, detach_reset=True, surrogate="atan", surrogate_alpha=5.0)]
    return Sequential(*layers, DelayLinear(32, 5, TAPS - 1), LeakyReadout(1.005)).train()


def padded_by_layer(model: Sequential, x: Tensor, cut: bool) -> Tensor:
    """Give every delayed layer c steps more than its input has; its BatchNorm sees these and no later ones.

    Without `cut`, 3 c silent steps stand at the end from the first layer on, and only BatchNorm's statistics are
    those of the cut steps.
    """
    steps = len(x)
    x = x if cut else F.pad(x, (0, 0, 0, 0, 0, 3 * CENTRE))
    for layer in model:
        if isinstance(layer, DelayLinear):
            steps += CENTRE
            x = correlate(x, bells(layer.weight, layer.position, float(layer.sigma)), CENTRE if cut else 0)
        elif isinstance(layer, BatchNorm):
            seen = x[:steps].flatten(0, 1)
            x = (x - seen.mean(0)) / (seen.var(0, unbiased=False) + 1e-5).sqrt() * layer.weight + layer.bias
        else:
            x = layer(x)[0]
    return x


@pytest.mark.parametrize(("silent", "least", "most"), [(0, 0.1, 0.5), (15, 0.0, 0.05)])
def test_what_appending_all_silent_steps_at_once_changes(silent: int, least: float, most: float) -> None:
    """First-layer gradients differ from those with padding layer by layer, for two reasons.

    The first BatchNorm sees 3 c silent steps in place of c, which changes much; and with the statistics of the
    reference, there are still spikes that the reference cuts off, which change little where a sample ends in
    silence.
    """
    model = network()
    x, label = (torch.rand(30, 24, 20) < 0.1).double(), torch.arange(24) % 5
    x[len(x) - silent :] = 0
    lengths = torch.full((24,), 30 + model.tail_steps)
    assert model.tail_steps == 3 * CENTRE

    def gap(y: Tensor, reference: Tensor | float = 0.0) -> Tensor:
        model.zero_grad()
        F.cross_entropy(softmax_sum(y, lengths), label).backward()
        return model[0].weight.grad - reference

    reference = gap(padded_by_layer(model, x, cut=True))
    same_statistics = gap(padded_by_layer(model, x, cut=False), reference)
    ours = gap(model(F.pad(x, (0, 0, 0, 0, 0, model.tail_steps)))[0], reference)
    assert 0.3 < ours.norm() / reference.norm() < 1.5
    assert least < same_statistics.norm() / reference.norm() < most

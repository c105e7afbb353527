"""Two projections trained together: the loss by plain loops, its gradient by differences, retrieval, runs apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from snn.liquid import ContrastiveConfig
from snn.liquid.contrastive import (
    contrastive_loss,
    fit_projections,
    generator,
    random_projection,
    retrieve,
)


def points(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def plain_loss(a, b, temperature, normalised):
    if normalised:
        a, b = ([[x / math.dist(row, [0] * len(row)) for x in row] for row in side] for side in (a, b))
    n, total = len(a), 0.0
    dot = [[sum(x * y for x, y in zip(p, q, strict=True)) / temperature for q in b] for p in a]
    for i in range(n):
        total += math.log(sum(math.exp(dot[i][j]) for j in range(n))) - dot[i][i]
        total += math.log(sum(math.exp(dot[j][i]) for j in range(n))) - dot[i][i]
    return total / (2 * n)


@pytest.mark.parametrize(("temperature", "normalised"), [(1.0, False), (0.3, True), (2.0, False)])
def test_the_loss_is_that_of_plain_loops(temperature, normalised):
    a, b = points(3, 5, 4), points(3, 5, 4, seed=1)
    found = contrastive_loss(a, b, temperature=temperature, normalised=normalised)
    wanted = [plain_loss(x.tolist(), y.tolist(), temperature, normalised) for x, y in zip(a, b, strict=True)]
    assert np.allclose(found, wanted, rtol=1e-12, atol=0)
    swapped = contrastive_loss(b, a, temperature=temperature, normalised=normalised)
    assert torch.allclose(found, swapped, rtol=1e-12)


def test_the_gradient_is_that_of_differences():
    a, b = points(2, 4, 3).requires_grad_(), points(2, 4, 3, seed=1).requires_grad_()
    for normalised in (False, True):
        assert torch.autograd.gradcheck(lambda x, y: contrastive_loss(x, y, normalised=normalised), (a, b))  # noqa: B023


def test_the_loss_of_what_is_alike_or_far_apart():
    alike = torch.zeros(6, 3)
    assert float(contrastive_loss(alike, alike)) == pytest.approx(math.log(6))
    apart = 100 * torch.eye(6)
    assert float(contrastive_loss(apart, apart)) == 0


def test_retrieval_counts_the_label_of_the_nearest():
    pool = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [3.0, 3.0]]])
    query = torch.tensor([[[1.0, 0.2], [0.1, 1.0], [-1.0, -2.0], [-2.0, -1.0]]])
    labels, asked = np.array([0, 1, 2]), np.array([0, 1, 0, 1])
    # unnormalised, the long point wins where the product is positive; then the least negative one
    assert float(retrieve(query, np.array([2, 2, 0, 1]), pool, labels)) == 1.0
    assert float(retrieve(query, asked, pool, labels)) == 0.5
    assert float(retrieve(query[:, :2], asked[:2], pool, labels, normalised=True)) == 1.0
    both = retrieve(query.expand(2, -1, -1), np.stack([asked, 1 - asked]), pool.expand(2, -1, -1), labels)
    assert both.tolist() == [0.5, 0.0]


def problem(runs=3, samples=40, seed=0):
    rng = np.random.default_rng(seed)
    label = np.arange(samples) % 4
    a, b = (rng.normal(size=(4, f))[label] + 0.3 * rng.normal(size=(samples, f)) for f in (6, 9))
    pairs = np.stack([np.stack([np.arange(samples)] * 2, axis=1)] * runs)
    return a, b, pairs[:, 8:], pairs[:, :8], np.stack([label[:8]] * runs)


def test_runs_are_trained_apart():
    given = problem()
    config = ContrastiveConfig(dims=5, epochs=4, batch_size=8, seed=3)
    a, b, epoch, valid = fit_projections(*given, config, [(4,), (5,), (6, 1)])
    alone = fit_projections(given[0], given[1], *(part[:1] for part in given[2:]), config, [(4,)])
    for many, one in zip((*a, *b), (*alone[0], *alone[1]), strict=True):
        assert torch.allclose(many[:1], one, rtol=1e-4, atol=1e-6)
    assert epoch[0] == alone[2][0] and valid[0] == alone[3][0]
    assert not torch.allclose(a.weight[0], a.weight[1])  # each run has a seed of its own
    again = fit_projections(*given, config, [(4,), (5,), (6, 1)])
    assert torch.equal(again[0].weight, a.weight)


def test_one_run_is_a_plain_loop_of_torch():
    """An independent loop: torch's own Linear and Adam, from the same first weights and in the same order."""
    x, y, pairs, valid, label = problem(runs=1)
    config = ContrastiveConfig(dims=5, epochs=3, batch_size=8, lr=1e-3, temperature=0.5, seed=7)
    a, b, epoch, _ = fit_projections(x, y, pairs, valid, label, config, [(0,)])
    draw = generator(7, 0)
    left, right = (torch.tensor(s, dtype=torch.float32)[pairs[0, :, 0]] for s in (x, y))
    every = torch.arange(len(left))[None]
    drawn = [random_projection(side, every, 5, [draw]) for side in (left, right)]
    linear = []
    for one in drawn:
        layer = torch.nn.Linear(*one.weight.shape[1:])
        layer.weight.data, layer.bias.data = one.weight[0].t().clone(), one.bias[0].clone()
        linear.append(layer)
    adam = torch.optim.Adam([p for layer in linear for p in layer.parameters()], 1e-3)
    for _ in range(int(epoch[0]) + 1):
        for rows in torch.randperm(len(left), generator=draw).split(8):
            u, v = (
                torch.nn.functional.gelu(layer((s[rows] - s.mean(0)) / s.std(0, correction=0)))
                for layer, s in zip(linear, (left, right), strict=True)
            )
            logits, target = u @ v.t() / 0.5, torch.arange(len(rows))
            cross = torch.nn.functional.cross_entropy
            loss = (cross(logits, target) + cross(logits.t(), target)) / 2
            adam.zero_grad()
            loss.backward()
            adam.step()
    for side, layer in zip((a, b), linear, strict=True):
        assert torch.allclose(side.weight[0], layer.weight.t(), atol=1e-5)
        assert torch.allclose(side.bias[0], layer.bias, atol=1e-5)


def test_training_brings_classes_together():
    _, _, epoch, valid = fit_projections(
        *problem(samples=80), ContrastiveConfig(dims=8, epochs=20, lr=1e-2), [(r,) for r in range(3)]
    )
    assert (valid >= 0.9).all() and (epoch >= 0).all()
    flat = np.ones((12, 3))
    still, _, _, _ = fit_projections(
        flat, flat, *(part[:1, :4] for part in problem()[2:]), ContrastiveConfig(epochs=1), [(0,)]
    )
    assert all(torch.isfinite(part).all() for part in still) and (still.scale == 1).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dims": 0}, "dims must be a whole number >= 1, got 0"),
        ({"epochs": 1.5}, "epochs must be a whole number >= 1, got 1.5"),
        ({"batch_size": 1}, "batch_size must be a whole number >= 2, got 1"),
        ({"lr": 0}, "lr must be a finite number > 0, got 0"),
        ({"temperature": -1}, "temperature must be a finite number > 0, got -1"),
        ({"normalised": 1}, "normalised must be True or False, got 1"),
        ({"seed": -1}, "seed must be a whole number >= 0, got -1"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        ContrastiveConfig(**settings)

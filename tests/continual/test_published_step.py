"""One step of the published permuted-MNIST program, written out here from its description, against ours."""

from __future__ import annotations

import itertools

import pytest
import torch
from projected_models import neurons, sgd

from snn.continual import OrthogonalProjection
from snn.nn import Linear, Sequential
from snn.train import backward

STEPS, BATCH, SIZES = 6, 8, (784, 800, 800, 10)
RATES = (0.001, 0.01, 0.01)


def spike_slope(u):
    """Derivative of the sigmoid surrogate of slope 4."""
    s = torch.sigmoid(4 * u)
    return 4 * s * (1 - s)


def run_neurons(currents):
    """LIF of tau 2: input not decayed, threshold 1 subtracted; give spikes and v - 1 at every step."""
    v, spikes, over = torch.zeros_like(currents[0]), [], []
    for current in currents:
        v = v * (1 - 1 / 2.0) + current
        over.append(v - 1)
        spikes.append((v - 1 >= 0).to(v.dtype))
        v = v - spikes[-1]
    return torch.stack(spikes), torch.stack(over)


def neurons_backward(gradient, over):
    """Gradient of the currents from that of the spikes, the reset held constant."""
    found, later = torch.zeros_like(gradient), torch.zeros_like(gradient[0])
    for t in reversed(range(len(gradient))):
        later = gradient[t] * spike_slope(over[t]) + later
        found[t] = later
        later = later * (1 - 1 / 2.0)
    return found


def published_step(weights, old, new, pixels, label):
    """Forward, gradients with projected inputs, and five inner steps of the rule for every layer.

    Args:
        weights: Of the three layers.
        old: Rows of the first task, for each layer; None in the first task.
        new: Rows that learn, for each layer.
        pixels: [B, 784].
        label: [B].
    """
    x = pixels.repeat(STEPS, 1, 1)
    inputs, overs = [x], []
    for weight in weights[:-1]:
        spikes, over = run_neurons(inputs[-1] @ weight.T)
        inputs.append(spikes)
        overs.append(over)
    out = (inputs[-1] @ weights[-1].T).mean(0)
    delta = (torch.softmax(out, 1) - torch.eye(10, dtype=out.dtype)[label]) / BATCH / STEPS
    delta = delta.repeat(STEPS, 1, 1)
    gradients, rows = [None] * 3, []
    for i in (2, 1, 0):
        seen = inputs[i] if old is None else inputs[i] - (inputs[i] @ old[i].T) @ old[i]
        gradients[i] = torch.einsum("tbo,tbi->oi", delta, seen)
        if i:
            delta = neurons_backward(delta @ weights[i], overs[i - 1])
    for i in range(3):
        vectors = inputs[i].flatten(0, 1)
        frozen = 0 if old is None else len(old[i])
        h = new[i] if old is None else torch.cat([old[i], new[i]])
        average = torch.zeros_like(h)
        for _ in range(5):
            y = vectors @ h.T
            step = (y.T @ (vectors - y @ h) / len(vectors)).clamp(-10, 10)
            step[:frozen] = 0
            average = 0.9 * average + 0.1 * step
            h = h + RATES[i] * average
        rows.append(h)
    return inputs[1:], gradients, rows


@pytest.mark.parametrize("form", ["weight", "input"])
@pytest.mark.parametrize("task", [1, 2])
def test_a_step_of_the_published_program(task, form):
    torch.manual_seed(0)
    layers = [Linear(n, m) for n, m in itertools.pairwise(SIZES)]
    model = Sequential(layers[0], neurons(), layers[1], neurons(), layers[2]).double().train()
    pixels = (torch.where(torch.rand(BATCH, 784) < 0.2, torch.rand(BATCH, 784), 0.0) - 0.1307) / 0.3081
    pixels, label = pixels.double(), torch.randint(0, 10, (BATCH,))
    names = [f"layers.{i}" for i in (0, 2, 4)]
    ranks = dict(zip(names, ([80, 70], [200, 70], [100, 70]), strict=True))
    config = sgd(loss="mean_cross_entropy")
    projection = OrthogonalProjection(model, ranks, feed="spikes", form=form)
    given = (pixels.repeat(STEPS, 1, 1), torch.full((BATCH,), STEPS), label)
    projection.check(model, config)
    if task == 2:
        backward(model, given[0].roll(5, 2), *given[1:], config)
        projection(model)  # the rows of the first task move, and are not orthonormal any more
        model.zero_grad()
        projection.finish_task()
        projection.check(model, config)
    subspaces = [projection.layers[name].subspace for name in names]
    old = [s.frozen_rows.clone() for s in subspaces] if task == 2 else None
    new = [s.learning_rows.clone() for s in subspaces]
    weights = [layer.weight.detach().clone() for layer in layers]
    spikes, gradients, rows = published_step(weights, old, new, pixels, label)

    seen = []
    for layer in (model[1], model[3]):
        layer.register_forward_hook(lambda _, __, made: seen.append(made[0].detach()))
    backward(model, *given, config)
    projection(model)
    assert all(torch.equal(a, b) for a, b in zip(seen, spikes, strict=True))
    assert all(float(part.sum()) > 0 for part in spikes)
    for layer, expected in zip(layers, gradients, strict=True):
        torch.testing.assert_close(layer.weight.grad, expected, rtol=0, atol=1e-12)
        assert float(expected.abs().max()) > 1e-4
    for subspace, before, expected in zip(subspaces, new, rows, strict=True):
        torch.testing.assert_close(subspace.rows, expected, rtol=0, atol=1e-12)
        assert float((expected[-len(before) :] - before).abs().max()) > 1e-4

"""Gradients beside the subspaces of finished tasks: both forms, every kind of layer, every method."""

from __future__ import annotations

import pytest
import torch
from projected_models import KINDS, projected_batch, projected_model, sgd

from snn.continual import OrthogonalProjection
from snn.nn import from_config, to_config
from snn.train.methods import accumulate

METHODS = {
    "bptt": {},
    "truncated": {"chunk": 7},
    "sltt": {"method": "sltt"},
    "sltt-1": {"method": "sltt", "chunk": 1},
    "sltt-7": {"method": "sltt", "chunk": 7},
    "parts": {"accumulate": 4},
    "ottt": {"method": "ottt"},
    "ottt-5": {"method": "ottt", "chunk": 5},
}


def gradients(model):
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def run_batch(model, projection, given, config):
    """Give the gradients of a batch as they are without projection, and as the projection leaves them."""
    twin = from_config(to_config(model)).to(given[0].dtype).train()
    twin.load_state_dict(model.state_dict())
    for layer in (model, twin):
        layer.zero_grad()
        accumulate(layer, *given, config)
    projection(model)
    return gradients(twin), gradients(model)


def second_task(kind, config, batches=3, rank=6, steps=14, **settings):
    """Learn a task and finish it; give model, projection, and a second task's gradients before and after."""
    model = projected_model(kind)
    projection = OrthogonalProjection(model, rank, lr=0.01, **settings)
    projection.check(model, config)
    for seed in range(batches):
        run_batch(model, projection, projected_batch(kind, seed, steps), config)
    projection.finish_task()
    plain, projected = run_batch(model, projection, projected_batch(kind, 99, steps), config)
    return model, projection, plain, projected


def rows_of(projection):
    return {name: layer.subspace.rows for name, layer in projection.layers.items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_input_and_weight_form_are_equal_for_every_method(kind, method):
    config = sgd(**METHODS[method])
    _, by_weight, plain, first = second_task(kind, config, form="weight")
    _, by_input, _, second = second_task(kind, config, form="input")
    assert list(first) == list(second) == [name for name in plain if name.endswith("weight")]
    for name in first:
        torch.testing.assert_close(second[name], first[name], rtol=1e-9, atol=1e-12)
        assert float((first[name] - plain[name]).norm() / plain[name].norm()) > 0.05
    torch.testing.assert_close(rows_of(by_input), rows_of(by_weight), rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_loses_what_the_frozen_rows_see(kind):
    _, projection, plain, projected = second_task(kind, sgd())
    for name, layer in projection.layers.items():
        old, before = layer.subspace.frozen_rows, plain[f"{name}.weight"].reshape(-1, layer.subspace.n)
        expected = before - before @ old.T @ old
        torch.testing.assert_close(
            projected[f"{name}.weight"].reshape(before.shape), expected, rtol=1e-9, atol=1e-12
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("feed", ["rates", "spikes"])
def test_pieces_of_steps_and_parts_of_a_batch_teach_the_same_subspace(kind, feed):
    settings = {"feed": feed, "batches": 1, "steps": 52}
    whole = second_task(kind, sgd(method="sltt", chunk=50), **settings)[1]
    for changes in (
        {"method": "sltt", "chunk": 1},
        {"method": "sltt", "chunk": 7},
        {"method": "bptt"},
        {"method": "sltt", "accumulate": 3},
    ):
        cut = second_task(kind, sgd(**changes), **settings)[1]
        torch.testing.assert_close(rows_of(cut), rows_of(whole), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("feed", ["rates", "spikes"])
@pytest.mark.parametrize("chunk", [None, 7])
def test_a_layer_learns_from_each_samples_own_steps(feed, chunk):
    model, config = projected_model("linear"), sgd(method="sltt", chunk=chunk)
    projection = OrthogonalProjection(model, 5, feed=feed, lr=0.01)
    x, lengths, label = projected_batch("linear", 0)
    first = projection.layers["layers.0"]
    projection.check(model, config)
    expected = type(first.subspace)(20, first.subspace.seed, lr=0.01, like=x)
    expected.grow(5)
    torch.testing.assert_close(first.subspace.rows, expected.rows)
    samples = [x[: int(end), b] for b, end in enumerate(lengths)]
    rates = torch.stack([part.mean(0) for part in samples])
    expected.update(torch.cat(samples) if feed == "spikes" else rates)
    beyond = torch.arange(len(x))[:, None] >= lengths
    run_batch(model, projection, (torch.where(beyond[:, :, None], 9.0, x), lengths, label), config)
    torch.testing.assert_close(first.subspace.rows, expected.rows, rtol=1e-9, atol=1e-12)


def settled(kind):
    """Learn a task whose inputs lie in few dimensions and hold still, until the first layer's rows span them."""
    model = projected_model(kind)
    rank = 10 if kind == "conv" else 3  # patches at the border see a part of their directions
    projection = OrthogonalProjection(model, rank, lr=0.02, feed="spikes", layers=["layers.0"])
    torch.manual_seed(3)
    directions = torch.randn(3, *((2, 8, 8) if kind == "conv" else (20,)), dtype=torch.float64)

    def task(seed):
        generator = torch.Generator().manual_seed(seed)
        x = torch.tensordot(torch.randn(6, 3, generator=generator, dtype=torch.float64), directions, 1)
        return x.repeat(8, *[1] * x.dim()), torch.full((6,), 8), torch.zeros(6, dtype=torch.int64)

    for seed in range(150):
        run_batch(model, projection, task(seed), sgd())
    projection.finish_task()
    return model, projection, task(1000)[0]


@pytest.mark.parametrize("kind", ["linear", "delay"])
def test_a_projected_step_hardly_changes_what_an_old_task_sees(kind):
    model, projection, old = settled(kind)
    plain, projected = run_batch(model, projection, projected_batch(kind, 5, steps=8), sgd())
    first, past = model[0], 4 if kind == "delay" else 0  # steps in which all taps see the input
    before, kept, changes = first(old)[0].detach(), first.weight.detach().clone(), []
    for gradient in (plain, projected):
        with torch.no_grad():
            first.weight.copy_(kept - 0.1 * gradient["layers.0.weight"])
            changes.append(float((first(old)[0] - before)[past:].norm()))
    assert changes[1] < 0.005 * changes[0]

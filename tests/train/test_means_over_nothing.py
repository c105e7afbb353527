"""Samples without steps, batches without samples, sets without labels: in no mean, by every method and loss."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from own_parts import register_parts

from snn.nn import LIF, BatchNorm, DelayLinear, LeakyReadout, Linear, Sequential
from snn.recipes.pictures import predictions
from snn.train import (
    LOSSES,
    Loss,
    TrainConfig,
    backward,
    evaluate,
    fit,
    prepare,
    register_loss,
    register_score,
)

register_parts()
register_loss(
    "test.logarithm",
    Loss(of_sequence=lambda y, lengths, label: (y.sum(0) / lengths[:, None]).abs().log().sum(1)),
)
register_score("test.share", lambda y, lengths, label: (y[..., 0] > 0).sum(0) / lengths)
METHODS = {
    "bptt": TrainConfig(loss="step_cross_entropy", min_batch=1, batch_size=4),
    "recompute": TrainConfig(loss="step_cross_entropy", min_batch=1, batch_size=4, chunk=3, recompute=True),
    "sltt": TrainConfig(loss="step_cross_entropy", min_batch=1, batch_size=4, method="sltt"),
    "sltt-k": TrainConfig(loss="step_cross_entropy", min_batch=1, batch_size=4, method="sltt", k=2, chunk=4),
    "one step": TrainConfig(loss="step_cross_entropy", min_batch=1, batch_size=4, method="sltt", chunk=1),
    "parts": TrainConfig(loss="step_cross_entropy", min_batch=1, batch_size=4, accumulate=3),
}


class Given(NamedTuple):
    x: Any
    lengths: Any
    label: Any


def model(over: Any = "step") -> Sequential:
    torch.manual_seed(0)
    front = DelayLinear(3, 5, 4, "linear"), BatchNorm(5, over), LIF(decay_input=False)
    return Sequential(*front, Linear(5, 2), LeakyReadout()).double().train()


def batch(lengths: list[int], label: str = "classes", steps: int = 7) -> Given:
    rng = np.random.default_rng(1)
    x = rng.poisson(1.0, (steps, len(lengths), 3)).astype(float)
    made = {
        "classes": rng.integers(0, 2, len(lengths)),
        "steps": rng.integers(0, 2, (steps, len(lengths))),
        "values": rng.random((len(lengths), 2)),
    }
    return Given(x, np.array(lengths, int), made[label])


def without(given: Given, *samples: int) -> Given:
    axis = int(given.label.shape[:2] == given.x.shape[:2])
    kept = [i for i in range(len(given.lengths)) if i not in samples]
    return Given(given.x[:, kept], given.lengths[kept], np.take(given.label, kept, axis))


@pytest.mark.parametrize("label", ["classes", "steps"])
@pytest.mark.parametrize("method", METHODS)
def test_gradients_are_those_of_the_samples_that_have_steps(method, label):
    both = []
    for given in (batch([7, 0, 5, 3], label), without(batch([7, 0, 5, 3], label), 1)):
        net = model()
        torch.manual_seed(5)
        found = backward(net, *prepare(given, net), METHODS[method])
        both.append((found.loss, found.right, found.labels, [p.grad for p in net.parameters()]))
    (loss, right, labels, grads), (due_loss, due_right, due_labels, due) = both
    assert (loss, right, labels) == (due_loss, due_right, due_labels) and np.isfinite(loss)
    assert all(a is b is None or torch.equal(a, b) for a, b in zip(grads, due, strict=True))


CLASSES = ("softmax_sum", "sum_cross_entropy", "mean_cross_entropy", "step_cross_entropy")
LABELS = {
    **dict.fromkeys(CLASSES, "classes"),
    **dict.fromkeys(("mean_squared_error", "step_squared_error", "test.logarithm"), "values"),
}


@pytest.mark.parametrize("loss", LABELS)
def test_every_loss_leaves_them_out_of_its_mean(loss):
    net, label = model(), LABELS[loss]
    scores = ("test.share",)
    silent, plain = batch([7, 0, 5, 3], label), without(batch([7, 0, 5, 3], label), 1)
    found, due = (evaluate(net, [given], loss=loss, scores=scores) for given in (silent, plain))
    assert found == due and found.samples == 3 and np.isfinite(found.loss)
    assert np.isfinite(found.values["test.share"])
    empties = batch([0, 0], label)
    with pytest.raises(ValueError, match="data must hold at least one sample with a step, got none"):
        evaluate(net, [empties], loss=loss)
    y = torch.rand(7, 4, 2, dtype=torch.float64, requires_grad=True)
    lengths, labels = torch.tensor(silent.lengths), torch.as_tensor(silent.label)
    values = LOSSES.find(loss).per_sample(y, lengths, labels)
    values.sum().backward()
    assert values[1] == 0 and values.isfinite().all() and y.grad.isfinite().all() and not y.grad[:, 1].any()
    nothing = LOSSES.find(loss).per_sample(y, torch.zeros(4, dtype=torch.int64), labels)
    assert torch.equal(nothing, torch.zeros(4, dtype=torch.float64))


@pytest.mark.parametrize("method", METHODS)
def test_a_run_goes_over_batches_of_nothing(method):
    config = dataclasses.replace(METHODS[method], epochs=1)
    plain = batch([7, 5, 3])
    nothing = [batch([0, 0]), batch([]), batch([0, 0], steps=0), batch([0, 0], "steps", steps=0)]
    nets = [model(), model()]
    runs = [
        fit(net, data, data, config) for net, data in zip(nets, ([plain], [*nothing, plain]), strict=True)
    ]
    assert np.isfinite(runs[0].history[0]["train_loss"])
    for name, weight in nets[0].state_dict().items():
        assert torch.equal(weight, nets[1].state_dict()[name])
    assert runs[0].history == runs[1].history


def test_sets_of_nothing_are_named():
    net, plain, config = model(), [batch([7, 5])], dataclasses.replace(METHODS["bptt"], epochs=1)
    unlabelled = batch([7, 5], "steps")
    unlabelled.label[:] = -100
    for train, valid, message in (
        ([], plain, "train must give at least one batch"),
        (plain, [], "valid must give at least one batch"),
        ([batch([0, 0])], plain, "train must hold at least one sample with a step"),
        (plain, [batch([0, 0])], "valid must hold at least one sample with a step"),
        ([unlabelled], plain, "label of train must be a class in at least one step, got -100 in all"),
        (plain, [unlabelled], "label of valid must be a class in at least one step, got -100 in all"),
    ):
        with pytest.raises(ValueError, match=message):
            fit(net, train, valid, config)
    true, predicted = predictions(model().float(), [batch([7, 0, 5])])  # type: ignore[arg-type]
    assert len(true) == len(predicted) == 2
    with pytest.raises(ValueError, match="data must hold at least one sample with a step"):
        predictions(model().float(), [batch([0])])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("label", np.array([0.7, 1.0]), "label must be whole numbers"),
        ("label", np.array([[0], [1]]), r"label must be \[B\] or \[T, B\]"),
        ("label", np.eye(2, dtype=int), r"label must be \[B\] or \[T, B\]"),
        ("label", np.array([0, -100]), "labels start at -100"),
        ("label", np.array([0, 2]), "labels go to 2"),
        ("label", np.array([True, False]), "label must be real numbers"),
        ("label", np.array([1j, 0]), "label must be real numbers"),
        ("label", np.array(["a", "b"]), "label of a batch must be"),
        ("label", np.array([1, None]), "label of a batch must be"),
        ("lengths", np.array([5.5, 7]), "lengths must be whole numbers"),
        ("lengths", np.array([-1, 7]), r"lengths must be in 0\.\.7, the steps of x, got -1"),
        ("lengths", np.array([True, True]), "lengths must be real numbers"),
        ("x", np.zeros((7, 2, 3), complex), "x must be real numbers"),
        ("x", np.zeros((7, 2, 3), object), "x of a batch must be"),
    ],
)
def test_parts_of_a_batch_are_what_they_say(name, values, message):
    with pytest.raises(ValueError, match=message):
        evaluate(model(), [batch([7, 5])._replace(**{name: values})])


def test_a_broken_label_or_loss_is_no_trouble_of_the_learning_rate():
    given = batch([7, 5], "values")
    given.label[1, 0] = np.nan
    config = TrainConfig(loss="mean_squared_error", select="loss", epochs=1, min_batch=1, batch_size=4)
    with pytest.raises(FloatingPointError, match="first: the label") as found:
        fit(model(), [given], [given], config)
    assert "lr" not in str(found.value)
    register_loss("test.always nan", Loss(of_sequence=lambda y, lengths, label: y.sum((0, 2)) * torch.nan))
    config = dataclasses.replace(config, loss="test.always nan")
    with pytest.raises(FloatingPointError, match="first: the loss 'test.always nan' itself") as found:
        fit(model(), [batch([7, 5])], [batch([7, 5])], config)
    assert "lr" not in str(found.value)

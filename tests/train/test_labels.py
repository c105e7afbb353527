"""Labels of samples and of steps, classes and targets: through every method, beside tails and lengths; refusals."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from own_parts import loader, own_network, register_parts

from snn.nn import DelayLinear, Layer, LeakyReadout, Linear, Sequential
from snn.train import (
    LOSSES,
    SCORES,
    Loss,
    TrainConfig,
    evaluate,
    fit,
    methods,
    prepare,
    register_loss,
    register_score,
)

register_parts()

STEPS = TrainConfig(loss="step_cross_entropy")
METHODS = {
    "bptt": STEPS,
    "pieces": dataclasses.replace(STEPS, chunk=4, recompute=True),
    "parts": dataclasses.replace(STEPS, accumulate=3),
}
LOCAL = {
    "sltt": dataclasses.replace(STEPS, method="sltt"),
    "sltt in pieces": dataclasses.replace(STEPS, method="sltt", chunk=4),
    "sltt in parts": dataclasses.replace(STEPS, method="sltt", chunk=5, accumulate=2),
}


class Given(NamedTuple):
    x: Any
    lengths: Any
    label: Any


def delayed() -> Sequential:
    torch.manual_seed(0)
    return Sequential(DelayLinear(5, 4, 4, "linear"), Linear(4, 3)).double().train()


def given(steps=9, samples=6, label="steps") -> Given:
    torch.manual_seed(1)
    x, lengths = torch.rand(steps, samples, 5).double(), torch.randint(3, steps + 1, (samples,))
    labels = {
        "steps": torch.randint(0, 3, (steps, samples)),
        "samples": torch.randint(0, 3, (samples,)),
        "values": torch.rand(samples, 3),
        "step values": torch.rand(steps, samples, 3),
    }
    return Given(x, lengths, labels[label])


def learned(model: Layer, config: TrainConfig, batch: Given) -> tuple[Any, list[torch.Tensor]]:
    model.zero_grad()
    found = methods.accumulate(model, *prepare(batch, model), config)
    return found, [p.grad.clone() for p in model.parameters()]


@pytest.mark.parametrize("config", [*METHODS.values(), *LOCAL.values()], ids=[*METHODS, *LOCAL])
def test_a_label_per_step_counts_once_where_there_is_one(config):
    """The loss of a sample is the mean over its own steps: neither the tail nor what lies beyond them counts."""
    model, batch = delayed(), given()
    batch.label[2, 1] = -100  # a step without a label has no loss, and is not predicted
    found, grads = learned(model, config, batch)
    model.zero_grad()
    padded = torch.cat([batch.x, torch.zeros(model.tail_steps, *batch.x.shape[1:])])
    y = model(padded, None, batch.lengths + model.tail_steps)[0]
    loss, right, labels = torch.zeros(()).double(), 0, 0
    for b, steps in enumerate(batch.lengths.tolist()):
        each = torch.nn.functional.cross_entropy(y[:steps, b], batch.label[:steps, b], reduction="none")
        loss = loss + each.mean() / len(batch.lengths)
        right += int((y[:steps, b].argmax(1) == batch.label[:steps, b]).sum())
        labels += int((batch.label[:steps, b] >= 0).sum())
    loss.backward()
    assert found.loss == pytest.approx(loss.item(), rel=1e-12)
    assert (found.right, found.labels, found.score) == (right, labels, None)
    for mine, p in zip(grads, model.parameters(), strict=True):
        torch.testing.assert_close(mine, p.grad)


@pytest.mark.parametrize("label", ["samples", "steps", "values", "step values"])
def test_pieces_and_parts_do_not_change_what_is_learned(label):
    loss = "step_squared_error" if "values" in label else "step_cross_entropy"
    select = {"loss": loss, "select": "loss"}
    batch, found = given(label=label), []
    for config in [*METHODS.values(), *LOCAL.values()]:
        found.append(learned(delayed(), dataclasses.replace(config, **select), batch))
    for result, grads in found[1:]:
        assert result.loss == pytest.approx(found[0][0].loss, rel=1e-12)
        assert (result.right, result.labels) == (found[0][0].right, found[0][0].labels)
        for a, b in zip(grads, found[0][1], strict=True):
            torch.testing.assert_close(a, b)


def test_squared_errors_are_what_they_say():
    y, lengths = torch.rand(5, 2, 3).double(), torch.tensor([5, 2])
    target, every = torch.rand(2, 3).double(), torch.rand(5, 2, 3).double()
    of_mean = LOSSES.find("mean_squared_error").per_sample(y, lengths, target)
    of_steps = [LOSSES.find("step_squared_error").per_sample(y, lengths, given) for given in (target, every)]
    for b, n in enumerate(lengths.tolist()):
        assert of_mean[b] == pytest.approx((y[:n, b].mean(0) - target[b]).square().mean().item())
        assert of_steps[0][b] == pytest.approx((y[:n, b] - target[b]).square().mean().item())
        assert of_steps[1][b] == pytest.approx((y[:n, b] - every[:n, b]).square().mean().item())
    single = y[:, :, :1]
    for given in (target[:, 0], target[:, :1], every[:, :, 0], every[:, :, :1]):
        assert LOSSES.find("step_squared_error").per_sample(single, lengths, given).shape == (2,)
    for name, wrong in (("mean_squared_error", target[:, :2]), ("step_squared_error", target[:, 0])):
        with pytest.raises(
            ValueError, match=r"label must be of shape \[.*2, 3\] to compare with the outputs, got"
        ):
            LOSSES.find(name).per_sample(y, lengths, wrong)


class Tokens(Layer):
    """Look up a vector for each whole number."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(7, 4)

    def config(self) -> dict[str, Any]:
        return {}

    def forward(self, x: Any, state: Any = None, lengths: Any = None) -> tuple[torch.Tensor, tuple[()]]:
        assert x.dtype in (torch.int64, torch.int32)
        return self.table(x), ()


def test_integers_stay_integers_until_a_layer_needs_floats():
    tokens = np.random.default_rng(0).integers(0, 7, (9, 4))
    batch = Given(tokens, np.full(4, 9), np.arange(4) % 3)
    model = Sequential(Tokens(), Linear(4, 3), LeakyReadout(2.0))
    assert prepare(batch, model)[0].dtype == torch.int64
    found = fit(model, [batch], [batch], TrainConfig(epochs=2, loss="step_cross_entropy"))
    assert len(found.history) == 2
    counts = Given(np.ones((9, 4, 5), dtype=np.uint8), np.full(4, 9), np.arange(4) % 3)
    x, _, _ = prepare(counts, delayed())
    assert x.dtype == torch.float64 and x.shape == (9 + 2, 4, 5) and x[:9].eq(1).all()


def test_whole_numbers_of_every_width_are_classes():
    batch = Given(np.zeros((5, 2, 6), np.float32), [5, 4], np.array([0, 2], dtype=np.uint8))
    assert prepare(batch, own_network())[2].dtype == torch.int64


@pytest.mark.parametrize("config", [STEPS, dataclasses.replace(STEPS, method="sltt")])
def test_labels_beyond_the_outputs_are_named(config):
    model = Sequential(Linear(5, 3))
    x, lengths = torch.rand(4, 6, 5), torch.full((6,), 4)
    with pytest.raises(ValueError, match="labels go to 19, the model has 3 outputs; labels must be 0 to 2"):
        methods.backward(model, x, lengths, torch.tensor([0, 19, 1, 1, 2, 0]), config)
    with pytest.raises(ValueError, match="labels start at -1; they must be 0 to 2"):
        methods.backward(model, x, lengths, torch.tensor([0, 2, -1, 1, 2, 0]), config)
    with pytest.raises(ValueError, match="labels go to 3, the model has 3 outputs"):
        methods.backward(model, x, lengths, torch.full((4, 6), 3), config)
    with pytest.raises(ValueError, match="labels go to 19, the model has 3 outputs"):
        evaluate(model, [(x, torch.full((6,), 19))])
    with pytest.raises(ValueError, match="label must be whole numbers, the classes, .* got Tensor of shape"):
        methods.backward(model, x, lengths, torch.rand(6), config)


def test_a_loss_of_the_sequence_takes_no_label_per_step():
    with pytest.raises(ValueError, match=r"label must be \[B\] .*'step_cross_entropy' takes \[T, B\].*, got"):
        fit(own_network(), loader("step class"), loader("step class"), TrainConfig(epochs=1))


def test_targets_need_another_selection_than_accuracy():
    with pytest.raises(ValueError, match="select must be 'loss' or a registered score, .*, got 'accuracy'"):
        TrainConfig(loss="mean_squared_error")
    assert TrainConfig(loss="mean_squared_error", select="steadiness").reported_scores == ("steadiness",)


def test_targets_that_could_be_two_things_are_refused():
    batch = Given(torch.rand(6, 6, 5), torch.full((6,), 6), torch.rand(6, 6))
    with pytest.raises(ValueError, match=r"may be \[T, B\] or \[B, values\] where T = B = 6; give"):
        prepare(batch, own_network())
    assert prepare(batch._replace(label=torch.rand(6, 6, 1)), own_network())[2].shape == (6, 6, 1)


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("select", "beauty", "one of 'accuracy', 'loss', 'steadiness'"),
        ("scores", ("beauty",), r"one of 'steadiness'"),
        ("scores", "steadiness", "a tuple of names"),
        ("momentum", 1.0, ">= 0 and < 1"),
        ("betas", (0.9, 1.0), ">= 0 and < 1"),
        ("betas", (0.9,), "two numbers"),
        ("betas", 0.9, "two numbers"),
        ("eps", 0.0, "> 0"),
        ("clip_norm", 0, "> 0"),
        ("warmup_steps", -1, ">= 0"),
        ("warmup_steps", 1.5, "a whole number"),
        ("schedule_by", "batch", "one of 'epoch', 'step'"),
    ],
)
def test_impossible_settings_are_named(field, value, allowed):
    with pytest.raises(ValueError, match=rf"^{field}(\[\d\])? must be .*{allowed}.*, got"):
        TrainConfig(**{field: value})


def test_losses_and_scores_are_checked_when_registered():
    with pytest.raises(ValueError, match="loss must be a snn.train.Loss, got"):
        register_loss("mine", max)
    with pytest.raises(ValueError, match="loss must be a name that is not taken, got 'own_step'"):
        register_loss("own_step", LOSSES.find("own_step"))
    with pytest.raises(ValueError, match="score must be a name that is not taken, got 'accuracy'"):
        register_score("accuracy", SCORES.find("steadiness"))
    with pytest.raises(ValueError, match="score must be a name that is not taken, got 'steadiness'"):
        register_score("steadiness", SCORES.find("steadiness"))
    with pytest.raises(ValueError, match="score must be a function .*, got 3"):
        register_score("three", 3)
    with pytest.raises(ValueError, match="loss must have a score to give classes"):
        Loss(of_steps=LOSSES.find("own_step").of_steps).score(torch.zeros(1, 1, 1), torch.ones(1))


def test_a_score_must_give_a_value_per_sample():
    if "of all" not in SCORES:
        register_score("of all", lambda y, lengths, label: y.mean())
    with pytest.raises(ValueError, match=r"score 'of all' must be one value per sample, \[10\], got"):
        evaluate(own_network(), loader(), scores=("of all",))
    with pytest.raises(ValueError, match="scores\[0\] must be one of .*, got 'beauty'"):
        evaluate(own_network(), loader(), scores=("beauty",))

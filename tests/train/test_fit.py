"""Training: it learns, it selects on validation, it says what is wrong."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from layers import PAPER_LIF, InMemory

from snn.datasets import Batch
from snn.nn import LIF, BatchNorm, DelayLinear, Dropout, LeakyReadout, Linear, Sequential
from snn.train import (
    LOSSES,
    Data,
    FitResult,
    Loss,
    Progress,
    Scores,
    TrainConfig,
    evaluate,
    fit,
    make_optimizer,
    prepare,
    set_epoch,
    softmax_sum,
    write_metrics,
)


class Pairs(InMemory):
    """Two inputs spike once each; the class is which comes first: only delays can tell."""

    def __init__(self, samples=120, seed=0):
        rng = np.random.default_rng(seed)
        self.label = rng.integers(0, 2, samples)
        self.first = rng.integers(0, 5, samples)
        self.lengths = rng.integers(12, 16, samples)

    def batch(self, index):
        x = np.zeros((15, len(index), 2), dtype=np.float32)
        sample = np.arange(len(index))
        x[self.first[index], sample, self.label[index]] = 1
        x[self.first[index] + 4, sample, 1 - self.label[index]] = 1
        return Batch(x, self.lengths[index], self.label[index], index)


def network(seed=0):
    torch.manual_seed(seed)
    neuron = LIF(1.005, **PAPER_LIF)
    return Sequential(
        DelayLinear(2, 16, 8), BatchNorm(16), neuron, Dropout(0.1), DelayLinear(16, 2, 8), LeakyReadout(1.005)
    )


CONFIG = TrainConfig(epochs=30, batch_size=20, lr=0.02)


def test_it_learns_what_only_delays_can_tell(tmp_path):
    model, reports = network(), []
    result = fit(model, Pairs(), Pairs(60, 1), CONFIG, out=tmp_path, callback=reports.append)
    assert isinstance(result, FitResult) and len(result.history) == 30
    scores = evaluate(model, Pairs(200, 2))
    assert isinstance(scores, Scores) and scores.samples == 200
    assert scores.accuracy > 0.95
    assert 0 < scores.rates["hid1"] < 1
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines == result.history
    batches = [p for p in reports if p.metrics is None]
    assert len(batches) == 30 * 6 and all(isinstance(p, Progress) for p in reports)
    data: Data = Pairs()
    assert len(data) == 120


def test_the_selected_epoch_is_the_best_on_validation():
    model = network()
    result = fit(model, Pairs(), Pairs(60, 1), CONFIG)
    best = max(result.history, key=lambda m: (m["valid_accuracy"], -m["valid_loss"]))
    assert result.selected == best
    scores = evaluate(model, Pairs(60, 1), batch_size=20)
    assert (scores.accuracy, scores.loss) == (best["valid_accuracy"], best["valid_loss"])
    assert not model.training


def test_runs_are_decided_by_the_seed():
    states = []
    for seed in (0, 0, 1):
        model = network()
        fit(model, Pairs(), Pairs(60, 1), TrainConfig(epochs=2, batch_size=30, seed=seed))
        states.append(model.state_dict())
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    assert any(not torch.equal(states[0][k], states[2][k]) for k in states[0])


def test_scores_do_not_depend_on_the_batch_size():
    model = network().eval()
    one, many = (evaluate(model, Pairs(), batch_size=size) for size in (1, 120))
    assert one.accuracy == many.accuracy and one.rates == many.rates
    assert one.loss == pytest.approx(many.loss, rel=1e-5)


def test_the_tail_is_appended_once():
    model = network()
    batch = next(Pairs().batches(4))
    x, lengths, label = prepare(batch, model)
    assert model.tail_steps == 8 and x.shape == (15 + 8, 4, 2)
    assert lengths.tolist() == (batch.lengths + 8).tolist() and label.dtype == torch.int64


def test_loss_is_the_published_one():
    y = torch.randn(6, 3, 4, dtype=torch.float64)
    lengths = torch.tensor([6, 2, 4])
    expected = torch.stack([torch.softmax(y[:n, b], 1).sum(0) for b, n in enumerate(lengths)])
    torch.testing.assert_close(softmax_sum(y, lengths), expected)
    assert LOSSES.find("softmax_sum").score is softmax_sum


def test_parameter_groups():
    model, config = network(), TrainConfig(epochs=10)
    optimizer = make_optimizer(model, config)
    set_epoch(model, optimizer, config, 5)
    groups = {group["role"]: group for group in optimizer.param_groups}
    assert {role: len(group["params"]) for role, group in groups.items()} == {
        "weights": 2,
        "plain": 2,
        "delays": 2,
    }
    assert groups["weights"]["weight_decay"] == 1e-5
    assert groups["plain"]["weight_decay"] == groups["delays"]["weight_decay"] == 0
    assert groups["delays"]["lr"] == pytest.approx(0.05)
    assert model[0].sigma.item() == pytest.approx(0.23)
    made = make_optimizer(Sequential(Linear(2, 2, bias=True), LIF()), config)
    assert [group["role"] for group in made.param_groups] == ["weights", "plain"]


def test_a_broken_loss_stops_the_run():
    model = network()
    with torch.no_grad():
        model[4].weight.fill_(math.nan)
    with pytest.raises(
        FloatingPointError,
        match="loss nan or its gradient is not finite in epoch 0, batch 1; first: parameter layers.4.weight",
    ):
        fit(model, Pairs(), Pairs(), CONFIG)


def test_too_few_samples_are_named():
    with pytest.raises(ValueError, match="min_batch must be .* batch of the 5 training samples, got 16"):
        fit(network(), Pairs(5), Pairs(), CONFIG)
    with pytest.raises(ValueError, match="data must hold at least one sample, got none"):
        evaluate(network(), Pairs(0))


def test_a_run_does_not_resume_with_other_settings_or_data(tmp_path):
    config = TrainConfig(epochs=1, batch_size=30, lr=0.02)
    fit(network(), Pairs(), Pairs(60, 1), config, out=tmp_path)
    with pytest.raises(ValueError, match=r"config lr must be 0.02 to resume .*, got 0.01"):
        fit(network(), Pairs(), Pairs(60, 1), replace(config, lr=0.01), out=tmp_path, resume=True)
    with pytest.raises(ValueError, match=r"data train_samples must be 120 to resume .*, got 90"):
        fit(network(), Pairs(90), Pairs(60, 1), config, out=tmp_path, resume=True)


def test_losses_are_known_by_name():
    with pytest.raises(ValueError, match="one of of_sequence and of_steps must be given"):
        Loss(softmax_sum)
    with pytest.raises(ValueError, match="loss must be one of 'softmax_sum', .*, got 'hinge'"):
        evaluate(network(), Pairs(20), loss="hinge")
    with pytest.raises(ValueError, match="loss must be a name that is not taken, got 'softmax_sum'"):
        LOSSES.add("softmax_sum", LOSSES.find("softmax_sum"))


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("epochs", 0, "whole number >= 1"),
        ("epochs", 1.5, "whole number >= 1"),
        ("batch_size", 0, "whole number >= 1"),
        ("min_batch", 200, "<= batch_size 128"),
        ("seed", -1, "whole number >= 0"),
        ("rounded_epochs", 41, "whole number >= 0 and <= 40"),
        ("recompute", 1, "True or False"),
        ("method", "sltt2", "'bptt'"),
        ("loss", "hinge", "'softmax_sum'"),
        ("lr", 0.0, "> 0"),
        ("lr", math.inf, "finite"),
        ("delay_lr", -1.0, "> 0"),
        ("sigma_end", 0.0, "> 0"),
        ("weight_decay", -1.0, ">= 0"),
    ],
)
def test_impossible_settings_are_named(field, value, allowed):
    with pytest.raises(ValueError, match=f"^{field} must be .*{allowed}.*got"):
        TrainConfig(**{field: value})


def test_metrics_are_written_whole(tmp_path):
    write_metrics(tmp_path, [{"epoch": 0, "valid_loss": 0.1 + 0.2}])
    assert json.loads((tmp_path / "metrics.jsonl").read_text())["valid_loss"] == 0.1 + 0.2
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.jsonl"]

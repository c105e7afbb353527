"""Training at scale: parts of a batch, several processes, half precision."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from own_parts import Items, loader, own_network

from snn.nn import LIF, BatchNorm, DelayLinear, LeakyReadout, Linear, RecurrentLIF, Sequential
from snn.train import TrainConfig, fit, methods, processes
from snn.train.batches import Prepared

CONFIG = TrainConfig(loss="step_cross_entropy")
METHODS = [CONFIG, dataclasses.replace(CONFIG, method="sltt")]


def network(dtype=torch.float64):
    torch.manual_seed(0)
    model = Sequential(
        DelayLinear(6, 8, 4, "linear"), LIF(2.0), RecurrentLIF(8, 3), Linear(8, 3), LeakyReadout(2.0)
    )
    return model.to(dtype).train()


def batch(dtype=torch.float64):
    torch.manual_seed(1)
    x = (torch.rand(12, 7, 6) < 0.4).to(dtype)
    return x, torch.randint(1, 13, (7,)), torch.randint(0, 3, (7,))


def gradients(config, given):
    model = network()
    result = methods.accumulate(model, *given, config)
    return result, [p.grad for p in model.parameters()]


@pytest.mark.parametrize("config", METHODS, ids=lambda c: c.method)
@pytest.mark.parametrize("parts", [2, 7, 20])
def test_parts_of_a_batch_add_up_to_it(config, parts):
    whole, exact = gradients(config, batch())
    split, sums = gradients(dataclasses.replace(config, accumulate=parts), batch())
    assert split.loss == pytest.approx(whole.loss, rel=1e-12)
    torch.testing.assert_close(split.score, whole.score)
    for a, b in zip(sums, exact, strict=True):
        torch.testing.assert_close(a, b)


WORKER = """
import json, sys, torch
import numpy as np
from snn.datasets import Batch
from snn.nn import LIF, Linear, LeakyReadout, RecurrentLIF, Sequential
from snn.train import TrainConfig, fit, processes

class Data:
    def __len__(self):
        return 40
    def batches(self, batch_size, *, seed=None, min_batch=1):
        rng = np.random.default_rng(3)
        x, label = (rng.random((8, 40, 5)) < 0.4).astype(np.float64), rng.integers(0, 3, 40)
        every = rng.integers(0, 3, (8, 40))
        for start in range(0, 40, batch_size):
            at = np.arange(start, min(start + batch_size, 40))
            yield Batch(x[:, at], np.full(at.size, 8), every[:, at] if sys.argv[3] == "step" else label[at], at)

processes.connect()
torch.manual_seed(0)
middle = [Linear(9, 9), LIF(2.0)] if sys.argv[2] == "ottt" else [RecurrentLIF(9, 3)]
model = Sequential(Linear(5, 9), LIF(2.0), *middle, Linear(9, 3), LeakyReadout(2.0)).double()
config = TrainConfig(epochs=2, batch_size=15, min_batch=5, loss="step_cross_entropy", method=sys.argv[2])
done = fit(model, Data(), Data(), config, out=sys.argv[1])
if processes.rank() == 0:
    weights = {name: tensor.flatten().tolist() for name, tensor in model.state_dict().items()}
    print(json.dumps([done.history, weights]))
"""


def train(out: Path, method: str, labels: str, count: int) -> list[object]:
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    (out.parent / "worker.py").write_text(WORKER)
    command = [
        sys.executable,
        *(launch if count > 1 else []),
        str(out.parent / "worker.py"),
        str(out),
        method,
        labels,
    ]
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "labels"), [("bptt", "sample"), ("sltt", "sample"), ("sltt", "step"), ("ottt", "sample")]
)
def test_two_processes_train_as_one(tmp_path, method, labels):
    """Labels are of samples or of steps."""
    alone, weights = train(tmp_path / "one", method, labels, 1)
    together, same = train(tmp_path / "two", method, labels, 2)
    for name in weights:
        assert same[name] == pytest.approx(weights[name], rel=1e-9, abs=1e-12)
    for a, b in zip(alone, together, strict=True):
        assert b["train_loss"] == pytest.approx(a["train_loss"], rel=1e-9)
        assert b["train_accuracy"] == pytest.approx(a["train_accuracy"])
    assert len((tmp_path / "two" / "metrics.jsonl").read_text().splitlines()) == 2


def test_a_process_takes_its_samples_with_their_labels(monkeypatch):
    x, lengths = torch.rand(4, 5, 6), torch.arange(1, 6)
    monkeypatch.setattr(processes, "count", lambda: 2)
    monkeypatch.setattr(processes, "rank", lambda: 1)
    for label, per_step in ((torch.arange(5), False), (torch.arange(20).reshape(4, 5), True)):
        mine = processes.own_share(Prepared(x, lengths, label, per_step))
        assert torch.equal(mine.x, x[:, 1::2]) and torch.equal(mine.lengths, lengths[1::2])
        assert torch.equal(mine.label, label[..., 1::2]) and mine.per_step == per_step
    with pytest.raises(ValueError, match="samples of a batch must be >= 2, the number of processes, got 1"):
        processes.own_share(Prepared(x[:, :1], lengths[:1], torch.zeros(1), False))


def test_loaders_that_differ_between_processes_are_refused(monkeypatch):
    monkeypatch.setattr(processes, "count", lambda: 2)
    items = Items()
    shares = torch.utils.data.DistributedSampler(items, num_replicas=2, rank=0)
    with pytest.raises(ValueError, match="sampler of train must give every process all samples, got a Distr"):
        fit(own_network(), loader(sampler=shares), loader(), CONFIG)
    with pytest.raises(
        ValueError, match="train must be a loader in order or with a generator with several proc"
    ):
        fit(own_network(), loader(shuffle=True), loader(), CONFIG)


@pytest.mark.parametrize("config", METHODS, ids=lambda c: c.method)
def test_half_precision_is_near_full(config):
    torch.manual_seed(0)
    model = Sequential(
        DelayLinear(6, 8, 4),
        Linear(8, 32, bias=True),
        BatchNorm(32, over="step"),
        LIF(2.0, decay_input=False),
        Linear(32, 3),
        LeakyReadout(2.0),
    ).train()
    x, lengths, label = batch(torch.float32)
    found = []
    for precision in ("float32", "bfloat16"):
        model.zero_grad()
        result = methods.accumulate(
            model, x + 0.5, lengths, label, dataclasses.replace(config, precision=precision)
        )
        assert result.score.dtype == torch.float32
        found.append((result.loss, torch.cat([p.grad.flatten() for p in model.parameters()])))
    (full, exact), (half, near) = found
    assert half == pytest.approx(full, rel=0.05)
    assert not torch.equal(exact, near)
    assert torch.cosine_similarity(exact, near, 0) > 0.9


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="precision must be one of 'float32', 'bfloat16', got 'fp8'"):
        TrainConfig(precision="fp8")

"""Every real test word: the same spikes in torch and by events, the same counts in both engines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

import snn
from snn.recipes.agreement import compare, run_samples
from snn.recipes.shd import ShdConfig, build_model
from snn.train import prepare

FSDD = (
    Path(os.environ.get("SNN_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    / "data"
    / "fsdd-spikes"
)


@pytest.mark.skipif(not FSDD.is_dir(), reason="real speech (../shared) is not here")
def test_every_word():
    train, _, test = snn.datasets.shd(FSDD, max_ms=800, split_by="label")
    model = build_model(ShdConfig(), train.n_units, len(train.classes), seed=0)
    with torch.no_grad():  # statistics of real words, so that the neurons fire as in training
        for batch in list(train.subset(range(256)).batches(64, seed=0)) * 5:
            x, lengths, _ = prepare(batch, model)
            model(x, None, lengths)
    net = snn.nn.to_network(model, 10.0)
    found = compare(model, net, test)
    assert found.samples == 300 and found.spikes > 100_000
    assert found.exact, found
    some = test.subset(range(40))
    clock, event = (run_samples(net, some, model.tail_steps, engine=engine) for engine in ("clock", "event"))
    assert clock.counts == event.counts
    assert all(clock.spikes[name] == event.spikes[name] for name in clock.spikes)

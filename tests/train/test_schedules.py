"""Learning rates over a run are those of torch's schedulers, stepped once an epoch."""

from __future__ import annotations

import pytest
import torch
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, MultiStepLR, OneCycleLR

from snn.train import TrainConfig, learning_rate

EPOCHS = 20


@pytest.mark.parametrize(
    ("schedule", "make"),
    [
        ("constant", lambda optimizer: ConstantLR(optimizer, 1.0, EPOCHS)),
        ("cosine", lambda optimizer: CosineAnnealingLR(optimizer, EPOCHS)),
        ("one_cycle", lambda optimizer: OneCycleLR(optimizer, 0.1, EPOCHS)),
        ("steps", lambda optimizer: MultiStepLR(optimizer, [12, 16, 18], 0.2)),
    ],
)
def test_rates_are_those_of_torch(schedule, make):
    config = TrainConfig(epochs=EPOCHS, schedule=schedule, lr=0.1)
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = make(optimizer)
    for epoch in range(EPOCHS):
        if epoch:
            optimizer.step()
            scheduler.step()
        assert learning_rate(epoch, config)[0] == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)

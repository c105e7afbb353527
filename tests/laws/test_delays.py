"""Laws of learned delays (Hammouamri et al., 2023): timing, schedules, coincidences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import snn
from snn.nn import LIF, DelayLinear, Sequential, to_network
from snn.recipes.shd import PAPER, ShdConfig, build_model
from snn.train import delay_learning_rate, one_cycle, sigma_at


@pytest.mark.parametrize(("position", "delay"), [(-12, 24), (-3, 15), (0, 12), (12, 0)])
@pytest.mark.parametrize("training", [True, False])
def test_delay_is_centre_minus_position(position, delay, training):
    layer = DelayLinear(1, 1, max_delay=24).train(training)
    layer.set_sigma_(0.0)
    with torch.no_grad():
        layer.position.fill_(position)
        layer.weight.fill_(1.0)
    x = torch.zeros(40, 1, 1)
    x[5] = 1.0
    y, _ = layer(x)
    assert y.shape == x.shape
    assert int(y.detach().flatten().argmax()) == 5 + delay
    assert layer.delays().item() == delay and layer.delay_steps().item() == delay


def test_half_way_positions_round_to_even():
    layer = DelayLinear(4, 1, max_delay=8)
    with torch.no_grad():
        layer.position.copy_(torch.tensor([[-0.5, 0.5, 1.5, 2.5]]))
    assert layer.delay_steps().tolist() == [[4, 4, 2, 2]]


def test_position_gradient_moves_the_spike_towards_its_target():
    layer = DelayLinear(1, 1, max_delay=24).double()
    layer.set_sigma_(4.0)
    with torch.no_grad():
        layer.weight.fill_(1.0)
        layer.position.fill_(0.0)
    x = torch.zeros(40, 1, 1, dtype=torch.float64)
    x[5] = 1.0
    for target, sign in ((12, -1), (22, 1)):  # earlier: a larger P, so a negative gradient
        time = (layer(x)[0].flatten() * torch.arange(40)).sum()
        (gradient,) = torch.autograd.grad((time - target) ** 2, layer.position)
        assert np.sign(gradient.item()) == sign


def test_sigma_schedule():
    for epochs, start, factor in ((150, 12, 0.8986), (60, 15, 0.7569), (100, 15, 0.8461), (40, 12, 0.6733)):
        values = [sigma_at(e, epochs, start, 0.23) for e in range(epochs)]
        quarter = epochs // 4
        assert values[0] == start
        assert values[1] / values[0] == pytest.approx(factor, abs=1e-4)
        assert values[quarter] == values[-1] == pytest.approx(0.23)
        assert all(a >= b for a, b in itertools.pairwise(values))


@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.parametrize("epochs", [4, 7, 40, 150])
def test_rates_are_torchs_schedulers(epochs):
    layer = torch.nn.Linear(1, 1)
    adam = torch.optim.Adam(layer.parameters(), lr=1e-3)
    cycle = torch.optim.lr_scheduler.OneCycleLR(adam, max_lr=5e-3, total_steps=epochs)
    other = torch.optim.Adam(layer.parameters(), lr=0.1)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(other, T_max=epochs)
    for epoch in range(epochs):
        lr, beta = one_cycle(epoch, epochs, 5e-3)
        assert lr == pytest.approx(adam.param_groups[0]["lr"], rel=1e-9)
        assert beta == pytest.approx(adam.param_groups[0]["betas"][0], rel=1e-9)
        assert delay_learning_rate(epoch, epochs, 0.1) == pytest.approx(other.param_groups[0]["lr"], rel=1e-9)
        if epoch < epochs - 1:
            cycle.step()
            cosine.step()


def test_short_runs_learn_at_the_peak():
    assert one_cycle(0, 1, 5e-3)[0] == one_cycle(0, 2, 5e-3)[0] == one_cycle(0, 3, 5e-3)[0] == 5e-3


def test_published_parameter_counts():
    model = build_model(PAPER, 140, 20, seed=0)
    assert sum(p.numel() for p in model.parameters()) == 214_016
    assert sum(p.numel() for p in build_model(ShdConfig(), 140, 10, seed=0).parameters()) == 208_896
    third = ShdConfig(hidden=(512, 512, 512), max_delay=30)
    assert sum(p.numel() for p in build_model(third, 140, 35, seed=0).parameters()) == 1_230_848


def test_starting_positions_are_clamped():
    torch.manual_seed(0)
    delays = DelayLinear(500, 500, max_delay=24).delays()
    assert delays.min() >= 0 and delays.max() == 24
    assert (delays == 24).float().mean().item() == pytest.approx(0.04, abs=0.005)


@pytest.mark.parametrize("reading", ["torch", "event", "clock"])
def test_coincidence_detector(reading):
    """Two inputs of weight 0.6, the first a lag ahead: spikes if and only if its delay is the lag."""
    lags = range(2, 11)
    fired = np.zeros((9, 9), dtype=int)
    for i, delay in enumerate(lags):
        layer = DelayLinear(2, 1, max_delay=24)
        with torch.no_grad():
            layer.weight.fill_(0.6)
            layer.position.copy_(torch.tensor([[12.0 - delay, 12.0]]))
        model = Sequential(layer, LIF(1.005, decay_input=False)).eval()
        x = torch.zeros(40, 9, 2)
        for j, lag in enumerate(lags):
            x[5, j, 0] = x[5 + lag, j, 1] = 1
        if reading == "torch":
            with torch.no_grad():
                fired[i] = model(x)[0].sum((0, 2)).numpy()
        else:
            events = snn.Raster(x.numpy().astype(int), snn.TimeGrid(40, 1.0)).to_events()
            rec = snn.simulate(to_network(model, 1.0), {"in": events}, engine=reading)
            fired[i] = rec.spikes["out"].to_raster().z.sum((0, 2))
    assert (fired == np.eye(9)).all()

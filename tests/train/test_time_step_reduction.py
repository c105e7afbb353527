"""Time-step reduction: folding, thresholds, and fewer steps at little cost."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from layers import InMemory

from snn import nn
from snn.datasets import Batch
from snn.train import (
    IIR_NEURON,
    ReducedRun,
    TrainConfig,
    convert,
    evaluate,
    fit,
    fold_batch_norm,
    load,
    reduce_steps,
    save,
)


class Moons(InMemory):
    """Two half moons, shown as currents at every step."""

    def __init__(self, samples=400, steps=1, seed=0):
        rng = np.random.default_rng(seed)
        self.label, self.steps = rng.integers(0, 2, samples), steps
        angle = rng.random(samples) * np.pi
        side = 1 - 2 * self.label
        xy = np.stack([side * np.cos(angle) + self.label, side * (np.sin(angle) - 0.25)], 1)
        self.x = (xy + 0.1 * rng.standard_normal(xy.shape)).astype(np.float32)

    def batch(self, index):
        x = np.repeat(self.x[index][None], self.steps, 0)
        return Batch(x, np.full(index.size, self.steps), self.label[index], index)


def ann():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(2, 32, bias=True), nn.BatchNorm(32), nn.ReLU(),
        nn.Linear(32, 32, bias=True), nn.BatchNorm(32), nn.ReLU(),
        nn.Linear(32, 2, bias=True),
    )  # fmt: skip


def images():
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm(4), nn.ReLU())
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=True), nn.BatchNorm(4), nn.ReLU(), nn.Residual(body), nn.Flatten(),
        nn.Linear(4 * 36, 3),
    )  # fmt: skip
    for module in model.modules():
        if isinstance(module, nn.BatchNorm):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
            torch.nn.init.normal_(module.weight)
            torch.nn.init.normal_(module.bias)
    return model.eval()


@pytest.mark.parametrize(("model", "shape"), [(images, (1, 5, 1, 6, 6)), (ann, (3, 5, 2))])
def test_folding_changes_nothing(model, shape):
    model, x = model().eval(), torch.randn(shape)
    folded = fold_batch_norm(model)
    assert not any(isinstance(layer, nn.BatchNorm) for layer in folded.modules())
    torch.testing.assert_close(folded(x)[0], model(x)[0], rtol=0, atol=1e-5)


def test_a_norm_without_weights_before_it_is_refused():
    with pytest.raises(ValueError, match="layer 1 .BatchNorm. must follow a Linear or Conv2d .*, got ReLU"):
        fold_batch_norm(nn.Sequential(nn.ReLU(), nn.BatchNorm(3)))


def test_the_papers_neuron():
    """Fires strictly above v_th, gradient 0.3 max(0, 1 - |u / v_th - 1|) / v_th, no leak at first."""
    lif = nn.LIF(v_th=2.0, **IIR_NEURON)
    x = torch.tensor([[[0.5, 2.0, 3.0, 4.5]]], requires_grad=True)
    z, _ = lif(x)
    assert z.flatten().tolist() == [0, 0, 1, 1]
    z.sum().backward()
    torch.testing.assert_close(x.grad.flatten(), 0.3 * torch.tensor([0.25, 1.0, 0.5, 0.0]) / 2)
    _, state = lif(torch.full((3, 1, 1), 0.5))
    assert state.v.item() == 1.5


def test_thresholds_follow_the_percentile_rule():
    """A Gaussian current of deviation s: the 90th percentile is 1.2816 s."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(100, 200), nn.ReLU(), nn.Linear(200, 2))
    torch.nn.init.normal_(model[0].weight)
    x = torch.randn(2000, 100)
    spiking = convert(model, x, steps=1)
    deviation = model[0](x[None])[0].std().item()
    assert spiking[1].options.v_th == pytest.approx(1.2816 * deviation, rel=0.02)
    assert spiking[1].options.decay == 1.0


def test_later_layers_see_the_spikes_of_converted_ones():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 20), nn.ReLU(), nn.Linear(20, 10), nn.ReLU(), nn.Linear(10, 2))
    x = torch.rand(300, 8)
    spiking = convert(model, x, steps=12)
    current = spiking[2](spiking[1](spiking[0](x.expand(12, 300, 8))[0])[0])[0]
    largest = max(float(np.percentile(c.detach(), 90)) for c in current)
    assert spiking[3].options.v_th == pytest.approx(largest)


def test_a_silent_layer_gets_the_papers_threshold():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    torch.nn.init.constant_(model[0].weight, -1.0)
    assert convert(model, torch.rand(10, 2), steps=2)[1].options.v_th == pytest.approx(0.1)


def test_what_has_no_rectifiers_is_refused():
    with pytest.raises(ValueError, match="model must have ReLU neurons to convert, got none"):
        convert(nn.Sequential(nn.Linear(2, 2), nn.LIF()), torch.rand(3, 2))


def test_five_steps_become_one(tmp_path):
    """Two moons: the paper's runs of fewer steps keep the accuracy within two points of five steps."""
    still = TrainConfig(epochs=30, batch_size=50, loss="sum_cross_entropy", lr=0.02)
    model = ann()
    fit(model, Moons(), Moons(seed=1), still)
    assert evaluate(model, Moons(seed=2), loss="sum_cross_entropy").accuracy > 0.95
    spiking = convert(model, torch.from_numpy(Moons().x))
    config = TrainConfig(epochs=20, batch_size=50, loss="sum_cross_entropy", lr=5e-3, schedule="steps")
    data = {n: (Moons(steps=n), Moons(steps=n, seed=1)) for n in (5, 3, 1)}
    runs = reduce_steps(spiking, data.__getitem__, config, out=tmp_path)
    found = []
    for run in runs:
        spiking.load_state_dict(run.weights)
        test = Moons(1000, run.steps, seed=2)
        found.append(evaluate(spiking, test, loss="sum_cross_entropy").accuracy)
    assert [run.steps for run in runs] == [5, 3, 1]
    assert all(isinstance(run, ReducedRun) and len(run.result.history) == 20 for run in runs)
    assert found[0] > 0.93
    assert found[2] > found[0] - 0.02
    save(spiking, tmp_path / "one.safetensors")
    again = load(tmp_path / "one.safetensors")
    x = torch.from_numpy(Moons(seed=3).x)[None]
    assert torch.equal(again(x)[0], spiking(x)[0])


def test_one_step_from_scratch_with_high_thresholds_is_silent():
    """Why runs of fewer and fewer steps are needed: spikes vanish layer by layer when nothing was converted."""
    torch.manual_seed(0)
    neuron = {"decay_input": False, "reset": "soft", "fires": ">", "detach_reset": True}
    layers = [part for n in (20, 40, 40) for part in (nn.Linear(n, 40), nn.LIF(v_th=2.0, **neuron))]
    z = torch.rand(1, 200, 20)
    rates = []
    for layer in layers:
        z = layer(z)[0]
        if isinstance(layer, nn.LIF):
            rates.append(z.mean().item())
    assert rates[0] > 0
    assert rates == sorted(rates, reverse=True)
    assert rates[2] == 0


@pytest.mark.parametrize("steps", [(), (3, 5), (5, 5), (1, 0)])
def test_steps_that_do_not_fall_are_refused(steps):
    with pytest.raises(ValueError, match=r"steps must be falling numbers|steps\[1\] must be .* >= 1, got 0"):
        reduce_steps(ann(), lambda n: (Moons(), Moons()), TrainConfig(), steps=steps)

"""A loss that is no number any more: the run stops, says where, and keeps its last checkpoint."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from snn.datasets import Batch
from snn.nn import LIF, DelayLinear, LeakyReadout, Linear, RecurrentLIF, Sequential
from snn.train import TrainConfig, fit
from snn.train.non_finite import first_non_finite


class Noise:
    """Random spikes; from call `bad` on, the inputs hold a NaN."""

    def __init__(self, bad=None):
        self.bad, self.calls = bad, 0

    def __len__(self):
        return 32

    def batches(self, batch_size, *, seed=None, min_batch=1):
        self.calls += 1
        rng = np.random.default_rng(0)
        x = (rng.random((6, 32, 4)) < 0.3).astype(np.float32)
        if self.bad is not None and self.calls > self.bad:
            x[2, 3, 1] = np.nan
        yield Batch(x, np.full(32, 6), rng.integers(0, 2, 32), np.arange(32))


def network():
    torch.manual_seed(0)
    return Sequential(Linear(4, 8), LIF(2.0), Linear(8, 2), LeakyReadout(2.0))


def test_a_run_that_breaks_keeps_its_checkpoint(tmp_path):
    with pytest.raises(FloatingPointError, match="not finite in epoch 1, batch 1; first: the input"):
        fit(network(), Noise(bad=1), Noise(), TrainConfig(epochs=3, batch_size=32), out=tmp_path)
    assert (tmp_path / "checkpoint" / "last.safetensors").is_file()
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 1
    done = fit(network(), Noise(), Noise(), TrainConfig(epochs=3, batch_size=32), out=tmp_path, resume=True)
    assert len(done.history) == 3


def test_a_weight_is_named():
    model = network()
    with torch.no_grad():
        model[2].weight[0, 0] = torch.inf
    assert first_non_finite(model, torch.zeros(5, 2, 4), torch.full((2,), 5)) == "parameter layers.2.weight"


def test_the_first_layer_and_step_are_named():
    model = Sequential(Linear(1, 1), LeakyReadout(1e30), Linear(1, 1))
    with torch.no_grad():
        model[0].weight.fill_(3e38)
        model[2].weight.fill_(1.0)
    x = torch.zeros(5, 2, 1)
    x[2:, 1] = 1.0  # 3e38 a step: too much for float32 at the second one
    found = first_non_finite(model, x, torch.full((2,), 5))
    assert found == "layer layers.1 (LeakyReadout), step 3, sample 1 of the batch"


LAYERS = [LIF(2.0), LeakyReadout(2.0), DelayLinear(4, 4, 6), RecurrentLIF(4, 3)]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_a_state_of_another_batch_or_type_is_refused(layer):
    name = type(layer).__name__
    _, state = layer(torch.zeros(5, 3, 4))
    with pytest.raises(
        ValueError, match=rf"state of {name} must be of shape .*2, 4\], as its input, got .*3, 4\]"
    ):
        layer(torch.zeros(5, 2, 4), state)
    with pytest.raises(
        ValueError, match=rf"state of {name} must be of dtype torch.float64, .* got torch.float32"
    ):
        layer.double()(torch.zeros(5, 3, 4, dtype=torch.float64), state)


def test_a_state_on_another_device_is_refused():
    layer = LIF(2.0)
    _, state = layer(torch.zeros(5, 3, 4))
    with pytest.raises(ValueError, match="state of LIF must be of device cpu, as its input, got meta"):
        layer(torch.zeros(5, 3, 4), state._replace(v=state.v.to("meta")))


def test_second_derivatives_are_refused():
    x = (torch.rand(5, 3, 40) < 0.1).float().requires_grad_()
    y, _ = Sequential(Linear(40, 8), LIF(2.0))(x)
    (g,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.sum().backward()

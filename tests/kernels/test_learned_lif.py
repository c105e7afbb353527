"""Neurons with a learned threshold and leak: the fused form against the loop, and the loop against the calculus."""

from __future__ import annotations

import itertools

import pytest
import torch

from snn.kernels.learned_lif import learned_lif_fused, learned_lif_reference
from snn.kernels.lif_options import LIFOptions
from snn.kernels.surrogate import Surrogate
from snn.nn import LIF, RecurrentLIF

SURROGATES = [
    Surrogate("triangle", gain=0.3),
    Surrogate("atan", 2.0),
    Surrogate("sigmoid"),
    Surrogate("rectangle"),
]


def options(reset="soft", fires=">", surrogate=SURROGATES[0], threshold=0.8, leak=0.9):
    fixed = {"decay_input": False, "detach_reset": True}
    return LIFOptions(v_th=threshold, leak=leak, reset=reset, fires=fires, surrogate=surrogate, **fixed)


def given(dtype=torch.float64, lengths=True):
    torch.manual_seed(0)
    x = torch.randn(7, 4, 3, 2, dtype=dtype) * 0.8 + 0.3
    v = torch.randn(4, 3, 2, dtype=dtype) * 0.2
    scalars = [torch.tensor(value, dtype=dtype, requires_grad=True) for value in (0.8, 0.9)]
    return x.requires_grad_(), v.requires_grad_(), *scalars, torch.tensor([7, 0, 3, 1]) if lengths else None


@pytest.mark.parametrize(
    ("reset", "fires", "surrogate", "lengths", "local"),
    itertools.product(["soft", "hard"], [">", ">="], SURROGATES, [True, False], [True, False]),
)
def test_fused_equals_the_loop(reset, fires, surrogate, lengths, local):
    results = []
    for form in (learned_lif_reference, learned_lif_fused):
        x, v, threshold, leak, ends = given(lengths=lengths)
        z, last = form(x, v, threshold, leak, options(reset, fires, surrogate), ends, local)
        loss = (z * torch.arange(z.numel()).reshape(z.shape).sin()).sum()
        if not local:
            loss = loss + last.square().sum()
        wanted = (x, threshold, leak) if local else (x, v, threshold, leak)
        results.append((z, last, *torch.autograd.grad(loss, wanted)))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)
    assert results[0][0].sum() > 5
    assert all(bool(g.any()) for g in results[0][2:])


def test_threshold_gradient_by_finite_differences():
    """On the smooth step whose derivative the surrogate is, with the reset's own spike held still; T = 2."""
    s, leak = SURROGATES[0], 0.9
    torch.manual_seed(1)
    x = torch.rand(2, 50, dtype=torch.float64) * 1.5
    weight = torch.randn(2, 50, dtype=torch.float64)

    def smooth(threshold, held=None):
        v, total, spikes = torch.zeros(50, dtype=torch.float64), 0.0, []
        for t in range(2):
            h = leak * v + x[t]
            spikes.append((h > 0.8).double() if held is None else held[t])
            total = total + (weight[t] * s.primitive(h / threshold - 1)).sum()
            v = h - spikes[-1] * threshold
        return total, spikes

    _, held = smooth(0.8)
    step = 1e-6
    numeric = (smooth(0.8 + step, held)[0] - smooth(0.8 - step, held)[0]) / (2 * step)
    threshold = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    z, _ = learned_lif_fused(
        x[:, None], torch.zeros(1, 50, dtype=torch.float64), threshold, torch.tensor(leak), options()
    )
    (z[:, 0] * weight).sum().backward()
    assert threshold.grad.item() == pytest.approx(float(numeric), rel=1e-6)
    assert sum(float(spikes.sum()) for spikes in held) > 20  # resets took part


@pytest.mark.parametrize("leak", [0.0, 0.4, 1.0])
def test_one_step_is_a_step_function_whatever_the_leak(leak):
    layer = LIF(
        learn_threshold=True, learn_leak=True, leak=leak, v_th=0.7, decay_input=False, detach_reset=True,
        reset="soft", fires=">", surrogate="triangle", surrogate_gain=0.3,
    )  # fmt: skip
    x = torch.randn(1, 64, 100)
    z, _ = layer(x)
    assert torch.equal(z, (x > 0.7).float())
    z.sum().backward()
    assert layer.leak.grad.item() == 0
    assert layer.threshold.grad.item() != 0


def test_learned_values_move_and_stay_in_range():
    layer = LIF(learn_threshold=True, learn_leak=True, tau=2.0, decay_input=False, detach_reset=True)
    assert (layer.options.v_th, layer.options.decay) == (1.0, 0.5)
    with torch.no_grad():
        layer.threshold.fill_(-3.0)
        layer.leak.fill_(1.7)
    layer.clamp_()
    assert layer.options.v_th == pytest.approx(1e-3)
    assert layer.options.decay == 1.0
    again = LIF(**layer.config())
    again.load_state_dict(layer.state_dict())
    assert again.options == layer.options


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({}, "decay_input must be False"),
        ({"decay_input": False}, "detach_reset must be True"),
        ({"decay_input": False, "detach_reset": True, "v_reset": -1.0}, "v_reset must be 0.0"),
        ({"decay_input": False, "detach_reset": True, "reset": "hard_next_step"}, "reset must be 'hard' or 'soft'"),
    ],
)  # fmt: skip
def test_what_cannot_learn_is_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        LIF(learn_threshold=True, **setting)


def test_recurrence_with_learned_neurons_is_refused():
    with pytest.raises(ValueError, match="learn_leak must be False for recurrent neurons, got True"):
        RecurrentLIF(4, 3, learn_leak=True, decay_input=False, detach_reset=True)


@pytest.mark.parametrize("leak", [-0.1, 1.1])
def test_a_leak_out_of_range_is_refused(leak):
    with pytest.raises(ValueError, match="leak must be .* got"):
        LIF(leak=leak, decay_input=False)

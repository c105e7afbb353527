"""LIF and the surrogates against SpikingJelly."""

from __future__ import annotations

import pytest
import torch
from layers import PAPER_LIF

from snn.kernels import DEFAULT_ALPHA, Surrogate
from snn.nn import LIF

pytest.importorskip("spikingjelly.activation_based.neuron")
from spikingjelly.activation_based import neuron, surrogate

SURROGATES = {
    "sigmoid": surrogate.Sigmoid,
    "atan": surrogate.ATan,
    "triangle": surrogate.PiecewiseQuadratic,
    "rectangle": surrogate.Rect,
}


def run_both(ours: LIF, theirs: neuron.LIFNode, dtype=torch.float32):
    torch.manual_seed(0)
    x = (torch.rand(60, 7, 40, dtype=dtype) * 2.5 - 0.3).requires_grad_()
    g = torch.randn(60, 7, 40, dtype=dtype)
    z, state = ours(x)
    (gx,) = torch.autograd.grad(z, x, g)
    y = theirs(x)
    (gy,) = torch.autograd.grad(y, x, g)
    return (z, state.v, gx), (y, theirs.v, gy)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_default_lif_is_lifnode_bit_for_bit(dtype):
    ours, theirs = run_both(LIF(), neuron.LIFNode(step_mode="m"), dtype)
    assert ours[0].mean() > 0.05
    assert torch.equal(ours[0], theirs[0])
    assert torch.equal(ours[1], theirs[1])
    tight = 1e-6 if dtype == torch.float32 else 1e-14
    torch.testing.assert_close(ours[2], theirs[2], rtol=tight, atol=tight)


@pytest.mark.parametrize("name", SURROGATES)
@pytest.mark.parametrize("detach", [False, True])
def test_surrogates_and_detached_reset(name, detach):
    theirs = neuron.LIFNode(
        tau=3.0, detach_reset=detach, surrogate_function=SURROGATES[name](), step_mode="m"
    )
    alpha = {"sigmoid": 4.0, "atan": 2.0, "triangle": 1.0, "rectangle": 1.0}
    assert alpha == DEFAULT_ALPHA
    ours, peer = run_both(LIF(3.0, detach_reset=detach, surrogate=name), theirs)
    assert torch.equal(ours[0], peer[0])
    torch.testing.assert_close(ours[2], peer[2], rtol=2e-6, atol=2e-6)


def test_delay_papers_neuron():
    theirs = neuron.LIFNode(
        tau=1.005, decay_input=False, detach_reset=True, surrogate_function=surrogate.ATan(5.0), step_mode="m"
    )
    ours = LIF(1.005, **PAPER_LIF)
    mine, peer = run_both(ours, theirs, torch.float64)
    assert torch.equal(mine[0], peer[0])
    torch.testing.assert_close(mine[2], peer[2], rtol=1e-12, atol=1e-12)


def test_soft_reset():
    mine, peer = run_both(LIF(reset="soft"), neuron.LIFNode(v_reset=None, step_mode="m"), torch.float64)
    torch.testing.assert_close(mine[0], peer[0])
    torch.testing.assert_close(mine[2], peer[2], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", SURROGATES)
def test_normalised_peak_is_one(name):
    for alpha in (None, 0.7, 3.0):
        u = torch.zeros(1, dtype=torch.float64)
        assert Surrogate(name, alpha, normalise_peak=True).derivative(u).item() == pytest.approx(1.0)
        assert Surrogate(name, alpha).derivative(u).item() == pytest.approx(Surrogate(name, alpha).peak)


@pytest.mark.parametrize("name", SURROGATES)
def test_derivative_is_the_slope_of_the_primitive(name):
    s = Surrogate(name, 1.7)
    u = torch.linspace(-1.2, 1.2, 41, dtype=torch.float64) + 0.003
    h = 1e-6
    slope = (s.primitive(u + h) - s.primitive(u - h)) / (2 * h)
    torch.testing.assert_close(s.derivative(u), slope, rtol=1e-6, atol=1e-6)


def test_bad_surrogates_are_named():
    with pytest.raises(ValueError, match="surrogate must be one of 'sigmoid', 'atan', .*, got 'step'"):
        Surrogate("step")
    with pytest.raises(ValueError, match="surrogate_alpha must be a finite number > 0, got -1"):
        Surrogate("atan", -1)

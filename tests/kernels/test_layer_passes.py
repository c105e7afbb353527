"""Readout and batch normalisation: each fused form against its reference, gradients included."""

from __future__ import annotations

import pytest
import torch

from snn.kernels.batch_norm import normalise, normalise_fused, normalise_reference
from snn.kernels.leaky_integrator import integrate, integrate_fused, integrate_reference
from snn.kernels.lif import LIFOptions
from snn.nn import BatchNorm

LENGTHS = torch.tensor([6, 0, 3, 1, 5])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("decay_input", [True, False])
@pytest.mark.parametrize("tau", [1.0, 1.005, 7.0])
def test_integrators_equal_the_loop(dtype, decay_input, tau):
    torch.manual_seed(0)
    x, v = torch.randn(6, 5, 3, 2, dtype=dtype), torch.randn(5, 3, 2, dtype=dtype)
    options, results = LIFOptions(tau=tau, decay_input=decay_input), []
    for form in (integrate_reference, integrate_fused):
        given = x.clone().requires_grad_(), v.clone().requires_grad_()
        y = form(*given, options)
        results.append(
            (y, *torch.autograd.grad((y.sin() * torch.arange(1.0, 7.0)[:, None, None, None]).sum(), given))
        )
    (y, *gradients), (ours, *our_gradients) = results
    assert torch.equal(y, ours)
    for due, came in zip(gradients, our_gradients, strict=True):
        torch.testing.assert_close(came, due, rtol=1e-5, atol=1e-6)
    assert gradients[0].any() and bool(gradients[1].any()) == (tau > 1)


def test_integrators_inside_a_step():
    """A local gradient is that of the input alone; a chain of none has no steps to run."""
    x, v = torch.randn(4, 3, 2, requires_grad=True), torch.randn(3, 2, requires_grad=True)
    integrate(x, v, LIFOptions(tau=3.0, decay_input=False), local=True).sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x)) and v.grad is None
    assert integrate(x[:0], v, LIFOptions()).shape == (0, 3, 2)


def varied(dtype):
    """Give an input whose features differ in place and spread, one of them constant."""
    torch.manual_seed(0)
    x = torch.randn(6, 5, 8, dtype=dtype) * torch.logspace(-2, 2, 8, dtype=dtype) + torch.arange(8) * 30
    x[:, :, 3] = 7.0
    return x, torch.randn(8, dtype=dtype), torch.randn(8, dtype=dtype)


@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 2e-4), (torch.float64, 1e-10)])
def test_normalisation_equals_its_reference(dtype, close):
    results, factors = [], torch.randn(6, 5, 8, dtype=dtype)
    for form in (normalise_reference, normalise_fused):
        given = [part.clone().requires_grad_() for part in varied(dtype)]
        y, mean, var = form(given[0], LENGTHS, *given[1:], 1e-5)
        assert not mean.requires_grad and not var.requires_grad
        results.append((y, mean, var, *torch.autograd.grad((y * factors).sum(), given)))
    for due, came in zip(*results, strict=True):
        torch.testing.assert_close(came, due, rtol=close, atol=close * float(due.detach().abs().max()))
    beyond = torch.arange(6)[:, None] >= LENGTHS
    assert not results[1][0][beyond].any() and not results[1][3][beyond].any()
    assert results[1][2][3] == 0  # of a constant feature


def test_normalisation_gradients():
    given = [part.requires_grad_() for part in varied(torch.float64)]
    given[0] = (given[0].detach() / 50).requires_grad_()

    def forward(x, weight, bias):
        return normalise_fused(x, LENGTHS, weight, bias, 1e-2)[0]

    assert torch.autograd.gradcheck(forward, given)


def test_normalisation_of_other_types_takes_the_reference():
    x, weight, bias = varied(torch.float32)
    y, mean, _ = normalise(x.bfloat16(), LENGTHS, weight.bfloat16(), bias.bfloat16(), 1e-5)
    assert y.dtype == mean.dtype == torch.bfloat16
    assert torch.equal(
        normalise(x, LENGTHS, weight, bias, 1e-5)[0], normalise_fused(x, LENGTHS, weight, bias, 1e-5)[0]
    )


def test_a_layer_with_one_valid_row_says_so():
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        BatchNorm(8)(torch.randn(6, 5, 8), None, torch.tensor([0, 1, 0, 0, 0]))

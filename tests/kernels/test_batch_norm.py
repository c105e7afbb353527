"""Batch normalisation: the fused form against its reference, gradients included."""

from __future__ import annotations

import pytest
import torch

from snn.kernels.batch_norm import normalise, normalise_fused, normalise_reference
from snn.nn import BatchNorm

LENGTHS = torch.tensor([6, 0, 3, 1, 5])


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
    with pytest.raises(
        ValueError, match="x of BatchNorm must be of two valid values of each feature or more"
    ):
        BatchNorm(8)(torch.randn(6, 5, 8), None, torch.tensor([0, 1, 0, 0, 0]))

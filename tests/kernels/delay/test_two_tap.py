"""Fractional delays: events, shifts and the definition are one function, gradients included."""

from __future__ import annotations

import pytest
import torch
from kernel_inputs import same_gradients

from snn.kernels import (
    delayed_dense,
    delayed_linear,
    delayed_linear_reference,
    delayed_spectral,
    linear_kernel,
)


def parts(density, n_in=5, n_out=7, steps=19, max_delay=6, dtype=torch.float64):
    torch.manual_seed(0)
    x = (torch.rand(steps, 4, n_in) < density) * torch.randint(1, 4, (steps, 4, n_in))
    delay = torch.rand(n_out, n_in, dtype=dtype) * max_delay
    delay.view(-1)[:3] = torch.tensor([0.0, max_delay, min(3, max_delay)])  # the edges and a whole delay
    weight = torch.randn(n_out, n_in, dtype=dtype)
    return [a.to(dtype).requires_grad_() for a in (x, weight, delay)], max_delay


@pytest.mark.parametrize("density", [0.0, 0.05, 0.5, 1.0])
@pytest.mark.parametrize("n_in", [1, 4, 5, 8])
@pytest.mark.parametrize("max_delay", [1, 6, 40])
def test_fast_is_the_definition(density, n_in, max_delay):
    leaves, _ = parts(density, n_in=n_in, max_delay=max_delay)
    slow = delayed_linear_reference(*leaves, max_delay)
    fast = delayed_linear(*leaves, max_delay)
    same_gradients((slow, fast), leaves, tight=1e-12)


def test_gradients_by_finite_differences():
    (x, weight, _), max_delay = parts(0.8, n_in=3, n_out=2, steps=8)
    inside = torch.rand(2, 3, dtype=torch.float64) * 0.8 + 0.1 + torch.randint(0, 5, (2, 3))
    leaves = (x, weight, inside.requires_grad_())
    assert torch.autograd.gradcheck(lambda x, w, d: delayed_linear(x, w, d, max_delay), leaves)


def test_dense_forms_agree():
    (x, weight, delay), max_delay = parts(0.3)
    kernel = linear_kernel(weight, delay, max_delay + 1)
    fast = delayed_linear(x, weight, delay, max_delay)
    torch.testing.assert_close(delayed_dense(x, kernel), fast, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(delayed_spectral(x, kernel), fast, rtol=1e-11, atol=1e-11)


def test_single_precision():
    leaves, max_delay = parts(0.1, n_in=40, dtype=torch.float32)
    exact = delayed_linear_reference(*(a.double() for a in leaves), max_delay)
    assert (delayed_linear(*leaves, max_delay).double() - exact).abs().max() < 1e-5 * exact.abs().max()


@pytest.mark.parametrize("density", [0.05, 0.7])
def test_samples_that_end_at_different_steps(density):
    """More samples than lie side by side, each with its own last step, one of them silent."""
    (_, weight, delay), max_delay = parts(0.5)
    ends = torch.arange(37).remainder(20).flip(0)
    x = (torch.rand(19, 37, 5, dtype=torch.float64) < density) * torch.randn(19, 37, 5, dtype=torch.float64)
    leaves = [
        torch.where(torch.arange(19)[:, None, None] < ends[:, None], x, 0.0).requires_grad_(),
        weight,
        delay,
    ]
    slow, fast = (form(*leaves, max_delay) for form in (delayed_linear_reference, delayed_linear))
    g = torch.where(torch.arange(19)[:, None, None] < ends[:, None], torch.randn_like(slow), 0.0)
    same_gradients((slow, fast), leaves, g, tight=1e-12)


@pytest.mark.parametrize("density", [0.01, 0.5])
def test_delays_of_a_thousand_steps(density):
    (x, weight, delay), max_delay = parts(density, n_in=3, n_out=2, steps=1100, max_delay=1000)
    slow, fast = (form(x, weight, delay, max_delay) for form in (delayed_linear_reference, delayed_linear))
    torch.testing.assert_close(slow, fast, rtol=1e-12, atol=1e-12)

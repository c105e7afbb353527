"""The product per frequency against the dense convolution, gradients included."""

from __future__ import annotations

import pytest
import torch
from kernel_inputs import gauss_parts, same_gradients

from snn.kernels import delayed_dense, delayed_spectral, gauss_kernel


@pytest.mark.parametrize("steps", [1, 2, 8, 9, 24, 25])
@pytest.mark.parametrize("taps", [3, 9, 25])
def test_spectral_is_dense(steps, taps):
    x, weight, position, sigma, taps = gauss_parts(steps=steps, taps=taps)
    kernel = gauss_kernel(weight, position, sigma, taps)
    x.requires_grad_()
    kernel.requires_grad_()
    slow, fast = delayed_dense(x, kernel), delayed_spectral(x, kernel)
    same_gradients((slow, fast), (x, kernel))


def test_silent_ends_change_nothing():
    x, weight, position, sigma, taps = gauss_parts()
    kernel = gauss_kernel(weight, position, sigma, taps).requires_grad_()
    for busy in (0, 1, 7, 15):
        quiet = torch.where(torch.arange(len(x))[:, None, None] < busy, x, 0.0)
        slow, fast = delayed_dense(quiet, kernel), delayed_spectral(quiet, kernel)
        same_gradients((slow, fast), [kernel])


def test_a_whole_product_by_finite_differences():
    x, weight, position, sigma, taps = gauss_parts(steps=6, batch=2, n_in=2, n_out=2, taps=5)
    leaves = [a.requires_grad_() for a in (x, weight, position)]
    product = lambda x, w, p: delayed_spectral(x, gauss_kernel(w, p, sigma, taps))  # noqa: E731
    assert torch.autograd.gradcheck(product, leaves)


def test_float32_error_stays_small():
    x, weight, position, sigma, taps = gauss_parts(steps=116, n_in=60, n_out=8, taps=25)
    exact = delayed_dense(x, gauss_kernel(weight, position, sigma, taps))
    single = delayed_spectral(x.float(), gauss_kernel(weight.float(), position.float(), sigma.float(), taps))
    assert (single.double() - exact).abs().max() < 2e-5 * exact.abs().max()

"""Delayed products: every form is one function, and the gradients are right."""

from __future__ import annotations

import pytest
import torch

from snn.kernels import (
    delayed,
    delayed_dense,
    delayed_events,
    delayed_sparse,
    delayed_spectral,
    gauss_kernel,
    gauss_kernel_reference,
    one_hot_kernel,
)


def parts(steps=23, batch=3, n_in=5, n_out=4, taps=9, dtype=torch.float64):
    torch.manual_seed(0)
    x = torch.randn(steps, batch, n_in, dtype=dtype)
    weight = torch.randn(n_out, n_in, dtype=dtype)
    c = taps // 2
    position = torch.empty(n_out, n_in, dtype=dtype).uniform_(-c, c)
    return x, weight, position, torch.tensor(1.3, dtype=dtype), taps


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("steps", [1, 2, 8, 9, 24, 25])
@pytest.mark.parametrize("taps", [3, 9, 25])
def test_spectral_is_dense(steps, taps):
    x, weight, position, sigma, taps = parts(steps=steps, taps=taps)
    kernel = gauss_kernel(weight, position, sigma, taps)
    x.requires_grad_()
    kernel.requires_grad_()
    slow, fast = delayed_dense(x, kernel), delayed_spectral(x, kernel)
    close(slow, fast)
    g = torch.randn_like(slow)
    for a, b in zip(*(torch.autograd.grad(y, (x, kernel), g) for y in (slow, fast)), strict=True):
        close(a, b)


@pytest.mark.parametrize("n_out", [1, 31, 32, 33, 70])
@pytest.mark.parametrize("density", [0.0, 0.03, 0.5])
def test_sparse_is_dense(n_out, density):
    x, weight, position, sigma, taps = parts(n_out=n_out)
    x = torch.where(torch.rand_like(x) < density, x, 0.0).requires_grad_()
    kernel = gauss_kernel(weight, position, sigma, taps).requires_grad_()
    slow = delayed_dense(x, kernel)
    g = torch.randn_like(slow)
    grads = torch.autograd.grad(slow, (x, kernel), g)
    for form in (delayed_sparse, delayed):
        fast = form(x, kernel)
        close(slow, fast)
        for a, b in zip(grads, torch.autograd.grad(fast, (x, kernel), g), strict=True):
            close(a, b)


def test_silent_ends_change_nothing():
    x, weight, position, sigma, taps = parts()
    kernel = gauss_kernel(weight, position, sigma, taps).requires_grad_()
    for busy in (0, 1, 7, 15):
        quiet = torch.where(torch.arange(len(x))[:, None, None] < busy, x, 0.0)
        slow, fast = delayed_dense(quiet, kernel), delayed_spectral(quiet, kernel)
        close(slow, fast)
        g = torch.randn_like(slow)
        close(*(torch.autograd.grad(y, kernel, g)[0] for y in (slow, fast)))


@pytest.mark.parametrize("sigma", [0.0, 0.23, 2.0, 12.0])
def test_kernel_gradients(sigma):
    _, weight, position, _, taps = parts()
    s = torch.tensor(sigma, dtype=torch.float64)
    weight.requires_grad_()
    position.requires_grad_()
    slow, fast = (f(weight, position, s, taps) for f in (gauss_kernel_reference, gauss_kernel))
    close(slow, fast)
    g = torch.randn_like(slow)
    for a, b in zip(*(torch.autograd.grad(k, (weight, position), g) for k in (slow, fast)), strict=True):
        close(a, b)
    assert torch.autograd.gradcheck(lambda w, p: gauss_kernel(w, p, s, taps), (weight, position))


def test_kernel_sums_to_the_weight():
    _, weight, position, _, taps = parts()
    for sigma in (0.0, 0.5, 3.0, 20.0):
        total = gauss_kernel(weight, position, torch.tensor(sigma, dtype=torch.float64), taps).sum(0)
        torch.testing.assert_close(total, weight, rtol=1e-6, atol=1e-6)


def test_a_whole_product_by_finite_differences():
    x, weight, position, sigma, taps = parts(steps=6, batch=2, n_in=2, n_out=2, taps=5)
    leaves = [a.requires_grad_() for a in (x, weight, position)]
    product = lambda x, w, p: delayed_spectral(x, gauss_kernel(w, p, sigma, taps))  # noqa: E731
    assert torch.autograd.gradcheck(product, leaves)


def test_events_are_the_index_shift():
    x, weight, _, _, taps = parts()
    x = (x > 0.5).double() * 2
    delays = torch.randint(0, taps, weight.shape)
    by_hand = torch.zeros(len(x), x.shape[1], len(weight), dtype=torch.float64)
    for j in range(weight.shape[0]):
        for i in range(weight.shape[1]):
            d = int(delays[j, i])
            by_hand[d:, :, j] += weight[j, i] * x[: len(x) - d, :, i]
    close(delayed_events(x, weight, delays), by_hand)
    close(delayed_dense(x, one_hot_kernel(weight, delays, taps)), by_hand)
    assert delayed_events(x, weight, delays).count_nonzero() == by_hand.count_nonzero()


def test_float32_error_stays_small():
    x, weight, position, sigma, taps = parts(steps=116, n_in=60, n_out=8, taps=25)
    exact = delayed_dense(x, gauss_kernel(weight, position, sigma, taps))
    single = delayed_spectral(x.float(), gauss_kernel(weight.float(), position.float(), sigma.float(), taps))
    assert (single.double() - exact).abs().max() < 2e-5 * exact.abs().max()

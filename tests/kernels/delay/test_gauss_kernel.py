"""The taps of DCLS: the hand-written gradients against the definition's."""

from __future__ import annotations

import pytest
import torch
from kernel_inputs import gauss_parts, same_gradients

from snn.kernels import gauss_kernel, gauss_kernel_reference


@pytest.mark.parametrize("sigma", [0.0, 0.23, 2.0, 12.0])
def test_kernel_gradients(sigma):
    _, weight, position, _, taps = gauss_parts()
    s = torch.tensor(sigma, dtype=torch.float64)
    weight.requires_grad_()
    position.requires_grad_()
    slow, fast = (f(weight, position, s, taps) for f in (gauss_kernel_reference, gauss_kernel))
    same_gradients((slow, fast), (weight, position))
    assert torch.autograd.gradcheck(lambda w, p: gauss_kernel(w, p, s, taps), (weight, position))


def test_kernel_sums_to_the_weight():
    _, weight, position, _, taps = gauss_parts()
    for sigma in (0.0, 0.5, 3.0, 20.0):
        total = gauss_kernel(weight, position, torch.tensor(sigma, dtype=torch.float64), taps).sum(0)
        torch.testing.assert_close(total, weight, rtol=1e-6, atol=1e-6)

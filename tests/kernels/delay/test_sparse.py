"""All taps of a kernel, event by event, against the dense convolution, gradients included."""

from __future__ import annotations

import pytest
import torch
from kernel_inputs import gauss_parts, same_gradients

from snn.kernels import delayed, delayed_dense, delayed_sparse, gauss_kernel


@pytest.mark.parametrize("n_out", [1, 31, 32, 33, 70])
@pytest.mark.parametrize("density", [0.0, 0.03, 0.5])
def test_sparse_is_dense(n_out, density):
    x, weight, position, sigma, taps = gauss_parts(n_out=n_out)
    x = torch.where(torch.rand_like(x) < density, x, 0.0).requires_grad_()
    kernel = gauss_kernel(weight, position, sigma, taps).requires_grad_()
    slow = delayed_dense(x, kernel)
    same_gradients((slow, delayed_sparse(x, kernel), delayed(x, kernel)), (x, kernel))

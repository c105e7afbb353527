"""The square of a rectifier: the fused form is the reference, gradients included."""

from __future__ import annotations

import pytest
import torch

from snn.kernels import squared_relu, squared_relu_fused, squared_relu_reference


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_fused_form_is_the_reference(dtype):
    torch.manual_seed(0)
    x = torch.randn(5, 3, 7, dtype=dtype)
    x[0, 0, :3] = torch.tensor([0.0, -0.0, torch.nan])
    found = []
    for form in (squared_relu_fused, squared_relu_reference):
        given = x.clone().requires_grad_()
        y = form(given)
        (y * torch.linspace(-1, 2, y.numel(), dtype=dtype).reshape(y.shape)).sum().backward()
        found.append((y.detach(), given.grad))
    for a, b in zip(*found, strict=True):
        assert a.allclose(b, rtol=1e-6, atol=0, equal_nan=True)
    assert found[0][0][0, 0, 2].isnan()
    assert squared_relu(x[1]).equal(torch.where(x[1] > 0, x[1] * x[1], 0.0))
    with pytest.raises(ValueError, match="x must be a dense tensor"):
        squared_relu(x.long())

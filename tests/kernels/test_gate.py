"""A gate: the fused form is the reference, gradients included."""

from __future__ import annotations

import pytest
import torch

from snn.kernels import gate, gate_fused, gate_reference


@pytest.mark.parametrize("dtype, off", [(torch.float32, 3e-7), (torch.float64, 1e-15)])
def test_the_fused_form_is_the_reference(dtype, off):
    torch.manual_seed(0)
    r, y = torch.randn(5, 3, 40, dtype=dtype) * 8, torch.randn(5, 3, 40, dtype=dtype)
    r[0, 0, :5] = torch.tensor([0.0, -200.0, 200.0, torch.nan, -90.0])
    found = []
    for form in (gate_fused, gate_reference):
        given = [r.clone().requires_grad_(), y.clone().requires_grad_()]
        out = form(*given)
        (out * torch.linspace(1, 2, out.numel(), dtype=dtype).reshape(out.shape)).sum().backward()
        found.append((out.detach(), *(part.grad for part in given)))
    for a, b in zip(*found, strict=True):
        assert torch.equal(a.isnan(), b.isnan())
        assert (a - b).nan_to_num().abs().max() < 2 * off * max(1, b.nan_to_num().abs().max())
    assert found[0][0][0, 0, 3].isnan() and found[0][0][0, 0, 2] == y[0, 0, 2]
    assert torch.allclose(gate(r[1], y[1]), torch.sigmoid(r[1]) * y[1])


def test_shapes_that_differ_are_refused():
    for form in (gate_fused, gate_reference):
        with pytest.raises(ValueError, match="y must be of shape"):
            form(torch.zeros(3, 2), torch.zeros(2))

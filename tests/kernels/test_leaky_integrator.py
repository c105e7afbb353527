"""The readout's membranes: the fused form against the loop, gradients included."""

from __future__ import annotations

import pytest
import torch

from snn.kernels.leaky_integrator import integrate, integrate_fused, integrate_reference
from snn.kernels.lif_options import LIFOptions


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

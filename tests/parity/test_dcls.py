"""DelayLinear against the `dcls` package: output and all gradients."""

from __future__ import annotations

import warnings

import pytest
import torch

from snn.nn import DelayLinear

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    dcls = pytest.importorskip("DCLS.construct.modules")

TAPS = 25


def pair(sigma: float, dtype: torch.dtype, version: str = "gauss"):
    torch.manual_seed(0)
    ours = DelayLinear(11, 7, max_delay=TAPS - 1).to(dtype)
    ours.set_sigma_(sigma)
    theirs = dcls.Dcls1d(
        11, 7, kernel_count=1, dilated_kernel_size=TAPS, bias=False, groups=1, version=version
    ).to(dtype)
    with torch.no_grad():
        theirs.weight.copy_(ours.weight[:, :, None])
        theirs.P.copy_(ours.position[None, :, :, None])
        theirs.SIG.fill_(sigma)
    return ours, theirs


def dcls_output(theirs, x):
    """x [T, B, N]; padded as the paper's network does on the left, cut to T."""
    padded = torch.nn.functional.pad(x.permute(1, 2, 0), (TAPS - 1, 0))
    return theirs(padded).permute(2, 0, 1)


@pytest.mark.parametrize("sigma", [0.0, 0.23, 2.0, 12.0])
@pytest.mark.parametrize(("dtype", "tight"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
def test_output_and_gradients(sigma, dtype, tight):
    ours, theirs = pair(sigma, dtype)
    x = (torch.rand(40, 3, 11) < 0.2).to(dtype).requires_grad_()
    y, peer = ours(x)[0], dcls_output(theirs, x)
    torch.testing.assert_close(y, peer, rtol=tight, atol=tight)
    g = torch.randn_like(y)
    mine = torch.autograd.grad(y, (x, ours.weight, ours.position), g)
    other = torch.autograd.grad(peer, (x, theirs.weight, theirs.P), g)
    torch.testing.assert_close(mine[0], other[0], rtol=tight, atol=tight)
    torch.testing.assert_close(mine[1], other[1][:, :, 0], rtol=tight, atol=tight)
    torch.testing.assert_close(mine[2], other[2][0, :, :, 0], rtol=tight, atol=tight * 10)


def test_rounded_evaluation():
    ours, theirs = pair(0.0, torch.float64, version="max")
    with torch.no_grad():
        theirs.P.copy_(theirs.P.round())
    x = (torch.rand(40, 3, 11) < 0.2).double()
    torch.testing.assert_close(ours.eval()(x)[0], dcls_output(theirs, x).detach(), rtol=1e-6, atol=1e-6)

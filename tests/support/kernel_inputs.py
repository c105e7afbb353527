"""Inputs of kernels, and gradients to compare, for the tests of several of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def sparse_input(*shape: int, density: float, dtype: torch.dtype = torch.float64) -> Tensor:
    """Draw normal numbers, a share `density` of them kept and the others 0."""
    torch.manual_seed(0)
    return torch.randn(*shape, dtype=dtype) * (torch.rand(*shape) < density)


def gauss_parts(
    steps: int = 23, batch: int = 3, n_in: int = 5, n_out: int = 4, taps: int = 9
) -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
    """Draw an input [T, B, in], and weight, position, sigma and number of taps of a Gauss kernel, in float64."""
    torch.manual_seed(0)
    x = torch.randn(steps, batch, n_in, dtype=torch.float64)
    weight = torch.randn(n_out, n_in, dtype=torch.float64)
    c = taps // 2
    position = torch.empty(n_out, n_in, dtype=torch.float64).uniform_(-c, c)
    return x, weight, position, torch.tensor(1.3, dtype=torch.float64), taps


def close(a: Tensor, b: Tensor, tight: float = 1e-11) -> None:
    """Check that two tensors are equal up to rounding."""
    torch.testing.assert_close(a, b, rtol=tight, atol=tight)


def same_gradients(
    forms: Sequence[Tensor], leaves: Sequence[Tensor], g: Tensor | None = None, tight: float = 1e-11
) -> None:
    """Check that outputs and all gradients of some forms of one function are those of the first.

    Args:
        forms: Output of each form, made of the same leaves.
        leaves: What to derive by.
        g: Gradient of the output; None: drawn.
        tight: Largest difference, relative and absolute.
    """
    g = torch.randn_like(forms[0]) if g is None else g
    first, *others = ([y, *torch.autograd.grad(y, leaves, g)] for y in forms)
    for other in others:
        for a, b in zip(first, other, strict=True):
            close(a, b, tight)

"""The event-driven linear map against the dense product, gradients included."""

from __future__ import annotations

import pytest
import torch
from kernel_inputs import sparse_input

from snn.kernels import sparse_linear as module
from snn.kernels.sparse_linear import sparse_linear, sparse_linear_reference


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(7, 3, 20), (5, 20), (20,), (1, 1, 20), (0, 2, 20)])
def test_equals_the_dense_product(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    x = sparse_input(*shape, density=0.08, dtype=dtype).requires_grad_()
    weight = torch.randn(11, 20, dtype=dtype, requires_grad=True)
    results = []
    for form in (sparse_linear, sparse_linear_reference):
        y = form(x, weight)
        g = torch.arange(y.numel(), dtype=dtype).reshape(y.shape).sin()
        results.append((y, *torch.autograd.grad(y, (x, weight), g)))
    for mine, dense in zip(*results, strict=True):
        torch.testing.assert_close(mine, dense, rtol=1e-5 if dtype == torch.float32 else 1e-12, atol=1e-5)


def test_events_are_used_below_the_limit_and_not_above(monkeypatch: pytest.MonkeyPatch) -> None:
    weight, used = torch.randn(4, 50), []
    monkeypatch.setattr(
        module._SparseLinear, "apply", lambda x, w, events, learns: used.append(x) or x @ w.t()
    )
    sparse_linear(sparse_input(40, 50, density=0.05, dtype=torch.float32), weight)
    assert len(used) == 1
    sparse_linear(sparse_input(40, 50, density=0.5, dtype=torch.float32), weight)
    assert len(used) == 1


def test_gradients_by_finite_differences() -> None:
    x = sparse_input(6, 10, density=0.1, dtype=torch.float64)
    x[0, 0] = 0.7
    places = x != 0
    weight = torch.randn(3, 10, dtype=torch.float64, requires_grad=True)

    def at_places(values: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return sparse_linear(x.masked_scatter(places, values), w)

    values = x[places].clone().requires_grad_()
    assert torch.autograd.gradcheck(at_places, (values, weight))


@pytest.mark.parametrize("live", [[], [0], [3, 17], [19], list(range(20))])
def test_rows_of_gradient_that_are_zero_cost_nothing_and_change_nothing(live: list[int]) -> None:
    """As in SLTT-K, where most steps do not learn."""
    x = sparse_input(20, 30, density=0.1, dtype=torch.float64).requires_grad_()
    weight = torch.randn(7, 30, dtype=torch.float64, requires_grad=True)
    g = torch.zeros(20, 7, dtype=torch.float64)
    g[live] = torch.randn(len(live), 7, dtype=torch.float64)
    mine, dense = (
        torch.autograd.grad(form(x, weight), (x, weight), g)
        for form in (sparse_linear, sparse_linear_reference)
    )
    for a, b in zip(mine, dense, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("marked", [[0], [2, 3, 6], list(range(7))], ids=len)
def test_only_marked_steps_pass_their_gradient(marked: list[int]) -> None:
    x = sparse_input(7, 3, 20, density=0.1, dtype=torch.float64).requires_grad_()
    weight = torch.randn(11, 20, dtype=torch.float64, requires_grad=True)
    learns = torch.zeros(7, dtype=torch.bool)
    learns[marked] = True
    g = torch.randn(7, 3, 11, dtype=torch.float64)
    mine = torch.autograd.grad(sparse_linear(x, weight, learns), (x, weight), g)
    dense = torch.autograd.grad(sparse_linear_reference(x, weight), (x, weight), g * learns[:, None, None])
    for a, b in zip(mine, dense, strict=True):
        torch.testing.assert_close(a, b)

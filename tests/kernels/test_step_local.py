"""Gradients of some steps only: scattered and gathered, dense and sparse, also where several come together."""

from __future__ import annotations

import pytest
import torch

from snn.kernels import LIFOptions, lif_fused, lif_reference
from snn.kernels.sparse_linear import sparse_linear
from snn.kernels.step_local import (
    gather_steps,
    is_local,
    learning_steps,
    local_in_time,
    scatter_steps,
    takes_sparse_gradient,
)

KEPT = torch.tensor([1, 4, 5])


@pytest.mark.parametrize("sparse", [False, True])
def test_what_is_scattered_is_gathered(sparse: bool) -> None:
    g = torch.randn(3, 2, 4)
    laid = scatter_steps(g, KEPT, 7, sparse=sparse)
    assert laid.is_sparse == sparse
    dense = laid.to_dense()
    assert torch.equal(dense[KEPT], g) and dense.count_nonzero() == g.count_nonzero()
    assert torch.equal(gather_steps(laid, KEPT), g)
    assert torch.equal(gather_steps(laid + laid, KEPT), 2 * g)
    assert torch.equal(gather_steps(laid, torch.tensor([0, 4])), dense[[0, 4]])


def test_all_places_are_not_copied() -> None:
    g, every = torch.randn(3, 2, 4), torch.arange(3)
    assert scatter_steps(g, every, 3, sparse=True) is g
    assert gather_steps(g, every) is g


def test_the_mark_ends_with_the_block() -> None:
    mark = torch.tensor([True, False])
    with local_in_time(mark):
        assert is_local() and learning_steps(2) is mark
        assert learning_steps(1) is None  # a layer that takes single steps gets no mark of two
        with local_in_time():
            assert is_local() and learning_steps(2) is None
    assert not is_local() and learning_steps(2) is None


@pytest.mark.parametrize("form", [lif_fused, lif_reference])
def test_marks_of_other_steps_are_refused_and_go_with_local_alone(form) -> None:
    x, v, options = torch.randn(7, 3, 4, requires_grad=True), torch.zeros(3, 4), LIFOptions(1.5)
    marks = torch.arange(7) % 2 == 0
    for call in (
        lambda: form(x, v, options, local=True, learns=marks[:3]),
        lambda: sparse_linear(x, torch.ones(2, 4), marks[:3]),
        lambda: sparse_linear(x[0], torch.ones(2, 4), marks[:3]),
    ):
        with pytest.raises(ValueError, match="learns must mark the steps"):
            call()
    plain, marked = (torch.autograd.grad(form(x, v, options, learns=m)[0].sum(), x)[0] for m in (None, marks))
    assert torch.equal(plain, marked)


def test_a_product_without_marks_gets_a_dense_gradient() -> None:
    x, weight = torch.zeros(7, 3, 40), torch.randn(5, 40, requires_grad=True)
    x[:, :, ::9] = 1.0
    y = sparse_linear(x, weight)
    assert not takes_sparse_gradient(y)
    z, _ = lif_fused(y, torch.zeros(3, 5), LIFOptions(1.5), local=True, learns=torch.arange(7) == 2)
    z.sum().backward()
    assert weight.grad is not None and weight.grad.any()


def test_sparse_gradients_pass_between_kernels_alone_and_add_up() -> None:
    """Spikes that two products read, a bias and a view between: each gradient is what the dense way gives."""
    torch.manual_seed(0)
    learns = torch.zeros(7, dtype=torch.bool)
    learns[KEPT] = True
    options, x = LIFOptions(1.5), torch.randn(7, 3, 40, requires_grad=True)
    weights = [torch.randn(n, 40, requires_grad=True) for n in (5, 6)]
    found = []
    for marks in (None, learns):
        z, _ = lif_fused(x, torch.zeros(3, 40), options, local=True, learns=marks)
        assert takes_sparse_gradient(z)
        low, high = (sparse_linear(z, weight, marks) for weight in weights)
        assert (
            takes_sparse_gradient(low) == (marks is not None)
            and not takes_sparse_gradient(low + 1)
            and not takes_sparse_gradient(x)
        )
        ends, _ = lif_fused(high + 0.1, torch.zeros(3, 6), options, local=True, learns=marks)
        loss = (low.square().sum(-1) + ends.mean(-1) + z.reshape(7, 3, 4, 10)[..., 0].sum(-1))[learns].sum()
        found.append(torch.autograd.grad(loss, [x, *weights]))
    for dense, sparse in zip(*found, strict=True):
        torch.testing.assert_close(dense, sparse)

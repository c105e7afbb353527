"""Mixtures with the step before: the fused form is the reference, gradients included."""

from __future__ import annotations

import pytest
import torch

from snn.kernels import token_shift, token_shift_fused, token_shift_reference


def inputs(dtype, steps=7, batch=3, width=5, rows=3):
    torch.manual_seed(0)
    shapes = ((steps, batch, width), (batch, width), (rows, width))
    return [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]


def test_it_is_what_it_says():
    x, last, mix = inputs(torch.float64)
    mixed = token_shift(x, last, mix)
    for s in range(3):
        for t in range(7):
            before = x[t - 1] if t else last
            assert mixed[s][t].allclose(mix[s] * x[t] + (1 - mix[s]) * before, atol=1e-14)


@pytest.mark.parametrize("dtype, off", [(torch.float64, 1e-13), (torch.float32, 1e-5)])
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_the_fused_form_is_the_reference(dtype, off, rows):
    found = []
    for form in (token_shift_fused, token_shift_reference):
        given = inputs(dtype, rows=rows)
        mixed = form(*given)
        sum(
            (y * torch.linspace(-1, 2, y.numel(), dtype=dtype).reshape(y.shape)).sum() for y in mixed
        ).backward()
        found.append([*mixed, *(part.grad for part in given)])
    assert all(torch.equal(a, b) for a, b in zip(found[0][:rows], found[1][:rows], strict=True))
    assert all((a - b).abs().max() < off for a, b in zip(*found, strict=True))


def test_no_steps_give_none_and_odd_shapes_are_refused():
    x, last, mix = (part.detach() for part in inputs(torch.float32))
    assert [y.shape for y in token_shift(x[:0], last, mix)] == [(0, 3, 5)] * 3
    for given in ((x, last[:2], mix), (x, last, mix[:, :4]), (x, last.double(), mix)):
        for form in (token_shift_fused, token_shift_reference):
            with pytest.raises(ValueError, match="must be of"):
                form(*given)
    with pytest.raises(ValueError, match="x must be on the CPU in float32 or float64"):
        token_shift_fused(x.half(), last.half(), mix.half())

"""Dropout by a hash: the fused form drops what the reference drops, as often as it should, and independently."""

from __future__ import annotations

import pytest
import torch

from snn.kernels import draw_key, hashed_dropout, hashed_dropout_fused, hashed_dropout_reference


def test_keys_come_from_torchs_generator():
    torch.manual_seed(5)
    first, second = draw_key(), draw_key()
    torch.manual_seed(5)
    assert draw_key() == first != second
    assert all(0 <= word < 2**32 for word in first)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("p", [0.0, 0.03, 0.5, 0.999])
def test_the_fused_form_is_the_reference(dtype, p):
    x = torch.linspace(1, 2, 9_000, dtype=dtype).reshape(30, 3, 100)
    key, found = (4_000_000_001, 77), []
    for form in (hashed_dropout_fused, hashed_dropout_reference):
        given = x.clone().requires_grad_()
        y = form(given, p, key)
        (y * x).sum().backward()
        found.append((y.detach(), given.grad))
    for a, b in zip(*found, strict=True):
        assert torch.equal(a == 0, b == 0) and a.allclose(b, rtol=1e-6)
    assert torch.equal(found[0][0] == 0, found[0][1] == 0)


@pytest.mark.parametrize("p", [0.03, 0.3])
def test_the_share_is_right_and_places_do_not_depend_on_each_other(p):
    n = 2_000_000
    masks = [hashed_dropout(torch.ones(n), p, key) == 0 for key in ((1, 2), (1, 3), (2, 2))]
    spread = (p * (1 - p) / n) ** 0.5
    for mask in masks:
        assert abs(mask.double().mean() - p) < 5 * spread
        for lag in (1, 2, 16, 192, 3072):
            both = (mask[lag:] & mask[:-lag]).double().mean()
            assert abs(both - p * p) < 5 * (p * p / n) ** 0.5, lag
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert abs((masks[a] & masks[b]).double().mean() - p * p) < 5 * (p * p / n) ** 0.5


def test_a_share_outside_0_to_1_is_refused():
    for form in (hashed_dropout_fused, hashed_dropout_reference):
        with pytest.raises(ValueError, match="p must be .*< 1, got 1"):
            form(torch.ones(3), 1.0, (1, 2))

"""The WKV recurrence: the direct double sum, float64 autograd, and bits that depend on nothing beside."""

from __future__ import annotations

import math
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from snn.kernels import WKVState, wkv, wkv_fused, wkv_reference
from snn.kernels.wkv_loops import BLOCK, CHUNK

FORMS = (wkv_fused, wkv_reference)


def numbers(
    steps: int, batch: int, width: int, dtype: torch.dtype = torch.float64, spread: float = 1.0
) -> list[Tensor]:
    """Give w, u, k and v, k normal with deviation `spread`."""
    draw = torch.Generator().manual_seed(steps + width)
    w, u = -0.05 - 2 * torch.rand(width, generator=draw, dtype=torch.float64), normal(draw, width)
    made = [w, u, spread * normal(draw, steps, batch, width), normal(draw, steps, batch, width)]
    return [x.to(dtype) for x in made]


def normal(draw: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=draw, dtype=torch.float64)


def some_state(batch: int, width: int, dtype: torch.dtype = torch.float64) -> WKVState:
    draw = torch.Generator().manual_seed(width)
    p, q, o = normal(draw, batch, width), 0.5 + normal(draw, batch, width).abs(), normal(draw, batch, width)
    return WKVState(p.to(dtype), q.to(dtype), o.to(dtype))


def double_sum(w: Tensor, u: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Weigh all values up to each step, as the definition says."""
    rows = []
    for t in range(len(k)):
        exponents = [(t - 1 - i) * w + k[i] for i in range(t)] + [u + k[t]]
        weights = torch.softmax(torch.stack(exponents), 0)
        rows.append((weights * v[: t + 1]).sum(0))
    return torch.stack(rows)


@pytest.mark.parametrize("form", FORMS)
def test_the_recurrence_is_the_double_sum(form):
    given = numbers(64, 2, 8, spread=5)
    y, _ = form(*given)
    assert (y - double_sum(*given)).abs().max() < 1e-12


def test_large_keys_are_finite_in_float32():
    """k alternates between +-80: exp(160) is far beyond float32, and no intermediate needs it."""
    w, u, k, v = numbers(200, 3, 70, torch.float32)
    k = torch.where(torch.arange(k.numel()).reshape(k.shape) * 7 % 5 < 2, 80.0, -80.0) + k
    given = [x.requires_grad_() for x in (w, u, k, v)]
    y, state = wkv_fused(*given)
    exact = double_sum(*(x.detach().double() for x in given))
    assert (y - exact).abs().max() < 5e-5
    gradients = torch.autograd.grad(y.square().sum() + sum(part.sum() for part in state), given)
    assert all(bool(x.isfinite().all()) for x in (y, *state, *gradients))


def passes(form: Any, given: list[Tensor], state: WKVState | None, lengths: Tensor | None) -> list[Tensor]:
    """Give output, last state, and the gradients of all that goes in, both y and the last state being read."""
    leaves = [x.detach().clone().requires_grad_() for x in (*given, *(state or ()))]
    y, after = form(*leaves[:4], WKVState(*leaves[4:]) if state else None, lengths)
    draw = torch.Generator().manual_seed(5)
    read = sum((x * normal(draw, *x.shape)).sum() for x in (y, *after))
    return [x.detach() for x in (y, *after)] + [*torch.autograd.grad(read, leaves)]


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-12), (torch.float32, 2e-5)])
@pytest.mark.parametrize("spread", [1.0, 6.0])
@pytest.mark.parametrize("begins", ["at rest", "with a state"])
@pytest.mark.parametrize("ends", [None, [0, 1, CHUNK, 37, 50]])
@pytest.mark.parametrize("width", [7, BLOCK, BLOCK + 6])
def test_both_passes_equal_float64_autograd_of_the_reference(dtype, bound, spread, begins, ends, width):
    given = numbers(50, 5, width, dtype, spread)
    state = some_state(5, width, dtype) if begins == "with a state" else None
    lengths = None if ends is None else torch.tensor(ends)
    ours = passes(wkv_fused, given, state, lengths)
    exact = passes(
        wkv_reference, [x.double() for x in given], state and WKVState(*(x.double() for x in state)), lengths
    )
    for came, due in zip(ours, exact, strict=True):
        assert came.dtype == dtype
        assert (came - due).abs().max() <= bound * max(1.0, float(due.abs().max()))


def test_gradients_are_finite_differences():
    state = some_state(2, 3)
    given = [x.requires_grad_() for x in (*numbers(CHUNK + 3, 2, 3), *state)]
    for form in FORMS:
        assert torch.autograd.gradcheck(
            lambda *x, f=form: (lambda y, s: (y, *s))(*f(*x[:4], x[4:])), given, fast_mode=True
        )


def test_the_state_alone_has_gradients_and_so_does_half_of_it():
    """Truncated training reads y alone; a readout may read p alone."""
    given = [x.requires_grad_() for x in numbers(20, 2, 5)]
    for pick in (lambda y, s: s.p, lambda y, s: s.o, lambda y, s: y[3]):
        read = [pick(*form(*given)).sin().sum() for form in FORMS]
        ours, due = (
            torch.autograd.grad(one, given, allow_unused=True, materialize_grads=True) for one in read
        )
        for came, wanted in zip(ours, due, strict=True):
            torch.testing.assert_close(came, wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bits_depend_on_no_cut_no_other_sample_and_no_other_channel(dtype):
    w, u, k, v = numbers(70, 4, BLOCK + 9, dtype, 3)
    y, state = wkv_fused(w, u, k, v)
    first, middle = wkv_fused(w, u, k[:23], v[:23])
    second, last = wkv_fused(w, u, k[23:], v[23:], middle)
    assert torch.equal(torch.cat([first, second]), y)
    assert all(torch.equal(a, b) for a, b in zip(last, state, strict=True))
    alone, _ = wkv_fused(w, u, k[:, 2:3], v[:, 2:3])
    assert torch.equal(alone[:, 0], y[:, 2])
    some = slice(5, BLOCK + 7)
    narrow, _ = wkv_fused(w[some], u[some], k[..., some], v[..., some])
    assert torch.equal(narrow, y[..., some])


def test_bits_do_not_depend_on_threads(monkeypatch):
    monkeypatch.setattr(sys.modules["snn.kernels.wkv"], "THREAD_SIZE", 1)
    given, state, threads = numbers(40, 3, 100, torch.float32), some_state(3, 100, torch.float32), []
    before = torch.get_num_threads()
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            threads.append(passes(wkv_fused, given, state, torch.tensor([40, 11, 0])))
    finally:
        torch.set_num_threads(before)
    for several in threads[1:]:
        assert all(torch.equal(a, b) for a, b in zip(several, threads[0], strict=True))


def test_nothing_looks_ahead():
    w, u, k, v = numbers(40, 2, 9, torch.float32)
    y, _ = wkv_fused(w, u, k, v)
    k[21:], v[21:] = 7.0, -3.0
    changed, _ = wkv_fused(w, u, k, v)
    assert torch.equal(changed[:21], y[:21]) and not torch.equal(changed[21:], y[21:])


@pytest.mark.parametrize("form", FORMS)
def test_a_sample_ends_at_its_length(form):
    """What lies behind is not looked at, comes out as 0 and has no gradient; the state is that of the end."""
    w, u, k, v = numbers(40, 3, 9)
    ends = (0, 17, 40)
    k[17:, 1], v[17:, 1], k[:, 0] = 50.0, 1e6, 50.0
    k, v = k.requires_grad_(), v.requires_grad_()
    y, state = form(w, u, k, v, None, torch.tensor(ends))
    (y.sum() + state.p.sum()).backward()
    for b, end in enumerate(ends):
        short, after = form(w, u, k[:end, b : b + 1].detach(), v[:end, b : b + 1].detach())
        assert torch.equal(y[:end, b : b + 1], short) and not y[end:, b].any()
        assert all(torch.equal(part[b : b + 1], whole) for part, whole in zip(state, after, strict=True))
        assert not k.grad[end:, b].any() and not v.grad[end:, b].any()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("which", ["k", "v", "q"])
def test_what_is_not_a_number_stays_to_be_seen(form, which):
    w, u, k, v = numbers(20, 2, 70, torch.float32)
    state = some_state(2, 70, torch.float32)
    {"k": k[5], "v": v[5], "q": state.q}[which][1, 3] = math.nan
    y, after = form(w, u, k, v, state)
    bad = torch.zeros_like(y, dtype=torch.bool)
    bad[0 if which == "q" else 5 :, 1, 3] = True
    assert torch.equal(y.isnan(), bad)
    assert bool((after.p.isnan() | after.q.isnan())[1, 3])


@pytest.mark.parametrize("form", FORMS)
def test_no_steps_and_no_samples(form):
    for steps, batch in ((0, 3), (5, 0)):
        w, u, k, v = (x.requires_grad_() for x in numbers(steps, batch, 4))
        before = some_state(batch, 4)
        y, after = form(w, u, k, v, before)
        assert y.shape == (steps, batch, 4) and all(
            torch.equal(a, b) for a, b in zip(after, before, strict=True)
        )
        y.sum().backward()


def test_tensors_may_lie_in_any_order():
    w, u, k, v = numbers(20, 3, 12)
    turned = [x.transpose(0, 2).contiguous().transpose(0, 2) for x in (k, v)]
    twice = torch.stack([w, w], 1)[:, 0]
    assert torch.equal(wkv_fused(twice, u, *turned)[0], wkv_fused(w, u, k, v)[0])


@pytest.mark.parametrize("form", [wkv, *FORMS])
def test_arguments_that_are_refused(form):
    w, u, k, v = numbers(9, 3, 4)
    state = some_state(3, 4)
    for odd, rule in (
        (dict(w=w.abs()), "w must be below 0, so that what is remembered decays, got "),
        (dict(w=w * 0), "w must be below 0"),
        (dict(w=w * math.nan), r"w\[0\] must be finite, got nan"),
        (dict(w=w * math.inf), r"w\[0\] must be finite, got -inf"),
        (dict(u=u * math.nan), r"u\[0\] must be finite, got nan"),
        (dict(state=state._replace(o=state.o[:2])), "state.o must be of shape"),
        (dict(state=state._replace(p=state.p.float())), "state.p must be of dtype torch.float64"),
    ):
        with pytest.raises(ValueError, match=f"^{rule}"):
            form(**dict(w=w, u=u, k=k, v=v, state=state) | odd)
    for none in (7, state[:2], list(state)):
        with pytest.raises(TypeError, match=r"^state must be a WKVState \(p, q, o\), got "):
            form(w, u, k, v, none)
    with pytest.raises(TypeError, match="^state.q must be a tensor, got 1"):
        form(w, u, k, v, state._replace(q=1))

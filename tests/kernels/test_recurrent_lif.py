"""Recurrent neurons: the fused pass is the plain time loop, gradients included."""

from __future__ import annotations

import pytest
import torch

from snn.kernels import LIFOptions, Surrogate, recurrent_lif, recurrent_lif_fused, recurrent_lif_reference

OPTIONS = {
    "default": LIFOptions(),
    "soft": LIFOptions(tau=3.0, decay_input=False, reset="soft", surrogate=Surrogate("atan")),
    "late": LIFOptions(tau=4.0, reset="hard_next_step", v_reset=-0.2, surrogate=Surrogate("triangle")),
    "detached": LIFOptions(tau=1.005, decay_input=False, detach_reset=True, surrogate=Surrogate("atan", 5.0)),
    "strict": LIFOptions(fires=">", surrogate=Surrogate("rectangle", normalise_peak=True)),
}
DTYPE = torch.float64


def leaves(size=6, steps=23, batch=5, max_delay=7):
    torch.manual_seed(0)
    delay = 1 + torch.rand(size, size, dtype=DTYPE) * (max_delay - 1)
    for place, edge in zip(range(delay.numel()), (1.0, float(max_delay), 2.0), strict=False):
        delay.view(-1)[place] = edge  # the least, the largest, a whole delay between
    parts = (
        torch.randn(steps, batch, size, dtype=DTYPE) + 1.5,
        torch.randn(batch, size, dtype=DTYPE),
        torch.randn(size, size, dtype=DTYPE) / 2,
        delay,
    )
    return [part.requires_grad_() for part in parts], max_delay


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("lengths", [None, [23, 1, 9, 22, 15]])
@pytest.mark.parametrize("size", [1, 6, 8])
def test_fused_is_the_loop(name, lengths, size):
    parts, max_delay = leaves(size=size)
    lengths = None if lengths is None else torch.tensor(lengths)
    slow = recurrent_lif_reference(*parts, max_delay, OPTIONS[name], lengths)
    fast = recurrent_lif_fused(*parts, max_delay, OPTIONS[name], lengths)
    assert slow[0].sum() > 0
    assert torch.equal(slow[0], fast[0])
    torch.testing.assert_close(slow[1], fast[1], rtol=1e-12, atol=1e-12)
    weights = [torch.randn_like(part) for part in slow]
    found = [
        torch.autograd.grad(sum((a * b).sum() for a, b in zip(out, weights, strict=True)), parts)
        for out in (slow, fast)
    ]
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_gradients_by_finite_differences():
    (x, v, weight, _), max_delay = leaves(size=2, steps=7, batch=2, max_delay=4)
    inside = torch.rand(2, 2, dtype=DTYPE) * 0.8 + torch.tensor([[1.1, 2.1], [3.1, 1.1]], dtype=DTYPE)

    def smooth(*parts):
        return recurrent_lif_reference(
            *parts, max_delay, OPTIONS["soft"], None, lambda u: torch.sigmoid(3 * u)
        )

    assert torch.autograd.gradcheck(smooth, (x, v, weight, inside.requires_grad_()))


def test_a_spike_comes_back_after_its_delay():
    x = torch.zeros(12, 1, 1, dtype=DTYPE)
    x[2] = 1.0
    one = torch.ones(1, 1, dtype=DTYPE)
    z, _ = recurrent_lif(x, x[0], one, 4 * one, 6, LIFOptions(tau=1.0, decay_input=False))
    assert z[:, 0, 0].nonzero()[:, 0].tolist() == [2, 6, 10]


def test_single_precision_spikes():
    parts, max_delay = leaves(size=40, steps=60)
    z = recurrent_lif_fused(*(part.float() for part in parts), max_delay, OPTIONS["soft"])[0]
    exact = recurrent_lif_reference(*(part.float().double() for part in parts), max_delay, OPTIONS["soft"])[0]
    assert (z != exact).double().mean() < 0.01

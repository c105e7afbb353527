"""Recurrent neurons: the fused pass is the plain time loop, gradients included."""

from __future__ import annotations

from dataclasses import replace

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
    check_parity(OPTIONS[name], lengths, None, size)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("lengths", [None, [23, 1, 9, 22, 15]])
@pytest.mark.parametrize("delays", [[1.0] * 6, [7.0] * 6, [1.0, 4.0, 7.0, 2.0, 2.0, 3.0]])
def test_one_whole_delay_per_sender_is_the_loop(name, lengths, delays):
    check_parity(OPTIONS[name], lengths, torch.tensor(delays, dtype=DTYPE).expand(6, 6))


@pytest.mark.parametrize("by_sender", [False, True])
@pytest.mark.parametrize("reset", ["hard", "soft", "hard_next_step"])
def test_a_leak_per_neuron_is_the_loop(reset, by_sender):
    leaks = LIFOptions(leak=(0.0, 0.3, 0.5, 0.8, 0.95, 1.0), decay_input=False, reset=reset)
    delay = torch.full((6, 6), 3.0, dtype=DTYPE) if by_sender else None
    check_parity(leaks, [23, 1, 9, 22, 15], delay)
    parts, max_delay = leaves()
    found = recurrent_lif(*parts, max_delay, leaks)[0]
    for n, leak in enumerate(leaks.leak):  # a neuron is that of a layer whose neurons all leak as it does
        alike = recurrent_lif_reference(*parts, max_delay, replace(leaks, leak=leak))[0]
        assert torch.equal(found[0, :, n], alike[0, :, n])
    with pytest.raises(ValueError, match=r"x must be \[T, B, 2\], as leak has one number per neuron"):
        recurrent_lif(*parts, max_delay, replace(leaks, leak=(0.1, 0.2)))


def check_parity(options, lengths, delay, size=6):
    """Compare spikes, states and all gradients of both forms."""
    parts, max_delay = leaves(size=size)
    if delay is not None:
        parts[3] = delay.clone().requires_grad_()
    lengths = None if lengths is None else torch.tensor(lengths)
    slow = recurrent_lif_reference(*parts, max_delay, options, lengths)
    fast = recurrent_lif_fused(*parts, max_delay, options, lengths)
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

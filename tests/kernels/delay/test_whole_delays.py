"""Events over whole delays against shifts by index, and against the dense convolution."""

from __future__ import annotations

import torch
from kernel_inputs import close, gauss_parts

from snn.kernels import delayed_dense, delayed_events, one_hot_kernel


def test_events_are_the_index_shift():
    x, weight, _, _, taps = gauss_parts()
    x = (x > 0.5).double() * 2
    delays = torch.randint(0, taps, weight.shape)
    by_hand = torch.zeros(len(x), x.shape[1], len(weight), dtype=torch.float64)
    for j in range(weight.shape[0]):
        for i in range(weight.shape[1]):
            d = int(delays[j, i])
            by_hand[d:, :, j] += weight[j, i] * x[: len(x) - d, :, i]
    close(delayed_events(x, weight, delays), by_hand)
    close(delayed_dense(x, one_hot_kernel(weight, delays, taps)), by_hand)
    assert delayed_events(x, weight, delays).count_nonzero() == by_hand.count_nonzero()

"""The list of nonzero inputs, and the same as spike trains, against what torch finds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from kernel_inputs import sparse_input

from snn.kernels.nonzero import list_nonzero, to_spike_trains


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("width", [1, 63, 64, 130, 256])
def test_rows_list_what_is_not_zero(dtype: torch.dtype, width: int) -> None:
    x = sparse_input(50, width, density=0.1, dtype=dtype)
    x[3], x[7, 0], x[8, -1], x[9] = 1.5, torch.nan, -0.0, 0.0  # a full row, and numbers that are odd
    rows = list_nonzero(x, 0.5)
    assert rows is not None
    for r, row in enumerate(x):
        part = slice(rows.bounds[r], rows.bounds[r + 1])
        assert rows.sender[part].tolist() == row.nonzero()[:, 0].tolist()
        torch.testing.assert_close(rows.value[part], row[row != 0], rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("density", [0.2, 0.25, 0.3, 1.0])
def test_rows_are_listed_below_their_share_only(density: float) -> None:
    x = torch.zeros(40, 100)
    x[:, : int(100 * density)] = 1.0
    assert (list_nonzero(x, 0.25) is None) == (density >= 0.25)


def test_spike_trains_hold_each_senders_inputs_in_the_order_of_steps() -> None:
    steps, batch, senders = 17, 4, 70
    x = sparse_input(steps, batch, senders, density=0.2)
    rows = list_nonzero(x.flatten(0, 1))
    assert rows is not None
    trains = to_spike_trains(rows, batch, senders)
    assert trains.bounds.shape == (batch * senders + 1,) and trains.bounds[-1] == len(trains.step)
    for b in range(batch):
        for i in range(senders):
            part = slice(trains.bounds[b * senders + i], trains.bounds[b * senders + i + 1])
            due = np.flatnonzero(x[:, b, i].numpy())
            assert trains.step[part].tolist() == due.tolist()
            assert trains.value[part].tolist() == x[due, b, i].tolist()

"""Values decide what is an add and what a multiply; a declaration may say more, never the contrary."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from snn.hardware import count_steps
from snn.hardware.ledger.input_tally import InputTally


@pytest.mark.parametrize(
    ("values", "kind", "spikes", "events", "macs"),
    [
        ([0, 0, 0], "silent", 0, 0, 0),
        ([1, 0, 1], "binary", 2, 4, 0),
        ([0.3, 0, -0.3], "binary", 2, 4, 0),
        ([1, 2, 3], "levels", 6, 12, 4),
        ([0.25, 0.5, 0.25], "levels", 4, 8, 2),
        ([0.5, 0.75, 0], "levels", 5, 10, 4),
        ([0.1, 0.2837, 1], "real", 3, 6, 6),
        ([1, float("inf"), 2], "real", 3, 6, 6),
    ],
)
def test_values_decide(values, kind, spikes, events, macs):
    row = count_steps(nn.Linear(3, 2), torch.tensor([values], dtype=torch.float32), time="none")["Linear"]
    assert row.values == kind
    assert [int(row[n].sum()) for n in ("input_spikes", "synaptic_events", "macs")] == [spikes, events, macs]


def test_many_values_are_real():
    x = torch.randn(3, 2, 50)
    row = count_steps(nn.Linear(50, 4), x)["Linear"]
    assert row.values == "real" and (row["macs"] == 200).all() and (row["input_spikes"] == 50).all()


def test_inputs_can_be_declared():
    ones = torch.ones(1, 3)
    row = count_steps(nn.Linear(3, 2), ones, time="none", inputs={"Linear": "real"})["Linear"]
    assert row.values == "real" and row["macs"].sum() == 6
    assert any("but for those declared: Linear real" in note for note in count_steps(
        nn.Linear(3, 2), ones, time="none", inputs={"Linear": "real"}).notes)  # fmt: skip
    with pytest.raises(ValueError, match="'Linear'. must be what its values are, 'levels', got 'binary'"):
        count_steps(nn.Linear(3, 2), torch.tensor([[1.0, 2, 0]]), time="none", inputs={"Linear": "binary"})
    with pytest.raises(ValueError, match="'Linear'. must be one of 'binary', 'levels', 'real', got 'odd'"):
        count_steps(nn.Linear(3, 2), ones, time="none", inputs={"Linear": "odd"})
    with pytest.raises(ValueError, match="inputs must be by name of counted layers .Linear., got 'fc'"):
        count_steps(nn.Linear(3, 2), ones, time="none", inputs={"fc": "real"})


def test_sums_stay_exact_where_float32_is_not():
    """A float32 sum is exact up to 2**24 only: this one ends in an odd number beyond it."""
    made = nn.Linear(4097, 4099)
    nn.init.ones_(made.weight)
    row = count_steps(made, torch.ones(1, 1, 4097))["Linear"]
    assert row["synaptic_events"].dtype == np.int64
    assert int(row["synaptic_events"].sum()) == 4097 * 4099 > 2**24 and 4097 * 4099 % 2 == 1


values = st.sampled_from([0, 0, 0, 1, -1, 2, 3, 0.5, 0.1])


@given(st.lists(st.lists(values, min_size=5, max_size=5), min_size=1, max_size=6))
def test_values_by_recount(values):
    x = torch.tensor(values, dtype=torch.float32)
    made = nn.Linear(5, 3)
    with torch.no_grad():
        made.weight[0, :2] = 0
    (row,) = count_steps(made, x, time="none")
    fan = (made.weight != 0).sum(0).numpy()
    sizes = np.abs(x.numpy())
    found = sorted(set(sizes[sizes > 0].tolist()))
    assert (row["active_inputs"][0] == ((sizes > 0) * fan).sum(1)).all()
    if not found:
        assert row.values == "silent" and row["macs"].sum() == 0
        return
    units = (3, 2, 1, 0.5, 0.1)
    unit = next(u for u in units if all(abs(v / u - round(v / u)) < 1e-5 for v in found))
    multiples = np.rint(sizes / unit).astype(int)
    assert row.values == ("binary" if len(found) == 1 else "levels")
    assert (row["input_spikes"][0] == multiples.sum(1)).all()
    assert (row["synaptic_events"][0] == (multiples * fan).sum(1)).all()
    assert (row["macs"][0] == ((multiples > 1) * fan).sum(1)).all()


def test_a_fan_out_for_other_inputs_is_refused():
    """The loop would read beyond it."""
    rows = np.ones((3, 4), np.float32)
    for fan_out in (np.ones(3, np.int64), np.ones((4, 1), np.int64), np.ones(4)):
        with pytest.raises(ValueError, match=r"fan_out must be int64 of shape \[4\], one for each input"):
            InputTally(3).add(rows, fan_out)
    with pytest.raises(ValueError, match="values must be of 2 rows, as the tally has"):
        InputTally(2).add(rows, np.ones(4, np.int64))

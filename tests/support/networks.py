"""Runs on the grid with options that `simulate` does not offer, and what must be equal between two of them."""

from __future__ import annotations

import numpy as np

from snn.core import Record
from snn.core.grid.request import read_request
from snn.core.grid.run import run_on_grid


def simulate_with(
    options,
    net,
    inputs=None,
    *,
    engine="event",
    currents=None,
    record=None,
    state=None,
    seed=None,
    dtype="float64",
):
    """Run as `snn.simulate` does, with `EventOptions`."""
    request = read_request(net, inputs or {}, None, currents or {}, record or Record(), state)
    seed = seed or 0 if state is None else state.seed
    return run_on_grid(net, request, state, engine=engine, seed=seed, dtype=dtype, options=options)


def assert_same(a, b):
    assert a.spikes == b.spikes
    assert a.counts == b.counts
    assert list(a.v) == list(b.v)
    for mine, theirs in ((a.v, b.v), (a.state.v, b.state.v), (a.state.currents, b.state.currents)):
        assert mine.keys() == theirs.keys()
        for name, array in mine.items():
            np.testing.assert_array_equal(array, theirs[name])
    for name, array in a.state.refractory.items():
        np.testing.assert_array_equal(array, b.state.refractory[name])
    for name, array in a.state.adaptation.items():
        np.testing.assert_array_equal(array, b.state.adaptation[name])
    assert a.state.recent == b.state.recent

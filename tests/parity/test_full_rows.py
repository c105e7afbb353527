"""Projections of every sender to every receiver are rows of weights: same bits as lists, and nothing is listed."""

from __future__ import annotations

import numpy as np
import pytest
from networks import assert_same, simulate_with

import snn
from snn.core import LIFParams, Network, Population, Projection, Raster, Record, TimeGrid
from snn.core.grid.options import EventOptions
from snn.core.layout.projection_arrays import Forms, projection_arrays_of


def dense(rng, *, senders=37, receivers=70):
    """Two full projections with a partial one between them in the arrays, and a full recurrent one."""
    partial = rng.normal(0.0, 0.2, (senders, receivers)) * (rng.random((senders, receivers)) < 0.5)
    return Network(
        1.0,
        [Population("in", senders), Population("a", receivers, LIFParams(tau_mem_ms=8.0, reset="soft"))],
        [
            Projection("in", "a", rng.normal(0.0, 0.3, (senders, receivers)), 2.0),
            Projection("in", "a", partial, name="partial"),
            Projection("a", "a", rng.normal(0.0, 0.1, (receivers, receivers)), 1.0),
        ],
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rows_equal_lists_and_the_clock(dtype):
    rng = np.random.default_rng(3)
    net = dense(rng)
    z = {"in": Raster(rng.poisson(0.15, (60, 2, 37)), TimeGrid(60, 1.0))}
    options = {"record": Record(v=["a"]), "dtype": dtype}
    rows = simulate_with(EventOptions(), net, z, **options)
    assert rows.counts.spikes["a"] > 500
    assert_same(rows, simulate_with(EventOptions(forms=Forms(full=False)), net, z, **options))
    assert_same(rows, snn.simulate(net, z, engine="clock", **options))


def test_which_projections_are_rows():
    net = dense(np.random.default_rng(0))
    arrays = projection_arrays_of(net, "float32")
    assert arrays.full.tolist() == [True, False, True]
    assert arrays.post16.size == net.synapses("partial").indices.size
    weight = np.arange(1.0, 7.0).reshape(2, 3)
    others = {
        "one weight": Projection("in", "n", np.ones((2, 3))),
        "delays": Projection("in", "n", weight, np.arange(6.0).reshape(2, 3)),
        "a hole": Projection("in", "n", weight - 2.0),
    }
    for name, projection in others.items():
        small = Network(
            1.0, [Population("in", 2), Population("n", 3, LIFParams(tau_mem_ms=5.0))], [projection]
        )
        assert not projection_arrays_of(small, "float32").full.any(), name

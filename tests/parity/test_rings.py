"""Delays of each synapse, far longer than the blocks of a ring: the same bits whatever the blocks are."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import simulate_with

import snn
from snn.core import LIFParams, Network, Population, Projection, Raster, Record, TimeGrid
from snn.core.connectivity import fixed_in_degree
from snn.core.grid.options import EventOptions
from snn.core.layout.projection_arrays import MOST_BLOCKS, Forms, projection_arrays_of

STEPS = 300


def network(rng, span, one_weight):
    sizes = {"in": int(rng.integers(1, 20)), "a": int(rng.integers(1, 40)), "b": int(rng.integers(1, 40))}
    neuron = LIFParams(tau_mem_ms=20.0, tau_syn_ms=(None, 5.0)[rng.integers(2)], t_ref_ms=1.0)
    projections = []
    for pre, post in (("in", "a"), ("in", "b"), ("a", "b"), ("b", "a"), ("a", "a")):
        shape = sizes[pre], sizes[post]
        weight = np.full(shape, 0.7) if one_weight else rng.normal(0.4, 0.6, shape)
        weight *= rng.random(shape) < rng.choice([0.1, 0.6])
        delay = rng.integers(pre != "in", span, shape).astype(float)
        projections.append(Projection(pre, post, weight, delay, f"c{len(projections)}"))
    populations = [Population(name, size, None if name == "in" else neuron) for name, size in sizes.items()]
    return Network(1.0, populations, projections)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    span=st.sampled_from([2, 20, 200]),
    room=st.sampled_from([0, 200, 1500, 1 << 20]),
    one_weight=st.booleans(),
    dtype=st.sampled_from(["float64", "float32"]),
    cut=st.integers(0, STEPS),
    most=st.sampled_from([1, 3, 70_000]),
)
def test_blocks_do_not_show(seed, span, room, one_weight, dtype, cut, most):
    """Against the log and the clock, with several spikes at once, over a cut."""
    rng = np.random.default_rng(seed)
    net = network(rng, span, one_weight)
    z = rng.binomial(1, 0.05, (STEPS, 1, net.population("in").size))
    z[rng.integers(STEPS), 0, 0] = most
    events = Raster(z, TimeGrid(STEPS, 1.0)).to_events()
    options = {"record": Record(["a", "b"], ["a", "b"]), "dtype": dtype}
    in_rings = EventOptions(forms=Forms(short=np.inf, room=room))
    log = simulate_with(EventOptions(forms=Forms(short=0.0)), net, {"in": events}, **options)
    ring = simulate_with(in_rings, net, {"in": events}, **options)
    clock = snn.simulate(net, {"in": events}, engine="clock", **options)
    before = simulate_with(in_rings, net, {"in": events.slice(0, cut)}, **options)
    after = simulate_with(in_rings, net, {"in": events.slice(cut, STEPS)}, state=before.state, **options)
    assert log.spikes == ring.spikes == clock.spikes
    assert log.counts == ring.counts == clock.counts
    for name in ("a", "b"):
        for other in (ring.v[name], clock.v[name], np.concatenate([before.v[name], after.v[name]])):
            np.testing.assert_array_equal(log.v[name], other)
    assert after.state.recent == ring.state.recent


def test_a_ring_stays_small():
    """A thousand steps of delay to 10 000 receivers: about a tenth of the cells of all those steps."""
    size, span = 10_000, 1000
    weight = fixed_in_degree(200, size, 2, 0.5, seed=1)
    delay = np.random.default_rng(0).integers(1, span + 1, weight.data.size).astype(float)
    net = Network(
        1.0,
        [Population("in", 200), Population("n", size, LIFParams(tau_mem_ms=9.0))],
        [Projection("in", "n", weight, delay)],
    )
    for room, steps in ((Forms().room, Forms().room // size), (1, -(-(span + 1) // MOST_BLOCKS))):
        projections = projection_arrays_of(net, "float64", Forms(room=room))
        assert projections.depth.tolist() == [steps]
        assert projections.reach.tolist() == [span]
    assert projection_arrays_of(net, "float64", Forms(short=0.0)).depth.tolist() == [0]

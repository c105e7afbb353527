"""Delivery by bitmaps equals delivery by lists bit for bit, and the bits say what the list says."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import assert_same, simulate_with

import snn
from snn.core import STDP, LIFParams, Network, Population, Projection, Raster, Record, TimeGrid
from snn.core.connectivity import fixed_in_degree
from snn.core.grid.options import EventOptions
from snn.core.layout import bitmaps
from snn.core.layout.projection_arrays import Forms, projection_arrays_of

DTYPE = st.sampled_from(["float64", "float32"])


def drawn(rng, pre, post, probability, weight):
    """Alike synapses; some pairs are joined twice or three times."""
    times = rng.binomial(1, probability, (pre, post)) * rng.choice([1, 1, 1, 2, 3], (pre, post))
    i, j = np.nonzero(times)
    i, j = np.repeat(i, times[i, j]), np.repeat(j, times[i, j])
    indptr = np.concatenate([[0], np.cumsum(np.bincount(i, minlength=pre))])
    return scipy.sparse.csr_array((np.full(i.size, weight), j, indptr), shape=(pre, post))


def network(rng):
    sizes = {name: int(rng.integers(1, 400)) for name in ("in", "a", "b")}
    reset = ("hard", "soft")[rng.integers(2)]
    taus = (None, 3.0, {"x": 2.0, "y": 5.0})
    populations = [Population("in", sizes["in"])]
    for name in "ab":
        neuron = LIFParams(tau_mem_ms=9.0, reset=reset, tau_syn_ms=taus[rng.integers(3)], t_ref_ms=2.0)
        populations.append(Population(name, sizes[name], neuron))
    projections = []
    for pre, post in (("in", "a"), ("in", "b"), ("a", "b"), ("b", "a"), ("a", "a"), ("in", "a")):
        weight = rng.normal(0.5, 1.0) * 9 / (1 + sizes[pre])
        wiring = drawn(rng, sizes[pre], sizes[post], rng.choice([0.0, 0.03, 0.3, 1.0]), weight)
        delay = float(rng.integers(0 if pre == "in" else 1, 6))
        receptors = next(p for p in populations if p.name == post).receptors
        receptor = receptors[rng.integers(len(receptors))] if receptors else None
        projections.append(Projection(pre, post, wiring, delay, f"c{len(projections)}", receptor))
    return Network(1.0, populations, projections)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), dtype=DTYPE, cut=st.integers(0, 30), most=st.sampled_from([0, 1, 70_000])
)
def test_bitmaps_equal_lists(seed, dtype, cut, most):
    """Samples, several spikes at once (up to more than 16 bits hold), parallel synapses, a cut on the way."""
    rng = np.random.default_rng(seed)
    net = network(rng)
    z = rng.binomial(1, rng.choice([0.01, 0.3]), (30, 2, net.population("in").size))
    z *= rng.choice([1, 1, 3], z.shape)
    z[rng.integers(30), 0, 0] = most
    raster = Raster(z, TimeGrid(30, 1.0))
    options = {"record": Record(["in", "a", "b"], ["a", "b"]), "dtype": dtype}
    in_lists, in_bits = (EventOptions(forms=Forms(dense=share)) for share in (np.inf, 0.0))
    lists = simulate_with(in_lists, net, {"in": raster}, **options)
    assert_same(lists, snn.simulate(net, {"in": raster}, engine="clock", **options))
    assert_same(simulate_with(in_bits, net, {"in": raster}, **options), lists)
    assert_same(simulate_with(in_bits, net, {"in": raster}, engine="clock", **options), lists)
    events = raster.to_events()
    before = simulate_with(in_bits, net, {"in": events.slice(0, cut)}, **options)
    after = snn.simulate(net, {"in": events.slice(cut, 30)}, state=before.state, **options)
    for name in ("a", "b"):
        parts = [part.spikes[name].to_raster().z for part in (before, after)]
        np.testing.assert_array_equal(np.concatenate(parts), lists.spikes[name].to_raster().z)
        np.testing.assert_array_equal(np.concatenate([before.v[name], after.v[name]]), lists.v[name])


@pytest.mark.parametrize(
    "size",
    [1, 511, 64 * bitmaps.WORDS_AT_ONCE, 64 * bitmaps.WORDS_AT_ONCE + 1, 3 * 64 * bitmaps.WORDS_AT_ONCE - 5],
)
def test_all_pieces_of_all_sizes(size):
    """Counts of up to 150 rows at once: more than one sum holds, and no multiple of what is added in one go."""
    rng = np.random.default_rng(size)
    net = Network(
        1.0,
        [Population("in", 150), Population("n", size, LIFParams(decay=0.0, v_th=1e9))],
        [Projection("in", "n", drawn(rng, 150, size, 0.2, 0.5), 1.0)],
    )
    assert projection_arrays_of(net, "float32", Forms(dense=0.0)).words[0] == -(-size // 512) * 8
    active = np.arange(150) < np.array([1, 6, 7, 8, 62, 63, 64, 150, 0])[:, None]
    z = active * rng.choice([1, 1, 1, 1, 1, 5], active.shape)
    rec = snn.simulate(
        net, {"in": Raster(z[:, None], TimeGrid(9, 1.0))}, record=Record([], ["n"]), dtype="float32"
    )
    expected = z @ net.projection("in-n").weight
    np.testing.assert_array_equal(rec.v["n"][1:, 0], expected[:-1])
    assert rec.v["n"][0].max() == 0.0


def test_where_bitmaps_are_chosen():
    """Only where all synapses are alike and do not learn; parallel synapses count once."""
    rng = np.random.default_rng(0)
    full, small = np.full((40, 1500), 0.5), np.full((40, 300), 0.5)
    few, sparse = full * (rng.random(full.shape) < 0.07), full * (rng.random(full.shape) < 0.03)
    twice = fixed_in_degree(2000, 1500, 101, 0.5, seed=1)

    def words(weight, delay=1.0, **options):
        size = weight.shape[1]
        populations = [Population("in", weight.shape[0]), Population("n", size, LIFParams(tau_mem_ms=9.0))]
        net = Network(1.0, populations, [Projection("in", "n", weight, delay, **options)])
        return int(projection_arrays_of(net, "float64").words[0])

    assert words(full) == words(few) == words(full, 0.0) == words(full, 900.0) == 24
    assert words(small) == 8
    assert words(sparse) == words(full * 0.0) == words(small * (rng.random(small.shape) < 0.1)) == 0
    assert words(rng.random(full.shape)) == 0
    assert words(full, rng.integers(1, 3, full.shape).astype(float)) == 0
    assert words(full, plasticity=STDP(0.1, 0.1)) == 0
    assert twice.nnz > bitmaps.DENSE * 2000 * 1500 > np.unique(np.stack(twice.nonzero()), axis=1).shape[1]
    assert words(twice) == 0
    assert words(fixed_in_degree(2000, 1500, 150, 0.5, seed=1)) == 24


def test_a_bitmap_takes_the_place_of_the_list():
    wiring = fixed_in_degree(500, 2000, 100, 0.5, seed=3)
    net = Network(
        1.0,
        [Population("in", 500), Population("n", 2000, LIFParams(tau_mem_ms=9.0))],
        [Projection("in", "n", wiring)],
    )
    projections = projection_arrays_of(net, "float64")
    assert projections.bits.size == 501 * projections.words[0]
    set_bits = int(np.bitwise_count(projections.bits).sum())
    assert set_bits == np.unique(np.stack(wiring.nonzero()), axis=1).shape[1]
    assert set_bits + projections.post16.size == wiring.nnz

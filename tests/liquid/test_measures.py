"""Measures of a liquid against what can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

import snn
from snn.liquid import Reservoir, measures, wiring
from snn.liquid.measures import (
    ChaosMap,
    FiringStatistics,
    edge_of_chaos,
    firing_statistics,
    generalisation_rank,
    kernel_rank,
    memory_capacity,
    perturbation,
    separation,
)

PASSES_ON = snn.LIFParams(decay=0.0, v_th=1.0)
"""Fires where a spike of weight 1 came, and remembers nothing."""


def chain(size, delay=1, sparse=False):
    """A shift register: a bit enters at neuron 0 and moves to the next neuron every `delay` steps."""
    w_rec = np.eye(size, k=1)
    return Reservoir(np.eye(1, size), scipy.sparse.csr_array(w_rec) if sparse else w_rec, PASSES_ON, delay)


def noise(samples, units, steps, share, seed):
    rng = np.random.default_rng(seed)
    found = [np.nonzero(rng.random((n, units)) < share) for n in np.broadcast_to(steps, samples)]
    return snn.Events.from_lists(
        [s for s, _ in found], [u for _, u in found], n_units=units, dt_ms=1.0, n_steps=steps
    )


def test_separation_is_the_mean_distance():
    a = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert separation(a, a + np.array([[3.0, 4.0], [0.0, 1.0]])) == 3.0
    assert separation(a, a) == 0.0


def test_separation_of_a_liquid():
    liquid = Reservoir(
        wiring.dense_gaussian(8, 40, sd=0.6, seed=1),
        wiring.dense_gaussian(40, 40, sd=0.2, seed=2),
        snn.LIFParams(decay=0.9),
    )
    events = noise(6, 8, 30, 0.2, 0)
    counts = liquid.run(events)
    assert separation(counts, liquid.run(events)) == 0.0
    assert separation(counts, liquid.run(noise(6, 8, 30, 0.2, 9))) > 1.0


@pytest.mark.parametrize("rank", [kernel_rank, generalisation_rank])
def test_ranks_of_matrices_of_known_rank(rank):
    rng = np.random.default_rng(0)
    for known in (0, 1, 5):
        made = rng.normal(size=(20, known)) @ rng.normal(size=(known, 12))
        assert rank(made) == known
        assert rank(made.astype(np.float32)) == known  # its last bits are full of rank
    assert rank(np.diag([5, 3, 1, 0])) == 3
    assert (
        rank(np.diag([5.0, 3.0, 1.0, 0.0]), tol=1.0) == 2
    )  # a singular value is above the tolerance, or is not
    assert rank(np.tile([[1.0, 2.0]], (9, 1))) == 1


def test_a_liquid_tells_inputs_from_their_variants():
    liquid = Reservoir(np.repeat(np.eye(6), 2, axis=1), np.zeros((12, 12)), snn.LIFParams(decay=0.9))
    one_each = snn.Events.from_lists([[3]] * 6, [[u] for u in range(6)], n_units=6, dt_ms=1.0, n_steps=9)
    assert kernel_rank(liquid.run(one_each)) == 6  # each input has neurons of its own
    shifted = snn.Events.from_lists([[s] for s in range(6)], [[0]] * 6, n_units=6, dt_ms=1.0, n_steps=9)
    assert generalisation_rank(liquid.run(shifted)) == 1  # counts do not know when
    assert kernel_rank(liquid.run(shifted, windows=9)) == 6


@pytest.mark.parametrize("delay", [1, 3])
@pytest.mark.parametrize("sparse", [False, True])
def test_a_shift_register_remembers_as_many_bits_as_it_has_neurons_behind_the_first(delay, sparse):
    size, steps, delays = 8, 3000, 28
    capacity, parts = memory_capacity(chain(size, delay, sparse), steps, delays, seed=1)
    held = np.arange(1, delays + 1)
    held = (held % delay == 0) & (held <= delay * (size - 1))
    assert held.sum() == size - 1
    np.testing.assert_allclose(parts[held], 1.0, atol=1e-9)
    assert parts[~held].max() < 16 / steps  # chi squared with one degree of freedom, over the steps
    assert capacity == parts.sum()


def test_half_a_bit_is_half_remembered():
    # the last neuron fires for the bit of two steps ago or that of three. Where the former, which its neighbour
    # has, is 0, it says the latter; where it is 1, it says nothing: half of the variance is explained, and linearly
    w_rec = np.array([[0.0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]])
    parts = memory_capacity(Reservoir(np.eye(1, 4), w_rec, PASSES_ON), 10_000, 5, seed=3)[1]
    np.testing.assert_allclose(parts, [1.0, 1.0, 0.5, 0.0, 0.0], atol=0.03)


def test_what_does_not_recur_does_not_remember():
    _, floor = memory_capacity(chain(8).without_recurrence(), 1000, 40)
    assert 0.2 / 1000 < floor.mean() < 3 / 1000  # a squared correlation of noise is 1 / steps, not 0
    silent = Reservoir(np.zeros((1, 4)), np.zeros((4, 4)), PASSES_ON)
    assert memory_capacity(silent, 100, 3)[0] == 0.0


def test_memory_of_a_seed_is_always_the_same():
    liquid = Reservoir(
        wiring.dense_gaussian(3, 20, sd=0.5, seed=1),
        wiring.dense_gaussian(20, 20, sd=0.4, seed=2),
        snn.LIFParams(tau_mem_ms=5.0),
    )
    first, again, other = (memory_capacity(liquid, 300, 4, seed=s)[1] for s in (1, 1, 2))
    assert (first == again).all() and (first != other).any()
    assert (
        memory_capacity(liquid, 300, 4, seed=1, dt_ms=3.0)[1] != first
    ).any()  # a longer step forgets more


def leaky(decay, steps, per_step, weight=1.0):
    """Neurons without recurrence that each look once at what is left of a spike at step 0.

    Those of step k miss the threshold by shares of the spike's weight that are spread evenly over (0, 1), so as
    many of them fire as is left of the weight.
    """
    share = (np.arange(per_step) + 0.5) / per_step
    w_in = np.zeros((1 + steps, steps * per_step))
    w_in[0] = weight
    for k in range(steps):
        w_in[1 + k, k * per_step : (k + 1) * per_step] = 10.0 - weight * share
    size = w_in.shape[1]
    return Reservoir(w_in, np.zeros((size, size)), snn.LIFParams(decay=decay, v_th=10.0))


@pytest.mark.parametrize("decay", [0.5, 0.9])
def test_a_perturbation_fades_as_the_leak_says(decay):
    steps, per_step = 12, 200
    liquid = leaky(decay, steps, per_step)
    looks = snn.Events.from_lists(
        [range(steps)], [range(1, steps + 1)], n_units=steps + 1, dt_ms=1.0, n_steps=steps
    )
    distance = perturbation(liquid, looks, 0, 0)
    expected = np.round(decay ** np.arange(steps) * per_step) / (steps * per_step)
    np.testing.assert_allclose(distance, expected, atol=1.01 / (steps * per_step))
    later = perturbation(liquid, looks, 0, 3)
    assert not later[:3].any()
    np.testing.assert_allclose(later[3:], expected[:-3], atol=1.01 / (steps * per_step))


def test_a_perturbation_travels_along_a_chain_and_leaves_it():
    size = 5
    empty = snn.Events.from_lists([[], []], [[], []], n_units=1, dt_ms=1.0, n_steps=[12, 6])
    expected = np.zeros(12)
    expected[2:7] = 1 / size
    np.testing.assert_allclose(
        perturbation(chain(size), empty, 0, 2), expected
    )  # the short sample is out at step 6
    one = snn.Events.from_lists([[2]], [[0]], n_units=1, dt_ms=1.0, n_steps=12)
    np.testing.assert_allclose(
        perturbation(chain(size), one, 0, 2), expected
    )  # taken away, where there was one
    ring = Reservoir(np.eye(1, size), np.roll(np.eye(size), 1, axis=1), PASSES_ON)
    np.testing.assert_allclose(perturbation(ring, empty, 0, 2)[2:], 1 / size)  # and never ends on a ring


def test_perturbation_is_the_mean_over_samples_of_plain_runs():
    liquid = Reservoir(
        wiring.dense_gaussian(4, 30, sd=0.8, seed=1),
        wiring.dense_gaussian(30, 30, sd=0.3, seed=2),
        snn.LIFParams(0.9),
    )
    events = noise(5, 4, [20, 14, 20, 9, 17], 0.2, 4)
    total, running = np.zeros(20), np.zeros(20)
    layers = liquid.layers(1.0).double()
    import torch

    for b in range(5):
        x = events.select([b]).to_raster().z[:, 0].astype(float)
        changed = x.copy()
        changed[3, 2] = 0.0 if x[3, 2] else 1.0
        a, c = (layers(torch.tensor(v)[:, None])[0][:, 0].numpy() for v in (x, changed))
        total[: len(x)] += np.abs(a - c).sum(1) / 30
        running[: len(x)] += 1
    np.testing.assert_allclose(perturbation(liquid, events, 2, 3), total / running, atol=1e-6)


def test_firing_statistics_by_hand():
    clock, bursts, once, busy = [0, 4, 8, 12], [0, 2, 8, 10], [5], range(10)
    rows = sorted((s, u) for u, steps in enumerate((clock, bursts, once, (), busy)) for s in steps)
    step, unit = np.transpose(rows)
    second = snn.Events.from_lists([step, []], [unit, []], n_units=5, dt_ms=2.0, n_steps=[14, 6])
    found = firing_statistics(second)
    assert isinstance(found, FiringStatistics)
    np.testing.assert_allclose(found.rates, [0.2, 0.2, 0.05, 0.0, 0.5])
    np.testing.assert_allclose(found.cvs, [0.0, np.std([2, 6, 2]) / np.mean([2, 6, 2]), np.nan, np.nan, 0.0])
    assert found.cv == np.nanmean(found.cvs)
    assert found.rate == pytest.approx(0.19) and found.rate_hz == pytest.approx(95.0)
    assert (found.silent, found.saturated) == (0.2, 0.2)


def test_intervals_end_with_their_sample_and_random_spikes_vary_as_poisson():
    pairs = snn.Events.from_lists([[0, 3], [1, 9]], [[0, 0], [0, 0]], n_units=1, dt_ms=1.0, n_steps=10)
    assert firing_statistics(pairs).cv == pytest.approx(np.std([3, 8]) / np.mean([3, 8]))
    found = firing_statistics(noise(4, 20, 5000, 0.02, 1))
    assert found.cv == pytest.approx(np.sqrt(1 - 0.02), abs=0.02)  # geometric intervals
    silent = snn.Events.from_lists([[]], [[]], n_units=3, dt_ms=1.0, n_steps=5)
    assert np.isnan(firing_statistics(silent).cv) and firing_statistics(silent).silent == 1.0


@pytest.mark.parametrize("sparse", [False, True])
def test_the_map_of_a_ring_that_forgets_or_does_not(sparse):
    size = 6
    ring = np.roll(np.eye(size), 1, axis=1)
    delays = np.full(size, 2) if sparse else 2
    liquid = Reservoir(np.eye(1, size), scipy.sparse.csr_array(ring) if sparse else ring, PASSES_ON, delays)
    samples = snn.Events.from_lists([[], [4]], [[], [0]], n_units=1, dt_ms=1.0, n_steps=16)
    found = edge_of_chaos(liquid, samples, [0.5, 1.0], [0.0, 0.5, 1.0], steps=200, delays=4)
    assert isinstance(found, ChaosMap)
    assert not found.lasting[0].any() and not found.rate[0].any() and not found.separation[0].any()
    np.testing.assert_allclose(found.lasting[1], [0.0, 0.0, (1 / size) / 2])  # every other step, for ever
    np.testing.assert_allclose(
        found.separation[1], [1.0, 1.0, np.sqrt(6)]
    )  # steps 4, 6, ... 14, a neuron each
    np.testing.assert_allclose(found.rate[1], np.array([1, 1, 6]) / (2 * 16 * size))
    assert (
        found.memory[1]
        == [memory_capacity(w, 200, 4)[0] for w in (liquid.without_recurrence(),) * 2 + (liquid,)]
    ).all()


def test_the_spectral_radius_stands_with_the_measures():
    ring = np.roll(np.eye(4), 1, axis=1)
    assert measures.spectral_radius(Reservoir(np.eye(1, 4), 0.5 * ring, PASSES_ON).w_rec) == pytest.approx(
        0.5
    )


EVENTS = noise(2, 1, [6, 4], 0.5, 0)
REFUSED = {
    "a must be features [B, F], none empty, got ndarray of shape [3]": lambda: separation(
        np.zeros(3), np.zeros(3)
    ),
    "b must be of shape [2, 3], as a, got ndarray of shape [3, 3]": lambda: separation(
        np.zeros((2, 3)), np.zeros((3, 3))
    ),
    "b[1, 0] must be finite, got nan": lambda: separation(np.zeros((2, 1)), [[0.0], [np.nan]]),
    "features must be features [B, F], got ": lambda: kernel_rank("abc"),
    "features must be features [B, F], none empty, got": lambda: kernel_rank(np.zeros((0, 3))),
    "tol must be a finite number >= 0, got -1": lambda: generalisation_rank(np.eye(2), -1),
    "reservoir must be a Reservoir, got 3": lambda: memory_capacity(3, 100, 2),
    "steps must be a whole number >= 7, got 6": lambda: memory_capacity(chain(5), 6, 2),
    "delays must be a whole number >= 1, got 0": lambda: memory_capacity(chain(5), 100, 0),
    "unit must be a whole number >= 0 and <= 0, got 1": lambda: perturbation(chain(5), EVENTS, 1, 0),
    "step must be one of the 4 steps of the shortest sample, got 4": lambda: perturbation(
        chain(5), EVENTS, 0, 4
    ),
    "n_units of events must be 1, the inputs of the liquid, got 2": lambda: perturbation(
        chain(5), noise(2, 2, 5, 0.5, 0), 0, 0
    ),
    "events must be at least one sample, got ": lambda: perturbation(chain(5), EVENTS.select([]), 0, 0),
    "events must be at least two samples, got ": lambda: edge_of_chaos(
        chain(5), EVENTS.select([0]), [1], [1]
    ),
    "gains must be a list of factors, at least one, got ": lambda: edge_of_chaos(chain(5), EVENTS, [], [1]),
    "strengths[1] must be finite, got inf": lambda: edge_of_chaos(chain(5), EVENTS, [1], [1, np.inf]),
    "spikes must be a Events, got ": lambda: firing_statistics([1, 2]),
    "spikes must be of at least one step, got ": lambda: firing_statistics(EVENTS.select([])),
}


@pytest.mark.parametrize("message", REFUSED)
def test_bad_input_is_refused_by_name(message):
    with pytest.raises(ValueError) as found:
        REFUSED[message]()
    assert str(found.value).startswith(message) and "\n" not in str(found.value)

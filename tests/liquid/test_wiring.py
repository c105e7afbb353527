"""Drawn weights and delays have the statistics asked for, and the same seed gives the same."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from snn.liquid import scale_spectral_radius, spectral_radius, wiring

PLACES = wiring.grid_places((6, 5, 4))


def triples(weight):
    csr = scipy.sparse.csr_array(weight)
    return np.repeat(np.arange(csr.shape[0]), np.diff(csr.indptr)), csr.indices, csr.data


DRAWS = {
    "dense_gaussian": lambda seed: wiring.dense_gaussian(40, 60, mean=0.5, sd=2.0, seed=seed),
    "fixed_in_degree": lambda seed: wiring.fixed_in_degree(40, 60, 7, seed=seed),
    "by_distance": lambda seed: wiring.by_distance(PLACES, PLACES, 2.0, seed=seed),
    "small_world": lambda seed: wiring.small_world(40, 6, 0.3, seed=seed),
    "dale": lambda seed: wiring.dale(wiring.dense_gaussian(20, 20, seed=1), seed=seed),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_seed_decides_the_draw(name):
    first, again, other = (DRAWS[name](seed) for seed in (3, 3, 4))
    as_arrays = [
        np.asarray(one if isinstance(one, np.ndarray) else one.toarray()) for one in (first, again, other)
    ]
    np.testing.assert_array_equal(as_arrays[0], as_arrays[1])
    assert (as_arrays[0] != as_arrays[2]).any()


def test_gaussian_weights_have_their_moments():
    weight = wiring.dense_gaussian(400, 300, mean=0.5, sd=2.0, seed=1)
    assert weight.mean() == pytest.approx(0.5, abs=4 * 2 / np.sqrt(weight.size))
    assert weight.std() == pytest.approx(2.0, rel=0.01)
    assert np.mean(np.abs(weight - 0.5) < 2.0) == pytest.approx(0.6827, abs=0.005)


def test_gaussian_weights_leave_the_connections():
    given = wiring.fixed_in_degree(30, 50, 4, seed=2)
    made = wiring.gaussian_weights(given, mean=3.0, sd=0.0)
    assert (made.data == 3.0).all() and made.data.size == 200
    np.testing.assert_array_equal(made.indices, given.indices)
    with pytest.raises(ValueError, match=r"connections must be SciPy CSR \[pre, post\]"):
        wiring.gaussian_weights(np.ones((2, 2)))


def test_every_receiver_has_its_senders():
    _, post, _ = triples(wiring.fixed_in_degree(40, 60, 7, loops=False, seed=1))
    np.testing.assert_array_equal(np.bincount(post), np.full(60, 7))


def test_near_neurons_are_connected_more_often():
    pre, post, _ = triples(wiring.by_distance(PLACES, PLACES, 2.0, 0.9, loops=False, seed=1))
    distance = np.linalg.norm(PLACES[:, None] - PLACES[None], axis=2)
    connected = np.zeros_like(distance)
    connected[pre, post] = 1
    near = (distance > 0) & (distance <= 1)
    assert connected[near].mean() == pytest.approx(0.9 * np.exp(-1 / 4), abs=0.06)
    assert connected[distance > 5].mean() < 0.02
    assert not (pre == post).any()


def test_a_ring_is_rewired_by_its_share():
    pre, post, _ = triples(wiring.small_world(50, 6, 0.0, seed=1))
    away = (pre - post + 25) % 50 - 25
    assert sorted(set(away.tolist())) == [-3, -2, -1, 1, 2, 3]
    pre, post, _ = triples(wiring.small_world(400, 10, 0.3, seed=1))
    np.testing.assert_array_equal(np.bincount(post), np.full(400, 10))
    assert len(set(zip(pre.tolist(), post.tolist(), strict=True))) == pre.size and not (pre == post).any()
    away = np.abs((pre - post + 200) % 400 - 200)
    assert np.mean(away > 5) == pytest.approx(0.3, abs=0.025)  # some are drawn back to near ones
    for size, degree, message in (
        (10, 3, "degree must be even"),
        (10, 10, "degree must be a whole number >= 2"),
    ):
        with pytest.raises(ValueError, match=message):
            wiring.small_world(size, degree, 0.1)


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
def test_a_sender_has_one_sign(form):
    weight = wiring.dense_gaussian(50, 30, seed=1)
    made = wiring.dale(form(weight), excitatory=0.7, seed=2)
    made = made if isinstance(made, np.ndarray) else made.toarray()
    np.testing.assert_array_equal(np.abs(made), np.abs(weight))
    sign = np.sign(made)
    assert (sign == sign[:, :1]).all() and (sign[:, 0] > 0).sum() == 35


def test_a_grid_has_its_places():
    np.testing.assert_array_equal(wiring.grid_places((2, 2)), [[0, 0], [0, 1], [1, 0], [1, 1]])
    for sides in ((), (0, 2)):
        with pytest.raises(ValueError, match="sides"):
            wiring.grid_places(sides)


def test_delays_are_travel_times():
    at = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    dense = wiring.delays_by_distance(np.ones((3, 3)), at, at, speed=2.0, dt_ms=0.5, least_ms=1.0)
    distance = np.linalg.norm(at[:, None] - at[None], axis=2)
    np.testing.assert_array_equal(dense, np.rint((1.0 + distance / 2.0) / 0.5))
    csr = scipy.sparse.csr_array(np.array([[0, 1.0, 0], [0, 0, 1.0], [1.0, 0, 0]]))
    np.testing.assert_array_equal(
        wiring.delays_by_distance(csr, at, at, speed=2.0, dt_ms=0.5, least_ms=1.0),
        dense[[0, 1, 2], [1, 2, 0]],
    )
    assert (wiring.delays_by_distance(csr, at, at, speed=1e9, dt_ms=0.5) == 1).all()
    with pytest.raises(ValueError, match=r"post_at must be of shape \[3, D\], as weight"):
        wiring.delays_by_distance(csr, at, at[:2], speed=1.0, dt_ms=1.0)
    with pytest.raises(ValueError, match="speed must be a finite number > 0"):
        wiring.delays_by_distance(csr, at, at, speed=0.0, dt_ms=1.0)


def test_spectral_radius_is_that_of_known_matrices():
    angle = 0.3
    turn = 0.8 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert spectral_radius(turn) == pytest.approx(0.8, rel=1e-12)
    assert spectral_radius(np.diag([0.5, -2.0, 1.0])) == pytest.approx(2.0)
    cycle = scipy.sparse.csr_array((np.full(5, 0.7), [1, 2, 3, 4, 0], range(6)), shape=(5, 5))
    assert spectral_radius(cycle) == pytest.approx(0.7)
    normal = wiring.dense_gaussian(600, 600, sd=1 / np.sqrt(600), seed=1)
    assert spectral_radius(normal) == pytest.approx(1.0, abs=0.08)  # the circular law
    large = wiring.fixed_in_degree(2500, 2500, 20, mean=1 / 20, sd=0.0, seed=1)
    assert spectral_radius(large) == pytest.approx(1.0, abs=1e-8)  # columns sum to 1


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
def test_weights_are_scaled_to_a_radius(form):
    weight = scale_spectral_radius(form(wiring.dense_gaussian(50, 50, seed=2)), 0.9)
    full = weight if isinstance(weight, np.ndarray) else weight.toarray()
    assert np.abs(np.linalg.eigvals(full)).max() == pytest.approx(0.9, rel=1e-10)


def test_nilpotent_weights_have_no_radius_to_scale():
    order = np.random.default_rng(1).permutation(40)
    shuffled = np.triu(np.random.default_rng(2).normal(size=(40, 40)), 1)[np.ix_(order, order)]
    for weight in (shuffled, scipy.sparse.csr_array(shuffled), [[1.0, -1.0], [1.0, -1.0]], np.zeros((3, 3))):
        assert spectral_radius(weight) == 0.0
        with pytest.raises(ValueError, match="weight must be other than nilpotent"):
            scale_spectral_radius(weight, 0.9)
    with pytest.raises(ValueError, match=r"weight must be square, \[N, N\], got \[2, 3\]"):
        spectral_radius(np.ones((2, 3)))
    with pytest.raises(ValueError, match="radius must be a finite number > 0"):
        scale_spectral_radius(np.eye(2), 0.0)

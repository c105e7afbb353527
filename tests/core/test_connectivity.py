"""Drawn connectivity: degrees, probabilities, seeds, and the refusal of what does not fit."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from snn.core import LIFParams, Network, Population, Projection, connectivity, memory


def same(a, b):
    return all(np.array_equal(getattr(a, part), getattr(b, part)) for part in ("data", "indices", "indptr"))


def test_fixed_in_degree_is_exact_and_uniform():
    w = connectivity.fixed_in_degree(100, 3000, 40, 0.5, seed=3)
    assert w.shape == (100, 3000)
    assert (np.bincount(w.indices, minlength=3000) == 40).all()
    assert set(w.data.tolist()) == {0.5}
    assert scipy.stats.chisquare(np.diff(w.indptr)).pvalue > 1e-3
    net = Network(
        1.0, [Population("a", 100), Population("b", 3000, LIFParams(decay=0.5))], [Projection("a", "b", w)]
    )
    assert net.synapses("a-b").weight.size == 120_000  # parallel synapses are kept


def test_no_neuron_is_its_own_sender_when_loops_are_off():
    for w in (
        connectivity.fixed_in_degree(20, 20, 30, loops=False),
        connectivity.bernoulli(20, 20, 1.0, loops=False),
        connectivity.by_distance(np.zeros((20, 1)), np.zeros((20, 1)), 1.0, loops=False),
    ):
        assert w.toarray().diagonal().sum() == 0
        assert w.toarray().sum() == w.data.size > 0


def test_bernoulli_has_its_probability():
    w = connectivity.bernoulli(1000, 1500, 0.1, seed=1)
    spread = np.sqrt(1.5e6 * 0.1 * 0.9)
    assert abs(w.data.size - 1.5e5) < 4 * spread
    assert w.toarray().max() == 1.0
    rows = np.diff(w.indptr)
    assert abs(rows.var() / (1500 * 0.1 * 0.9) - 1) < 0.2
    assert connectivity.bernoulli(10, 10, 0.0).data.size == 0


def test_blocks_do_not_show(monkeypatch):
    whole = connectivity.bernoulli(50, 60, 0.3, seed=5)
    monkeypatch.setattr(connectivity, "_PAIRS_AT_ONCE", 120)
    assert same(whole, connectivity.bernoulli(50, 60, 0.3, seed=5))


def test_distance_falls_as_the_formula():
    x = np.arange(200.0)[:, None]
    count = sum(connectivity.by_distance(x, x, 5.0, 0.8, seed=s).toarray() for s in range(30))
    for d in (0, 2, 5, 8):
        got, expected = np.diagonal(count, d).sum() / (30 * (200 - d)), 0.8 * np.exp(-((d / 5) ** 2))
        assert abs(got - expected) < 4 * np.sqrt(expected * (1 - expected) / (30 * (200 - d)))


def test_seeds_decide():
    for draw in (connectivity.fixed_in_degree, connectivity.bernoulli):
        options = (30, 40, 5) if draw is connectivity.fixed_in_degree else (30, 40, 0.2)
        assert same(draw(*options, seed=1), draw(*options, seed=1))
        assert not same(draw(*options, seed=1), draw(*options, seed=2))


def test_more_receivers_leave_the_first_as_they_were():
    few, many = (connectivity.bernoulli(30, n, 0.2, seed=1).toarray() for n in (40, 50))
    np.testing.assert_array_equal(few, many[:, :40])


def test_memory_is_asked_for_first(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 2_000_000_000)
    message = "10,000,000,000 synapses of 112 bytes each need about 1,043.1 GiB, 1.9 GiB are free"
    with pytest.raises(MemoryError, match=message):
        connectivity.fixed_in_degree(10**6, 10**6, 10**4)
    with pytest.raises(MemoryError, match="100,000,000,000 synapses"):
        connectivity.bernoulli(10**6, 10**6, 0.1)
    monkeypatch.setattr(memory, "available_bytes", lambda: 1000)
    with pytest.raises(MemoryError, match="40,000 synapses"):
        connectivity.by_distance(np.zeros((200, 1)), np.zeros((200, 1)), 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: connectivity.fixed_in_degree(0, 1, 1), "pre must be a whole number >= 1, got 0"),
        (lambda: connectivity.fixed_in_degree(1, 1, -1), "degree must be a whole number >= 0, got -1"),
        (
            lambda: connectivity.fixed_in_degree(1, 1, 1, loops=False),
            "degree must be 0 where there are no senders, got 1",
        ),
        (
            lambda: connectivity.bernoulli(1, 1, 1.5),
            "probability must be a finite number >= 0 and <= 1, got 1.5",
        ),
        (lambda: connectivity.bernoulli(1, 1, 0.5, 0.0), "weight must be other than 0 .* got 0.0"),
        (
            lambda: connectivity.by_distance([0.0], [[0.0]], 1.0),
            r"pre_at and post_at must be of shapes \[pre, D\]",
        ),
        (lambda: connectivity.by_distance([[0.0]], [[0.0]], 0.0), "length must be a number > 0, got 0.0"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

"""The Hebbian rule: what its rows come to span, against the rule written out, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from snn.continual import HebbianSubspace, SpikingLateral
from snn.continual.explained_variance import ExplainedVariance

N, DIMENSIONS = 50, 5


def subspace_of(generator):
    """Orthonormal directions [5, 50] of a random subspace."""
    return torch.linalg.qr(torch.randn(N, DIMENSIONS, generator=generator, dtype=torch.float64))[0].T


def batches(directions, count, generator):
    for _ in range(count):
        x = torch.randn(64, DIMENSIONS, generator=generator, dtype=torch.float64) @ directions
        yield x + 0.02 * torch.randn(64, N, generator=generator, dtype=torch.float64)


def residual(directions, rows):
    return float((directions - directions @ rows.T @ rows).norm() / directions.norm())


@pytest.mark.parametrize("seed", range(20))
def test_rows_come_to_span_one_subspace_and_then_another_beside_it(seed):
    generator = torch.Generator().manual_seed(seed)
    first, second = subspace_of(generator), subspace_of(generator)
    learned = HebbianSubspace(N, seed, like=first)
    learned.grow(DIMENSIONS)
    for x in batches(first, 300, generator):
        learned.update(x)
    assert residual(first, learned.rows) < 0.003
    old = learned.rows.clone()
    learned.grow(DIMENSIONS)
    for x in batches(second, 300, generator):
        learned.update(x)
    assert torch.equal(learned.rows[:DIMENSIONS], old) and learned.frozen == DIMENSIONS
    assert residual(second, learned.rows) < 0.003
    assert float((old @ learned.learning_rows.T).abs().max()) <= 5e-4


def written_out(rows, average, frozen, x, lr, code):
    """The rule as published: all rows in every inner step, those of earlier tasks put back to zero."""
    for _ in range(5):
        y = code(x @ rows.T)
        step = sum(torch.outer(y[b], x[b] - rows.T @ y[b]) for b in range(len(x))) / len(x)
        step = step.clamp(-10, 10)
        step[:frozen] = 0
        average = 0.9 * average + 0.1 * step
        rows = rows + lr * average
    return rows, average


@pytest.mark.parametrize("lateral", [None, SpikingLateral(), SpikingLateral(5.0, 1000)])
@pytest.mark.parametrize("scale", [0.3, 1.0, 30.0], ids=["small", "one", "clipped"])
def test_reconstructing_old_rows_once_is_the_rule_written_out(lateral, scale):
    learned = HebbianSubspace(12, 3, lr=0.01, lateral=lateral, like=torch.zeros(0, dtype=torch.float64))
    generator = torch.Generator().manual_seed(0)
    learned.grow(3)
    learned.grow(4)
    rows, average = learned.rows.clone(), torch.zeros(7, 12, dtype=torch.float64)
    for _ in range(3):
        x = scale * torch.randn(9, 12, generator=generator, dtype=torch.float64)
        learned.update(x)
        rows, average = written_out(rows, average, 3, x, 0.01, lateral or (lambda y: y))
    torch.testing.assert_close(learned.rows, rows, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(learned.state_dict()["average"], average[3:], rtol=1e-12, atol=1e-12)


def test_projection_by_rows_and_by_what_they_leave_is_one_operator():
    x = torch.randn(6, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for frozen in (2, 7):  # fewer than half of the inputs, and more
        learned = HebbianSubspace(10, like=x)
        learned.grow(frozen)
        learned.grow(1)  # learns, and takes no part
        old = learned.rows[:frozen]
        expected = x - (x @ old.T) @ old
        torch.testing.assert_close(learned.project_(x.clone()), expected, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(x - learned.reconstruct(x), expected, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(learned.project_(expected.clone()), expected, rtol=1e-12, atol=1e-12)


def test_new_rows_are_orthonormal_and_decided_by_the_seed():
    made = [HebbianSubspace(30, seed) for seed in (1, 1, 2)]
    for one in made:
        one.grow(8)
        one.grow(8)
    torch.testing.assert_close(made[0].learning_rows @ made[0].learning_rows.T, torch.eye(8))
    assert torch.equal(made[0].rows, made[1].rows) and not torch.equal(made[0].rows, made[2].rows)
    assert not torch.equal(made[0].rows[:8], made[0].rows[8:])


def test_bursts_of_spikes_miss_by_half_a_spike_at_most():
    y = torch.linspace(-30, 30, 10_001, dtype=torch.float64)
    coded = SpikingLateral(20.0, 40)(y)
    inside = y.abs() <= 20
    assert float((coded - y)[inside].abs().max()) <= 20 / (2 * 40) + 1e-12
    assert set((coded * 2).tolist()) <= set(range(-40, 41))  # a spike stands for 20 / 40
    assert float(coded.max()) == 20 and float(coded.min()) == -20
    assert torch.equal(SpikingLateral()(y), coded)


def test_a_state_goes_on_as_if_never_cut():
    generator = torch.Generator().manual_seed(5)
    x = [torch.randn(8, 20, generator=generator) for _ in range(6)]
    whole, cut, resumed = (HebbianSubspace(20, 4) for _ in range(3))
    for one in (whole, cut):
        one.grow(3)
        one.grow(2)
        for part in x[:3]:
            one.update(part)
    resumed.load_state_dict(cut.state_dict())
    for part in x[3:]:
        whole.update(part)
        resumed.update(part)
    assert torch.equal(whole.rows, resumed.rows) and resumed.frozen == 3


def test_what_learns_can_be_turned_or_dropped():
    learned = HebbianSubspace(6, like=torch.zeros(0, dtype=torch.float64))
    learned.grow(1)
    learned.grow(3)
    directions = torch.from_numpy(np.linalg.qr(np.random.default_rng(0).normal(size=(3, 2)))[0].T.copy())
    expected = directions @ learned.learning_rows
    learned.turn(directions)
    torch.testing.assert_close(learned.learning_rows, expected)
    old = learned.frozen_rows.clone()
    learned.drop()
    assert torch.equal(learned.rows, old)
    with pytest.raises(ValueError, match=r"directions must be \[k, 0\]"):
        learned.turn(directions)


def test_bad_vectors_teach_nothing():
    learned = HebbianSubspace(4)
    learned.grow(2)
    before = learned.rows.clone()
    for x, said in (
        (torch.full((3, 4), float("nan")), "x must be finite, got nan"),
        (torch.full((3, 4), float("inf")), "x must be finite, got inf"),
        (torch.ones(3, 5), r"x must be \[B, 4\], got Tensor of shape \[3, 5\]"),
        (torch.ones(4), r"x must be \[B, 4\]"),
    ):
        with pytest.raises(ValueError, match=said):
            learned.update(x)
    with pytest.raises(TypeError, match=r"x must be a tensor \[B, 4\], got \[1.0\]"):
        learned.update([1.0])
    learned.update(torch.zeros(0, 4))
    assert torch.equal(learned.rows, before)


def test_a_sum_that_overflows_is_no_bad_vector():
    learned = HebbianSubspace(4)
    learned.update(torch.full((8, 4), 1e38))  # no rows: nothing to learn, and nothing to refuse


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: HebbianSubspace(0), "n must be a whole number >= 1, got 0"),
        (lambda: HebbianSubspace(4, -1), "seed must be a whole number >= 0, got -1"),
        (lambda: HebbianSubspace(4, lr=0.0), "lr must be a finite number > 0, got 0.0"),
        (lambda: HebbianSubspace(4, lateral="spiking"), "lateral must be a SpikingLateral, got 'spiking'"),
        (lambda: HebbianSubspace(4, like=torch.zeros(2, dtype=torch.int64)), "like must be a floating point"),
        (
            lambda: HebbianSubspace(4).grow(5),
            "m must be at most 4, so that no more rows are than the 4 inputs",
        ),
        (lambda: HebbianSubspace(4).grow(-1), "m must be a whole number >= 0, got -1"),
        (lambda: SpikingLateral(scale=0.0), "scale must be a finite number > 0, got 0.0"),
        (lambda: SpikingLateral(spikes=0), "spikes must be a whole number >= 1, got 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_states_that_cannot_be_are_refused():
    learned = HebbianSubspace(4)
    learned.grow(2)
    good = learned.state_dict()
    for change, said in (
        ({"rows": torch.zeros(2, 5)}, r"rows must be \[M, 4\] with M <= 4, got Tensor of shape \[2, 5\]"),
        ({"rows": torch.full((2, 4), float("nan"))}, "rows must be finite, got nan"),
        ({"average": torch.zeros(1, 4)}, r"average must be of the shape \[2, 4\] of the rows that learn"),
        ({"frozen": 3}, "frozen must be a whole number >= 0 and <= 2, got 3"),
        ({"rows": [1]}, r"rows must be a Tensor, got \[1\]"),
    ):
        with pytest.raises(ValueError, match=said):
            learned.load_state_dict({**good, **change})
    with pytest.raises(
        ValueError, match="state of a HebbianSubspace must be a dict of rows, average and frozen"
    ):
        learned.load_state_dict({"rows": good["rows"]})
    assert torch.equal(learned.rows, good["rows"])


def test_the_fewest_directions_that_explain_a_share_are_kept():
    generator = torch.Generator().manual_seed(2)
    axes = torch.linalg.qr(torch.randn(20, 6, generator=generator, dtype=torch.float64))[0].T
    energies = torch.tensor([50.0, 25.0, 12.0, 8.0, 4.0, 1.0], dtype=torch.float64)  # of 100
    learned = HebbianSubspace(20, 1, lr=0.02, like=axes)
    learned.grow(6)
    found = ExplainedVariance()
    for _ in range(800):
        scores = torch.randn(64, 6, generator=generator, dtype=torch.float64) * energies.sqrt()
        learned.update(scores @ axes / 4)
        found.add(learned, scores @ axes / 4)
    kept = {share: len(found.leading(share, 6)) for share in (0.4, 0.7, 0.9, 0.97, 0.9999)}
    assert kept == {0.4: 1, 0.7: 2, 0.9: 4, 0.97: 5, 0.9999: 6}
    learned.turn(found.leading(0.7, 6))
    largest = torch.linalg.svdvals(learned.rows @ axes[:2].T)
    assert float(largest.min()) > 0.97  # the two directions of the most energy
    learned.grow(6)
    found.clear()
    found.add(learned, torch.randn(64, 2, generator=generator, dtype=torch.float64) @ axes[:2])
    assert len(found.leading(0.9, 6)) == 0  # the old rows explain it
    again = ExplainedVariance()
    again.load_state_dict(found.state_dict())
    assert torch.equal(again.leading(0.9999, 6), found.leading(0.9999, 6))
    assert ExplainedVariance().leading(0.5, 6).shape == (0, 6)

"""What lateral circuits cost: counts by hand, memory and its growth, energy per task."""

from __future__ import annotations

import pytest
import torch
from projected_models import projected_batch, projected_model, sgd

import snn
from snn.continual import OrthogonalProjection, TaskCost
from snn.train.methods import accumulate


@pytest.fixture(scope="module")
def two_tasks():
    """Two tasks of two and three batches of six samples; steps of each task."""
    model = projected_model("linear")
    ranks = {"layers.0": [4, 3], "layers.2": [5, 2], "layers.4": [2, 0]}
    projection, steps = OrthogonalProjection(model, ranks, lr=0.01), []
    for task, batches in enumerate((2, 3)):
        steps.append(0)
        for seed in range(batches):
            model.zero_grad()
            given = projected_batch("linear", 10 * task + seed)
            accumulate(model, *given, sgd(method="sltt", chunk=5))  # pieces count once
            projection(model)
            steps[-1] += int(given[1].sum())
        projection.finish_task()
    return projection, steps


def test_counts_are_those_reckoned_by_hand(two_tasks):
    projection, steps = two_tasks
    first, second = projection.costs
    assert (first.samples, first.steps, second.samples, second.steps) == (12, steps[0], 18, steps[1])
    row = second.layers[0]
    assert (row.name, row.inputs, row.old, row.new, row.kept) == ("layers.0", 20, 4, 3, 3)
    assert (row.projected, row.learned, row.batches) == (steps[1], 18, 3)
    assert row.projection_macs == 2 * 4 * 20 * steps[1]  # code and feedback of each vector of each step
    # frozen rows once; five times code, feedback and change; averages and rows of each batch
    assert row.learning_macs == 20 * (18 * (2 * 4 + 5 * 3 * 3) + 3 * 5 * 2 * 3)
    assert first.layers[0].projected == 0 and first.layers[0].projection_macs == 0


def test_memory_grows_with_the_rows(two_tasks):
    projection, _ = two_tasks
    assert [cost.lateral_weights for cost in projection.costs] == [
        20 * 4 + 30 * 5 + 24 * 2,
        20 * 7 + 30 * 7 + 24 * 2,
    ]
    held = sum(layer.subspace.rows.numel() for layer in projection.layers.values())
    assert projection.costs[-1].lateral_weights == held


def test_a_task_has_an_energy(two_tasks):
    projection, _ = two_tasks
    ledgers = [cost.ledger() for cost in projection.costs]
    assert [row.name for row in ledgers[0]] == ["layers.0.learn", "layers.2.learn", "layers.4.learn"]
    assert [row.name for row in ledgers[1]][:2] == ["layers.0.project", "layers.0.learn"]
    cost = projection.costs[1]
    macs = sum(layer.projection_macs + layer.learning_macs for layer in cost.layers)
    assert ledgers[1].total("macs") == macs
    report = snn.hardware.estimate(ledgers[1], "horowitz45_int8")
    priced = [row for row in report.rows if row.component == "synaptic multiply-add"]
    assert sum(row.count for row in priced) == macs
    assert report.compute_pj == pytest.approx(0.23 * macs)  # a multiply-add of 8 bits
    assert any("Lateral circuits alone" in note for note in ledgers[1].notes)


def test_places_of_an_image_are_vectors():
    model = projected_model("conv")
    projection = OrthogonalProjection(model, 3, lr=0.01, most_vectors=50)
    for _ in range(2):
        x, lengths, label = projected_batch("conv", 0)
        model.zero_grad()
        accumulate(model, x, lengths, label, sgd())
        projection(model)
        projection.finish_task()
    row = projection.costs[1].layers[1]  # kernels (3, 2), two groups, on 4 x 4 places, columns two apart
    assert row.projected == int(lengths.sum()) * 2 * 2 * 2
    assert (row.learned, row.inputs) == (48, 3 * 3 * 2)
    assert projection.costs[1].layers[0].learned == 50  # of 96: drawn


def test_a_cost_survives_its_state(two_tasks):
    projection, _ = two_tasks
    cost = projection.costs[1]
    assert TaskCost.from_dict(cost.to_dict()) == cost
    with pytest.raises(ValueError, match="samples must be a whole number >= 0, got -1"):
        TaskCost.from_dict({**cost.to_dict(), "samples": -1})
    other = OrthogonalProjection(
        projected_model("linear"), {"layers.0": [4, 3], "layers.2": [5, 2], "layers.4": [2, 0]}, lr=0.01
    )
    other.load_state_dict(projection.state_dict())
    assert other.costs == projection.costs
    assert torch.equal(other.layers["layers.0"].subspace.rows, projection.layers["layers.0"].subspace.rows)

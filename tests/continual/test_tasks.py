"""Streams of tasks: what each task sees, and what its labels mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tasks import bars, net, plain_training, sets
from torch.utils.data import DataLoader

from snn.continual import (
    Learner,
    Mixed,
    Permuted,
    Relabelled,
    Rotated,
    Samples,
    Task,
    collect,
    outputs_needed,
    permuted,
    rotated,
    run_tasks,
    split,
)
from snn.continual.derived import rotation
from snn.continual.tasks import seen_by


def whole(data, **how):
    return next(iter(data.batches(len(data), **how)))


def test_permuted_inputs_are_the_same_numbers_in_an_order_that_all_samples_share():
    train, valid, test = sets()
    tasks = permuted(train, valid, test, 3, seed=4)
    assert tasks[0].train is train and tasks[0].test is test
    orders = [np.random.default_rng((4, i)).permutation(25) for i in (1, 2)]
    for task, order in zip(tasks[1:], orders, strict=True):
        for part, base in ((task.train, train), (task.valid, valid), (task.test, test)):
            x = whole(part).x
            assert x.shape == base.x.shape and isinstance(part, Permuted)
            assert torch.equal(x.flatten(2), base.x.flatten(2)[:, :, order])
    assert outputs_needed(tasks) == 4


def test_inputs_that_change_in_time_are_permuted_step_by_step():
    data = bars(6, 0)
    moving = Samples(data.x * torch.arange(1, 4)[:, None, None, None, None], data.lengths, data.label)
    order = np.random.default_rng(0).permutation(25)
    assert torch.equal(whole(Permuted(moving, order)).x.flatten(2), moving.x.flatten(2)[:, :, order])
    with pytest.raises(ValueError, match="^x must be of 24 inputs a step, got Tensor of shape"):
        whole(Permuted(moving, np.arange(24)))


@pytest.mark.parametrize(("degrees", "turns"), [(0.0, 0), (90.0, 1), (180.0, 2), (270.0, 3)])
def test_right_angles_move_pixels_exactly(degrees, turns):
    data = bars(6, 0)
    moved = whole(Rotated(data, rotation(5, 5, degrees))).x
    assert torch.equal(moved, torch.rot90(data.x, turns, (3, 4)))


def test_a_turned_point_is_where_geometry_says():
    """A pixel's mass, spread over its four neighbours, has its centre where the rotation takes it."""
    matrix, side = rotation(21, 21, 30.0), 21
    image = np.zeros((side, side))
    image[6, 13] = 1.0  # 4 up and 3 right of the middle
    found = (matrix @ image.ravel()).reshape(side, side)
    y, x = (float((axis * found).sum() / found.sum()) for axis in np.indices((side, side)))
    angle = np.deg2rad(30.0)
    up, right = 4 * np.cos(angle) + 3 * np.sin(angle), 3 * np.cos(angle) - 4 * np.sin(angle)
    assert abs((10 - y) - up) < 0.35 and abs((x - 10) - right) < 0.35
    inner = rotation(9, 9, 17.0).toarray().sum(1).reshape(9, 9)[2:7, 2:7]
    assert np.allclose(inner, 1.0, atol=1e-6)


def test_tasks_are_turned_by_equal_parts_of_half_a_turn():
    train, valid, test = sets()
    tasks = rotated(train, valid, test, 2)
    assert [task.name for task in tasks] == ["turned by 0 degrees", "turned by 90 degrees"]
    assert torch.equal(whole(tasks[1].test).x, torch.rot90(test.x, 1, (3, 4)))


@pytest.mark.parametrize(
    ("scenario", "labels", "outputs", "needed"),
    [
        ("domain", [{0, 1}, {0, 1}], [None, None], 2),
        ("task", [{0, 1}, {0, 1}], [(0, 1), (2, 3)], 4),
        ("class", [{0, 1}, {2, 3}], [None, None], 4),
    ],
)
def test_split_classes(scenario, labels, outputs, needed):
    train, valid, test = sets()
    tasks = split(train, valid, test, 2, scenario=scenario)
    for i, task in enumerate(tasks):
        for part, base in ((task.train, train), (task.valid, valid), (task.test, test)):
            batch = whole(part)
            own = np.isin(base.labels, [2 * i, 2 * i + 1])
            assert torch.equal(batch.x, base.x[:, own])
            shift = 0 if scenario == "class" else 2 * i
            assert np.array_equal(batch.label, base.labels[own] - shift)
        assert {*task.labels} == labels[i] and task.outputs == outputs[i]
    assert outputs_needed(tasks) == needed


@pytest.mark.parametrize("make", [permuted, rotated])
def test_streams_of_all_classes_have_outputs_of_their_own_where_asked(make):
    for scenario, labels, outputs in (
        ("domain", range(4), None),
        ("task", range(4), (4, 5, 6, 7)),
        ("class", range(4, 8), None),
    ):
        second = make(*sets(), 2, scenario=scenario)[1]
        assert second.labels == tuple(labels) and second.outputs == outputs
        assert {*whole(second.test).label.tolist()} == {*labels}


def test_a_head_shows_the_outputs_of_its_task():
    model, (_, _, test) = net(4), sets()
    task = split(*sets(), 2, scenario="task")[1]
    seen = seen_by(task, model)
    assert torch.equal(seen(test.x)[0], model(test.x)[0][..., 2:])
    assert seen_by(permuted(*sets(), 1)[0], model) is model
    loss = torch.nn.functional.cross_entropy(seen(test.x)[0].mean(0), test.label % 2)
    loss.backward()
    assert not model[3].weight.grad[:2].any() and model[3].weight.grad[2:].any()


def test_classes_keep_their_order_and_steps_without_a_label_stay_so():
    data = bars(8, 0)
    renamed = Relabelled(data, np.array([0, 1, 2, 3]), np.array([3, 1, 0, 9]))
    assert whole(renamed).label.tolist() == [3, 1, 0, 9] * 2
    assert renamed._renamed([[0, -100], [3, 2]]).tolist() == [[3, -100], [9, 0]]
    with pytest.raises(ValueError, match=r"^label must be one of \[0, 1, 2\], got 3$"):
        whole(Relabelled(data, np.array([0, 1, 2]), np.array([0, 1, 2])))


def test_mixed_sets_share_every_batch_and_lose_no_sample():
    parts = tuple(bars(n, seed) for seed, n in enumerate((40, 20, 20)))
    mixed = Mixed(parts)
    batches = list(mixed.batches(8, seed=(3, 1)))
    assert len(mixed) == 80 and len(batches) == 10
    seen = torch.cat([batch.x[0] for batch in batches]).flatten(1)
    given = torch.cat([part.x[0] for part in parts]).flatten(1)
    assert torch.equal(seen.sort(0).values, given.sort(0).values)
    owners = [(batch.x[0].flatten(1)[:, None] == given[None]).all(2).nonzero()[:, 1] for batch in batches]
    assert all([int((o < 40).sum()), int((o >= 60).sum())] == [4, 2] for o in owners)
    again = list(mixed.batches(8, seed=(3, 1)))
    assert all(torch.equal(a.x, b.x) for a, b in zip(batches, again, strict=True))
    with pytest.raises(ValueError, match="^batch_size must be >= 3, the data sets that are mixed, got 2$"):
        next(mixed.batches(2))


def test_samples_of_different_lengths_are_put_together_with_silence():
    short, long = bars(4, 0, steps=2), bars(4, 1, steps=5)
    batch = next(Mixed((short, long)).batches(8))
    assert batch.x.shape[0] == 5 and batch.lengths.tolist() == [2] * 4 + [5] * 4
    assert not batch.x[2:, :4].any() and torch.equal(batch.x[:2, :4], short.x)


def test_what_a_loader_gives_can_be_held_and_split():
    data = bars(40, 0)
    pairs = [(data.x[:, i].clone(), int(data.label[i])) for i in range(40)]
    loader = DataLoader(
        pairs,
        batch_size=7,
        collate_fn=lambda items: (torch.stack([x for x, _ in items], 1), torch.tensor([y for _, y in items])),
    )
    with pytest.raises(
        ValueError, match=r"train must be a data set with batches\(\), as snn.continual.collect"
    ):
        permuted(loader, data, data)
    held = collect(loader)
    assert torch.equal(held.x, data.x) and torch.equal(held.label, data.label)
    assert len(split(held, held, held, 2)) == 2
    few = collect(data, per_class=3, seed=1)
    assert sorted(few.labels.tolist()) == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3


class WithoutLabels:
    def __len__(self):
        return 4

    def batches(self, batch_size, *, seed=None, min_batch=1):
        return bars(4, 0).batches(batch_size)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda s: split(WithoutLabels(), s[1], s[2], 2),
            r"^train must be a data set with labels and subset",
        ),
        (
            lambda s: split(*s, 3),
            "^n_tasks must be a divisor of the 4 classes that leaves each task at least 1, got 3$",
        ),
        (
            lambda s: split(*s, 4, scenario="task"),
            "^n_tasks must be a divisor of the 4 classes .* at least 2, got 4$",
        ),
        (
            lambda s: split(*s, 2, scenario="all"),
            "^scenario must be one of 'domain', 'task', 'class', got 'all'$",
        ),
        (lambda s: permuted(*s, 0), "^n_tasks must be a whole number >= 1, got 0$"),
        (lambda s: permuted(*s, seed=-1), "^seed must be a whole number >= 0, got -1$"),
        (
            lambda s: rotated(*[Samples(p.x.flatten(2), p.lengths, p.label) for p in s]),
            r"^train must be of images \[T, B, ..., H, W\] to be turned, got \[25\]$",
        ),
        (lambda s: Task("a", 3, s[1], s[2]), "^train of task 'a' must be a data set, got 3$"),
        (
            lambda s: Task("a", *s, labels=(0, 2), outputs=(0, 1)),
            "^labels must be below 2, the outputs of task 'a', got 2$",
        ),
        (lambda s: Samples(s[0].x, s[0].lengths, s[1].label), r"^label must be a tensor \[B\], got"),
        (lambda s: collect(s[0], per_class=0), "^per_class must be a whole number >= 1, got 0$"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make(sets())


def test_tasks_that_do_not_go_with_the_model_or_each_other_are_refused():
    train, valid, test = sets()
    tasks, config = permuted(train, valid, test, 2), plain_training()
    empty = Samples(valid.x[:, :0], valid.lengths[:0], valid.label[:0])
    larger = Task("larger", *[bars(8, i, size=6) for i in range(3)])
    for given, message in (
        ([], r"^tasks must be a list of at least one Task, got \[\]$"),
        ([tasks[0], tasks[0]], "^names of the tasks must be different, got"),
        ([Task("a", train, empty, test)], "^task 'a' must have at least one validation sample, got none$"),
        (
            [tasks[0], larger],
            r"^x of task 'larger' \(train\) must be of shape \[1, 5, 5\] a step, as in task ",
        ),
        (
            permuted(train, valid, test, 2, scenario="class"),
            "^labels of task 'permutation 2' must be below 4, ",
        ),
        (
            permuted(train, valid, test, 2, scenario="task"),
            "^outputs of task 'permutation 2' must be below 4, ",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            run_tasks(net(4), given, config)
    with pytest.raises(ValueError, match="^learner must be a Learner, got 'gpm'$"):
        run_tasks(net(4), tasks, config, "gpm")
    with pytest.raises(ValueError, match="^out must be the folder of the run to resume, got None$"):
        run_tasks(net(4), tasks, config, Learner(), resume=True)

"""Runs over tasks: the accuracy matrix, and going on with the bits of an uncut run."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from tasks import net, plain_training, sets

from snn.continual import (
    ElasticWeights,
    GradientProjectionMemory,
    HebbianProjection,
    Learner,
    Replay,
    TaskProgress,
    permuted,
    run_tasks,
    split,
)
from snn.nn import BatchNorm, Linear, Sequential
from snn.train import evaluate

RANKS = {"layers.1": [6, 3, 3], "layers.3": [4, 2, 2]}
LEARNERS = {
    "none": Learner,
    "gpm": lambda: GradientProjectionMemory(0.9, samples=40),
    "ewc": lambda: ElasticWeights(20.0, samples=10),
    "replay": lambda: Replay(4),
    "hlop": lambda: HebbianProjection(RANKS),
    "hlop and replay": lambda: Replay(4, beside=HebbianProjection(RANKS)),
}


class Stop(Exception):
    pass


def stopping(at_task, at_epoch):
    """Stop after an epoch of a task, as a kill would; at_epoch None: after the task is tested."""

    def callback(done: TaskProgress):
        at = done.training
        if done.task == at_task and (
            at is None if at_epoch is None else at and at.metrics and at.epoch == at_epoch
        ):
            raise Stop

    return callback


@pytest.mark.parametrize(
    ("name", "at_task", "at_epoch"),
    [
        *((name, 1, at_epoch) for name in LEARNERS for at_epoch in (0, None)),
        *(("hlop and replay", at_task, at_epoch) for at_task, at_epoch in ((0, 0), (1, 1), (2, 0))),
    ],
)
def test_a_resumed_run_has_the_bits_of_an_uncut_one(tmp_path, name, at_task, at_epoch):
    """Stopped inside a task, at its end before it was tested, and between two."""
    tasks, config = permuted(*sets(counts=(48, 16, 16)), 3), plain_training(epochs=2)
    whole, cut = net(bias=True), net(bias=True)
    one, two = LEARNERS[name](), LEARNERS[name]()
    uncut = run_tasks(whole, tasks, config, one, out=tmp_path / "uncut")
    with pytest.raises(Stop):
        run_tasks(cut, tasks, config, two, out=tmp_path / "cut", callback=stopping(at_task, at_epoch))
    with torch.no_grad():
        for parameter in cut.parameters():
            parameter.normal_()  # what the process that was killed knew is gone
    cut = net(bias=True)
    two = LEARNERS[name]()
    resumed = run_tasks(cut, tasks, config, two, out=tmp_path / "cut", resume=True)
    assert np.array_equal(uncut, resumed) and np.array_equal(uncut.untrained, resumed.untrained)
    assert uncut.kept == resumed.kept and np.array_equal(uncut.valid, resumed.valid)
    for a, b in zip(whole.parameters(), cut.parameters(), strict=True):
        assert torch.equal(a, b)
    assert_same(one.state_dict(), two.state_dict())


def assert_same(a, b):
    """Compare trees of tensors and plain values."""
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    else:
        assert a == b


def test_a_run_that_is_done_is_given_again(tmp_path):
    tasks, config = permuted(*sets(), 2), plain_training()
    first = run_tasks(net(), tasks, config, out=tmp_path)
    model = net(seed=5)
    again = run_tasks(model, tasks, config, out=tmp_path, resume=True)
    assert np.array_equal(first, again) and first.seconds == again.seconds
    assert evaluate(model, tasks[0].test, loss=config.loss).accuracy == first[1, 0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint"]


def test_what_an_older_run_left_in_the_folder_is_not_taken_up(tmp_path):
    """A run that is begun anew and cut goes on from its own checkpoints, not from those of the one before."""
    tasks, config = permuted(*sets(counts=(48, 16, 16)), 2), plain_training(epochs=2)
    for seed, stop in ((1, (1, 0)), (0, (0, None))):
        with pytest.raises(Stop):
            run_tasks(net(seed=seed), tasks, config, out=tmp_path, callback=stopping(*stop))
    resumed, uncut = net(), net()
    found = run_tasks(resumed, tasks, config, out=tmp_path, resume=True)
    assert np.array_equal(found, run_tasks(uncut, tasks, config))
    assert torch.equal(resumed[1].weight, uncut[1].weight)


def test_the_matrix_is_what_evaluation_gives_after_each_task():
    tasks, config = split(*sets(), 2, scenario="task"), plain_training()
    model, seen = net(), []

    def look(done: TaskProgress):
        if done.training is None:
            y = model(tasks[0].test.base.x if hasattr(tasks[0].test, "base") else tasks[0].test.x)[0].mean(0)
            label = next(tasks[0].test.batches(100)).label
            seen.append(float((y[:, :2].argmax(1) == label).double().mean()))
            assert len(done.rows) == done.task + 1 and (done.tasks, done.name) == (2, tasks[done.task].name)

    matrix = run_tasks(model, tasks, config, callback=look)
    assert seen == [matrix[0, 0], matrix[1, 0]]
    assert matrix.untrained[0] == evaluate_head(net(), tasks[0])
    assert all(second > 0 for second in matrix.seconds)


def evaluate_head(model, task):
    batch = next(task.test.batches(100))
    with torch.no_grad():
        y = model(batch.x)[0].mean(0)[:, list(task.outputs)]
    return float((y.argmax(1) == batch.label).double().mean())


def test_global_random_numbers_are_left_alone():
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    run_tasks(net(), permuted(*sets(), 2), plain_training(), Replay(3))
    drawn = float(torch.rand(())), float(np.random.rand()), random.random()
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    assert drawn == (float(torch.rand(())), float(np.random.rand()), random.random())


def test_a_run_depends_on_its_seed_alone():
    tasks = permuted(*sets(), 2)
    one, two, other = net(), net(), net()
    run_tasks(one, tasks, plain_training())
    torch.rand(5)
    run_tasks(two, tasks, plain_training())
    run_tasks(other, tasks, plain_training(seed=1))
    assert torch.equal(one[1].weight, two[1].weight) and not torch.equal(one[1].weight, other[1].weight)


def test_tasks_have_orders_of_their_own():
    """Two tasks of the same samples, in one run, do not see them in the same order."""
    orders = []

    class Watched:
        def __init__(self, base):
            self.base, self.labels = base, base.labels

        def __len__(self):
            return len(self.base)

        def batches(self, batch_size, *, seed=None, min_batch=1):
            if seed is not None:
                orders.append(seed)
            return self.base.batches(batch_size, seed=seed, min_batch=min_batch)

    train, valid, test = sets()
    run_tasks(net(), permuted(Watched(train), valid, test, 3), plain_training())
    assert len({*orders}) == 3


@pytest.mark.parametrize("hold", [True, False])
def test_normalisation_holds_still_from_the_second_task_on(hold):
    torch.manual_seed(0)
    model = Sequential(*list(net())[:2], BatchNorm(12), *list(net())[2:])
    norm, kept = model[2], []

    def keep(done):
        if done.training is None:
            kept.append([norm.running_mean.clone(), norm.weight.detach().clone()])

    run_tasks(model, permuted(*sets(), 2), plain_training(), hold_norm=hold, callback=keep)
    same = [torch.equal(a, b) for a, b in zip(*kept, strict=True)]
    assert same == [hold, hold] and norm.weight.requires_grad and not norm.frozen


def test_a_run_is_resumed_only_as_what_it_was(tmp_path):
    tasks, config = permuted(*sets(), 2), plain_training()
    run_tasks(net(), tasks, config, HebbianProjection(RANKS), out=tmp_path)
    other_ranks = {**RANKS, "layers.1": [5, 3, 3]}
    for given, how, learner, message in (
        (
            tasks[::-1],
            config,
            RANKS,
            r"^tasks task 1.name must be 'permutation 1' to resume .*, got 'permutation 2'",
        ),
        (permuted(*sets(), 2, seed=1), config, RANKS, r"^tasks task 2.train must be '\w+' to resume"),
        (tasks, plain_training(lr=0.2), RANKS, "^config lr must be 0.1 to resume .*, got 0.2"),
        (tasks, config, other_ranks, r"^learner ranks.layers.1\[0\] must be 6 to resume .*, got 5"),
    ):
        with pytest.raises(ValueError, match=message):
            run_tasks(net(), given, how, HebbianProjection(learner), out=tmp_path, resume=True)
    with pytest.raises(ValueError, match="^learner kind must be 'snn.continual.hebbian_projection:Hebb"):
        run_tasks(net(), tasks, config, Replay(), out=tmp_path, resume=True)


def test_a_damaged_checkpoint_is_refused(tmp_path):
    tasks, config = permuted(*sets(), 2), plain_training()
    run_tasks(net(), tasks, config, out=tmp_path)
    file = tmp_path / "checkpoint" / "tasks.safetensors"
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match="must hold the bytes that were written"):
        run_tasks(net(), tasks, config, out=tmp_path, resume=True)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rows", [[0.5, 0.5]] * 3, "rows must be at most 2 rows of accuracies"),
        ("rows", [[0.5]], r"rows\[0\] must be 2 accuracies"),
        ("untrained", [0.5, 2.0], r"untrained\[1\] must be finite and >= 0 and <= 1, got 2.0"),
        ("seconds", [1.0], "seconds must be 2 numbers, one for each task done"),
        ("kept", [-1, 0], "kept must be a whole number >= 0, got -1"),
    ],
)
def test_values_that_no_run_has_are_refused(tmp_path, name, value, message):
    from snn.continual.task_files import KIND, VERSION
    from snn.train.tensor_files import read_tensors, write_tensors

    tasks, config = permuted(*sets(), 2), plain_training()
    run_tasks(net(), tasks, config, out=tmp_path)
    file = tmp_path / "checkpoint" / "tasks.safetensors"
    tensors, info = read_tensors(file, KIND, VERSION)
    write_tensors(file, KIND, VERSION, tensors, {**info, name: value})
    with pytest.raises(ValueError, match=message):
        run_tasks(net(), tasks, config, out=tmp_path, resume=True)


def test_a_loss_without_classes_is_refused():
    with pytest.raises(ValueError, match="^select must be 'loss' or a registered score"):
        plain_training(loss="mean_squared_error")
    with pytest.raises(ValueError, match="^loss must be one that has classes"):
        run_tasks(net(), permuted(*sets(), 1), plain_training(loss="mean_squared_error", select="loss"))


def test_linear_layers_alone_are_a_model_too():
    train, valid, test = sets()
    flat = [type(p)(p.x.flatten(2), p.lengths, p.label) for p in (train, valid, test)]
    assert len(run_tasks(Sequential(Linear(25, 4)), permuted(*flat, 2), plain_training())) == 2

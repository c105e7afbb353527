"""Learners against forgetting, each against a plain loop, a closed form or what it promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tasks import bars, net, plain_training, sets
from torch.nn.functional import cross_entropy, unfold

from snn import nn
from snn.continual import (
    ElasticWeights,
    GradientProjectionMemory,
    HebbianProjection,
    Joint,
    Learner,
    Replay,
    Samples,
    Task,
    permuted,
    run_tasks,
    split,
)
from snn.continual.ewc import diagonal_fisher
from snn.continual.gpm import grown_basis, input_moments
from snn.train import backward, prepare


def singular_vectors(before, inputs, share):
    """GPM as its paper has it: decompose what the basis leaves of inputs [N, M], and take the leading vectors."""
    rest = inputs - before @ (before.T @ inputs)
    vectors, values, _ = np.linalg.svd(rest, full_matrices=False)
    held, total, k = (inputs**2).sum() - (rest**2).sum(), (inputs**2).sum(), 0
    while held < share * total:
        held += values[k] ** 2
        k += 1
    return np.concatenate([before, vectors[:, :k]], 1)


@pytest.mark.parametrize("share", [0.7, 0.95, 0.999])
def test_gpm_bases_are_those_of_the_singular_value_decomposition(share):
    rng = np.random.default_rng(0)
    scales = np.geomspace(3, 0.01, 12)
    ours, theirs = torch.zeros(12, 0, dtype=torch.float64), np.zeros((12, 0))
    for _ in range(3):
        inputs = np.linalg.qr(rng.standard_normal((12, 12)))[0] @ (
            scales[:, None] * rng.standard_normal((12, 40))
        )
        ours = grown_basis(ours, torch.from_numpy(inputs @ inputs.T), share)
        theirs = singular_vectors(theirs, inputs, share)
        assert ours.shape == theirs.shape
        assert np.allclose(ours @ ours.T, theirs @ theirs.T, atol=1e-9)
        assert np.allclose(ours.T @ ours, np.eye(ours.shape[1]), atol=1e-9)


def test_gpm_takes_no_more_directions_than_there_are():
    basis = grown_basis(torch.zeros(3, 0, dtype=torch.float64), torch.eye(3, dtype=torch.float64), 1.0)
    assert basis.shape == (3, 3)
    assert grown_basis(basis, torch.eye(3, dtype=torch.float64), 1.0) is not basis
    assert grown_basis(basis, torch.eye(3, dtype=torch.float64), 1.0).shape == (3, 3)
    assert grown_basis(torch.zeros(3, 0), torch.zeros(3, 3), 0.9).shape == (3, 0)


def test_gpm_looks_at_what_meets_the_weights_in_valid_steps():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.LIF(2.0), nn.Flatten(), nn.Linear(27, 2)
    ).double()
    data = bars(20, 0)
    data = Samples(data.x.double(), torch.arange(20) % 3 + 1, data.label % 2)
    layers = {"conv": model[0], "linear": model[3]}
    found = input_moments(model, layers, Task("a", data, data, data), 12, seed=5)
    patches, vectors = torch.zeros(9, 9), torch.zeros(27, 27)
    patches, vectors = patches.double(), vectors.double()
    for i in np.random.default_rng(5).permutation(20)[:12]:
        x = data.x[: data.lengths[i], i : i + 1]
        _, state = None, None
        z, _ = nn.Sequential(model[0], model[1], model[2])(x, state)
        for t in range(len(x)):
            columns = unfold(x[t], 3, padding=1, stride=2)[0]
            patches += columns @ columns.T
            vectors += torch.outer(z[t, 0], z[t, 0])
    assert torch.allclose(found["conv"], patches) and torch.allclose(found["linear"], vectors)


def test_a_projected_step_changes_nothing_for_inputs_in_the_basis():
    tasks = permuted(*sets(), 2)
    model, learner, config = net(bias=True), GradientProjectionMemory(0.9, samples=128), plain_training()
    run_tasks(model, tasks[:1], config, learner)
    layer, basis = model[1], learner._basis["layers.1"]
    assert 2 < basis.shape[1] < 24
    model.train()
    backward(model, *prepare(next(tasks[1].train.batches(16)), model), config)
    plain = layer.weight.grad.clone()
    learner(model)
    by_hand = torch.stack([row - sum((row @ column) * column for column in basis.T) for row in plain])
    assert torch.allclose(layer.weight.grad, by_hand, atol=1e-6) and layer.bias.grad is None
    inside = next(tasks[0].train.batches(32)).x[0].flatten(1) @ basis @ basis.T
    moved, plainly = (float((inside @ grad.T).abs().max()) for grad in (layer.weight.grad, plain))
    assert moved < 1e-5 * plainly


def test_fisher_information_of_a_softmax_layer_is_the_closed_form():
    """The gradient of one sample is (p - y) x', so the mean of its square needs no gradient at all."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(25, 4)).double()
    data = bars(30, 0, steps=1)
    data = Samples(data.x.double(), data.lengths, data.label)
    config = plain_training()
    found = diagonal_fisher(model, Task("a", data, data, data), config, 30)
    x = data.x[0].flatten(1)
    error = torch.softmax(x @ model[1].weight.T, 1) - torch.eye(4, dtype=torch.float64)[data.label]
    wanted = torch.einsum("bo,bi->oi", error**2, x**2) / 30
    assert torch.allclose(found[model[1].weight], wanted.detach())
    assert model[1].weight.grad is None


def test_springs_pull_as_the_sum_over_tasks_does():
    tasks, config = permuted(*sets(), 3), plain_training()
    model, learner = net().double(), ElasticWeights(7.0, samples=20, seed=3)
    learner.start(model, config)
    remembered = []
    for i, task in enumerate(tasks):
        with torch.no_grad():
            model[1].weight += 0.1 * (i + 1)
        remembered.append((fisher_by_loop(model, task, 20, seed=3), model[1].weight.detach().clone()))
        learner.finish_task(model, task, config)
    with torch.no_grad():
        model[1].weight -= 0.3
    weight = model[1].weight
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    learner(model)
    wanted = 7.0 * sum(fisher * (weight - held) for fisher, held in remembered)
    assert torch.allclose(weight.grad, wanted.detach(), rtol=1e-9, atol=1e-12)
    assert learner.kept == 2 * (12 * 25 + 4 * 12)


def fisher_by_loop(model, task, samples, seed):
    """Square the gradient of one sample after another."""
    total = torch.zeros_like(model[1].weight)
    for i, batch in zip(range(samples), task.train.batches(1, seed=seed), strict=False):
        assert i < samples
        y, _ = model(batch.x.double())
        (grad,) = torch.autograd.grad(cross_entropy(y.mean(0), batch.label), model[1].weight)
        total += grad**2
    return total / samples


@pytest.mark.parametrize("scenario", ["domain", "task"])
def test_replay_mixes_in_the_gradient_of_old_samples_through_their_heads(scenario):
    tasks = split(*sets(), 2, scenario=scenario)
    config = plain_training(batch_size=10)
    model = net(2 if scenario == "domain" else 4).double()
    learner = Replay(6, share=0.25)
    learner.start(model, config)
    for task in tasks:
        learner.finish_task(model, task, config)
    assert [sorted(samples.labels.tolist()) for samples in learner._memory] == [[0] * 6 + [1] * 6] * 2
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    learner(model)
    order = np.sort(np.random.default_rng((0, 0)).choice(24, 10, replace=False))
    losses = []
    for place in order:
        task, memory = tasks[place // 12], learner._memory[place // 12]
        y, _ = model(memory.x[:, place % 12 : place % 12 + 1].double())
        own = y.mean(0) if task.outputs is None else y.mean(0)[:, list(task.outputs)]
        losses.append(cross_entropy(own, memory.label[place % 12, None]))
    wanted = torch.autograd.grad(torch.stack(losses).mean(), list(model.parameters()))
    for parameter, grad in zip(model.parameters(), wanted, strict=True):
        assert torch.allclose(parameter.grad, 0.75 + 0.25 * grad)


def test_replay_leaves_the_gradient_of_the_new_samples_to_the_other_learner():
    class Twice(Learner):
        def __call__(self, seen):
            for parameter in self.model.parameters():
                parameter.grad *= 2

    tasks, config = permuted(*sets(), 2), plain_training()
    found = {}
    for name, beside in (("alone", None), ("beside", Twice())):
        model, learner = net(), Replay(4, beside=beside)
        learner.start(model, config)
        learner.finish_task(model, tasks[0], config)
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        learner(model)
        found[name] = model[1].weight.grad
    assert torch.allclose(found["beside"] - found["alone"], torch.tensor(0.5))


def test_joint_training_learns_from_all_tasks_so_far():
    tasks = permuted(*sets(), 3)
    joint = Joint()
    assert joint.training_data(tasks, 0) is tasks[0].train
    assert joint.training_data(tasks, 2).parts == tuple(task.train for task in tasks)
    matrix = run_tasks(net(), tasks, plain_training(epochs=2), joint)
    assert matrix.kept == (0, 0, 0)
    with pytest.raises(ValueError, match="^scenario must be 'domain' or 'class' to learn all tasks jointly"):
        run_tasks(net(12), permuted(*sets(), 3, scenario="task"), plain_training(), joint)


def test_hebbian_projection_is_the_projection_that_one_installs_by_hand():
    """Bits of a loop of `fit` and `finish_task` in the script of a user."""
    from dataclasses import replace

    from snn.continual import OrthogonalProjection
    from snn.train import fit

    tasks, config, ranks = permuted(*sets(), 2), plain_training(), {"layers.1": [6, 3], "layers.3": [4, 2]}
    ours, theirs = net(), net()
    learner = HebbianProjection(ranks, seed=2)
    matrix = run_tasks(ours, tasks, config, learner)
    assert matrix.kept == (6 * 25 + 4 * 12, 9 * 25 + 6 * 12)
    hlop = OrthogonalProjection(theirs, ranks=ranks, seed=2)
    for i, task in enumerate(tasks):
        seed = int(np.random.SeedSequence((config.seed, i)).generate_state(1)[0])
        fit(theirs, task.train, task.valid, replace(config, seed=seed), on_gradients=hlop)
        hlop.finish_task()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


def test_replay_beside_a_projection_teaches_its_subspaces_nothing():
    tasks, config = permuted(*sets(), 2), plain_training(lr=1e-30)
    rows = []
    for beside in (False, True):
        hlop = HebbianProjection({"layers.1": [6, 3], "layers.3": [4, 2]})
        run_tasks(net(), tasks, config, Replay(5, beside=hlop) if beside else hlop)
        rows.append(hlop.projection.layers["layers.1"].subspace.rows)
    assert torch.equal(*rows)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ElasticWeights(-1.0), "^strength must be a finite number >= 0, got -1.0$"),
        (lambda: ElasticWeights(samples=0), "^samples must be a whole number >= 1, got 0$"),
        (lambda: GradientProjectionMemory(1.5), "^threshold must be a finite number > 0 and <= 1, got 1.5$"),
        (lambda: Replay(0), "^per_class must be a whole number >= 1, got 0$"),
        (lambda: Replay(share=2.0), "^share must be a finite number >= 0 and <= 1, got 2.0$"),
        (lambda: Replay(beside="hlop"), "^beside must be a Learner, got 'hlop'$"),
    ],
)
def test_impossible_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_gpm_refuses_what_it_cannot_project():
    config = plain_training()
    for learner, model, settings, message in (
        (
            GradientProjectionMemory(layers=["a"]),
            net(),
            config,
            "^layers must be of 'layers.1', 'layers.3', got 'a'$",
        ),
        (
            GradientProjectionMemory({"layers.1": 0.9}),
            net(),
            config,
            r"^threshold must be given for layer 'layers.3' too, got \['layers.1'\]$",
        ),
        (
            GradientProjectionMemory(),
            nn.Sequential(nn.Conv2d(4, 4, 3, groups=2)),
            config,
            "^groups of layer 'layers.0' must be 1 to be projected, got 2$",
        ),
        (
            GradientProjectionMemory(),
            nn.Sequential(nn.DelayLinear(4, 4, 2)),
            config,
            "^layers must be given for a model with delays, whose weights are not projected, got None$",
        ),
        (
            GradientProjectionMemory(),
            net(),
            plain_training(optimizer="adam"),
            "^optimizer must be 'sgd' to keep",
        ),
        (
            GradientProjectionMemory(),
            net(),
            plain_training(weight_decay=0.1),
            "^weight_decay must be 0 to keep",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            learner.start(model, settings)

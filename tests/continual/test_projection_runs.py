"""Projection in runs of `fit`: less forgotten, resumed with the same bits, several processes; what is refused."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import projected_models
import pytest
import torch
from projected_models import neurons, projected_batch, projected_model, sgd, two_projected_tasks

import snn
from snn.continual import OrthogonalProjection, SpikingLateral
from snn.nn import BatchNorm, DelayLinear, Linear, RecurrentLIF, Sequential
from snn.train import backward, evaluate, fit
from snn.train.methods import accumulate

CLASSES, NOISE = 10, 0.3


class Blobs:
    """Ten classes of 40 numbers around means of the task's own, as constant currents of four steps."""

    def __init__(self, task, samples=256, seed=0):
        means = np.random.default_rng((7, task)).normal(size=(CLASSES, 40))
        rng = np.random.default_rng((seed, task))
        self.label = rng.integers(0, CLASSES, samples)
        self.x = means[self.label] + NOISE * rng.normal(size=(samples, 40))

    def __len__(self):
        return len(self.label)

    def batches(self, batch_size, *, seed=None, min_batch=1):
        order = np.arange(len(self)) if seed is None else np.random.default_rng(seed).permutation(len(self))
        for start in range(0, len(order) - min_batch + 1, batch_size):
            at = order[start : start + batch_size]
            x = np.repeat(self.x[None, at], 4, 0)
            yield SimpleNamespace(x=x, lengths=np.full(len(at), 4), label=self.label[at])


def classifier():
    torch.manual_seed(0)
    return Sequential(Linear(40, 60), neurons(), Linear(60, 60), neurons(), Linear(60, CLASSES))


CONFIG = sgd(
    loss="mean_cross_entropy",
    lr=0.3,
    epochs=8,
    batch_size=32,
    min_batch=1,
    schedule="constant",
    select="loss",
)


def forgotten_of_three(project, **settings):
    """What the first of three tasks loses of its accuracy, and the least that a task had when it was learned."""
    model, just_learned = classifier(), []
    projection = OrthogonalProjection(model, **settings) if project else None
    for task in range(3):
        fit(model, Blobs(task), Blobs(task, seed=1), CONFIG, on_gradients=projection)
        just_learned.append(evaluate(model, Blobs(task, seed=2), loss="mean_cross_entropy").accuracy)
        if projection is not None:
            projection.finish_task()
    after = evaluate(model, Blobs(0, seed=2), loss="mean_cross_entropy").accuracy
    return just_learned[0] - after, min(just_learned)


def test_three_lines_forget_less_than_a_fifth():
    plain, _ = forgotten_of_three(False)
    assert plain > 0.05  # a size at which forgetting shows
    for settings in ({"ranks": 12}, {"ranks": 0.95}, {"ranks": 12, "lateral": "spiking"}):
        forgotten, least = forgotten_of_three(True, lr=0.01, **settings)
        assert forgotten < plain / 5 and least > 0.95


class Stop(Exception):
    pass


def test_a_resumed_run_has_the_bits_of_an_uncut_one(tmp_path):
    results = []
    for stops in (False, True):
        out = tmp_path / str(stops)
        model = classifier()
        projection = OrthogonalProjection(model, {"layers.0": [4, 4], "layers.2": [5, 5], "layers.4": [3, 0]})
        fit(model, Blobs(0), Blobs(0, seed=1), CONFIG, on_gradients=projection)
        projection.finish_task()
        state = projection.state_dict()
        weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}

        def stop(progress):
            if progress.metrics is not None and progress.epoch == 3:
                raise Stop

        if stops:
            with pytest.raises(Stop):
                given = (Blobs(1), Blobs(1, seed=1), CONFIG)
                fit(model, *given, on_gradients=projection, out=out, callback=stop)
            model = classifier()
            projection = OrthogonalProjection(
                model, {"layers.0": [4, 4], "layers.2": [5, 5], "layers.4": [3, 0]}
            )
            model.load_state_dict(weights)
            projection.load_state_dict(state)
        fit(model, Blobs(1), Blobs(1, seed=1), CONFIG, on_gradients=projection, out=out, resume=stops)
        assert projection.finished == 1
        results.append((model.state_dict(), [layer.subspace.rows for layer in projection.layers.values()]))
    for name, tensor in results[0][0].items():
        assert torch.equal(tensor, results[1][0][name])
    assert all(torch.equal(a, b) for a, b in zip(results[0][1], results[1][1], strict=True))


WORKER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from projected_models import two_projected_tasks
from snn.train import processes

processes.connect()
found = [two_projected_tasks(feed) for feed in ("rates", "spikes")]
if processes.rank() == 0:
    print(json.dumps([[part.tolist() for part in parts] for parts in found]))
"""


def test_two_processes_learn_the_same_subspace(tmp_path):
    file = tmp_path / "worker.py"
    file.write_text(WORKER)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(file)]
    done = subprocess.run(
        [*command, str(Path(projected_models.__file__).parent)], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for feed, together in zip(("rates", "spikes"), json.loads(done.stdout.splitlines()[-1]), strict=True):
        for alone, values in zip(two_projected_tasks(feed), together, strict=True):
            np.testing.assert_allclose(np.array(values), alone.detach().numpy(), rtol=1e-8, atol=1e-10)


def trained(model, projection, config=None, batches=2, kind="linear"):
    config = config or sgd()
    projection.check(model, config)
    for seed in range(batches):
        model.zero_grad()
        accumulate(model, *projected_batch(kind, seed), config)
        projection(model)
    return model


def test_from_the_second_task_on_biases_and_normalisation_are_held():
    torch.manual_seed(0)
    model = Sequential(
        Linear(20, 8, bias=True), BatchNorm(8, over="step"), neurons(), Linear(8, 4, bias=True)
    )
    model = model.double().train()
    projection = OrthogonalProjection(model, 3, lr=0.01)
    trained(model, projection)
    assert all(p.grad is not None for p in model.parameters())
    projection.finish_task()
    before = model[1].running_mean.clone()
    trained(model, projection)
    learns = {name for name, p in model.named_parameters() if p.grad is not None}
    assert learns == {"layers.0.weight", "layers.3.weight"}
    assert torch.equal(model[1].running_mean, before)
    free = OrthogonalProjection(_without(projection), 3, layers=["layers.0"])
    trained(model, free)
    free.finish_task()
    trained(model, free)
    learns = {name for name, p in model.named_parameters() if p.grad is not None}
    assert learns == {"layers.0.weight", "layers.3.weight", "layers.3.bias"}


def _without(projection):
    projection.remove()
    return projection.model


def test_spiking_lateral_neurons_project_coded_inputs():
    code = SpikingLateral(4.0, 16)
    torch.manual_seed(0)
    model = Sequential(Linear(20, 4)).double().train()
    projection = OrthogonalProjection(model, 5, lr=0.01, lateral=code)
    trained(model, projection)
    projection.finish_task()
    x, _, label = projected_batch("linear", 9)
    full = torch.full((6,), len(x))
    model.zero_grad()
    backward(model, x, full, label, sgd())
    old, out = projection.layers["layers.0"].subspace.frozen_rows, x @ model[0].weight.detach().T
    delta = (torch.softmax(out, -1) - torch.eye(4, dtype=x.dtype)[label]) / 6 / len(x)
    seen = x - code(x @ old.T) @ old
    torch.testing.assert_close(model[0].weight.grad, torch.einsum("tbo,tbi->oi", delta, seen))
    before = model[0].weight.grad.clone()
    projection(model)  # nothing is left to be done to the weight's gradient
    assert torch.equal(model[0].weight.grad, before)


@pytest.mark.parametrize("mode", ["gauss", "linear", "integer"])
def test_in_the_input_form_each_tap_sees_the_projected_input(mode):
    torch.manual_seed(0)
    model = Sequential(DelayLinear(20, 4, 4, mode)).double().train()
    projection = OrthogonalProjection(model, 5, lr=0.01, form="input")
    trained(model, projection)
    projection.finish_task()
    x, lengths, label = projected_batch("linear", 9)
    model.zero_grad()
    backward(model, x, lengths, label, sgd(chunk=5))  # cut in time, gradients truncated
    layer, old = model[0], projection.layers["layers.0"].subspace.frozen_rows
    kernel = layer.kernel().detach().requires_grad_()
    padded = torch.cat([x.new_zeros(4, *x.shape[1:]), x])
    seen = padded - (padded @ old.T) @ old
    out = sum(padded[4 - d : 4 - d + len(x)] @ kernel[d].detach().T for d in range(5))
    valid = (torch.arange(len(x))[:, None] < lengths)[:, :, None]
    share = valid / lengths[None, :, None] / 6
    delta = (torch.softmax(out, -1) - torch.eye(4, dtype=x.dtype)[label]) * share
    taps = [torch.einsum("tbo,tbi->oi", delta, seen[4 - d : 4 - d + len(x)]) for d in range(5)]
    expected = torch.autograd.grad(layer.kernel(), layer.weight, torch.stack(taps))[0]
    torch.testing.assert_close(layer.weight.grad, expected)


def test_traces_teach_step_by_step():
    torch.manual_seed(0)
    model, config = projected_model("linear"), sgd(method="ottt", chunk=4)
    projection = OrthogonalProjection(model, 4, lr=0.01, feed="traces")
    x, lengths, label = projected_batch("linear", 0, steps=8)
    second = projection.layers["layers.2"]
    projection.check(model, config)
    expected = type(second.subspace)(30, second.subspace.seed, lr=0.01, like=x)
    expected.grow(4)
    spikes = model[1](model[0](x)[0].detach())[0].detach()
    trace = torch.zeros_like(spikes[0])
    for t in range(8):
        trace = 0.5 * trace + spikes[t]  # of the neurons that follow, tau 2
        valid = t < lengths
        expected.update(torch.cat([spikes[t][valid], trace[valid]]))
    model.zero_grad()
    accumulate(model, x, lengths, label, config)
    projection(model)
    torch.testing.assert_close(second.subspace.rows, expected.rows)
    raw = projection.layers["layers.0"]
    assert raw.activity.trace_decay is None  # what comes from outside has no trace


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"optimizer": "adam"}, "optimizer must be 'sgd' with OrthogonalProjection.*got 'adam'"),
        ({"weight_decay": 1e-5}, "weight_decay must be 0 with OrthogonalProjection.*got 1e-05"),
        ({"recompute": True, "chunk": 2}, "recompute must be False with OrthogonalProjection"),
    ],
)
def test_runs_that_would_leave_the_projection_are_refused(changes, said):
    model = classifier()
    projection = snn.continual.OrthogonalProjection(model, ranks=4)
    with pytest.raises(ValueError, match=said):
        fit(model, Blobs(0), Blobs(0), dataclasses.replace(CONFIG, **changes), on_gradients=projection)
    with pytest.raises(ValueError, match="optimizer must be 'sgd'"):  # the defaults
        fit(model, Blobs(0), Blobs(0), snn.train.TrainConfig(), on_gradients=projection)


def test_momentum_belongs_to_one_task():
    model, config = classifier(), dataclasses.replace(CONFIG, momentum=0.9, epochs=1)
    projection = OrthogonalProjection(model, 4, lr=0.01)
    for task in range(2):  # each run of fit has an optimiser of its own
        fit(model, Blobs(task), Blobs(task), config, on_gradients=projection)
        projection.finish_task()

    def finish(progress):
        if progress.batch == 3:
            projection.finish_task()

    with pytest.raises(
        ValueError, match="momentum must be 0 to go on with another task in the same run.*got 0.9"
    ):
        fit(model, Blobs(2), Blobs(2), config, on_gradients=projection, callback=finish)


@pytest.mark.parametrize("kind", ["adam", "momentum"])
def test_an_optimiser_that_steps_elsewhere_is_found_out(kind):
    model = classifier()
    weights = list(model.parameters())
    own = torch.optim.Adam(weights, 1e-3) if kind == "adam" else torch.optim.SGD(weights, 0.1, momentum=0.9)
    projection = OrthogonalProjection(model, 4, lr=0.01)

    def train(task):
        for batch in Blobs(task, samples=128).batches(32):
            own.zero_grad()
            x, label = torch.as_tensor(batch.x).float(), torch.as_tensor(batch.label)
            torch.nn.functional.cross_entropy(model(x)[0].mean(0), label).backward()
            projection(model)
            own.step()

    train(0)
    projection.finish_task()
    with pytest.raises(ValueError, match="optimizer must be one whose first step of a task goes against"):
        train(1)


@pytest.mark.parametrize("ranks", [4, 0.9])
def test_activity_that_is_not_finite_teaches_nothing(ranks):
    model = projected_model("linear")
    projection = OrthogonalProjection(model, ranks, lr=0.01)
    trained(model, projection)
    projection.finish_task()
    old = {name: layer.subspace.rows.clone() for name, layer in projection.layers.items()}
    trained(model, projection)
    x, lengths, label = projected_batch("linear", 3)
    x[0, 0, 0] = float("nan")
    model.zero_grad()
    accumulate(model, x, lengths, label, sgd())
    with pytest.raises(
        FloatingPointError, match=r"layers.0 must be finite, got nan; the rows of this task are"
    ):
        projection(model)
    for name, layer in projection.layers.items():
        assert torch.equal(layer.subspace.rows, old[name])
    projection.finish_task()
    assert all(torch.equal(layer.subspace.rows, old[name]) for name, layer in projection.layers.items())


def test_a_rule_that_ran_away_is_named():
    model = projected_model("linear")
    projection = OrthogonalProjection(model, 4, lr={"layers.0": 30.0, "layers.2": 0.01, "layers.4": 0.01})
    trained(model, projection, batches=4)
    with pytest.raises(
        FloatingPointError, match=r"the subspace of layers.0 must have settled.*its lr 30 is too"
    ):
        projection.finish_task()


class Own(Linear):
    """Runs in a way of its own."""

    def forward(self, x, state=None, lengths=None):
        return super().forward(2 * x, state, lengths)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: OrthogonalProjection(classifier(), 41),
            "ranks must be at most 40, the inputs of layers.0, got 41",
        ),
        (lambda: OrthogonalProjection(classifier(), 0), "ranks must be a whole number >= 1, got 0"),
        (
            lambda: OrthogonalProjection(classifier(), 1.0),
            "ranks must be a finite number > 0 and < 1, got 1.0",
        ),
        (
            lambda: OrthogonalProjection(classifier(), {"layers.0": [3]}),
            r"ranks must be a list for each of the layers \['layers.0', 'layers.2', 'layers.4'\]",
        ),
        (
            lambda: OrthogonalProjection(classifier(), {"layers.0": [30, 11]}, layers=["layers.0"]),
            r"ranks\['layers.0'\] must be at most 40 rows together, the layer's inputs, got \[30, 11\]",
        ),
        (
            lambda: OrthogonalProjection(classifier(), {"layers.0": []}, layers=["layers.0"]),
            r"ranks\['layers.0'\] must be a list of rows",
        ),
        (
            lambda: OrthogonalProjection(classifier(), 4, layers=["layers.1"]),
            r"layers\[0\] must be one of 'layers.0'",
        ),
        (lambda: OrthogonalProjection(classifier(), 4, layers=[]), "layers must be a list of names"),
        (lambda: OrthogonalProjection(classifier(), 4, feed="voltages"), "feed must be one of 'rates'"),
        (
            lambda: OrthogonalProjection(classifier(), 4, form="output"),
            "form must be one of 'weight', 'input'",
        ),
        (
            lambda: OrthogonalProjection(classifier(), 4, form="weight", lateral="spiking"),
            "form must be 'input' with spiking lateral neurons, which would round gradients to 0, got 'weight'",
        ),
        (
            lambda: OrthogonalProjection(classifier(), 4, lateral="quantised"),
            "lateral must be one of 'linear'",
        ),
        (lambda: OrthogonalProjection(classifier(), 4, lr=0.0), "lr must be a finite number > 0, got 0.0"),
        (
            lambda: OrthogonalProjection(classifier(), 4, lr={"a": 1.0}),
            "lr must be a number, or one for each of",
        ),
        (
            lambda: OrthogonalProjection(classifier(), 4, most_vectors=0),
            "most_vectors must be a whole number >= 1",
        ),
        (lambda: OrthogonalProjection(torch.nn.Linear(3, 4), 2), "model must be a snn.nn.Layer, got Linear"),
        (lambda: OrthogonalProjection(Sequential(neurons()), 2), "model must be one with layers to project"),
        (
            lambda: OrthogonalProjection(Sequential(Linear(4, 4), RecurrentLIF(4, 2)), 2),
            "layers.1.weight of the model must be a weight of Linear, Conv2d, DelayLinear, or left out by `layers`",
        ),
        (
            lambda: OrthogonalProjection(Sequential(Own(4, 4), Linear(4, 2)), 2),
            "layers.0.weight of the model must be a weight of Linear, Conv2d, DelayLinear",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_one_projection_is_enough():
    model = classifier()
    first = OrthogonalProjection(model, 4)
    with pytest.raises(ValueError, match="gradient_input of layers.0 must be None: one projection is enough"):
        OrthogonalProjection(model, 4)
    first.remove()
    OrthogonalProjection(model, 4)


def test_tasks_beyond_the_ranks_are_refused():
    model = projected_model("linear")
    projection = OrthogonalProjection(model, {"layers.0": [2], "layers.2": [2], "layers.4": [2]})
    with pytest.raises(ValueError, match=r"finish_task\(\) must come after at least one batch of the task"):
        projection.finish_task()
    trained(model, projection)
    projection.finish_task()
    with pytest.raises(
        ValueError, match=r"ranks\['layers.0'\] must be a list with rows for task 2, got \[2\]"
    ):
        projection.check(model, sgd())
    other = projected_model("linear")
    with pytest.raises(
        ValueError, match="model must be the one on which OrthogonalProjection installed its hooks"
    ):
        projection(other)
    wide = OrthogonalProjection(other, 15)
    trained(other, wide)
    wide.finish_task()
    with pytest.raises(
        ValueError, match="ranks must be at most 5 in task 2, for layers.0 has 20 inputs, got 15"
    ):
        wide.check(other, sgd())


def test_states_of_others_are_refused():
    state = OrthogonalProjection(classifier(), 4).state_dict()
    with pytest.raises(ValueError, match="ranks must be 4, as in the state, got 5"):
        OrthogonalProjection(classifier(), 5).load_state_dict(state)
    with pytest.raises(ValueError, match="feed must be 'rates', as in the state, got 'spikes'"):
        OrthogonalProjection(classifier(), 4, feed="spikes").load_state_dict(state)
    wider = Sequential(Linear(41, 60), neurons(), Linear(60, 60), neurons(), Linear(60, 4))
    with pytest.raises(ValueError, match=r"layers.0: rows must be \[M, 41\] with M <= 41"):
        OrthogonalProjection(wider, 4).load_state_dict(state)
    fewer = Sequential(Linear(40, 60), neurons(), Linear(60, 4))
    with pytest.raises(ValueError, match="lr must be"):
        OrthogonalProjection(fewer, 4).load_state_dict(state)
    with pytest.raises(ValueError, match="state of OrthogonalProjection"):
        OrthogonalProjection(classifier(), 4).load_state_dict({"layers": {}})

"""A step per call equals the model, bit for bit, whatever its layers; every refusal."""

from __future__ import annotations

import copy
import pickle
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._pytree import tree_flatten

import snn
from snn import nn

MODELS = {
    "plain": lambda: nn.Sequential(
        nn.Linear(12, 70, bias=True),
        nn.LIF(4.0, decay_input=False, v_leak=0.1, v_reset=-0.2),
        nn.Sequential(nn.Dropout(0.3), nn.Linear(70, 70), nn.LIF(3.0, reset="soft", fires=">")),
        nn.Linear(70, 5),
        nn.LeakyReadout(6.0, v_leak=0.5),
    ),
    "others between": lambda: nn.Sequential(
        nn.DelayLinear(12, 70, 4),
        nn.BatchNorm(70),
        nn.LIF(4.0, decay_input=False, t_ref=2, tau_syn=3.0),
        nn.Linear(70, 20),
        nn.RecurrentLIF(20, 3, decay_input=False),
        nn.Linear(20, 20),
        nn.LIF(2.0, reset="hard_next_step"),
        nn.Linear(20, 10),
        nn.LIF(decay_input=False, leak=[0.1 * i for i in range(10)]),
        nn.Linear(10, 5),
        nn.LeakyReadout(2.0, decay_input=True, tau_syn=2.0),
    ),
    "images": lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.LIF(2.0),
        nn.Flatten(),
        nn.Linear(16, 6),
        nn.LIF(2.0, decay_input=False, learn_threshold=True, detach_reset=True),
    ),
    "neurons alone": lambda: nn.LIF(1.25),
}


def model_and_steps(name, dtype, density, batch=3, steps=40):
    """A model with weights large enough to spike, and its input: sparse spikes or dense numbers."""
    torch.manual_seed(7)
    model = MODELS[name]().to(dtype)
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.DelayLinear):
            layer.weight.data *= 2.0
        if isinstance(layer, nn.Conv2d):
            layer.weight.data.abs_()
        if isinstance(layer, nn.BatchNorm):
            layer.running_var.fill_(0.3)
    shape = (1, 3, 6) if name == "images" else (12,)
    x = torch.rand(steps, batch, *shape, dtype=dtype)
    return model.eval(), torch.where(x < density, x / density + 0.5, 0.0)


def same(a, b):
    (mine, shape), (theirs, due) = tree_flatten(a), tree_flatten(b)
    assert shape == due
    for one, other in zip(mine, theirs, strict=True):
        assert one.dtype == other.dtype and torch.equal(one, other)


@pytest.mark.parametrize("density", [0.15, 1.0], ids=["sparse", "dense"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_steps_equal_the_model(name, dtype, density):
    model, x = model_and_steps(name, dtype, density)
    first, second, state, spiked = nn.Session(model, 3), nn.Session(model, 3), None, 0.0
    for t in range(20):
        y, state = model(x[t : t + 1], state)
        assert torch.equal(first.step(x[t]), y[0])
        spiked += float(y.abs().sum())
    assert spiked > 0
    same(first.state, state)
    second.state = first.state
    for t in range(20, 40):
        y, state = model(x[t : t + 1], state)
        assert torch.equal(second.step(x[t]), y[0])
    same(second.state, state)
    whole, after = model(x[20:], first.state)
    assert torch.equal(first.run(x[20:]), whole)
    same(first.state, after)


@torch.no_grad()
def test_whole_numbers_and_arrays_are_inputs_too():
    model, x = model_and_steps("plain", torch.float32, 0.15)
    z = (x > 0).int() * 2
    session, state = nn.Session(model, 3), None
    for t, given in enumerate((z[0], z[1].numpy(), z[2].to(torch.uint8), z[3].float().numpy(), z[4] > 0)):
        due = torch.as_tensor(given).float()
        y, state = model(due[None], state)
        assert torch.equal(session.step(given), y[0]), t


def test_a_hook_is_heard_and_weights_are_those_of_the_reset():
    model, x = model_and_steps("plain", torch.float32, 0.15)
    session = nn.Session(model, 3)
    before = session.step(x[0]).clone()
    with torch.no_grad():
        model[0].weight.mul_(3.0)
    session.reset()
    assert not torch.equal(session.step(x[0]), before)
    heard = []
    model[0].register_forward_hook(lambda *_: heard.append(1))
    session.reset()
    for t in range(3):
        session.step(x[t])
    assert len(heard) > 3


def test_a_step_allocates_nothing():
    """Any array of these neurons takes 30 kB; Python's own temporaries, and what numba keeps of calls, few."""
    layers = nn.Linear(12, 2500), nn.LIF(2.0), nn.Linear(2500, 2500), nn.LIF(2.0), nn.LeakyReadout()
    session, steps = nn.Session(nn.Sequential(*layers).eval(), 3), np.eye(12, dtype=np.float32)
    steps = [np.repeat(one[None], 3, axis=0) for one in steps]
    y = session.step(steps[0])
    tracemalloc.start()
    session.step(steps[0])
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    for _ in range(20):
        for one in steps:
            assert session.step(one) is y
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - before < 15_000


def stepped(dtype=torch.float32):
    model, x = model_and_steps("plain", dtype, 0.15)
    session = nn.Session(model, 3)
    session.step(x[0])
    return session


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda s: s.step(torch.zeros(3, 11)), r"x must be of shape \[3, 12\]"),
        (lambda s: s.step(torch.zeros(2, 12)), r"x must be of shape \[3, 12\]"),
        (lambda s: s.step(np.zeros((3, 12))), "x must be of float32, as the model, bool or whole numbers"),
        (lambda s: s.step([0.0] * 12), "x must be a tensor or an array"),
        (lambda s: s.run(torch.zeros(4, 2, 12)), r"x must be a tensor \[T, 3, \.\.\.\]"),
        (lambda s: setattr(s, "state", s.state[:-1]), "state must be a tuple of 5 entries"),
        (lambda s: setattr(s, "state", stepped(torch.float64).state), "state of LIF must be of dtype"),
    ],
)
def test_refusals_change_nothing(call, says):
    session = stepped()
    before = session.state
    with pytest.raises((ValueError, TypeError), match=says):
        call(session)
    same(session.state, before)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (torch.nn.Linear(2, 2), "model must be a layer of snn.nn"),
        (nn.Sequential(nn.Linear(2, 2), nn.LIF()), "model must be in evaluation"),
        (nn.Linear(2, 2).half().eval(), "model must be on the CPU"),
        (nn.Linear(2, 2, bias=True).eval().to("meta"), "model must be on the CPU"),
    ],
)
def test_refused_models(model, says):
    with pytest.raises((ValueError, TypeError), match=says):
        nn.Session(model)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_session_has_no_copies_since_their_parts_would_come_apart(again):
    with pytest.raises(TypeError, match="cannot be copied or pickled"):
        again(stepped())


@pytest.mark.parametrize("x", [torch.zeros(2, 3, dtype=torch.bfloat16), torch.zeros(2, 3).to_sparse()])
def test_tensors_that_are_no_arrays(x):
    with pytest.raises(ValueError, match="x must be a dense tensor on the CPU, of a type of numpy's"):
        nn.Session(nn.LIF().eval(), 2).step(x)


def test_half_precision_without_weights():
    with pytest.raises(ValueError, match="x must be of float32 or float64, bool or whole numbers"):
        nn.Session(nn.LIF().eval(), 2).step(torch.zeros(2, 3, dtype=torch.float16))


def test_another_batch_is_refused_at_the_first_step():
    with pytest.raises(ValueError, match=r"x must be of shape \[2, ...\]"):
        nn.Session(nn.Linear(12, 2).eval(), 2).step(torch.zeros(3, 12))
    with pytest.raises(ValueError, match="batch must be"):
        nn.Session(nn.Linear(12, 2).eval(), 0)


def test_the_page_runs_as_it_stands():
    page = (Path(__file__).parents[2] / "docs" / "session.md").read_text()
    names = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)
    assert names["score"].shape == (1, 20) and names["spikes"].shape == (1, 256)
    by_events, by_layers = (
        snn.Session(nn.to_network(names["model"], 1.0), record=snn.Record(v=["out"])),
        names["session"],
    )
    by_layers.reset()
    for z in np.random.default_rng(0).random((30, 1, 140)) < 0.1:
        score, spikes = by_layers.step(z), by_events.step(z)
    assert spikes["hid1"].any()
    np.testing.assert_allclose(score.numpy(), by_events.v["out"], atol=1e-4)

"""Every option of neurons in all that trains: pieces in time, step by step, files, resumed runs, conversion."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch
from option_models import INPUTS, random_model

import snn
from snn import nn
from snn.kernels.step_local import local_in_time
from snn.train import TrainConfig, methods

STEPS, SAMPLES = 17, 4
BPTT = TrainConfig(method="bptt", loss="step_cross_entropy")
SLTT = TrainConfig(method="sltt", loss="step_cross_entropy")


def drawn(seed):
    """A model in training with normalisation that holds still, and a batch of samples that end early."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = random_model(rng).train()
    x = torch.from_numpy(rng.poisson(0.4, (STEPS, SAMPLES, INPUTS))).double()
    x = torch.cat([x, x.new_zeros(model.tail_steps, *x.shape[1:])])
    lengths = torch.from_numpy(rng.integers(1, STEPS + 1, SAMPLES)) + model.tail_steps
    return model, (x, lengths, torch.from_numpy(rng.integers(0, 3, SAMPLES)))


def gradients(model, given, config):
    torch.manual_seed(0)
    model.zero_grad()
    with nn.frozen(model):
        found = methods.backward(model, *given, config)
    return [found.loss, *(p.grad.clone() for p in model.parameters() if p.grad is not None)]


def assert_same(found, wanted):
    assert len(found) == len(wanted) > 2
    assert any(bool((g != 0).any()) for g in found[1:])
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_pieces_in_time_have_the_gradients_of_the_whole(seed):
    model, given = drawn(seed)
    whole = gradients(model, given, BPTT)
    for chunk in (1, 6):
        assert_same(gradients(model, given, replace(BPTT, chunk=chunk, recompute=True)), whole)
    local = gradients(model, given, SLTT)
    assert_same(gradients(model, given, replace(SLTT, k=len(given[0]))), local)
    for chunk in (1, 6):
        assert_same(gradients(model, given, replace(SLTT, chunk=chunk)), local)
        some = [gradients(model, given, replace(SLTT, k=5, chunk=c)) for c in (chunk, None)]
        assert_same(*some)


@pytest.mark.parametrize("seed", (0, 3))
def test_inside_each_step_the_state_is_a_constant(seed):
    """By hand: one step after another, each from the state of the one before, cut off its graph."""
    model, (x, lengths, label) = drawn(seed)
    lengths = torch.full_like(lengths, len(x))
    local = gradients(model, (x, lengths, label), SLTT)
    model.zero_grad()
    state, total = None, 0.0
    with nn.frozen(model):
        for x_t in x:
            y, state = model(x_t[None], cut(state))
            total = total + torch.nn.functional.cross_entropy(y[0], label) / len(x)
        total.backward()
        by_hand = [p.grad for p in model.parameters() if p.grad is not None]
        assert_same(local, [total.detach().item(), *by_hand])
        with local_in_time(), torch.no_grad():
            torch.testing.assert_close(model(x)[0][-1:], y)


def cut(state):
    if isinstance(state, torch.Tensor):
        return state.detach()
    if not isinstance(state, tuple):
        return state
    parts = [cut(part) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


@pytest.mark.parametrize("seed", range(4))
def test_files_hold_every_option(seed, tmp_path):
    model, (x, lengths, _) = drawn(seed)
    model, x = model.float().eval(), x.float()
    snn.train.save(model, tmp_path / "model.safetensors")
    loaded = snn.train.load(tmp_path / "model.safetensors").eval()
    assert repr(loaded) == repr(model)
    with torch.no_grad():
        for mine, theirs in zip(
            leaves(loaded(x, None, lengths)), leaves(model(x, None, lengths)), strict=True
        ):
            assert torch.equal(mine, theirs)


def leaves(tree):
    if isinstance(tree, torch.Tensor):
        return [tree]
    return [leaf for part in tree for leaf in leaves(part)]


ADAPTIVE = {"tau_syn": {"exc": 2.0, "inh": 3.0}, "adapt_by": 0.2, "tau_adapt": 5.0, "t_ref": 1}


def small_model():
    torch.manual_seed(0)
    layers = [
        *(nn.Linear(INPUTS, 8), nn.Dropout(0.2), nn.BatchNorm(8), nn.LIF(2.0, surrogate="atan", **ADAPTIVE)),
        *(nn.Linear(4, 8), nn.RecurrentLIF(4, 2, receptor="inh", v_th=0.5, **ADAPTIVE)),
        *(
            nn.Linear(4, 6),
            nn.LIF(2.0, reset="soft", spikes="multiple", reset_by=0.4, tau_syn={"a": 2.0, "b": 1.5}),
        ),
        *(nn.Linear(3, 3), nn.LeakyReadout(3.0, v_leak=0.1, tau_syn=2.0)),
    ]
    return nn.Sequential(*layers)


def batches():
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.poisson(0.4, (3, STEPS, 16, INPUTS))).float()
    return [(part, torch.full((16,), STEPS), torch.arange(16) % 3) for part in x]


def test_a_run_that_was_interrupted_ends_with_the_same_bits(tmp_path):
    config = TrainConfig(epochs=3, batch_size=16, loss="step_cross_entropy", lr=0.02)

    def interrupt(progress):
        if progress.epoch == 2:
            raise KeyboardInterrupt

    data, runs = batches(), []
    for folder, stop in ((tmp_path / "whole", False), (tmp_path / "cut", True)):
        model = small_model()
        if stop:
            with suppress(KeyboardInterrupt):
                snn.train.fit(small_model(), data, data[:1], config, out=folder, callback=interrupt)
        snn.train.fit(model, data, data[:1], config, out=folder, resume=stop)
        runs.append(model.state_dict())
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])


@pytest.mark.parametrize(
    "options",
    [{"tau_syn": 2.0}, {"v_leak": 0.1}, {"t_ref": 1}, {"adapt_by": 0.1, "tau_adapt": 3.0},
     {"reset": "soft", "reset_by": 0.5, "spikes": "multiple"}],
    ids=str,
)  # fmt: skip
def test_conversion_makes_neurons_with_options(options):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))
    spiking = snn.train.convert(model, torch.rand(16, 6), steps=5, neuron={"decay_input": False, **options})
    y, _ = spiking(torch.rand(5, 16, 6))
    assert y.shape == (5, 16, 3)
    neurons = [layer for layer in spiking.modules() if isinstance(layer, nn.LIF)]
    assert all(options.items() <= layer.config().items() for layer in neurons) and len(neurons) == 2


@pytest.mark.parametrize("name", ["v_leak", "reset_by", "t_ref", "tau_adapt", "spikes"])
def test_a_learned_threshold_refuses_by_name(name):
    options = {"decay_input": False, "detach_reset": True, "reset": "soft", "learn_threshold": True}
    given = {"v_leak": 0.1, "reset_by": 0.5, "t_ref": 1, "tau_adapt": 3.0, "spikes": "multiple"}
    with pytest.raises(ValueError, match=f"{name} must be .* to learn a threshold or leak"):
        nn.LIF(**options, **{name: given[name]})

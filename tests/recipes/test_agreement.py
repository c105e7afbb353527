"""The comparison itself: it finds a spike that differs, and knows a tie."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import snn
from snn.datasets import SpikeSet
from snn.nn import LIF, LeakyReadout, Linear, Sequential, to_network
from snn.recipes.agreement import Agreement, compare, run_samples, scores


def spike_set(samples=7):
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 12, samples)
    steps = [np.sort(rng.integers(0, n, 9)) for n in lengths]
    units = [rng.integers(0, 5, 9) for _ in range(samples)]
    events = snn.Events.from_lists(steps, units, n_units=5, dt_ms=1.0, n_steps=lengths)
    zero = np.zeros(samples, dtype=np.int64)
    return SpikeSet("made up", events, zero, zero, ("a", "b"))


def model(weight=0.7):
    torch.manual_seed(0)
    made = Sequential(Linear(5, 6), LIF(1.5, decay_input=False), Linear(6, 2), LeakyReadout(1.5))
    with torch.no_grad():
        made[0].weight.abs_().mul_(weight)
    return made


def changed(net, **fields):
    populations = [
        dataclasses.replace(p, neuron=dataclasses.replace(p.neuron, **fields)) if p.name == "hid1" else p
        for p in net.populations
    ]
    return snn.Network(net.dt_ms, populations, net.projections)


def test_a_model_agrees_with_its_network():
    made = model()
    found = compare(made, to_network(made, 1.0), spike_set(), batch_size=3)
    assert isinstance(found, Agreement) and found.exact
    assert (found.samples, found.differing_samples, found.differing_predictions) == (7, 0, 0)
    assert found.spikes == found.counts.spikes["hid1"] > 0
    assert "7 of 7 samples: the same spikes" in found.sentence()


def test_another_network_does_not():
    made = model()
    found = compare(made, changed(to_network(made, 1.0), v_th=0.9), spike_set())
    assert found.differing_samples > 0 and found.ties == 0 and not found.exact


def test_a_tie_is_told_apart():
    """One input spike lifts the membrane to the threshold exactly; the engine's is a hair higher."""
    made = model()
    with torch.no_grad():
        made[0].weight.fill_(1.0)
    found = compare(made, changed(to_network(made, 1.0), v_th=1.0 + 1e-12), spike_set())
    assert found.differing_samples == found.ties > 0
    with torch.no_grad():
        made[0].weight.fill_(1.0 + 5e-7)
    beyond = compare(made, changed(to_network(made, 1.0), v_th=1.0 + 1e-6), spike_set())
    assert beyond.differing_samples > 0 and beyond.ties == 0


@pytest.mark.parametrize("engine", ["event", "clock"])
def test_samples_run_with_their_tail(engine):
    made, data = model(), spike_set()
    rec = run_samples(to_network(made, 1.0), data, 4, engine=engine)
    assert rec.counts.steps == int(data.events.n_steps.sum()) + 4 * len(data)
    lengths = torch.from_numpy(data.events.n_steps + 4)
    assert scores(rec, lengths).shape == (7, 2)
    assert torch.isfinite(scores(rec, lengths)).all()

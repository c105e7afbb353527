"""The balanced networks are those of the papers."""

from __future__ import annotations

import numpy as np
import pytest

import snn
from snn.recipes import balanced


def test_cuba_solves_its_equations():
    """One excitatory spike to a quiet neuron: the exact solution of the two equations, step by step."""
    net = balanced.cuba(n=200, probability=1.0)
    state = snn.simulate(net, n_steps=0).state
    for name, v in state.v.items():
        v[:] = -200.0
        state.currents[name][:] = 0.0
    state.v["exc"][0, 0] = -49.5  # above threshold: fires in the first step
    rec = snn.simulate(net, n_steps=60, state=state, record=snn.Record(v=["inh"]))
    assert rec.spikes["exc"].step.tolist() == [0]
    t = 0.1 * np.arange(1, 61)
    weight, tau, tau_syn = 1.62, 20.0, 5.0
    rise = weight * tau_syn / (tau - tau_syn) * (np.exp(-(t - 0.1) / tau) - np.exp(-(t - 0.1) / tau_syn))
    np.testing.assert_allclose(rec.v["inh"][:, 0, 0], -49.0 - 151.0 * np.exp(-t / tau) + rise, atol=1e-10)


def test_brunel_has_its_in_degrees_and_rate():
    net = balanced.brunel(n=500, g=5.0, eta=2.0)
    for name, degree in (("exc-exc", 40), ("inh-exc", 10)):
        received = np.bincount(net.synapses(name).indices, minlength=400)
        assert (received == degree).all()
    assert [given.rate_hz for given in net.noise] == pytest.approx([20_000.0, 20_000.0])
    assert net.synapses("inh-exc").one_weight == -0.5
    assert net.synapses("inh-exc").one_delay == 15


def test_brunel_inhibition_holds_the_rate_down():
    """At g = 4 both sides cancel: rates fall as g grows through it, and never pass the refractory limit."""
    rate_hz = {}
    for g in (2.0, 4.5, 8.0):
        rec = snn.simulate(balanced.brunel(n=1000, g=g, j_mv=0.4), n_steps=3000, dtype="float32")
        rate_hz[g] = rec.counts.spikes["exc"] / 800 / 0.3
    refractory_hz = 1000.0 / 2.1  # 20 steps held and the one that fires
    assert 5.0 < rate_hz[8.0] < rate_hz[4.5] < rate_hz[2.0] < refractory_hz

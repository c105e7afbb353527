"""Pair STDP against NEST's `stdp_synapse`, on the same lags.

NEST lays the whole delay on the receiver's side: its lag is t_post + d - t_pre. Ours lies on the sender's side:
t_post - (t_pre + d). So the trains that NEST saw are handed to ours with the receiver's shifted by NEST's delay.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

import snn

os.environ["PYNEST_QUIET"] = "1"
nest = pytest.importorskip("nest", reason="NEST is not installed: pip install nest-simulator")

DT, DELAY = 0.1, 0.1


def in_nest(pre_ms, post_ms, rule):
    """Final weight, and the trains as the synapse saw them: of the sender, and of the receiver after the delay."""
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.resolution = DT
    sender = nest.Create("parrot_neuron")
    receiver = nest.Create(
        "iaf_psc_delta", params={"V_th": 1e6, "t_ref": 0.1, "tau_minus": rule["tau_minus"]}
    )
    for train, target, weight in ((pre_ms, sender, 1.0), (post_ms, receiver, 1e9)):
        generator = nest.Create("spike_generator", params={"spike_times": train})
        nest.Connect(generator, target, syn_spec={"weight": weight, "delay": DT})
    synapse = {"synapse_model": "stdp_synapse", "weight": 50.0, "delay": DELAY, "Wmax": 100.0}
    synapse |= {key: value for key, value in rule.items() if key != "tau_minus"}
    nest.Connect(sender, receiver, syn_spec=synapse)
    recorders = nest.Create("spike_recorder", 2)
    nest.Connect(sender, recorders[0])
    nest.Connect(receiver, recorders[1])
    nest.Simulate(float(pre_ms[-1]) + 10.0)
    weight = nest.GetConnections(sender, receiver).get("weight")
    return weight, recorders[0].events["times"], recorders[1].events["times"] + DELAY


@pytest.mark.parametrize("mu", [0.0, 1.0])
def test_stdp_is_nests(mu):
    rng = np.random.default_rng(8)
    steps = rng.permutation(np.arange(20, 4000))[
        :160
    ]  # no two spikes together: of those each has its own view
    pre, post = np.sort(steps[:80]), np.sort(steps[80:] // 2 * 2)
    pre = np.unique(pre // 2 * 2 + 1)
    last = 40_000  # the synapse learns of a spike of the receiver at the next one of the sender
    rule = {"tau_plus": 15.0, "tau_minus": 25.0, "lambda": 0.02, "alpha": 1.1, "mu_plus": mu, "mu_minus": mu}
    expected, pre_seen, post_seen = in_nest(np.append(pre, last) * DT, post * DT, rule)
    assert not set(np.rint(pre_seen / DT)) & set(
        np.rint(post_seen / DT)
    )  # of a lag of 0 each has its own view
    scale = 1.0 if mu else 100.0
    ours = snn.STDP(
        0.02 * scale,
        0.022 * scale,
        15.0,
        25.0,
        w_max=100.0,
        bounds="multiplicative" if mu else "additive",
    )
    net = snn.Network(
        DT,
        [
            snn.Population("in", 1),
            snn.Population("t", 1),
            snn.Population("n", 1, snn.LIFParams(decay=0.0, v_th=1e6)),
        ],
        [
            snn.Projection("in", "n", [[50.0]], 0.0, name="p", plasticity=ours),
            snn.Projection("t", "n", [[1e9]], 0.0),
        ],
    )

    def train(times):
        at = np.rint(times / DT).astype(int)
        return snn.Events.from_lists([at], [np.zeros_like(at)], n_units=1, dt_ms=DT, n_steps=last + 100)

    w = snn.simulate(net, {"in": train(pre_seen), "t": train(post_seen)}).weights["p"][0, 0]
    assert abs(w - 50.0) > 1.0
    np.testing.assert_allclose(w, expected, rtol=1e-9)

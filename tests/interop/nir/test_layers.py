"""A NIR chain as layers spikes as the network that is read from it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import snn
from snn.interop.nir import layers, read

nir = pytest.importorskip("nir")

from nir_graphs import chain  # noqa: E402

STEPS, BATCH = 40, 3


def leaky(kind, shape, seed=0, r=1.0):
    rng = np.random.default_rng(seed)
    tau, v_th = rng.uniform(3e-3, 2e-2), rng.uniform(0.4, 0.9)
    values = {"r": r, "v_leak": -0.1, "v_threshold": v_th, "v_reset": -0.2}
    if kind == "CubaLIF":
        values |= {"tau_mem": tau, "tau_syn": 4e-3, "w_in": 1.5}
    if kind == "LIF":
        values |= {"tau": tau}
    if kind == "IF":
        values = {"r": 1000.0, "v_threshold": v_th, "v_reset": -0.2}
    return getattr(nir, kind)(**{name: np.full(shape, value) for name, value in values.items()})


def weight(post, pre, seed=0):
    return np.random.default_rng(seed).normal(0.5, 1.5, (post, pre))


CHAINS = {
    "LIF": chain(nir.Linear(weight(4, 3)), leaky("LIF", 4), shape=(3,)),
    "r": chain(nir.Affine(weight(4, 3), np.full(4, 0.1)), leaky("LIF", 4, r=2.5), shape=(3,)),
    "IF, Scale": chain(nir.Linear(weight(4, 3)), nir.Scale(np.arange(1.0, 5.0)), leaky("IF", 4), shape=(3,)),
    "CubaLIF, twice": chain(
        nir.Affine(weight(4, 3), np.full(4, 0.3)), leaky("CubaLIF", 4),
        nir.Linear(weight(2, 4)), leaky("CubaLIF", 2, seed=1, r=3.0), shape=(3,),
    ),
    "recurrent": chain(
        nir.Linear(weight(4, 3)), leaky("LIF", 4, r=2.0), shape=(3,), loops=[(1, nir.Linear(weight(4, 4, seed=2)))]
    ),
    "delays of senders": chain(
        nir.Delay(np.array([0.0, 1e-3, 4e-3])), nir.Linear(weight(4, 3)), leaky("LIF", 4), shape=(3,)
    ),
    "delays of receivers": chain(
        nir.Linear(weight(2, 3)), nir.Delay(np.array([3e-3, 1e-3])), leaky("LIF", 2), shape=(3,)
    ),
    "no weights": chain(leaky("LIF", 3, r=2.0), shape=(3,)),
    "Threshold": chain(nir.Linear(weight(4, 3)), nir.Threshold(np.full(4, 0.4)), shape=(3,)),
    "image": chain(
        nir.Conv2d(None, np.random.default_rng(0).normal(0.3, 1, (4, 1, 3, 3)), 1, "same", 1, 2, np.full(4, 0.1)),
        leaky("LIF", (4, 6, 6)),
        nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        nir.Conv2d(None, np.random.default_rng(1).normal(0.1, 1, (2, 4, 2, 2)), (1, 1), 0, (2, 1), 1, np.zeros(2)),
        leaky("IF", (2, 1, 2)),
        nir.Flatten({"input": np.array([2, 1, 2])}, 0, -1),
        nir.Linear(np.abs(weight(3, 4))),
        leaky("LIF", 3, r=4.0),
        shape=(2, 6, 6),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("integrate", ["euler", "exact"])
def test_layers_spike_as_the_network(name, integrate):
    graph = CHAINS[name]
    model = layers(graph, 1.0, integrate=integrate)
    result = read(graph, 1.0, integrate=integrate)
    shape = tuple(graph.nodes["in"].input_type["input"])
    x = (torch.rand(STEPS, BATCH, *shape, generator=torch.Generator().manual_seed(1)) < 0.4).double()
    x[STEPS - model.tail_steps :] = 0
    with torch.no_grad():
        y = model(x)[0]
    z = x.flatten(2).numpy().astype(np.int64)
    rec = snn.simulate(result.network, {"in": snn.Raster(z, snn.TimeGrid(STEPS, 1.0)).to_events()})
    spikes = rec.spikes[result.outputs[0]].to_raster().z
    assert spikes.any()
    np.testing.assert_array_equal(y.flatten(2).numpy(), spikes)


def test_a_readout():
    readout = nir.LI(np.full(2, 5e-3), np.full(2, 2.0), np.full(2, 0.3))
    graph = chain(nir.Linear(weight(2, 3)), readout, shape=(3,))
    x = (torch.rand(STEPS, BATCH, 3) < 0.4).double()
    with torch.no_grad():
        y = layers(graph, 1.0)(x)[0]
    events = snn.Raster(x.numpy().astype(np.int64), snn.TimeGrid(STEPS, 1.0)).to_events()
    rec = snn.simulate(read(graph, 1.0).network, {"in": events}, record=snn.Record(v=("1",)))
    np.testing.assert_allclose(y.numpy(), rec.v["1"], rtol=1e-12)


BRANCH = nir.NIRGraph(
    {"in": nir.Input(np.array([3])), "a": leaky("LIF", 3), "b": leaky("LIF", 3)},
    [("in", "a"), ("in", "b")],
    type_check=False,
)
MIXED = leaky("LIF", 4)
MIXED.v_threshold[1] = 2.0


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (BRANCH, r"the graph must be a chain \(read it as a network\), got \"'in' to a, b\""),
        (
            chain(nir.Linear(weight(4, 3)), MIXED, shape=(3,)),
            "LIF '1': v_th must be the same for all neurons of a",
        ),
        (
            chain(
                nir.Delay(np.full(3, 1e-3)), nir.Affine(weight(4, 3), np.ones(4)), leaky("LIF", 4), shape=(3,)
            ),
            "Affine '1': bias must be 0 beside a Delay, as DelayLinear has none",
        ),
        (
            chain(
                nir.Affine(weight(4, 3), np.ones(4)), nir.Delay(np.full(4, 1e-3)), leaky("LIF", 4), shape=(3,)
            ),
            "Delay '1' must be before or behind weights of a Linear node",
        ),
        (
            chain(
                nir.Linear(weight(4, 3)),
                leaky("LIF", 4),
                shape=(3,),
                loops=[(1, nir.Affine(np.eye(4), np.ones(4)))],
            ),
            "Affine 'loop1' must be without bias",
        ),
    ],
)
def test_what_no_layer_does_is_refused(graph, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        layers(graph, 1.0)

"""The same NIR graph in other readers where these are right: the same spikes in every one of 300 steps."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

import snn
from snn.interop.nir import read

nir = pytest.importorskip("nir")

N, STEPS = 16, 300


def graph(kind, tau=1e-2, r=1.0, seed=0, recurrent=False, **fields):
    """Weights, and neurons that are alike; with `recurrent` weights from them to themselves."""
    rng = np.random.default_rng(seed)
    values = {"v_threshold": 1.0, "v_reset": 0.0, "r": r, **fields}
    if kind == "LIF":
        values |= {"tau": tau, "v_leak": 0.0}
    if kind == "CubaLIF":
        values |= {"tau_mem": tau, "tau_syn": 5e-3, "v_leak": 0.0}
    neuron = getattr(nir, kind)(
        **{name: np.full(N, value, dtype=np.float32) for name, value in values.items()}
    )
    nodes = {
        "input": nir.Input(np.array([N])),
        "w": nir.Linear(rng.normal(0.6, 1.5, (N, N)).astype(np.float32)),
        "neuron": neuron,
        "output": nir.Output(np.array([N])),
    }
    edges = [("input", "w"), ("w", "neuron"), ("neuron", "output")]
    if recurrent:
        nodes["rec"] = nir.Linear(rng.normal(-0.2, 0.5, (N, N)).astype(np.float32))
        edges[2:2] = [("neuron", "rec"), ("rec", "neuron")]
    return nir.NIRGraph(nodes, edges)


def given():
    return (torch.rand(STEPS, 2, N, generator=torch.Generator().manual_seed(0)) < 0.4).double()


def ours(source, dt_ms, **how):
    z = given().numpy().astype(np.int64)
    events = snn.Raster(z, snn.TimeGrid(STEPS, dt_ms)).to_events()
    rec = snn.simulate(read(source, dt_ms, **how).network, {"input": events})
    return torch.tensor(rec.spikes["neuron"].to_raster().z)


@torch.no_grad()
def over_time(model):
    """Run a model that takes a step and its own state."""
    state, spikes = None, []
    for x in given().unbind(0):
        out = model(x) if state is None else model(x, state)
        out, state = out if isinstance(out, tuple) else (out, None)
        spikes.append(out[0] if isinstance(out, tuple) else out)
    return torch.stack(spikes)


def assert_same(z, theirs):
    assert 0.02 < theirs.mean() < 0.98
    assert int((z != theirs).flatten(1).any(dim=1).sum()) == 0


@pytest.mark.parametrize("recurrent", [False, True])
def test_norse(recurrent):
    norse = pytest.importorskip("norse.torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = norse.from_nir(graph("LIF", recurrent=recurrent), dt=1e-3).double()
    assert_same(ours(graph("LIF", recurrent=recurrent), 1.0), over_time(model))


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("LIF", {}),
        ("LIF", {"recurrent": True}),
        ("CubaLIF", {"r": 10.0, "w_in": 5.0, "v_threshold": 30.0}),
        ("IF", {"r": 1000.0, "v_threshold": 3.0}),
    ],
)
def test_spikingjelly(kind, fields):
    exchange = pytest.importorskip("spikingjelly.activation_based.nir_exchange")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = exchange.import_from_nir(graph(kind, **fields), dt=1e-3).double()
    assert_same(ours(graph(kind, **fields), 1.0), over_time(model))


@pytest.mark.parametrize(("kind", "fields"), [("LIF", {}), ("CubaLIF", {"w_in": 50.0, "v_threshold": 30.0})])
def test_snntorch(kind, fields, capsys):
    reader = pytest.importorskip("snntorch.import_nir")
    given_by = {"tau": 1e-2, "r": 100.0, **fields}  # its own step is 0.1 ms, and r = tau / dt
    model = reader.import_from_nir(graph(kind, **given_by)).double()
    capsys.readouterr()
    assert_same(ours(graph(kind, **given_by), 0.1), over_time(model))


def test_a_tie_of_threshold_and_membrane():
    """NIR asks for v > threshold; SpikingJelly's own neurons, and files read with `fires` >=, spike at it."""
    nodes = {
        "in": nir.Input(np.array([1])),
        "n": nir.IF(np.full(1, 1000.0), np.ones(1)),
        "out": nir.Output(np.array([1])),
    }
    chain = nir.NIRGraph(nodes, [("in", "n"), ("n", "out")])
    events = snn.Raster(np.ones((4, 1, 1), dtype=np.int64), snn.TimeGrid(4, 1.0)).to_events()
    rec = snn.simulate(read(chain, 1.0).network, {"in": events})
    assert rec.spikes["n"].to_raster().z.ravel().tolist() == [0, 1, 0, 1]


def test_two_populations_in_a_loop():
    """a -> b in the same step, b -> a one step late."""
    pass_on = dict(r=np.full(1, 1000.0), v_threshold=np.full(1, 0.5))
    nodes = {name: nir.IF(**pass_on) for name in ("a", "b")}
    nodes |= {"in": nir.Input(np.array([1])), "out": nir.Output(np.array([1]))}
    loop = nir.NIRGraph(nodes, [("in", "a"), ("a", "b"), ("b", "a"), ("b", "out")], type_check=False)
    result = read(loop, 1.0)
    assert result.one_step_edges == (("b", "a"),) and result.inputs == ("in",) and result.outputs == ("b",)
    z = np.zeros((4, 1, 1), dtype=np.int64)
    z[0] = 1
    rec = snn.simulate(result.network, {"in": snn.Raster(z, snn.TimeGrid(4, 1.0)).to_events()})
    for name in ("a", "b"):
        assert rec.spikes[name].to_raster().z.ravel().tolist() == [1, 1, 1, 1]


def test_nested_graphs_lie_flat(tmp_path):
    inner = nir.NIRGraph(
        {
            "input": nir.Input(np.array([2])),
            "n": nir.Threshold(np.full(2, 0.5)),
            "output": nir.Output(np.array([2])),
        },
        [("input", "n"), ("n", "output")],
    )
    outer = {
        "in": nir.Input(np.array([2])),
        "hid": inner,
        "w": nir.Linear(np.eye(2)),
        "out": nir.Output(np.array([2])),
    }
    nested = nir.NIRGraph(outer, [("in", "hid"), ("hid", "w"), ("w", "out")], type_check=False)
    nir.write(tmp_path / "nested.nir", nested)
    for source in (nested, tmp_path / "nested.nir"):
        result = read(source, 1.0)
        assert result.network.order == ("in", "hid.n", "out") and result.outputs == ("out",)
        assert [p.name for p in result.network.projections] == ["in-hid.n", "hid.n-out"]


def test_spikes_that_a_delay_ends_are_passed_on_late():
    nodes = {
        "in": nir.Input(np.array([2])),
        "d": nir.Delay(np.array([1e-3, 3e-3])),
        "out": nir.Output(np.array([2])),
    }
    result = read(nir.NIRGraph(nodes, [("in", "d"), ("d", "out")]), 1.0)
    z = np.zeros((5, 1, 2), dtype=np.int64)
    z[0] = 1
    rec = snn.simulate(result.network, {"in": snn.Raster(z, snn.TimeGrid(5, 1.0)).to_events()})
    assert np.argwhere(rec.spikes["out"].to_raster().z[:, 0]).tolist() == [[1, 0], [3, 1]]

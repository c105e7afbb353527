"""Networks read from NIR spike as a plain loop over the graph's own equations says."""

from __future__ import annotations

import numpy as np
import pytest

import snn
from snn.interop.nir import read, write

nir = pytest.importorskip("nir")

from nir_graphs import flat, image  # noqa: E402
from nir_loop import closing, run  # noqa: E402

STEPS = 40


def inputs(graph, seed, rate=0.4):
    """Draw spikes of every input, [T, ...]."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, node in sorted(graph.nodes.items()):
        if type(node).__name__ == "Input":
            found[name] = (rng.random((STEPS, *node.input_type["input"])) < rate).astype(float)
    return found


def spikes(net, given):
    """Spikes, or membranes of integrators, of every population, [T, N], by the event engine."""
    names = [p.name for p in net.populations if isinstance(p.neuron, snn.LIParams)]
    events = {}
    for name, raster in given.items():
        z = raster.reshape(STEPS, 1, -1).astype(np.int64)
        events[name] = snn.Raster(z, snn.TimeGrid(STEPS, net.dt_ms)).to_events()
    rec = snn.simulate(net, events, record=snn.Record(v=tuple(names)))
    found = {name: rec.spikes[name].to_raster().z[:, 0] for name in rec.spikes if name not in names}
    return found | {name: rec.v[name][:, 0] for name in names}


def compare(graph, seed, **how):
    """Compare all populations of the network with the nodes of their names; say how many spikes there were."""
    given = inputs(graph, seed)
    result = read(
        graph, 1.0, integrate=how.get("integrate"), recurrent_bias_first=how.get("bias_first", True)
    )
    ours = spikes(result.network, given)
    exact = how.get("integrate") == "exact"
    theirs = run(graph, 1e-3, given, exact=exact, bias_first=how.get("bias_first", True))
    assert set(result.one_step_edges) == set(closing(graph))
    total = 0
    for name, z in ours.items():
        if name in graph.nodes:
            want = theirs[name].reshape(STEPS, -1)
            if isinstance(result.network.population(name).neuron, snn.LIParams):
                np.testing.assert_allclose(z, want, atol=1e-9)
            else:
                np.testing.assert_array_equal(z, want, err_msg=f"{name} of seed {seed}")
                total += int(z.sum())
    return result, total


@pytest.mark.parametrize("seed", range(16))
@pytest.mark.parametrize("draw", [flat, image])
def test_random_graphs_spike_as_their_equations_say(draw, seed):
    total = 0
    for part in range(5):
        for integrate in ("euler", "exact"):
            how = {"integrate": integrate, "bias_first": part % 2 == 0}
            total += compare(draw(100 * seed + part), seed, **how)[1]
    assert total > 30


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("draw", [flat, image])
def test_written_and_read_back_they_are_the_same_networks(draw, seed, tmp_path):
    for part in range(6):
        first = read(draw(100 * seed + part), 1.0, integrate=["euler", "exact"][part % 2]).network
        path = tmp_path / "net.nir"
        assert write(first, path) == ()
        again = read(path, None).network
        assert again.order == first.order and again.dt_ms == first.dt_ms
        assert again.fingerprint == first.fingerprint

"""Nouns as plain values: out and in without loss, and every damage named."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse

from snn.core import (
    STDP,
    Counts,
    Events,
    Hebbian,
    LIFParams,
    LIParams,
    Network,
    PoissonInput,
    Population,
    Projection,
    Record,
    SimulationState,
    TimedEvents,
    simulate,
)
from snn.core.files.tree import read_tree, write_tree


def network():
    spiking = LIFParams(tau_mem_ms=[8.0, 9.0, np.inf], tau_syn_ms={"e/x": 2.0, "i": [1.0, 2.0, 3.0]})
    dense = [[0.1, 0.0, 0.3], [0.0, 0.5, 0.6]]
    return Network(
        0.5,
        [
            Population("in", 2),
            Population("a", 3, spiking),
            Population("b", 1, LIParams(decay=1 / 3)),
        ],
        [
            Projection("in", "a", dense, 0.7, receptor="e/x", plasticity=STDP(0.1, 0.2)),
            Projection("a", "a", scipy.sparse.csr_array(np.eye(3)), [1.0, 2.0, 3.0], "loop", "i", Hebbian(0.1)),
            Projection("a", "b", np.ones((3, 1), dtype=bool)),
        ],
        [PoissonInput("a", 50.0, 0.1, "i")],
    )  # fmt: skip


def events():
    return Events.from_lists([[0, 2, 2], []], [[1, 0, 0], []], n_units=2, dt_ms=0.5, n_steps=[10, 4])


def test_dicts_bring_everything_back(tmp_path):
    net = network()
    rec = simulate(net, {"in": events()}, record=Record(v=["a"]), seed=3)
    assert Network.from_dict(net.to_dict()).fingerprint == net.fingerprint
    assert Events.from_dict(events().to_dict()) == events()
    assert Counts.from_dict(rec.counts.to_dict()) == rec.counts
    timed = TimedEvents.from_times([[0.3, 2.6]], [[0, 1]], n_units=2, dt_ms=0.5, n_steps=10)
    assert TimedEvents.from_dict(timed.to_dict()) == timed
    state = SimulationState.from_dict(rec.state.to_dict())
    assert state.recent == rec.state.recent and state.seed == 3
    net.save(tmp_path / "net.h5")
    loaded = Network.load(tmp_path / "net.h5")
    assert loaded.populations == net.populations and loaded.noise == net.noise
    for mine, theirs in zip(net.projections, loaded.projections, strict=True):
        assert mine.plasticity == theirs.plasticity and type(mine.weight) is type(theirs.weight)
        np.testing.assert_array_equal(np.asarray(mine.delay_ms), np.asarray(theirs.delay_ms))


def test_copies_and_pickles_equal_the_original():
    net = network()
    for again in (copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))):
        assert again(events()) == events()
        assert again(net).fingerprint == net.fingerprint
        assert again(net.populations[1]) == net.populations[1]
        assert again(net.projections[0].plasticity) == net.projections[0].plasticity
        assert again(net.noise) == net.noise
        assert again(Counts(samples=2)) == Counts(samples=2)


def edit(tree, *place_and_value):
    *place, last, value = place_and_value
    for key in place:
        tree = tree[key]
    if value is KeyError:
        del tree[last]
    else:
        tree[last] = value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("dt_ms", KeyError), "network: field 'dt_ms' is missing"),
        (("more", 1), "network: field 'more' is unknown"),
        (("dt_ms", None), "dt_ms must be a finite number > 0, got None"),
        (("noise", {}), "noise must be a list, got {}"),
        (("noise", 0, 3), "noise must be a group of post, rate_hz, weight, receptor, got 3"),
        (("populations", 1, "size", KeyError), "population: field 'size' is missing"),
        (("populations", 1, "size", "3"), "'a': size must be a whole number >= 1 and <= 2147483647, got '3'"),
        (("populations", 1, "neuron", "kind", "HH"), "kind of neuron must be one of 'LIF', 'LI', got 'HH'"),
        (("populations", 1, "neuron", []), "kind of neuron must be one of 'LIF', 'LI', got None"),
        (("populations", 1, "neuron", "v_th", KeyError), "neuron: field 'v_th' is missing"),
        (("populations", 1, "neuron", "bias", "no"), "bias must be a finite number, got 'no'"),
        (("projections", 0, "pre", ["in"]), "projection 'in-a': pre must be a non-empty string"),
        (("projections", 0, "weight", None), "projection 'in-a': weight must be a group of shape, data"),
        (("projections", 1, "weight", "data", KeyError), "projection 'loop': weight: field 'data' is missing"),
        (("projections", 1, "weight", "shape", [3]), "projection 'loop': weight"),
        (("projections", 1, "weight", "indices", np.array([0, 1, 9])), "projection 'loop': weight: "),
        (("projections", 0, "delay_ms", "soon"), "projection 'in-a': delay_ms must be real numbers"),
        (("projections", 0, "plasticity", "kind", "BCM"), "kind of plasticity must be one of 'STDP', 'Hebbian'"),
        (("projections", 0, "plasticity", "w_max", KeyError), "plasticity: field 'w_max' is missing"),
    ],
)  # fmt: skip
def test_a_damaged_network_is_named(tmp_path, change, message):
    path = tmp_path / "net.h5"
    tree = copy.deepcopy(network().to_dict())
    edit(tree, *change)
    write_tree(path, "snn.network", 3, tree)
    with pytest.raises(ValueError, match=f"^{path}: .*{message}"):
        Network.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("v", KeyError), "state: field 'v' is missing"),
        (("fingerprint", 3), "fingerprint must be text, got 3"),
        (("seed", "x"), "seed must be a whole number, got 'x'"),
        (("currents", []), "currents must be a group of populations or projections"),
        (("v", "a", 3.0), r"v\['a'\] must be an array, got 3.0"),
        (("steps", 3), "steps must be an array, got 3"),
        (("recent", "in", "unit", KeyError), "events: field 'unit' is missing"),
        (("recent", "in", "unit", np.zeros(1)), "unit must be integers"),
        (("recent", "in", 3), "events must be a group of step, unit"),
    ],
)
def test_a_damaged_state_is_named(tmp_path, change, message):
    path = tmp_path / "state.h5"
    tree = copy.deepcopy(simulate(network(), {"in": events()}).state.to_dict())
    edit(tree, *change)
    write_tree(path, "snn.state", 3, tree)
    with pytest.raises(ValueError, match=f"^{path}: .*{message}"):
        SimulationState.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("samples", 1.5), "samples must be a whole number >= 0, got 1.5"),
        (("continued", 3), "continued must be True or False, got 3"),
        (("spikes", 4), "spikes must be counts by name, got 4"),
        (("macs", {"p": -1}), r"macs\['p'\] must be a whole number >= 0, got -1"),
    ],
)
def test_damaged_counts_are_named(change, message):
    tree = Counts().to_dict()
    edit(tree, *change)
    with pytest.raises(ValueError, match=message):
        Counts.from_dict(tree)


def test_the_tree_of_a_network_is_what_its_file_holds(tmp_path):
    network().save(tmp_path / "net.h5")
    tree = read_tree(tmp_path / "net.h5", "snn.network", 3, dict)
    assert [p["name"] for p in tree["populations"]] == ["in", "a", "b"]
    assert tree["populations"][1]["neuron"]["tau_syn_ms"]["e/x"] == 2.0
    assert tree["projections"][2]["delay_ms"] is None

"""A run that is cut and continued is the uncut run."""

from __future__ import annotations

import numpy as np
import pytest
from damage import edit
from hypothesis import given, settings
from hypothesis import strategies as st

from snn.core import (
    Events,
    LIFParams,
    LIParams,
    Network,
    Population,
    Projection,
    Raster,
    Record,
    SimulationState,
    TimeGrid,
    simulate,
)

EVERYTHING = Record(spikes=["in", "a", "b", "out"], v=["b", "out"])
KEPT = [EVERYTHING, Record(), Record(spikes=["b"], v=["a"]), Record(spikes=[], v=["out", "b", "a"])]


def network(scale=1.0):
    rng = np.random.default_rng(3)
    a = LIFParams(tau_mem_ms=8.0, reset="hard_next_step", t_ref_ms=2.0, bias=0.02)
    b = LIFParams(tau_mem_ms=5.0, reset="soft", tau_syn_ms={"exc": 2.0, "inh": 4.0})
    return Network(
        1.0,
        [
            Population("in", 4),
            Population("a", 6, a),
            Population("b", 5, b),
            Population("out", 2, LIParams(decay=0.9)),
        ],
        [
            Projection("in", "a", rng.normal(0.4, 0.5, (4, 6)) * scale, rng.integers(0, 9, (4, 6))),
            Projection("a", "b", rng.uniform(0, 0.5, (6, 5)), rng.integers(1, 5, (6, 5)), receptor="exc"),
            Projection("b", "b", rng.uniform(-1, 0, (5, 5)), receptor="inh"),
            Projection("b", "out", rng.normal(size=(5, 2)), 0.0),
        ],
    )


def inputs():
    rng = np.random.default_rng(5)
    lengths = np.array([40, 0, 23])
    z = rng.poisson(0.25, (40, 3, 4)) * (np.arange(40)[:, None, None] < lengths[:, None])
    return Raster(z, TimeGrid(40, 1.0), lengths).to_events()


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 42), min_size=1, max_size=3).map(sorted),
    engines=st.lists(st.sampled_from(["event", "clock"]), min_size=4, max_size=4),
    kept=st.lists(st.sampled_from(KEPT), min_size=4, max_size=4),
)
def test_cut_anywhere_equals_uncut(cuts, engines, kept, tmp_path_factory):
    """Through a file at each cut, with another engine and another recording after it."""
    net, events = network(), inputs()
    whole = simulate(net, {"in": events}, record=Record(EVERYTHING.spikes, ["a", "b", "out"]))
    path = tmp_path_factory.mktemp("cut") / "state.h5"
    state, pieces = None, []
    for start, stop, engine, record in zip([0, *cuts], [*cuts, None], engines, kept, strict=False):
        piece = {"in": events.slice(start, stop)}
        pieces.append(simulate(net, piece, record=record, state=state, engine=engine))
        pieces[-1].state.save(path)
        state = SimulationState.load(path)
    counts = pieces[0].counts
    for piece in pieces[1:]:
        counts = counts + piece.counts
    assert counts == whole.counts
    bounds = zip([0, *cuts], [*cuts, None], pieces, strict=True)
    for start, stop, piece in bounds:
        for name, spikes in piece.spikes.items():
            assert spikes == whole.spikes[name].slice(start, stop)
        for name, v in piece.v.items():
            np.testing.assert_array_equal(v, whole.v[name][start:stop][: len(v)])
    assert_same_state(pieces[-1].state, whole.state)


def assert_same_state(a, b):
    assert a.fingerprint == b.fingerprint
    assert a.recent == b.recent
    for kind in ("v", "currents", "refractory"):
        mine, theirs = getattr(a, kind), getattr(b, kind)
        assert mine.keys() == theirs.keys()
        for name, array in mine.items():
            np.testing.assert_array_equal(array, theirs[name])
            assert array.dtype == theirs[name].dtype


def test_save_and_load_are_lossless(tmp_path):
    net, events = network(), inputs()
    state = simulate(net, {"in": events.slice(0, 11)}).state
    state.save(tmp_path / "state.h5")
    loaded = SimulationState.load(tmp_path / "state.h5")
    assert_same_state(loaded, state)
    assert len(loaded) == 3
    rest = {"in": events.slice(11)}
    assert simulate(net, rest, state=loaded).spikes == simulate(net, rest, state=state).spikes


def test_spikes_in_flight_arrive_after_the_cut():
    net = Network(
        1.0,
        [Population("in", 1), Population("p", 1, LIParams(decay=1.0))],
        [Projection("in", "p", [[2.0]], 5)],
    )
    first = simulate(net, {"in": Events.from_lists([[1, 1]], [[0, 0]], n_units=1, dt_ms=1.0, n_steps=3)})
    assert first.state.recent["in"].step.tolist() == [3, 3]  # of the last five steps
    assert first.counts.delay_reads == {"in-p": 0}
    second = simulate(net, n_steps=6, state=first.state, record=Record(v=["p"]))
    assert second.v["p"][:, 0, 0].tolist() == [0, 0, 0, 4, 4, 4]
    assert second.counts.delay_reads == {"in-p": 2}
    assert second.counts.continued
    assert (first.counts + second.counts).samples == 1


def test_another_network_is_refused():
    state = simulate(network(), {"in": inputs()}).state
    with pytest.raises(ValueError, match="state is of another network"):
        simulate(network(scale=2.0), {"in": inputs()}, state=state)


def test_another_batch_size_is_refused():
    state = simulate(network(), {"in": inputs()}).state
    with pytest.raises(ValueError, match=r"inputs\['in'\] has 2, state has 3"):
        simulate(network(), {"in": inputs().select([0, 1])}, state=state)


def test_broken_files_are_refused(tmp_path):
    path = tmp_path / "state.h5"
    with pytest.raises(FileNotFoundError, match="no file"):
        SimulationState.load(path)
    network().save(path)
    with pytest.raises(ValueError, match="format must be 'snn.state', got 'snn.network'"):
        SimulationState.load(path)
    simulate(network(), {"in": inputs()}).state.save(path)
    edit(path, lambda file: file.__delitem__("arrays/v.a"))
    with pytest.raises(ValueError, match="incomplete"):
        SimulationState.load(path)

"""A step per call equals one run, bit for bit; a step allocates nothing; every refusal."""

from __future__ import annotations

import copy
import pickle
import tracemalloc
from typing import NamedTuple

import numpy as np
import pytest
from random_networks import DT, random_network, random_neuron
from scipy import sparse

from snn.core import (
    STDP,
    LIFParams,
    LIParams,
    Network,
    PoissonInput,
    Population,
    Projection,
    Raster,
    Record,
    Session,
    TimeGrid,
    simulate,
)
from snn.core.grid import open_batch
from snn.core.grid.addressed import by_address


class Numbers(NamedTuple):
    """A bundle."""

    values: np.ndarray


BUNDLE = Numbers(np.zeros(3))


def assert_equal(a, b):
    """Two trees of plain values and arrays, as `to_dict` gives them."""
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_equal(a[key], b[key])
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    else:
        assert a == b


def rasters(rng, net, steps, batch):
    """Spikes of every source, and drive of some populations."""
    z = {p.name: rng.poisson(0.2, (steps, batch, p.size)) for p in net.populations if p.neuron is None}
    neurons = [p for p in net.populations if p.neuron is not None]
    drive = {p.name: rng.normal(0, 0.3, (steps, batch, p.size)) for p in neurons[: rng.integers(0, 2)]}
    return z, drive


def events(z, net):
    return {name: Raster(counts, TimeGrid(len(counts), net.dt_ms)) for name, counts in z.items()}


def run_by_steps(session, z, drive, steps):
    """Give what each step gave: spikes and membranes, [T, B, N]."""
    spikes, v = [], []
    for t in steps:
        out = session.step(
            {name: counts[t] for name, counts in z.items()}, {n: d[t] for n, d in drive.items()}
        )
        spikes.append({name: counts.copy() for name, counts in out.items()})
        v.append({name: values.copy() for name, values in session.v.items()})
    return [{name: np.array([one[name] for one in kept]) for name in kept[0]} for kept in (spikes, v)]


def check_steps(net, rng, *, steps, batch, dtype, cut):
    """Steps, through the state of one session into another, are a run of the plain engine."""
    z, drive = rasters(rng, net, steps, batch)
    keep = Record(v=[p.name for p in net.populations if p.neuron is not None][1:])
    options = {"dtype": dtype, "record": keep, "seed": 5}
    whole = simulate(net, events(z, net), currents=drive, engine="clock", **options)
    sessions = [Session(net, batch, currents=list(drive), **options) for _ in range(2)]
    first = run_by_steps(sessions[0], z, drive, range(cut))
    sessions[1].state = sessions[0].state
    halves = first, run_by_steps(sessions[1], z, drive, range(cut, steps))
    for name, spikes in whole.spikes.items():
        np.testing.assert_array_equal(np.concatenate([h[0][name] for h in halves]), spikes.to_raster().z)
    for name, v in whole.v.items():
        np.testing.assert_array_equal(np.concatenate([h[1][name] for h in halves]), v)
    assert_equal(sessions[1].state.to_dict(), whole.state.to_dict())
    # the first session goes on too, in one piece
    rest = {name: counts[cut:] for name, counts in z.items()}
    rec = sessions[0].run(events(rest, net), currents={name: d[cut:] for name, d in drive.items()})
    assert_equal(rec.state.to_dict(), whole.state.to_dict())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_steps_are_a_run_of_random_networks(dtype, monkeypatch):
    """Options, delays, receptors, recurrence, noise; logs that are struck out every few steps."""
    monkeypatch.setattr(open_batch, "_STEPS", 3)
    for seed in range(15):
        rng = np.random.default_rng(seed)
        net = random_network(rng, dyadic=False, noisy=True)
        check_steps(
            net, rng, steps=14, batch=int(rng.integers(1, 4)), dtype=dtype, cut=int(rng.integers(1, 13))
        )


def test_groups_that_sleep_and_logs_that_grow(monkeypatch):
    """Bursts and silence; 60 sparse synapses each, so that a spike is on its way to many for 20 steps."""
    monkeypatch.setattr(open_batch, "_STEPS", 100)
    rng = np.random.default_rng(0)
    neuron = random_neuron(rng, 200, dyadic=False, spiking=True)
    while neuron.receptors:
        neuron = random_neuron(rng, 200, dyadic=False, spiking=True)
    delay = rng.integers(1, 21, (200, 200)) * DT
    net = Network(
        DT,
        [Population("in", 9), Population("p", 200, neuron), Population("q", 3, LIParams(tau_mem_ms=9.0))],
        [
            Projection("in", "p", rng.normal(0.6, 0.4, (9, 200)) * (rng.random((9, 200)) < 0.2)),
            Projection("p", "p", np.full((200, 200), 0.1) * (rng.random((200, 200)) < 0.3), delay),
            Projection("p", "q", rng.normal(0.0, 0.4, (200, 3))),
        ],
    )
    check_steps(net, rng, steps=400, batch=2, dtype="float64", cut=170)


def test_a_sleeper_wakes_at_the_same_step_of_every_window(monkeypatch):
    """A window is what the log has room for; an arrival at the same step of the one before is another arrival."""
    monkeypatch.setattr(open_batch, "_STEPS", 100)
    weight = np.zeros((1, 64))
    weight[0, 7] = 2.0
    neurons = Population("n", 64, LIFParams(tau_mem_ms=5.0))
    session = Session(Network(1.0, [Population("in", 1), neurons], [Projection("in", "n", weight)]))
    for t in range(500):
        assert session.step(np.array([[t % 100 == 50]]))["n"].sum() == (t % 100 == 50)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_steps_learn_as_a_run(dtype, monkeypatch):
    monkeypatch.setattr(open_batch, "_STEPS", 7)
    rng = np.random.default_rng(1)
    rule = STDP(0.02, 0.03, tau_plus_ms=5.0, tau_minus_ms=6.0, w_max=2.0)
    delay = rng.integers(0, 4, (8, 6)) * DT
    net = Network(
        DT,
        [Population("in", 8), Population("p", 6, LIFParams(tau_mem_ms=8.0))],
        [Projection("in", "p", rng.uniform(0.2, 0.9, (8, 6)), delay, plasticity=rule)],
        [PoissonInput("p", 100.0, 0.4)],
    )
    check_steps(net, rng, steps=40, batch=2, dtype=dtype, cut=17)


def small(weight=0.7, neuron=None):
    neuron = LIFParams(tau_mem_ms=5.0) if neuron is None else neuron
    return Network(
        1.0,
        [Population("in", 3), Population("n", 2, neuron)],
        [Projection("in", "n", np.full((3, 2), weight))],
    )


def test_a_bare_array_is_for_the_only_source_and_a_run_starts_as_one():
    net, z = small(), np.eye(3, dtype=bool)[:, None]
    session = Session(net)
    spikes = np.array([session.step(one)["n"].copy() for one in z])
    np.testing.assert_array_equal(spikes[:, 0, 0], [0, 1, 0])
    assert spikes.dtype == np.uint8
    session.reset()
    rec, whole = session.run(Raster(z, TimeGrid(3, 1.0))), simulate(net, {"in": Raster(z, TimeGrid(3, 1.0))})
    assert rec.counts == whole.counts and rec.spikes == whole.spikes
    assert session.run(Raster(z, TimeGrid(3, 1.0))).counts.continued


def test_many_spikes_at_once():
    """Sources are given whole numbers, and neurons that spike several times give more than a byte holds."""
    neuron = LIFParams(decay=1.0, reset="soft", spikes="multiple")
    session = Session(small(1.0, neuron), record=Record(spikes=["in", "n"]))
    out = session.step([[300, 0, 7]])
    np.testing.assert_array_equal(out["n"], [[307, 307]])
    np.testing.assert_array_equal(out["in"], [[300, 0, 7]])
    assert out["n"].dtype == np.uint16


def test_a_step_allocates_nothing():
    """Any array of these neurons takes 10 kB at least, Python's own temporaries few."""
    rng, size = np.random.default_rng(0), 5000
    net = Network(
        DT,
        [Population("in", 50), Population("p", size, LIFParams(tau_mem_ms=3.0, tau_syn_ms=2.0))],
        [
            Projection("in", "p", rng.normal(0.1, 0.3, (50, size))),
            Projection(
                "p", "p", sparse.random_array((size, size), density=2e-4, format="csr", rng=rng), 3 * DT
            ),
        ],
    )
    session, z = Session(net, 2, currents=["p"]), rng.random((2, 50)) < 0.1
    drive = {"p": rng.normal(0.0, 0.01, (2, size))}
    for _ in range(50):
        out = session.step(z, drive)
    assert out["p"].any()
    addresses = {name: array.ctypes.data for name, array in out.items()}
    tracemalloc.start()
    session.step(z, drive)
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    for _ in range(1500):  # past the room of a log
        out = session.step(z, drive)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - before < 5000
    assert {name: array.ctypes.data for name, array in out.items()} == addresses


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda s: s.step(np.zeros((1, 4), bool)), r"z of 'in' must be \[1, 3\] of bool or whole numbers"),
        (lambda s: s.step(np.zeros((2, 3), bool)), r"z of 'in' must be \[1, 3\]"),
        (lambda s: s.step(np.zeros((1, 3))), "z of 'in' must be .* of bool or whole numbers"),
        (lambda s: s.step([[0, -1, 0]]), "z of 'in' must be from 0 to 65535"),
        (lambda s: s.step([[0, 65536, 0]]), "z of 'in' must be from 0 to 65535"),
        (lambda s: s.step({"on": [[0, 0, 0]]}), r"z must be for sources, which are \['in'\]"),
        (lambda s: s.step(None, {"in": [0.0]}), "currents must be for populations that Session"),
        (lambda s: s.step(None, {"n": [0.0]}), r"currents\['n'\] must be \[2\] or \[1, 2\]"),
        (lambda s: s.step(None, {"n": [0.0, np.nan]}), r"currents\['n'\]"),
        (
            lambda s: s.run(Raster(np.zeros((2, 2, 3)), TimeGrid(2, 1.0))),
            "must be of 1 samples, as the session",
        ),
        (lambda s: setattr(s, "state", None), "state must be a SimulationState"),
        (lambda s: setattr(s, "state", Session(small(0.5)).state), "state is of another network"),
        (
            lambda s: setattr(s, "state", Session(s.net, 2).state),
            "state must be of 1 samples, as the session",
        ),
        (
            lambda s: setattr(s, "state", Session(s.net, dtype="float32").state),
            "state must be of float64, as the session",
        ),
    ],
)
def test_refusals_change_nothing(call, says):
    session = Session(small(), currents=["n"])
    session.step([[1, 0, 0]])
    before = session.state.to_dict()
    with pytest.raises((ValueError, TypeError), match=says):
        call(session)
    assert_equal(session.state.to_dict(), before)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"batch": 0}, "batch must be a whole number >= 1"),
        ({"dtype": "float16"}, "dtype must be"),
        ({"dtype": np.float32}, "dtype must be one of .*, got <class 'numpy.float32'>"),
        ({"currents": "n"}, "currents must be a list of population names, got 'n'"),
        ({"record": Record(spikes=["m"])}, "record.spikes must be of populations"),
        ({"record": Record(v=["in"])}, "record.v must be of populations with neurons"),
        ({"currents": ["in"]}, "currents must be populations with neurons"),
        ({"seed": 0.5}, "seed must be"),
    ],
)
def test_refused_sessions(arguments, says):
    with pytest.raises((ValueError, TypeError), match=says):
        Session(small(), **arguments)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_session_has_no_copies_since_they_would_share_its_memory(again):
    session = Session(small())
    session.step([[1, 0, 0]])
    for one in (session, by_address(BUNDLE)):
        with pytest.raises(TypeError, match="cannot be copied or pickled"):
            again(one)


def test_the_seed_stays_that_of_the_session_and_views_are_not_to_be_written():
    def noisy(seed):
        noise = [PoissonInput("n", 300.0, 0.3)]
        return Session(
            Network(1.0, [Population("n", 4, LIFParams(decay=0.5))], [], noise),
            seed=seed,
            record=Record(v=["n"]),
        )

    one, other, fresh = noisy(1), noisy(2), noisy(1)
    other.step()
    one.state = other.state
    one.reset()
    for _ in range(20):
        one.step()
        fresh.step()
    np.testing.assert_array_equal(one.v["n"], fresh.v["n"])
    for view in (one.v["n"], one.step()["n"]):
        with pytest.raises(ValueError, match="read-only"):
            view[:] = 0


def test_two_sources_need_names_and_overflow_is_seen():
    net = Network(1.0, [Population("a", 1), Population("b", 1)], [])
    with pytest.raises(TypeError, match=r"z must be given by the names of sources, which are \['a', 'b'\]"):
        Session(net).step([[1]])
    session = Session(small(1e308, LIParams(decay=1.0)))
    session.step([[1, 1, 0]])
    with pytest.raises(ValueError, match="of 'n' must be finite"):
        _ = session.state

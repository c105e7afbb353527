"""engine="exact" against its reference, one heap of all that is to come: the same bits, whatever the windows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from exact_heap import run_sample_by_heap

from snn.core import (
    LIFParams,
    LIParams,
    Network,
    Population,
    Projection,
    Record,
    TimedEvents,
    simulate,
)
from snn.core.exact import run as exact_run
from snn.core.exact.layout import exact_arrays_of

DT = 0.5
KEEP = Record(["in", "a", "b", "out"], ["a", "out"])


def random_neuron(rng, size):
    """Jumps, one current or two (constants close, equal or apart), any reset, and drive near the threshold."""
    tau = rng.uniform(3, 15, size)
    tau_syn = [None, tau * rng.choice([0.2, 0.95, 1.0, 2.0]), {"e": rng.uniform(1, 6, size), "i": 4.0}]
    return LIFParams(
        tau_mem_ms=tau,
        tau_syn_ms=tau_syn[rng.integers(3)],
        decay_input=bool(rng.integers(2)),
        reset=str(rng.choice(["hard", "soft"])),
        fires=str(rng.choice([">=", ">"])),
        t_ref_ms=rng.choice([0.0, 1.3]),
        v_reset=-0.2,
        v_rest=0.1,
        bias=rng.uniform(-0.1, 0.3, size) * rng.choice([0.0, 1.0]),
    )


def random_net(rng, lattice):
    """Two sources, two populations that feed each other, a readout; one delay or any, also 0 forward."""
    size, neurons = {"in": 5, "in2": 3, "a": 9, "b": 7, "out": 2}, {}
    neurons = {name: random_neuron(rng, size[name]) for name in "ab"} | {"out": LIParams(tau_mem_ms=7.0)}

    def project(pre, post, mean, least, k):
        shape = size[pre], size[post]
        delay = rng.integers(0, 8, shape) * DT / 2 if lattice else rng.exponential(2.0, shape)
        delay = delay[0, 0] if k % 3 == 0 else delay
        weight = rng.normal(mean, 0.3, shape) * (rng.random(shape) < 0.7)
        receptors = getattr(neurons[post], "receptors", ())
        receptor = receptors[k % 2] if len(receptors) == 2 else None
        return Projection(pre, post, weight, least + delay, f"{pre}-{post}-{k}", receptor=receptor)

    pairs = [("in", "a", 0.5, 0.0), ("in2", "b", 0.5, 0.0), ("a", "b", 0.3, 0.0), ("b", "a", -0.4, 0.75)]
    pairs += [("a", "a", -0.1, 0.75), ("b", "out", 0.3, 0.0), ("in", "a", -0.1, 0.0)]
    shift = int(rng.integers(3))
    projections = [project(*pair, k + shift) for k, pair in enumerate(pairs)]
    populations = [Population(name, n, neurons.get(name)) for name, n in size.items()]
    return Network(DT, populations, projections)


def random_run(rng, net, lattice, samples, steps):
    """Inputs of different lengths; drive that changes, stays or is none."""
    inputs = {}
    for name, rate in (("in", 1.5), ("in2", 0.5)):
        count = rng.poisson(rate * steps, samples)
        times = [
            rng.integers(0, 2 * steps, n) * DT / 2 if lattice else rng.uniform(0, steps * DT, n)
            for n in count
        ]
        n = net.population(name).size
        units = [rng.integers(0, n, t.size) for t in times]
        inputs[name] = TimedEvents.from_times(times, units, n_units=n, dt_ms=DT, n_steps=steps)
    drive = [{}, {"a": rng.normal(0, 0.05, 9)}, {"a": rng.normal(0, 0.1, (steps, samples, 9))}][
        rng.integers(3)
    ]
    return {"inputs": inputs, "currents": drive}


def by_heap(monkeypatch, *args, **options):
    with monkeypatch.context() as patch:
        patch.setattr(exact_run, "run_sample", run_sample_by_heap)
        return simulate(*args, engine="exact", record=KEEP, **options)


def assert_same(one, other):
    for name in KEEP.spikes:
        assert one.spikes[name] == other.spikes[name]
    for name in KEEP.v:
        np.testing.assert_array_equal(one.v[name], other.v[name])
    assert one.counts == other.counts
    for field in dataclasses.fields(one.state):
        mine, theirs = getattr(one.state, field.name), getattr(other.state, field.name)
        for name in mine if isinstance(mine, dict) else ():
            if field.name == "recent":
                assert mine[name] == theirs[name]
            else:
                np.testing.assert_array_equal(mine[name], theirs[name])


@pytest.mark.parametrize("lattice", [False, True])
@pytest.mark.parametrize("seed", range(9))
def test_windows_are_the_heap(monkeypatch, seed, lattice):
    """On a lattice many arrivals meet at one time, and the order of their sum shows in its last bit."""
    rng = np.random.default_rng([seed, lattice])
    net = random_net(rng, lattice)
    first, rest = (random_run(rng, net, lattice, 2, steps) for steps in (23, 17))
    ours = simulate(net, engine="exact", record=KEEP, **first)
    theirs = by_heap(monkeypatch, net, **first)
    assert_same(ours, theirs)
    # ... and from where they stand, with spikes on their way
    assert_same(
        simulate(net, engine="exact", record=KEEP, state=ours.state, **rest),
        by_heap(monkeypatch, net, state=theirs.state, **rest),
    )
    assert ours.counts.updates_touched["b"] > 0


def feed(rng, weight, delays, times, steps, tau_syn=None):
    """A source over two projections to neurons that inhibit each other."""
    units = rng.integers(0, weight.shape[0], times.size)
    events = TimedEvents.from_times([times], [units], n_units=weight.shape[0], dt_ms=DT, n_steps=steps)
    size = weight.shape[1]
    neuron = LIFParams(tau_mem_ms=9.0, tau_syn_ms=tau_syn, t_ref_ms=1.0)
    populations = [Population("in", weight.shape[0]), Population("a", size, neuron)]
    populations += [
        Population("b", 1, LIParams(tau_mem_ms=5.0)),
        Population("out", 1, LIParams(tau_mem_ms=5.0)),
    ]
    projections = [Projection("in", "a", weight, delay, f"from {k}") for k, delay in enumerate(delays)]
    inner = Projection("a", "a", -0.05 * np.ones((size, size)), delays[-1] + 0.6)
    return Network(DT, populations, [*projections, inner, Projection("a", "out", np.ones((size, 1)))]), events


@pytest.mark.parametrize("tau_syn", [None, 2.0])
def test_thousands_of_arrivals_in_a_window(monkeypatch, tau_syn):
    """More than there is room for at first, and hundreds for each unit, out of order over two delays."""
    rng = np.random.default_rng(4)
    net, events = feed(
        rng, rng.normal(0.01, 0.02, (150, 12)), (0.0, 2.7), rng.uniform(0, 9, 1500), 22, tau_syn
    )
    ours = simulate(net, {"in": events}, engine="exact", record=KEEP)
    assert_same(ours, by_heap(monkeypatch, net, inputs={"in": events}))
    assert ours.spikes["a"].n_events > 20


def test_silence_is_skipped_to_where_something_happens(monkeypatch):
    """Spikes far apart, on their way for longer than a window, and a neuron that only its drive makes fire."""
    rng = np.random.default_rng(5)
    delay = rng.uniform(0, 150, (6, 4)) * (rng.random((6, 4)) < 0.8)
    net, events = feed(rng, rng.normal(1.5, 1.0, (6, 4)), (delay, 37.0), rng.uniform(0, 500, 25), 1200, 3.0)
    options = {"inputs": {"in": events}, "currents": {"a": [0.0, 0.0, 0.13, 0.05]}}
    ours = simulate(net, engine="exact", record=KEEP, **options)
    assert_same(ours, by_heap(monkeypatch, net, **options))
    assert set(ours.spikes["a"].unit) == {0, 1, 2, 3}


@pytest.mark.parametrize("cut", [1, 13, 22])
def test_cut_anywhere(cut):
    """A run in two is the run in one: where the windows begin does not show but in the rounding of times."""
    rng = np.random.default_rng(6)
    net, events = feed(
        rng,
        rng.normal(0.4, 0.3, (9, 7)),
        (rng.exponential(3.0, (9, 7)), 0.0),
        rng.uniform(0, 15, 90),
        30,
        4.0,
    )
    whole, first = (
        simulate(net, {"in": e}, engine="exact", record=KEEP) for e in (events, events.slice(0, cut))
    )
    rest = simulate(net, {"in": events.slice(cut)}, engine="exact", record=KEEP, state=first.state)
    assert first.counts + rest.counts == whole.counts
    times = np.concatenate([first.spikes["a"].time_ms, rest.spikes["a"].time_ms + cut * DT])
    np.testing.assert_allclose(np.sort(times), np.sort(whole.spikes["a"].time_ms), rtol=0, atol=1e-10)
    np.testing.assert_allclose(np.concatenate([first.v["a"], rest.v["a"]]), whole.v["a"], rtol=0, atol=1e-10)
    assert times.size > 20


def test_shorter_windows_change_nothing(monkeypatch):
    rng = np.random.default_rng(7)
    net, events = feed(rng, rng.normal(0.05, 0.05, (40, 6)), (0.3, 0.0), rng.uniform(0, 40, 800), 90, 2.5)
    ours = simulate(net, {"in": events}, engine="exact", record=KEEP)
    monkeypatch.setattr(
        exact_run, "exact_arrays_of", lambda net: exact_arrays_of(net)._replace(window_ms=0.07)
    )
    assert_same(ours, simulate(net, {"in": events}, engine="exact", record=KEEP))

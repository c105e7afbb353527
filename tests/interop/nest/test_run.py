"""The same network in NEST: spike for spike, on the grid and off it."""

from __future__ import annotations

import dataclasses
import os

import numpy as np
import pytest

import snn
from snn.core import (
    LIFParams,
    LIParams,
    Network,
    Population,
    Projection,
    Raster,
    Record,
    TimedEvents,
    TimeGrid,
    connectivity,
)
from snn.interop import nest as in_nest
from snn.recipes.balanced import cuba

os.environ["PYNEST_QUIET"] = "1"
nest = pytest.importorskip("nest", reason="NEST is not installed: pip install nest-simulator")

DT = 0.1


def poisson(rng, rate_hz, units, steps, samples=1):
    z = rng.poisson(rate_hz * DT / 1000, (steps, samples, units))
    return Raster(z, TimeGrid(steps, DT)).to_events()


def compare(net, events, names, n_steps=None, **options):
    keep = Record([*names, "in"], names[-1:])
    ours = snn.simulate(net, {"in": events}, n_steps, record=keep, **options)
    theirs = in_nest.simulate(net, {"in": events}, n_steps, record=keep, **options)
    assert isinstance(theirs, in_nest.NestRecording)
    assert ours.spikes == theirs.spikes
    for name, v in ours.v.items():
        np.testing.assert_allclose(theirs.v[name], v, rtol=0, atol=1e-10)
    return ours


def brunel(rng, exc=800, inh=200, g=5.0, jump=0.4, delay_ms=1.5):
    """Brunel (2000), model A, a tenth of the size with in-degrees of a tenth."""
    neuron = LIFParams(tau_mem_ms=20.0, v_th=20.0, v_reset=10.0, t_ref_ms=2.0)
    sizes, draw = {"exc": exc, "inh": inh}, rng.integers(1000)
    projections = [
        Projection(
            pre,
            post,
            connectivity.fixed_in_degree(
                sizes[pre], sizes[post], sizes[pre] // 10, jump if pre == "exc" else -g * jump, seed=draw + i
            ),
            delay_ms,
        )
        for i, (pre, post) in enumerate((a, b) for a in sizes for b in sizes)
    ]
    outside = [
        Projection("in", name, connectivity.fixed_in_degree(400, n, 40, jump, seed=7), 0.0)
        for name, n in sizes.items()
    ]
    return Network(
        DT,
        [Population("in", 400), *(Population(name, n, neuron) for name, n in sizes.items())],
        [*projections, *outside],
    )


def test_brunel_spike_for_spike():
    """1000 neurons that jump, 250 ms, a hundred thousand recurrent synapses."""
    rng = np.random.default_rng(1)
    rec = compare(brunel(rng), poisson(rng, 90.0, 400, 2500), ["exc", "inh"])
    rates = {name: rec.counts.spikes[name] / n / 0.25 for name, n in (("exc", 800), ("inh", 200))}
    assert all(5 < rate < 100 for rate in rates.values()), rates


def test_cuba_spike_for_spike():
    """1000 neurons with two currents each (Vogels & Abbott 2005, weights for the size), 250 ms."""
    rng = np.random.default_rng(2)
    neuron = LIFParams(
        tau_mem_ms=20.0,
        tau_syn_ms={"exc": 5.0, "inh": 10.0},
        v_rest=-49.0,
        v_th=-50.0,
        v_reset=-60.0,
        t_ref_ms=5.0,
    )
    scale = DT / 20.0  # the paper's current drives dv/dt by current / tau
    sizes = {"exc": 800, "inh": 200}
    net = Network(
        DT,
        [Population("in", 200), *(Population(name, n, neuron) for name, n in sizes.items())],
        [
            Projection(
                pre,
                post,
                connectivity.bernoulli(n, m, 0.08, (1.62 if pre == "exc" else -9.0) * scale, seed=i),
                delay_ms=0.2,
                receptor=pre,
            )
            for i, (pre, n, post, m) in enumerate((a, sizes[a], b, sizes[b]) for a in sizes for b in sizes)
        ]
        + [
            Projection(
                "in",
                name,
                connectivity.bernoulli(200, n, 0.1, 20.0 * scale, seed=9),
                receptor="exc",
                delay_ms=0.0,
            )
            for name, n in sizes.items()
        ],
    )
    rec = compare(net, poisson(rng, 20.0, 200, 2500), ["exc", "inh"])
    rate = rec.counts.spikes["exc"] / 800 / 0.25
    assert 5 < rate < 100, rate


@pytest.mark.parametrize("seed", range(8))
def test_small_networks_of_all_that_both_know(seed):
    """Values per neuron, up to three receptors, readouts, samples of unlike length, several spikes in a step."""
    rng = np.random.default_rng(seed)
    receptors = [None, 3.0, {"a": 2.5, "b": rng.uniform(1, 9, 7)}, {"a": 1.0, "b": 6.0, "c": 3.0}][seed % 4]
    names = list(receptors) if isinstance(receptors, dict) else [None]
    gain = 1.0 if receptors is None else 0.1
    leak = {"tau_mem_ms": rng.uniform(10, 20, 7)} if seed % 2 else {"decay": rng.uniform(0.9, 0.99)}
    filtered = bool(seed // 4)
    if filtered:
        gain *= 20.0
    neuron = LIFParams(
        **leak,
        tau_syn_ms=receptors,
        v_th=rng.uniform(0.5, 1.0, 7),
        v_reset=-0.2,
        v_rest=rng.uniform(-0.1, 0.1, 7),
        t_ref_ms=rng.integers(0, 20, 7) * DT,
        bias=rng.uniform(0, 0.1, 7) * gain * 0.02,
        decay_input=filtered,
    )
    readout = LIParams(tau_mem_ms=15.0, tau_syn_ms=4.0, decay_input=True)
    net = Network(
        DT,
        [Population("in", 5), Population("n", 7, neuron), Population("out", 2, readout)],
        [
            Projection(
                "in",
                "n",
                rng.uniform(0.2, 0.9, (5, 7)) * gain,
                rng.integers(0, 40, (5, 7)) * DT,
                receptor=names[0],
            ),
            Projection(
                "n",
                "n",
                rng.normal(-0.1, 0.3, (7, 7)) * gain,
                rng.integers(2, 30, (7, 7)) * DT,
                receptor=names[-1],
            ),
            Projection("n", "out", rng.normal(0, 0.3, (7, 2)), 0.5),
        ],
    )
    z = rng.poisson(0.05, (400, 2, 5)) * (np.arange(400)[:, None, None] < np.array([400, 250])[:, None])
    events = Raster(z, TimeGrid(400, DT), [400, 250]).to_events()
    drive = {"n": rng.uniform(0, 0.01, 7) * gain}
    rec = compare(net, events, ["n", "out"], currents=drive)
    assert rec.spikes["n"].n_events > 20
    compare(net, events, ["n"], 450, currents=drive)


def test_the_order_of_a_step_against_nest_itself():
    """NEST's smallest delay moves the membrane one step after the spike with jumps, two with currents."""
    for model, tau_syn, smallest in (("iaf_psc_delta", None, 1), ("iaf_psc_exp", 5.0, 2)):
        nest.ResetKernel()
        nest.resolution = DT
        neuron = {"C_m": 10.0, "tau_m": 10.0, "E_L": 0.0, "V_m": 0.0, "V_th": 1e6, "V_reset": 0.0}
        extra = {} if tau_syn is None else {"tau_syn_ex": tau_syn}
        cell = nest.Create(model, params=neuron | extra)
        sender = nest.Create("spike_generator", params={"spike_times": [2.0]})
        nest.Connect(sender, cell, syn_spec={"weight": 1.0, "delay": DT})
        meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": DT})
        nest.Connect(meter, cell)
        nest.Simulate(10.0)
        # What NEST stamps (k + 1) dt is our step k: its spike at 2.0 ms is one of our step 19.
        theirs = meter.events["V_m"][: len(meter.events["times"])]
        weight = 1.0
        if tau_syn is not None:  # its exact answer to a current over a step, against our input_scale of 1
            weight = tau_syn / (10.0 - tau_syn) * (np.exp(-DT / 10) - np.exp(-DT / tau_syn))
        net = Network(
            DT,
            [Population("in", 1), Population("n", 1, LIParams(tau_mem_ms=10.0, tau_syn_ms=tau_syn))],
            [Projection("in", "n", [[weight]], smallest * DT)],
        )
        events = snn.Events.from_lists([[19]], [[0]], n_units=1, dt_ms=DT, n_steps=100)
        ours = snn.simulate(net, {"in": events}, record=Record(v=["n"])).v["n"][:, 0, 0]
        assert (ours[: 19 + smallest] == 0).all() and ours[19 + smallest] > 0
        np.testing.assert_allclose(ours[: theirs.size], theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("fires", [">=", ">"])
def test_the_threshold_itself(fires):
    neuron = LIFParams(tau_mem_ms=10.0, fires=fires)
    net = Network(DT, [Population("in", 1), Population("n", 1, neuron)], [Projection("in", "n", [[1.0]], DT)])
    events = snn.Events.from_lists([[3]], [[0]], n_units=1, dt_ms=DT, n_steps=9)
    rec = compare(net, events, ["n"])
    assert rec.spikes["n"].step.tolist() == ([4] if fires == ">=" else [])


def test_the_benchmark_network_from_scattered_membranes():
    """CUBA as the recipe builds it (a quarter of the size), every membrane somewhere below threshold."""
    net = cuba(1000, 0.08, delay_steps=2)
    state, rng = snn.simulate(net, n_steps=0).state, np.random.default_rng(0)
    v = {name: rng.uniform(-60.0, -50.0, v.shape) for name, v in state.v.items()}
    state = dataclasses.replace(state, v=v)
    ours = snn.simulate(net, n_steps=2000, state=state)
    theirs = in_nest.simulate(net, n_steps=2000, state=state)
    assert ours.spikes == theirs.spikes
    assert ours.counts.spikes["exc"] > 500
    with pytest.raises(
        ValueError,
        match=r"state.currents\['exc'\] must be 0 for NEST, which starts from membranes alone, got \d",
    ):
        in_nest.simulate(net, n_steps=10, state=ours.state)


@pytest.mark.parametrize("tau_syn", [None, 5.0])
def test_noise_has_the_same_law(tau_syn):
    """Mean and spread of 400 membranes under Poisson input, within four standard errors of each other."""
    neuron = LIFParams(tau_mem_ms=10.0, v_th=1e9, tau_syn_ms=tau_syn)
    noise = [snn.PoissonInput("n", 800.0, 0.5)]
    net = Network(DT, [Population("n", 400, neuron)], noise=noise)
    keep = Record(v=["n"])
    ours, theirs = (
        run(net, n_steps=800, record=keep, seed=1).v["n"][-1, 0] for run in (snn.simulate, in_nest.simulate)
    )
    error = np.hypot(ours.std(), theirs.std()) / np.sqrt(400)
    assert abs(ours.mean() - theirs.mean()) < 4 * error
    assert 0.8 < ours.std() / theirs.std() < 1.25


def exact_net(rng, neuron, receptors, weights, dt, lattice):
    delays = [
        rng.integers(low, high, shape) * lattice for low, high, shape in ((0, 5, (10, 20)), (2, 9, (20, 20)))
    ]
    return Network(
        dt,
        [Population("in", 10), Population("n", 20, neuron)],
        [
            Projection("in", "n", weights[0], delays[0], receptor=receptors[0]),
            Projection("n", "n", weights[1], delays[1], receptor=receptors[1]),
        ],
    )


@pytest.mark.parametrize("tau_syn", [3.0, {"exc": 5.0, "inh": 7.0}])
def test_exact_against_precise_neurons_with_currents(tau_syn):
    """Crossings in NEST are found to its bisection's 1e-14 of a step; off the grid nothing else differs."""
    rng = np.random.default_rng(3)
    two = isinstance(tau_syn, dict)
    inner = rng.normal(0, 0.006, (20, 20))
    weights = [np.abs(rng.normal(0.01, 0.006, (10, 20))), -np.abs(inner) if two else inner]
    neuron = LIFParams(tau_mem_ms=10.0, tau_syn_ms=tau_syn, t_ref_ms=0.5, bias=0.01, v_rest=0.1, v_reset=-0.1)
    net = exact_net(rng, neuron, ("exc", "inh") if two else (None, None), weights, DT, DT)
    times, units = np.sort(rng.uniform(0, 200, 1600)), rng.integers(0, 10, 1600)
    events = TimedEvents.from_times([times], [units], n_units=10, dt_ms=DT, n_steps=2000)
    ours = snn.simulate(net, {"in": events}, engine="exact").spikes["n"]
    theirs = in_nest.simulate(net, {"in": events}, precise=True).spikes["n"]
    assert ours.n_events == theirs.n_events > 500
    for unit in range(20):
        mine, other = (np.sort(e.time_ms[e.unit == unit]) for e in (ours, theirs))
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-9)


def test_exact_against_precise_neurons_that_jump():
    """All times are short binary fractions: sums of delays are exact, and what arrives together is one."""
    rng = np.random.default_rng(0)
    dt = 2.0**-4
    neuron = LIFParams(tau_mem_ms=10.0, t_ref_ms=9 * dt, v_rest=0.1, v_reset=-0.1)
    weights = [np.abs(rng.normal(0.5, 0.3, (10, 20))), rng.normal(0, 0.3, (20, 20))]
    net = exact_net(rng, neuron, (None, None), weights, dt, 2 * dt)
    times, units = rng.integers(0, 200 * 2**20, 1600) / 2**20, rng.integers(0, 10, 1600)
    events = TimedEvents.from_times([times], [units], n_units=10, dt_ms=dt, n_steps=3200)
    keep = Record(["in", "n"])
    ours = snn.simulate(net, {"in": events}, engine="exact", record=keep).spikes
    theirs = in_nest.simulate(net, {"in": events}, precise=True, record=keep).spikes
    assert ours == theirs
    assert ours["n"].n_events > 1000


def test_a_steady_drive_off_the_grid():
    neuron = LIFParams(tau_mem_ms=10.0, decay_input=True, bias=1.5, t_ref_ms=2.0, v_reset=-0.5)
    net = Network(DT, [Population("n", 1, neuron)])
    theirs = in_nest.simulate(net, n_steps=1000, precise=True).spikes["n"].time_ms
    expected = 10 * np.log(3.0) + (2 + 10 * np.log(4.0)) * np.arange(theirs.size)
    np.testing.assert_allclose(theirs, expected, rtol=0, atol=1e-9)
    assert theirs.size == 6

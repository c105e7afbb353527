"""Poisson input, adaptive thresholds, float32 and threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson

from snn.core import (
    LIFParams,
    LIParams,
    Network,
    PoissonInput,
    Population,
    Projection,
    Raster,
    Record,
    SimulationState,
    TimeGrid,
    simulate,
)
from snn.core.poisson import inversion_table
from snn.core.random import GOLDEN, keys, mix


@pytest.mark.parametrize("mean", [1e-4, 0.3, 2.0, 40.0, 3000.0])
def test_the_table_is_the_poisson_distribution(mean):
    least, cut = inversion_table(mean)
    above = 1.0 - (cut[cut < 2**32 - 1].astype(float) + 1.0) / 2**32  # chance of more than n spikes
    n = least + np.arange(above.size)
    np.testing.assert_allclose(above, poisson.sf(n, mean), rtol=0, atol=2.0**-32)
    assert cut.size % 4 == 0 and poisson.sf(n[-1], mean) < 1e-8


def test_zero_rate_brings_nothing():
    net = Network(1.0, [Population("p", 5, LIFParams(decay=0.5))], noise=[PoissonInput("p", 0.0, 1.0)])
    assert simulate(net, n_steps=50).counts.noise_events == {"p": 0}


def counter(n, rate_hz=700.0, weight=0.25):
    """Sum up the noise: a membrane without leak or threshold."""
    return Network(1.0, [Population("p", n, LIParams(decay=1.0))], noise=[PoissonInput("p", rate_hz, weight)])


def drawn(seed, sample, n, steps, mean):
    """The documented draw: two SplitMix64 streams in a row, half a word per neuron."""
    least, cut = inversion_table(mean)
    key = keys(seed, "poisson/p/0", sample)
    numbers = np.zeros((steps, n), dtype=np.int64)
    for k in range(steps):
        step = mix(key + GOLDEN * np.array([k + 1], dtype=np.uint64))
        words = mix(step + GOLDEN * (np.arange(n) // 2).astype(np.uint64))
        half = np.where(np.arange(n) % 2, words >> np.uint64(32), words & np.uint64(0xFFFFFFFF))
        numbers[k] = least + (half[:, None] > cut.astype(np.uint64)).sum(axis=1)
    return numbers


@pytest.mark.parametrize("engine", ["event", "clock"])
@pytest.mark.parametrize("n", [1, 7, 4100])  # more than are updated together
def test_the_numbers_are_the_documented_ones(engine, n):
    rec = simulate(counter(n), n_steps=6, record=Record(v=["p"]), engine=engine, seed=3)
    numbers = drawn(3, 0, n, 6, 0.7)
    np.testing.assert_array_equal(rec.v["p"][:, 0], 0.25 * numbers.cumsum(axis=0))
    assert rec.counts.noise_events == {"p": numbers.sum()}
    assert rec.counts.updates_touched == {"p": (numbers > 0).sum()}


def test_the_numbers_are_poisson_and_independent():
    z = np.stack([drawn(s, b, 500, 40, 0.7) for s, b in ((0, 0), (0, 1), (1, 0))]).astype(float)
    assert abs(z.mean() - 0.7) < 5 * np.sqrt(0.7 / z.size)
    assert abs(z.var() - 0.7) < 0.02
    for a, b in ((z[0], z[1]), (z[0], z[2]), (z[:, :, 0::2], z[:, :, 1::2]), (z[:, 1:], z[:, :-1])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 4 / np.sqrt(a.size)


def noisy_network():
    rng = np.random.default_rng(1)
    a = LIFParams(tau_mem_ms=10.0, adapt_by=0.3, tau_adapt_ms=15.0, t_ref_ms=2.0)
    b = LIFParams(tau_mem_ms=5.0, tau_syn_ms={"exc": 2.0, "inh": 4.0}, reset="soft")
    return Network(
        1.0,
        [Population("in", 3), Population("a", 70, a), Population("b", 5, b)],
        [
            Projection("in", "a", rng.normal(0.3, 0.3, (3, 70))),
            Projection("a", "b", np.full((70, 5), 0.05), rng.integers(1, 9, (70, 5)), receptor="exc"),
            Projection("b", "a", np.full((5, 70), -0.2), 3.0),
        ],
        [
            PoissonInput("a", 400.0, 0.1),
            PoissonInput("b", 90.0, -0.2, "inh"),
            PoissonInput("a", 50.0, 0.3),
        ],
    )


def spikes_in(samples=3, steps=60):
    z = np.random.default_rng(2).random((steps, samples, 3)) < 0.1
    return Raster(z, TimeGrid(steps, 1.0)).to_events()


@settings(max_examples=25, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 60), min_size=1, max_size=3).map(sorted),
    engines=st.lists(st.sampled_from(["event", "clock"]), min_size=4, max_size=4),
    dtype=st.sampled_from(["float64", "float32"]),
)
def test_noise_goes_on_over_cuts(cuts, engines, dtype, tmp_path_factory):
    net, events = noisy_network(), spikes_in()
    whole = simulate(net, {"in": events}, seed=9, dtype=dtype)
    state, counts = None, None
    for start, stop, engine in zip([0, *cuts], [*cuts, None], engines, strict=False):
        piece = {"in": events.slice(start, stop)}
        seed = 9 if state is None else None
        rec = simulate(net, piece, state=state, engine=engine, dtype=dtype, seed=seed)
        for name, spikes in rec.spikes.items():
            assert spikes == whole.spikes[name].slice(start, stop)
        path = tmp_path_factory.mktemp("state") / "state.h5"
        rec.state.save(path)
        state = SimulationState.load(path)
        counts = rec.counts if counts is None else counts + rec.counts
    assert counts == whole.counts
    np.testing.assert_array_equal(state.steps, whole.state.steps)
    for name in ("a", "b"):
        np.testing.assert_array_equal(state.v[name], whole.state.v[name])
    np.testing.assert_array_equal(state.adaptation["a"], whole.state.adaptation["a"])
    assert whole.counts.spikes["a"] > 0 and whole.counts.spikes["b"] > 0


def test_results_depend_on_seed_and_sample_but_not_on_batch_or_threads():
    net, events = noisy_network(), spikes_in()
    alone = simulate(net, {"in": spikes_in(1)}, seed=4)
    three = simulate(net, {"in": events}, seed=4)
    again = simulate(net, {"in": events}, seed=4, threads=2)
    assert three.spikes == again.spikes and three.counts == again.counts
    silent = simulate(net, n_steps=60, seed=4), simulate(net, n_steps=60, seed=5)
    assert silent[0].spikes["a"] != silent[1].spikes["a"]
    assert alone.state.seed == 4
    parts = [three.spikes["a"].unit[slice(*three.spikes["a"].offsets[b : b + 2])].tolist() for b in (0, 1, 2)]
    assert parts[0] != parts[1] != parts[2]


def test_network_with_noise_survives_its_file(tmp_path):
    net = noisy_network()
    net.save(tmp_path / "net.h5")
    loaded = Network.load(tmp_path / "net.h5")
    assert loaded.noise == net.noise and loaded.fingerprint == net.fingerprint
    assert loaded.population("a").neuron == net.population("a").neuron
    other = Network(net.dt_ms, net.populations, net.projections, net.noise[:1])
    assert other.fingerprint != net.fingerprint


@pytest.mark.parametrize("engine", ["event", "clock"])
def test_threshold_rises_and_decays(engine):
    """A drive of 1.5 for a step each: the neuron fires where the raised threshold has come down to it."""
    neuron = LIFParams(decay=0.0, v_th=1.0, adapt_by=2.0, tau_adapt_ms=5.0)
    net = Network(1.0, [Population("p", 1, neuron)])
    rec = simulate(net, n_steps=40, currents={"p": [1.5]}, engine=engine)
    theta, expected = 0.0, []
    for k in range(40):
        theta *= np.exp(-1.0 / 5.0)
        if 1.5 >= 1.0 + theta:
            expected.append(k)
            theta += 2.0
    assert rec.spikes["p"].step.tolist() == expected
    gaps = np.diff(expected)
    assert gaps[0] == np.ceil(5.0 * np.log(2.0 / 0.5))  # theta from 2 to 0.5
    assert rec.state.adaptation["p"][0, 0] == pytest.approx(theta, abs=1e-12)


def test_float32_is_close_to_float64():
    net, events = noisy_network(), spikes_in()
    single = simulate(net, {"in": events}, dtype="float32", record=Record(v=["a"]))
    double = simulate(net, {"in": events}, record=Record(v=["a"]))
    assert single.v["a"].dtype == np.float32 and double.v["a"].dtype == np.float64
    assert single.spikes["a"] == double.spikes["a"]
    np.testing.assert_allclose(single.v["a"], double.v["a"], atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PoissonInput("p", -1.0, 1.0), "rate_hz must be a finite number >= 0, got -1.0"),
        (lambda: PoissonInput("p", np.nan, 1.0), "rate_hz must be a finite number >= 0, got nan"),
        (lambda: PoissonInput("p", [1.0, 2.0], 1.0), "rate_hz must be a finite number"),
        (lambda: PoissonInput("p", 1.0, 0.0), "weight must be other than 0"),
        (lambda: counter(2, rate_hz=2e7), "at most 10000"),
        (
            lambda: Network(1.0, [Population("p", 2)], noise=[PoissonInput("p", 1.0, 1.0)]),
            "post must be a population of neurons .* got 'p'",
        ),
        (lambda: Network(1.0, [Population("p", 2)], noise=[PoissonInput("q", 1.0, 1.0)]), "'q'"),
        (
            lambda: Network(1.0, [Population("p", 2)], noise=["p"]),
            "noise must be a list of PoissonInput, got 'p'",
        ),
        (lambda: LIFParams(decay=0.5, adapt_by=1.0), "tau_adapt_ms must be given"),
        (lambda: LIFParams(decay=0.5, tau_adapt_ms=1.0), "adapt_by must be > 0"),
        (
            lambda: LIFParams(decay=0.5, adapt_by=-1.0, tau_adapt_ms=1.0),
            "adapt_by must be a finite number >= 0",
        ),
        (
            lambda: LIFParams(decay=0.5, adapt_by=1.0, tau_adapt_ms=1.0, reset="hard_next_step"),
            "reset must be",
        ),
        (lambda: simulate(counter(2), n_steps=1, dtype="float16"), "dtype must be one of"),
        (lambda: simulate(counter(2), n_steps=1, threads=0), "threads must be a whole number >= 1, got 0"),
        (
            lambda: simulate(counter(2), n_steps=1, engine="exact", dtype="float32"),
            "dtype must be 'float64' with engine='exact', got 'float32'",
        ),
        (
            lambda: simulate(counter(2), n_steps=1, engine="exact"),
            "noise to '.*' must be none with engine='exact'",
        ),
        (lambda: simulate(counter(2), n_steps=2_000_000_000), "n_steps must be <="),
        (
            lambda: simulate(weighing(1e-50), n_steps=1, dtype="float32"),
            "weight of 'in-p' must be .* 'float32', got 1e",
        ),
        (
            lambda: simulate(weighing(1e50), n_steps=1, dtype="float32"),
            "weight of 'in-p' must be .* 'float32', got 1e",
        ),
        (lambda: goes_on(seed=1), "seed must be left out or 0, that of the state's run, got 1"),
        (lambda: goes_on(dtype="float32"), "dtype must be 'float64', that of the state's run, got 'float32'"),
    ],
)
def test_refusals_say_what_is_wrong(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_exact_refuses_adaptation():
    neuron = LIFParams(tau_mem_ms=5.0, adapt_by=1.0, tau_adapt_ms=1.0)
    with pytest.raises(ValueError, match="adapt_by of 'p' must be 0 with engine='exact', got 1.0"):
        simulate(Network(1.0, [Population("p", 2, neuron)]), n_steps=1, engine="exact")


def weighing(weight):
    return Network(
        1.0,
        [Population("in", 1), Population("p", 2, LIFParams(decay=0.5))],
        [Projection("in", "p", [[weight, 1.0]])],
    )


def goes_on(**options):
    net = counter(2)
    return simulate(net, n_steps=1, state=simulate(net, n_steps=1).state, **options)

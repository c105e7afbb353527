"""Plastic projections: the window of pairs in closed form, engines bit for bit, cuts, bounds, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import snn
from snn.core import (
    STDP,
    Events,
    Hebbian,
    LIFParams,
    LIParams,
    Network,
    Population,
    Projection,
    Raster,
    Record,
    SimulationState,
    TimeGrid,
    with_learned_weights,
)

ENGINES = pytest.mark.parametrize("engine", ["event", "clock"])
DT = 0.5


def pair_net(rule, delay_ms=0.0, w=0.5, pre=1):
    """Senders whose weights do not fire the receiver, and a teacher that does."""
    neuron = LIFParams(decay=0.0, v_th=100.0)
    return Network(
        DT,
        [Population("in", pre), Population("teacher", 1), Population("n", 1, neuron)],
        [
            Projection("in", "n", np.full((pre, 1), w), delay_ms, name="p", plasticity=rule),
            Projection("teacher", "n", [[1000.0]], 0.0),
        ],
    )


def trains(pre, post, n_steps):
    """One sample per pair of lists of steps."""
    zeros = [np.zeros(len(steps), dtype=int) for steps in pre]
    make = {"n_units": 1, "dt_ms": DT, "n_steps": n_steps}
    return {
        "in": Events.from_lists(pre, zeros, **make),
        "teacher": Events.from_lists(post, [np.zeros(len(s), dtype=int) for s in post], **make),
    }


def final(net, inputs, engine="event", **options):
    return snn.simulate(net, inputs, engine=engine, **options).weights["p"]


@ENGINES
@pytest.mark.parametrize("delay", [0, 1, 7])
def test_the_window_of_pair_stdp(engine, delay):
    """One pair per sample: dw over the lag from arrival to spike, the published window to 1e-15."""
    rule = STDP(a_plus=0.1, a_minus=0.12, tau_plus_ms=10.0, tau_minus_ms=15.0)
    lags = np.arange(-40, 41)
    inputs = trains([[50 - delay]] * lags.size, [[50 + lag] for lag in lags], 100)
    dw = final(pair_net(rule, delay * DT), inputs, engine)[:, 0] - 0.5
    t = lags * DT
    window = np.where(t >= 0, 0.1 * np.exp(-np.abs(t) / 10), -0.12 * np.exp(-np.abs(t) / 15))
    np.testing.assert_allclose(dw, window, rtol=0, atol=1e-15)


@ENGINES
@pytest.mark.parametrize("rate", [0.05, -0.05])
def test_the_window_of_hebb(engine, rate):
    lags = np.arange(-30, 31)
    inputs = trains([[47]] * lags.size, [[50 + lag] for lag in lags], 90)
    dw = final(pair_net(Hebbian(rate, tau_ms=8.0), 3 * DT), inputs, engine)[:, 0] - 0.5
    np.testing.assert_allclose(dw, rate * np.exp(-np.abs(lags) * DT / 8.0), rtol=0, atol=1e-15)


def random_trains(rng, samples, steps=120):
    counts = rng.poisson(0.1, (steps, samples, 1))  # sometimes several in a step
    teacher = (rng.random((steps, samples, 1)) < 0.08).astype(int)
    grid = TimeGrid(steps, DT)
    return counts[..., 0], teacher[..., 0], {"in": Raster(counts, grid), "teacher": Raster(teacher, grid)}


def test_all_pairs_of_two_trains_add_up():
    """The double sum over all pairs, straight from the window."""
    rng = np.random.default_rng(0)
    pre, post, inputs = random_trains(rng, 20)
    rule = STDP(a_plus=0.01, a_minus=0.011, tau_plus_ms=10.0, tau_minus_ms=20.0, w_min=-50.0, w_max=50.0)
    w = final(pair_net(rule, 4 * DT), inputs)[:, 0]
    for b in range(20):
        expected = 0.5
        for i, j in np.argwhere(pre[:, b, None] * post[None, :, b]):
            lag = (j - i - 4) * DT
            pair = 0.01 * np.exp(-lag / 10.0) if lag >= 0 else -0.011 * np.exp(lag / 20.0)
            expected += pre[i, b] * pair if i + 4 < 120 else 0.0
        assert abs(w[b] - expected) < 1e-12


RULES = [
    STDP(0.2, 0.3, 10.0, 15.0, bounds="multiplicative"),
    STDP(0.3, 0.2, 5.0, 30.0, w_min=0.2, w_max=0.8),
    Hebbian(0.1, 12.0, forget=0.2),
    Hebbian(-0.3, 12.0, w_min=-0.5, w_max=0.6),
]


@ENGINES
@pytest.mark.parametrize("rule", RULES)
def test_against_a_plain_loop(rule, engine):
    """The steps of the description, one synapse at a time."""
    rng = np.random.default_rng(1)
    pre, post, inputs = random_trains(rng, 5)
    w = final(pair_net(rule, 3 * DT), inputs, engine)[:, 0]
    r = rule.rule(DT)

    def change(now, dw):
        if r.soft:
            dw *= (r.w_max - now) if dw > 0 else (now - r.w_min)
        return min(max(now + dw, r.w_min), r.w_max)

    for b in range(5):
        now, x, y = 0.5, 0.0, 0.0
        for k in range(120):
            arrivals = pre[k - 3, b] if k >= 3 else 0
            y *= r.decay_post
            for _ in range(arrivals):
                now = change(now, r.on_arrival * y)
            x = x * r.decay_pre + arrivals
            if post[k, b]:
                now = change(now, r.on_spike * x - r.forget * now)
                y += 1
        assert abs(w[b] - now) < 1e-12
        assert r.w_min <= now <= r.w_max


def random_net(rng, rules=RULES):
    neuron = LIFParams(tau_mem_ms=8.0, t_ref_ms=rng.integers(0, 3) * DT, tau_syn_ms=rng.choice([None, 3.0]))
    populations = [
        Population("in", 4),
        Population("a", 5, neuron),
        Population("b", 4, LIFParams(tau_mem_ms=5.0)),
    ]
    sizes = {p.name: p.size for p in populations}
    projections = []
    for n in range(rng.integers(2, 7)):
        pre, post = rng.choice(["in", "a", "b"]), rng.choice(["a", "b"])
        shape = (sizes[pre], sizes[post])
        weight = rng.uniform(0.2, 0.6, shape) * (rng.random(shape) < 0.8)
        forward = pre == "in" or (pre, post) == ("a", "b")
        delay = rng.integers(0 if forward else 1, 6, shape) * DT
        if rng.random() < 0.3:
            weight, delay = np.full(shape, 0.4), 2 * DT
        rule = rules[rng.integers(len(rules))] if rng.random() < 0.8 else None
        projections.append(Projection(pre, post, weight, delay, f"c{n}", plasticity=rule))
    return Network(DT, populations, projections)


def random_input(rng, samples=2, steps=50):
    lengths = rng.integers(1, steps + 1, samples)
    z = rng.poisson(0.3, (steps, samples, 4)) * (np.arange(steps)[:, None, None] < lengths[:, None])
    return {"in": Raster(z, TimeGrid(steps, DT), lengths).to_events()}


def assert_same_learning(a, b):
    assert a.spikes == b.spikes
    for kind in ("weights", "traces_pre", "traces_post", "v", "currents"):
        mine, theirs = getattr(a.state, kind), getattr(b.state, kind)
        assert mine.keys() == theirs.keys()
        for name, array in mine.items():
            np.testing.assert_array_equal(array, theirs[name])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), dtype=st.sampled_from(["float64", "float32"]))
def test_event_equals_clock(seed, dtype):
    rng = np.random.default_rng(seed)
    net, inputs = random_net(rng), random_input(rng)
    runs = [snn.simulate(net, inputs, engine=e, dtype=dtype) for e in ("event", "clock")]
    assert runs[0].counts == runs[1].counts
    assert_same_learning(*runs)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(0, 50))
def test_a_cut_through_a_file_does_not_show(seed, cut, tmp_path_factory):
    rng = np.random.default_rng(seed)
    net, inputs = random_net(rng), random_input(rng)
    whole = snn.simulate(net, inputs)
    first = snn.simulate(net, {"in": inputs["in"].slice(0, cut)}, engine="clock")
    path = tmp_path_factory.mktemp("cut") / "state.h5"
    first.state.save(path)
    rest = {"in": inputs["in"].slice(cut)}
    second = snn.simulate(net, rest, state=SimulationState.load(path), record=Record(v=["a"]))
    assert_same_learning(second, snn.simulate(net, rest, state=first.state))
    for name, w in whole.weights.items():
        np.testing.assert_array_equal(second.weights[name], w)
    for name in ("traces_pre", "traces_post"):
        for key, array in getattr(whole.state, name).items():
            np.testing.assert_array_equal(getattr(second.state, name)[key], array)
    assert whole.spikes == {
        name: snn.core.recording.join([first.spikes[name], second.spikes[name]]) for name in whole.spikes
    }


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_rule_that_changes_nothing_is_no_rule(seed):
    rng = np.random.default_rng(seed)
    net, inputs = random_net(rng, [STDP(0.0, 0.0, w_max=2.0)]), random_input(rng)
    plain = Network(
        DT,
        net.populations,
        [Projection(p.pre, p.post, p.weight, p.delay_ms, p.name) for p in net.projections],
    )
    a, b = snn.simulate(net, inputs), snn.simulate(plain, inputs)
    assert a.spikes == b.spikes and a.counts == b.counts
    assert plain.fingerprint == net.fingerprint or any(p.plasticity for p in net.projections)


def test_weights_keep_to_their_bounds():
    """A sender that always comes first ends at the top: at once with additive bounds, in the limit else."""
    steps = list(range(0, 400, 20))
    inputs = trains([steps], [[k + 1 for k in steps]], 400)
    for bounds, expected in (
        ("additive", 0.7),
        ("multiplicative", 0.7 - 0.2 * (1 - 0.3 * np.exp(-0.05)) ** 20),
    ):
        rule = STDP(0.3, 0.0, 10.0, 10.0, w_min=0.1, w_max=0.7, bounds=bounds)
        w = float(final(pair_net(rule), inputs)[0, 0])
        assert abs(w - expected) < 1e-3 and w <= 0.7  # older pairs add a little in the limit
    down = STDP(0.0, 0.3, 10.0, 10.0, w_min=0.0, w_max=0.7)
    late = trains([[k + 1 for k in steps]], [steps], 400)
    assert final(pair_net(down), late)[0, 0] == 0.0
    again = {name: e.slice(200) for name, e in inputs.items()}  # a weight of 0 is still a synapse
    state = snn.simulate(pair_net(down), late).state
    assert snn.simulate(pair_net(down), again, state=state).counts.synaptic_events["p"] == 10


def test_a_spike_brings_the_weight_it_finds():
    net = Network(
        DT,
        [Population("in", 1), Population("t", 1), Population("n", 1, LIFParams(decay=0.0, v_th=5.0))],
        [
            Projection("in", "n", [[1.0]], 0.0, name="p", plasticity=STDP(0.0, 0.5, 10.0, 10.0, w_max=1.0)),
            Projection("t", "n", [[9.0]], 0.0),
        ],
    )
    make = {"n_units": 1, "dt_ms": DT, "n_steps": 4}
    inputs = {
        "t": Events.from_lists([[0]], [[0]], **make),
        "in": Events.from_lists([[1, 2]], [[0, 0]], **make),
    }
    v = snn.simulate(net, inputs, record=Record(v=["n"])).v["n"][:, 0, 0]
    np.testing.assert_allclose(v[1:3], [1.0, 1.0 - 0.5 * np.exp(-0.05)], rtol=0, atol=1e-15)


def test_oja_in_spikes_has_a_steady_weight():
    """Every spike of the receiver, one step after an arrival: w = rate * x / forget."""
    steps = list(range(0, 4000, 100))  # far apart: no trace is left
    inputs = trains([steps], [[k + 1 for k in steps]], 4000)
    w = final(pair_net(Hebbian(0.1, tau_ms=5.0, forget=0.25, w_max=2.0)), inputs)[0, 0]
    assert abs(w - 0.1 * np.exp(-DT / 5.0) / 0.25) < 1e-4


def test_each_sample_learns_on_its_own_and_the_result_is_a_network():
    rng = np.random.default_rng(4)
    net = random_net(rng)
    name = next(p.name for p in net.projections if p.plasticity)
    inputs = random_input(rng, 3)
    rec = snn.simulate(net, inputs)
    assert rec.weights[name].shape == (3, net.synapses(name).indices.size)
    alone = snn.simulate(net, {"in": inputs["in"].select([1])})
    np.testing.assert_array_equal(alone.weights[name][0], rec.weights[name][1])
    taught = with_learned_weights(net, rec.state, 1)
    np.testing.assert_array_equal(taught.synapses(name).weight, rec.weights[name][1])
    np.testing.assert_array_equal(taught.synapses(name).delay_steps, net.synapses(name).delay_steps)
    assert taught.projection(name).plasticity == net.projection(name).plasticity
    fixed = with_learned_weights(net, rec.state, 1, fixed=True)
    assert fixed.projection(name).plasticity is None
    assert snn.simulate(fixed, inputs).weights == {}
    with pytest.raises(ValueError, match="sample must be a whole number >= 0 and <= 2, got 3"):
        with_learned_weights(net, rec.state, 3)


def test_files_and_fingerprints_know_the_rule(tmp_path):
    prints = set()
    for rule in (None, *RULES):
        net = pair_net(rule)
        net.save(tmp_path / "net.h5")
        loaded = Network.load(tmp_path / "net.h5")
        assert loaded.projection("p").plasticity == rule
        assert loaded.fingerprint == net.fingerprint
        prints.add(net.fingerprint)
    assert len(prints) == 5


def test_a_streamed_run_learns_the_same(tmp_path):
    rng = np.random.default_rng(6)
    net, inputs = random_net(rng), random_input(rng)
    whole = snn.simulate(net, inputs)
    snn.stream(net, inputs, tmp_path, chunk=7)
    assert_same_learning(snn.Recording.load(tmp_path), whole)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: STDP(np.nan, 0.1), "a_plus must be a finite number, got nan"),
        (lambda: STDP("a", 0.1), "a_plus must be a finite number, got 'a'"),
        (lambda: STDP(0.1, 0.1, tau_plus_ms=0.0), "tau_plus_ms must be a finite number > 0, got 0.0"),
        (lambda: STDP(0.1, 0.1, w_min=1.0), "w_min must be below w_max 1.0, got 1.0"),
        (
            lambda: STDP(0.1, 0.1, bounds="soft"),
            "bounds must be one of 'additive', 'multiplicative', got 'soft'",
        ),
        (lambda: Hebbian(0.1, tau_ms=-1.0), "tau_ms must be a finite number > 0, got -1.0"),
        (lambda: Hebbian(0.1, forget=2.0), "forget must be a finite number >= 0 and <= 1, got 2.0"),
        (
            lambda: Hebbian(0.1, forget=0.1, bounds="multiplicative"),
            "bounds must be 'additive' with forget, got 'multiplicative'",
        ),
        (
            lambda: pair_net(STDP(0.1, 0.1), w=1.5),
            r"projection 'p': weight must be in \[0.0, 1.0\], .* got 1.5$",
        ),
        (lambda: pair_net("STDP"), "projection 'p': plasticity must be STDP, Hebbian or None, got 'STDP'"),
        (
            lambda: Network(
                1.0,
                [Population("in", 1), Population("out", 1, LIParams(decay=0.5))],
                [Projection("in", "out", [[0.5]], plasticity=Hebbian(0.1))],
            ),
            "post must be a population that spikes, for its plasticity to learn from .* got 'out'",
        ),
        (
            lambda: snn.simulate(pair_net(STDP(0.1, 0.1)), n_steps=1, engine="exact"),
            "plasticity of 'p' must be None with engine='exact', got STDP",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()

"""A liquid gives the same spikes as layers, by both engines, and as its equations say."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import torch
from liquids import PAPER, dyadic, events, liquid, plain_run

import snn
from snn.liquid import Reservoir

DELAYS = {
    "one step": lambda rng, n: 1,
    "per sender": lambda rng, n: rng.integers(1, 9, (n, 1)),
    "per synapse": lambda rng, n: rng.integers(1, 9, (n, n)),
}


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.mark.parametrize("kind", DELAYS)
def test_counts_are_those_of_the_equations(kind, rng):
    given = events(rng)
    reservoir = liquid(rng, delays=DELAYS[kind](rng, 40))
    due = np.array([z.sum(axis=0) for z in plain_run(reservoir, given, 0.5)])
    assert 0 < due.mean() < given.n_steps.min()
    for engine in ("layers", "event"):
        np.testing.assert_array_equal(reservoir.run(given, engine=engine), due)
    clock = snn.simulate(reservoir.network(1.0), {"in": given}, engine="clock").spikes["liquid"]
    np.testing.assert_array_equal(clock.spike_counts()[:, 0], due)


@pytest.mark.parametrize(
    "neuron",
    [
        PAPER,
        snn.LIFParams(decay=np.tile([0.5, 0.75, 0.25, 1.0], 10), v_th=1.0),
        snn.LIFParams(decay=0.5, t_ref_ms=2.0, bias=0.0625, reset="soft"),
        snn.LIFParams(decay=0.5, v_th=2.0, v_rest=0.25, v_reset=-0.5),
        snn.LIFParams(decay=0.5, syn_decay=0.5),
        snn.LIFParams(decay=0.5, reset="soft", spikes="multiple"),
    ],
)
@pytest.mark.parametrize("kind", DELAYS)
def test_layers_and_events_spike_alike_bit_for_bit(kind, neuron, rng):
    given = events(rng)
    reservoir = liquid(rng, neuron=neuron, delays=DELAYS[kind](rng, 40))
    for features in ("counts", "traces"):
        layers, event = (reservoir.run(given, 3, features, engine=engine) for engine in ("layers", "event"))
        np.testing.assert_array_equal(layers, event)
        assert layers.dtype == np.float32 and layers.shape == (6, 120)
    spikes, _ = reservoir.layers(1.0)(
        torch.tensor(given.to_raster().z, dtype=torch.float32), None, torch.tensor(given.n_steps)
    )
    np.testing.assert_array_equal(spikes.sum(0).numpy(), reservoir.run(given))


@pytest.mark.parametrize("tau_ms", [20.0, np.linspace(5.0, 60.0, 40)])
def test_real_weights_spike_alike_too(tau_ms, rng):
    given = events(rng, samples=20)
    reservoir = Reservoir(
        rng.normal(0, 0.5, (12, 40)),
        rng.normal(0, 0.3, (40, 40)),
        snn.LIFParams(tau_mem_ms=tau_ms),
        rng.integers(1, 9, (40, 1)),
    )
    np.testing.assert_array_equal(reservoir.run(given, engine="layers"), reservoir.run(given, engine="event"))


def test_sparse_weights_are_those_of_the_same_dense_ones(rng):
    given = events(rng)
    dense = dyadic(rng, 40, 40) * (rng.random((40, 40)) < 0.2)
    delays = rng.integers(1, 6, (40, 40))
    csr = scipy.sparse.csr_array(dense)
    sender = np.repeat(np.arange(40), np.diff(csr.indptr))
    w_in = dyadic(rng, 12, 40)
    due = Reservoir(w_in, dense, PAPER, delays).run(given, engine="event")
    for aligned in (delays[sender, csr.indices], delays):
        if aligned.ndim == 1:
            sparse = Reservoir(scipy.sparse.csr_array(w_in), csr, PAPER, aligned)
            for engine in ("layers", "event", "auto"):
                np.testing.assert_array_equal(sparse.run(given, engine=engine), due)
    per_sender = rng.integers(1, 6, (40, 1))
    np.testing.assert_array_equal(
        Reservoir(w_in, csr, PAPER, per_sender).run(given, engine="layers"),
        Reservoir(w_in, dense, PAPER, per_sender).run(given, engine="event"),
    )


def test_parallel_synapses_of_several_delays_run_by_events(rng):
    csr = scipy.sparse.csr_array((np.ones(3), [1, 1, 0], [0, 2, 3]), shape=(2, 2))
    reservoir = Reservoir(np.ones((1, 2)), csr, PAPER, [1, 4, 2])
    one = snn.Events.from_lists([[0, 0]], [[0, 0]], n_units=1, dt_ms=1.0, n_steps=9)
    with pytest.raises(ValueError, match=r"w_rec must have one synapse .* run it by events"):
        reservoir.layers(1.0)
    assert reservoir.run(one).sum() > 0


def test_nothing_of_a_liquid_is_trained(rng):
    layers = liquid(rng).layers(1.0)
    assert not [p for p in layers.parameters() if p.requires_grad]
    assert layers[1].sharing == "axonal"


def test_hard_reset_leaves_what_arrives_alone(rng):
    reservoir, given = liquid(rng), events(rng, samples=1)
    rec = snn.simulate(reservoir.network(1.0), {"in": given}, record=snn.Record(v=["liquid"]))
    z = rec.spikes["liquid"].to_raster().z[:, 0]
    x = given.to_raster().z[:, 0]
    seen = 0
    for t, n in np.argwhere(z[:-1] > 0):
        arrived = x[t + 1] @ reservoir.w_in[:, n] + z[t] @ reservoir.w_rec[:, n]
        assert rec.v["liquid"][t + 1, 0, n] == arrived
        seen += 1
    assert seen > 20
    assert ((reservoir.run(given) >= 0) & (reservoir.run(given) <= given.n_steps[0])).all()


def test_without_leak_recurrence_and_threshold_the_membrane_is_the_plain_sum(rng):
    given = events(rng)
    neuron = snn.LIFParams(decay=1.0, v_th=1e6, reset="hard_next_step", fires=">")
    reservoir = Reservoir(dyadic(rng, 12, 40), np.zeros((40, 40)), neuron)
    due = np.stack([given.spike_counts()[b, 0] @ reservoir.w_in for b in range(len(given))])
    rec = snn.simulate(reservoir.network(1.0), {"in": given}, record=snn.Record(v=["liquid"]))
    ends = [rec.v["liquid"][n - 1, b] for b, n in enumerate(given.n_steps)]
    np.testing.assert_array_equal(ends, due)
    x = torch.tensor(given.to_raster().z, dtype=torch.float32)
    state = reservoir.layers(1.0)(x, None, torch.tensor(given.n_steps))[1]
    np.testing.assert_array_equal(state[1].v, due)


def test_different_inputs_are_apart_and_equal_ones_are_not(rng):
    reservoir, given = liquid(rng), events(rng)
    twice = given.select([0, 0, 1])
    rows = reservoir.run(twice)
    assert (rows[0] == rows[1]).all() and np.abs(rows[0] - rows[2]).sum() > 0


def test_controls_of_a_liquid(rng):
    reservoir, given = liquid(rng, delays=rng.integers(2, 9, (40, 40))), events(rng)
    alone, undelayed = reservoir.without_recurrence(), reservoir.without_delays()
    assert alone.recurrent_synapses == 0 and undelayed.max_delay == 1 and reservoir.max_delay == 8
    due = np.array([z.sum(axis=0) for z in plain_run(alone, given, 0.5)])
    for engine in ("layers", "event"):
        np.testing.assert_array_equal(alone.run(given, engine=engine), due)
    assert (undelayed.run(given) != reservoir.run(given)).any()
    prints = {one.fingerprint for one in (reservoir, alone, undelayed)}
    assert len(prints) == 3


def test_a_run_can_be_cut_between_any_samples(rng):
    reservoir, given = liquid(rng), events(rng, samples=9)
    whole = reservoir.run(given, 2)
    for engine in ("layers", "event"):
        run = reservoir.runner(given, 2, engine=engine)
        np.testing.assert_array_equal(np.concatenate([run(0, 4), run(4, 4), run(4, 9)]), whole)
    assert reservoir.run(given.select([]), 2).shape == (0, 80)


def test_traces_weigh_a_spike_by_its_age():
    neuron = snn.LIFParams(decay=0.0, v_th=0.5)
    reservoir = Reservoir(np.eye(2), np.zeros((2, 2)), neuron)
    given = snn.Events.from_lists([[0, 3, 3]], [[0, 0, 1]], n_units=2, dt_ms=2.0, n_steps=6)
    due = [[np.exp(-4 / 10), 0.0, np.exp(-10 / 10) + np.exp(-4 / 10), np.exp(-4 / 10)]]
    for engine in ("layers", "event"):
        found = reservoir.run(given, 2, "traces", trace_ms=10.0, engine=engine)
        np.testing.assert_allclose(found, due, rtol=1e-6)


def test_auto_runs_what_layers_cannot_hold_by_events(rng):
    neuron = snn.LIFParams(tau_mem_ms=10.0, decay_input=True)
    reservoir, given = Reservoir(np.ones((12, 3)), np.zeros((3, 3)), neuron), events(rng)
    with pytest.raises(
        ValueError, match="decay_input of the neuron must be left out where a liquid is layers"
    ):
        reservoir.run(given, engine="layers")
    np.testing.assert_array_equal(reservoir.run(given), reservoir.run(given, engine="event"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"w_rec": np.zeros((3, 4))}, r"w_rec must be square, \[N, N\], got \[3, 4\]"),
        ({"w_in": np.zeros((2, 4))}, r"w_in must be of shape \[in, 3\], as w_rec, got \[2, 4\]"),
        ({"w_in": np.full((2, 3), np.nan)}, r"w_in\[0, 0\] must be finite, got nan"),
        ({"w_rec": np.full((3, 3), np.inf)}, r"w_rec\[0, 0\] must be finite, got inf"),
        ({"neuron": 3}, "neuron must be a LIFParams, got 3"),
        ({"neuron": snn.LIFParams(tau_mem_ms=[1.0, 2.0])}, "tau_mem_ms must be one number or 3"),
        ({"delays": 0}, "delays must be a whole number >= 1 and <= 1000000000, got 0"),
        ({"delays": [1, 2]}, r"delays must be one number or of shape \[3, 1\] or \[3, 3\]"),
        ({"delays": 1.5}, "delays must be a whole number >= 1"),
    ],
)
def test_bad_parts_are_refused_by_name(change, message):
    good = {"w_in": np.ones((2, 3)), "w_rec": np.ones((3, 3)), "neuron": PAPER}
    with pytest.raises(ValueError, match=message):
        Reservoir(**(good | change))


def test_bad_input_is_refused_by_name(rng):
    reservoir, given = liquid(rng), events(rng)
    with pytest.raises(TypeError, match="events must be Events, got list"):
        reservoir.run([1])
    with pytest.raises(ValueError, match="n_units of events must be 12, the inputs of the liquid, got 3"):
        reservoir.run(snn.Events.from_lists([[0]], [[0]], n_units=3, dt_ms=1.0, n_steps=2))
    for name, value in {"windows": 0, "features": "rates", "trace_ms": 0.0, "engine": "exact"}.items():
        with pytest.raises(ValueError, match=f"{name} must be"):
            reservoir.run(given, **{name: value})
    assert "12 inputs, 40 neurons" in repr(reservoir)

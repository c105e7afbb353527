"""One neuron against closed forms and plain loops; delays, multiplicity, lengths, every refusal."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import snn
from snn.core import (
    Counts,
    Events,
    LIFParams,
    LIParams,
    Network,
    Population,
    Projection,
    Raster,
    Record,
    Recording,
    TimeGrid,
    simulate,
)

ENGINES = pytest.mark.parametrize("engine", ["event", "clock"])
KEEP = Record(v=["n"])


def single(neuron, weight=1.0, delay_ms=0.0, dt_ms=1.0):
    return Network(
        dt_ms,
        [Population("in", 1), Population("n", 1, neuron)],
        [Projection("in", "n", [[weight]], delay_ms)],
    )


def spikes_at(steps, n_steps, n_units=1, dt_ms=1.0):
    return Events.from_lists([steps], [[0] * len(steps)], n_units=n_units, dt_ms=dt_ms, n_steps=n_steps)


def trace(net, steps, n_steps, engine="event"):
    events = spikes_at(steps, n_steps, dt_ms=net.dt_ms)
    return simulate(net, {"in": events}, record=KEEP, engine=engine).v["n"][:, 0, 0]


@ENGINES
def test_membrane_decays_as_the_exponential(engine):
    net = single(LIParams(tau_mem_ms=7.0, v_rest=-0.5), weight=2.0, dt_ms=0.5)
    t = np.arange(60) * 0.5
    expected = (
        -0.5 + 2 * np.where(t >= 2, np.exp(-(t - 2) / 7), 0) + 2 * np.where(t >= 9, np.exp(-(t - 9) / 7), 0)
    )
    np.testing.assert_allclose(trace(net, [4, 18], 60, engine), expected, rtol=0, atol=1e-12)


@ENGINES
def test_synaptic_current_is_a_difference_of_exponentials(engine):
    """v_k = w sum_j s^j m^(k - j): the geometric sum of current factors s and membrane factors m."""
    net = single(LIParams(tau_mem_ms=9.0, tau_syn_ms=3.0), weight=1.5)
    s, m, k = np.exp(-1 / 3), np.exp(-1 / 9), np.arange(40) - 5
    expected = np.where(k >= 0, 1.5 * (m ** (k + 1.0) - s ** (k + 1.0)) / (m - s), 0)
    np.testing.assert_allclose(trace(net, [5], 40, engine), expected, rtol=0, atol=1e-12)


@ENGINES
@pytest.mark.parametrize("decay_input", [False, True])
def test_drive_charges_towards_its_steady_value(engine, decay_input):
    net = single(LIParams(tau_mem_ms=5.0, bias=0.25, decay_input=decay_input))
    decay = np.exp(-1 / 5)
    steady = (0.25 if decay_input else 0.25 / (1 - decay)) + (0.5 if decay_input else 0.5 / (1 - decay))
    rec = simulate(net, n_steps=30, currents={"n": [0.5]}, record=KEEP, engine=engine)
    expected = steady * (1 - decay ** np.arange(1, 31))
    np.testing.assert_allclose(rec.v["n"][:, 0, 0], expected, rtol=0, atol=1e-12)


@ENGINES
def test_period_under_constant_drive(engine):
    """With factor m and drive x, v_n = x (1 - m^n) / (1 - m) first passes 1 at n = 7."""
    m, x = np.exp(-1 / 10), 0.2
    n = int(np.ceil(np.log(1 - (1 - m) / x) / np.log(m)))
    rec = simulate(single(LIFParams(tau_mem_ms=10.0, bias=x)), n_steps=50, engine=engine)
    assert rec.spikes["n"].step.tolist() == list(range(n - 1, 50, n))
    held = simulate(single(LIFParams(tau_mem_ms=10.0, bias=x, t_ref_ms=4.0)), n_steps=50, engine=engine)
    assert held.spikes["n"].step.tolist() == list(range(n - 1, 50, n + 4))


def plain(x, decay, reset, fires, refractory, decay_input):
    """The documented equation, one neuron, in plain Python; v_th 1, v_reset -0.25, v_rest 0.125."""
    v, hold, vs, spikes, pending = 0.125, 0, [], [], False
    for k, value in enumerate(x):
        if pending:
            v, pending = -0.25, False
        if hold:
            hold -= 1
        else:
            if decay_input:
                v = v + (value - (v - 0.125)) * (1 - decay)
            else:
                v = 0.125 + (v - 0.125) * decay + value
            if v > 1 or (fires == ">=" and v == 1):
                spikes.append(k)
                hold = refractory
                if reset == "hard":
                    v = -0.25
                elif reset == "soft":
                    v -= 1.0
                else:
                    pending = True
        vs.append(v)
    return vs, spikes


@ENGINES
@pytest.mark.parametrize("reset", ["hard", "soft", "hard_next_step"])
@pytest.mark.parametrize("fires", [">=", ">"])
def test_options_against_a_plain_loop(engine, reset, fires):
    """Weights in eighths and decay 1/2 land on the threshold exactly, so `>=` and `>` differ."""
    rng = np.random.default_rng(1)
    x = np.concatenate([[0.875], rng.integers(0, 20, 79) / 8])
    for refractory, decay_input, decay in product([0, 1, 3], [False, True], [0.5, 0.9]):
        neuron = LIFParams(
            decay=decay,
            v_reset=-0.25,
            v_rest=0.125,
            reset=reset,
            fires=fires,
            decay_input=decay_input,
            t_ref_ms=float(refractory),
        )
        by_drive = simulate(
            single(neuron), n_steps=80, currents={"n": x[:, None]}, record=KEEP, engine=engine
        )
        events = {"in": spikes_at(np.repeat(np.arange(80), (x * 8).astype(int)).tolist(), 80)}
        by_spikes = simulate(single(neuron, 0.125), events, record=KEEP, engine=engine)
        vs, spikes = plain(x, decay, reset, fires, refractory, decay_input)
        for rec in (by_drive, by_spikes):
            assert rec.v["n"][:, 0, 0].tolist() == vs
            assert rec.spikes["n"].step.tolist() == spikes


def test_the_threshold_itself():
    for fires, expected in ((">=", [0]), (">", [])):
        rec = simulate(single(LIFParams(decay=0.5, fires=fires)), n_steps=1, currents={"n": [1.0]})
        assert rec.spikes["n"].step.tolist() == expected


@ENGINES
def test_delays_count_steps(engine):
    """A spike emitted at k arrives at k + d, rounded half to even; 0 is the same step."""
    neuron = LIParams(decay=0.0)
    for delay_ms, steps in ((0.0, 0), (1.0, 2), (0.75, 2), (1.25, 2), (10.0, 20)):
        v = trace(single(neuron, delay_ms=delay_ms, dt_ms=0.5), [3], 30, engine)
        assert np.flatnonzero(v).tolist() == [3 + steps]


@ENGINES
def test_undelayed_chain_runs_in_one_step_whatever_the_order(engine):
    lif = LIFParams(decay=0.5)
    net = Network(
        1.0,
        [Population("c", 1, lif), Population("b", 1, lif), Population("in", 1)],
        [Projection("b", "c", [[1.0]]), Projection("in", "b", [[1.0]])],
    )
    rec = simulate(net, {"in": spikes_at([4], 6)}, engine=engine)
    assert {name: ev.step.tolist() for name, ev in rec.spikes.items()} == {"c": [4], "b": [4]}


@ENGINES
def test_multiplicity_counts(engine):
    net = single(LIParams(decay=1.0), weight=0.5, delay_ms=1.0)
    rec = simulate(net, {"in": spikes_at([1, 1, 1, 4], 5)}, record=Record(["in"], ["n"]), engine=engine)
    assert rec.v["n"][:, 0, 0].tolist() == [0, 0, 1.5, 1.5, 1.5]
    assert rec.spikes["in"].step.tolist() == [1, 1, 1, 4]
    assert rec.counts == Counts(
        spikes={"in": 4, "n": 0},
        updates_dense={"n": 5},
        updates_touched={"n": 1},
        synaptic_events={"in-n": 4},
        active_inputs={"in-n": 2},
        macs={"in-n": 1},
        delay_writes={"in-n": 4},
        delay_reads={"in-n": 3},
        delay_slots={"in-n": 2},
        samples=1,
        steps=5,
    )


@ENGINES
def test_samples_end_at_their_own_length(engine):
    net = single(LIFParams(decay=0.5, bias=0.6))
    events = Events.from_lists([[0, 2], [], [1]], [[0, 0], [], [0]], n_units=1, dt_ms=1.0, n_steps=[6, 0, 3])
    rec = simulate(net, {"in": events}, record=Record(v=["n"]), engine=engine)
    assert rec.spikes["n"].n_steps.tolist() == [6, 0, 3]
    assert rec.counts.steps == 9
    assert rec.counts.updates_dense == {"n": 9}
    assert np.isnan(rec.v["n"][..., 0]).sum(axis=0).tolist() == [0, 6, 3]
    for b in range(3):
        alone = simulate(net, {"in": events.select([b])}, record=Record(v=["n"]), engine=engine)
        assert alone.spikes["n"] == rec.spikes["n"].select([b])
        np.testing.assert_array_equal(alone.v["n"][:, 0], rec.v["n"][: events.n_steps[b], b])
        assert alone.state.v["n"][0] == rec.state.v["n"][b]


def test_n_steps_adds_silence():
    net = single(LIParams(decay=0.5))
    rec = simulate(net, {"in": spikes_at([1], 2)}, n_steps=4, record=KEEP)
    assert rec.v["n"][:, 0, 0].tolist() == [0, 1, 0.5, 0.25]
    with pytest.raises(ValueError, match=r"n_steps must be >= 2, the length of the inputs \(.*\), got 1"):
        simulate(net, {"in": spikes_at([1], 2)}, n_steps=1)


def test_rasters_and_events_are_one():
    events = spikes_at([1, 1, 3], 5)
    net = single(LIFParams(decay=0.5))
    a, b = (simulate(net, {"in": given}) for given in (events, events.to_raster()))
    assert isinstance(a, Recording)
    assert a.counts == b.counts
    assert a.spikes == b.spikes


def test_sources_left_out_are_silent_and_lengths_are_the_longest():
    net = Network(
        1.0,
        [Population("x", 1), Population("y", 2), Population("z", 1), Population("n", 1, LIParams(decay=1.0))],
        [Projection("x", "n", [[1.0]]), Projection("y", "n", [[2.0], [4.0]]), Projection("z", "n", [[8.0]])],
    )
    y = Events.from_lists([[0, 4]], [[1, 0]], n_units=2, dt_ms=1.0, n_steps=5)
    rec = simulate(net, {"y": y, "x": spikes_at([2], 3)}, record=Record(["x", "y", "z"], ["n"]))
    assert rec.v["n"][:, 0, 0].tolist() == [4, 4, 5, 5, 7]
    assert rec.spikes["y"] == y
    assert rec.spikes["x"].n_steps.tolist() == [5]
    assert rec.spikes["z"].n_events == 0


def test_currents_in_their_three_forms():
    net = Network(1.0, [Population("n", 2, LIParams(decay=0.0))])
    rng = np.random.default_rng(0)
    full = rng.normal(size=(4, 3, 2))
    for given, expected in (
        (full[0, 0], np.broadcast_to(full[0, 0], (4, 1, 2))),
        (full[:, 0], full[:, :1]),
        (full, full),
    ):
        rec = simulate(net, n_steps=4, currents={"n": given}, record=KEEP)
        np.testing.assert_array_equal(rec.v["n"], expected)


def test_parallel_synapses_and_arrival_order():
    """Sums run over (projection, emission step, sender, synapse): 1e16 + 1 - 1e16 tells orders apart."""
    net = Network(
        1.0,
        [Population("in", 3), Population("n", 1, LIParams(decay=0.0))],
        [
            Projection("in", "n", [[1e16], [1.0], [0.0]], 1.0, "first"),
            Projection("in", "n", [[1.0], [0.0], [-1e16]], 2.0, "second"),
        ],
    )
    events = Events.from_lists([[1, 1, 0, 0]], [[0, 1, 0, 2]], n_units=3, dt_ms=1.0, n_steps=4)
    for engine in ("event", "clock"):
        v = simulate(net, {"in": events}, record=KEEP, engine=engine).v["n"][:, 0, 0]
        assert v[2] == ((1e16 + 1.0) + 1.0) - 1e16 == 0.0


def test_the_front_door_is_the_same_function():
    assert snn.simulate is simulate
    assert "simulate" in snn.core.__all__


IN = spikes_at([1], 3)
NET = single(LIFParams(decay=0.5))
BAD = [
    (
        {"inputs": {"in": spikes_at([1], 3, dt_ms=2.0)}},
        r"inputs\['in'\].dt_ms must be 1.0 as the network's, got 2.0",
    ),
    (
        {"inputs": {"in": spikes_at([1], 3, n_units=2)}},
        r"inputs\['in'\].n_units must be 1 as the size of 'in', got 2",
    ),
    ({"inputs": {"x": IN}}, r"inputs must be for sources, which are \['in'\], got 'x'"),
    ({"inputs": {"n": IN}}, r"inputs must be for sources, which are \['in'\], got 'n'"),
    ({"inputs": {}}, "n_steps is needed"),
    ({"n_steps": -1, "inputs": {}}, "n_steps must be a whole number >= 0, got -1"),
    ({"n_steps": 4.5}, "n_steps must be a whole number >= 0, got 4.5"),
    ({"engine": "fast"}, "engine must be one of 'event', 'clock', 'exact', got 'fast'"),
    (
        {"currents": {"in": [1.0]}},
        r"currents must be for populations with neurons, which are \['n'\], got 'in'",
    ),
    (
        {"currents": {"x": [1.0]}},
        r"currents must be for populations with neurons, which are \['n'\], got 'x'",
    ),
    (
        {"currents": {"n": [1.0, 2.0]}},
        r"currents\['n'\] must be \[1\], \[T, 1\] or \[T, B, 1\], got shape \[2\]",
    ),
    ({"currents": {"n": np.zeros((4, 1))}}, r"currents\['n'\] must have T = 3 steps .* got 4"),
    ({"currents": {"n": np.zeros((3, 2, 1))}}, r"inputs\['in'\] has 1, currents\['n'\] has 2"),
    ({"currents": {"n": [np.nan]}}, r"currents\['n'\]\[0\] must be finite, got nan"),
    (
        {"record": Record(spikes=["x"])},
        r"record.spikes must be of populations, which are \['in', 'n'\], got 'x'",
    ),
    ({"record": Record(v=["x"])}, r"record.v must be of populations with neurons \['n'\], got 'x'"),
    ({"record": Record(v=["in"])}, r"record.v must be of populations with neurons \['n'\], got 'in'"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_arguments_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        simulate(NET, **({"inputs": {"in": IN}} | change))


def test_wrong_types_are_named():
    with pytest.raises(TypeError, match=r"inputs\['in'\] must be Events or Raster, got list"):
        simulate(NET, {"in": [[1]]})
    with pytest.raises(ValueError, match=r"seed must be a whole number, got 0.5"):
        simulate(NET, {"in": IN}, seed=0.5)
    with pytest.raises(TypeError, match=r"v must be a list of population names, got 'n'"):
        Record(v="n")


def test_batches_must_agree():
    net = Network(
        1.0,
        [Population("x", 1), Population("y", 1), Population("n", 1, LIParams(decay=1.0))],
    )
    two = Raster(np.zeros((3, 2, 1), dtype=int), TimeGrid(3, 1.0))
    with pytest.raises(ValueError, match=r"inputs\['x'\] has 1, inputs\['y'\] has 2"):
        simulate(net, {"x": IN, "y": two})

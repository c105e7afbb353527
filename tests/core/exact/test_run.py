"""engine="exact": closed forms, the limit of the grid, cut and continue, every refusal."""

from __future__ import annotations

import re

import numpy as np
import pytest
from exact_networks import one_neuron, response, spikes_at

from snn.core import (
    Events,
    LIFParams,
    LIParams,
    Network,
    Population,
    Projection,
    Record,
    TimedEvents,
    simulate,
)


def run(net, events=None, **options):
    inputs = {} if events is None else {"in": events}
    return simulate(net, inputs, engine="exact", record=Record(["n"], ["n"]), **options)


@pytest.mark.parametrize("tau_syn", [3.0, 4.5, 9.0, 20.0])
def test_a_trace_is_the_solution(tau_syn):
    net = one_neuron(
        LIParams(tau_mem_ms=9.0, tau_syn_ms=tau_syn, v_rest=-0.5, decay_input=True), 1.5, delay_ms=0.27
    )
    v = run(net, spikes_at([1.31, 4.9], 50)).v["n"][:, 0, 0]
    t = np.arange(50.0)
    expected = -0.5 + sum(
        1.5 * np.where(t >= s, response(np.maximum(t - s, 0), 9.0, tau_syn), 0) for s in (1.58, 5.17)
    )
    np.testing.assert_allclose(v, expected, rtol=0, atol=1e-12)


def test_a_jump_decays_from_its_own_time():
    v = run(one_neuron(LIParams(tau_mem_ms=7.0), 2.0), spikes_at([1.25], 20)).v["n"][:, 0, 0]
    t = np.arange(20.0)
    np.testing.assert_allclose(v, 2 * np.where(t > 1.25, np.exp(-(t - 1.25) / 7), 0), rtol=0, atol=1e-12)


def test_a_constant_drive_fires_with_the_period_of_the_formula():
    neuron = LIFParams(tau_mem_ms=10.0, decay_input=True, bias=1.5, t_ref_ms=2.0, v_reset=-0.5)
    times = run(one_neuron(neuron), n_steps=200).spikes["n"].time_ms
    first, period = 10 * np.log(1.5 / 0.5), 2 + 10 * np.log(2.0 / 0.5)
    np.testing.assert_allclose(times, first + period * np.arange(times.size), rtol=0, atol=1e-11)
    assert times.size == 1 + int((200 - first) / period)


def test_drive_changes_at_the_steps():
    net = one_neuron(LIParams(tau_mem_ms=5.0, decay_input=True))
    v = run(net, n_steps=3, currents={"n": [[1.0], [0.0], [3.0]]}).v["n"][:, 0, 0]
    m = np.exp(-1 / 5)
    np.testing.assert_allclose(v, [0, 1 - m, (1 - m) * m], rtol=0, atol=1e-12)


def test_two_crossings_within_a_step():
    """Worth 0.5, -0.3 and 0.5 in turn: two thresholds, none, and one, all in one step."""
    neuron = LIFParams(tau_mem_ms=10.0, tau_syn_ms={"exc": 0.05, "inh": 0.1}, decay_input=True, v_th=0.2)
    net = Network(
        10.0,
        [Population("in", 2), Population("n", 1, neuron)],
        [
            Projection("in", "n", [[100.0], [0.0]], receptor="exc"),
            Projection("in", "n", [[0.0], [-30.0]], name="down", receptor="inh"),
        ],
    )
    events = TimedEvents.from_times([[1, 2, 3]], [[0, 1, 0]], n_units=2, dt_ms=10.0, n_steps=1)
    rec = simulate(net, {"in": events}, engine="exact")
    times = rec.spikes["n"].time_ms
    assert times.size == 3
    assert rec.spikes["n"].step.tolist() == [0] * 3
    assert ((times > 1) & (times < 2)).sum() == 2


def random_net(rng, neuron, dt_ms=0.5):
    weight = rng.normal(0.15, 0.5, (12, 12))
    return Network(
        dt_ms,
        [Population("in", 6), Population("a", 12, neuron), Population("b", 12, neuron)],
        [
            Projection("in", "a", rng.normal(0.4, 0.5, (6, 12)), rng.integers(0, 4, (6, 12)) * 0.5),
            Projection("a", "b", rng.normal(0.4, 0.5, (12, 12)), rng.integers(0, 4, (12, 12)) * 0.5),
            Projection("b", "a", weight, rng.integers(1, 8, (12, 12)) * 0.5),
        ],
    )


@pytest.mark.parametrize("t_ref_ms", [0.0, 1.5])
@pytest.mark.parametrize("seed", range(10))
def test_jumps_on_the_grid_are_the_grid(seed, t_ref_ms):
    """Without drive a membrane falls between arrivals, so with all times on the grid all agree."""
    rng = np.random.default_rng(seed)
    net = random_net(rng, LIFParams(tau_mem_ms=rng.uniform(2, 20, 12), t_ref_ms=t_ref_ms, v_reset=-0.1))
    z = rng.random((6, 100)) < 0.1
    events = Events.from_lists([z.nonzero()[1]], [z.nonzero()[0]], n_units=6, dt_ms=0.5, n_steps=100)
    exact, clock = (
        simulate(net, {"in": events}, engine=e, record=Record(["in", "a", "b"], ["a"]))
        for e in ("exact", "clock")
    )
    assert clock.spikes["b"].n_events > 20
    for name in ("in", "a", "b"):
        assert exact.spikes[name].on_grid() == clock.spikes[name]
    assert exact.counts == clock.counts
    np.testing.assert_allclose(exact.v["a"], clock.v["a"], rtol=0, atol=1e-12)


def test_the_grid_converges_to_it():
    """Spike times of both engines on the grid come closer in proportion to the step."""
    rng = np.random.default_rng(5)
    times, units = np.sort(rng.uniform(0, 80, 60)), rng.integers(0, 4, 60)
    weight = rng.uniform(0.3, 0.9, (4, 3))

    def net(dt):
        neuron = LIFParams(
            tau_mem_ms=10.0, tau_syn_ms={"e": 5.0, "i": 3.0}, decay_input=True, t_ref_ms=2.0, bias=0.3
        )
        return Network(
            dt,
            [Population("in", 4), Population("n", 3, neuron)],
            [
                Projection("in", "n", weight, 1.0, receptor="e"),
                Projection("n", "n", -0.4 * (1 - np.eye(3)), 1.5, receptor="i"),
            ],
        )

    def spikes(dt, engine):
        events = TimedEvents.from_times([times], [units], n_units=4, dt_ms=dt, n_steps=round(100 / dt))
        given = events if engine == "exact" else events.on_grid()
        out = simulate(net(dt), {"in": given}, engine=engine).spikes["n"]
        time = out.time_ms if engine == "exact" else out.step * dt
        order = np.lexsort((time, out.unit))
        return time[order], out.unit[order]

    exact, owner = spikes(0.1, "exact")
    assert exact.size > 10
    for engine in ("event", "clock"):
        errors = []
        for dt in (0.1, 0.05, 0.025, 0.0125):
            time, unit = spikes(dt, engine)
            np.testing.assert_array_equal(unit, owner)
            errors.append(np.abs(time - exact).max())
        assert errors[-1] < 0.1
        assert errors[-1] < errors[0] / 4
    same, _ = spikes(0.0125, "exact")
    np.testing.assert_allclose(same, exact, rtol=0, atol=1e-9)


def test_soft_resets_keep_what_is_above():
    net = one_neuron(LIFParams(tau_mem_ms=10.0, reset="soft"), 2.5)
    rec = run(net, spikes_at([3.5], 6))
    assert rec.spikes["n"].time_ms.tolist() == [3.5, 3.5]
    assert abs(rec.v["n"][4, 0, 0] - 0.5 * np.exp(-0.05)) < 1e-12
    held = one_neuron(LIFParams(tau_mem_ms=10.0, reset="soft", t_ref_ms=1.25), 2.5)
    assert run(held, spikes_at([3.5], 9)).spikes["n"].time_ms.tolist() == [3.5, 4.75]


def test_strict_thresholds():
    for fires, expected in ((">=", [2.5]), (">", [])):
        rec = run(one_neuron(LIFParams(tau_mem_ms=10.0, fires=fires)), spikes_at([2.5], 5))
        assert rec.spikes["n"].time_ms.tolist() == expected


@pytest.mark.parametrize("cut", [1, 7, 20])
def test_cut_and_continue(cut):
    rng = np.random.default_rng(9)
    neuron = LIFParams(tau_mem_ms=8.0, tau_syn_ms=4.0, decay_input=True, t_ref_ms=1.3, bias=0.8)
    net = random_net(rng, neuron)
    time, unit = rng.uniform(0, 20, 40), rng.integers(0, 6, 40)
    events = TimedEvents.from_times([time], [unit], n_units=6, dt_ms=0.5, n_steps=40)
    keep = Record(["in", "a", "b"], ["a"])
    whole = simulate(net, {"in": events}, engine="exact", record=keep)
    first = simulate(net, {"in": events.slice(0, cut)}, engine="exact", record=keep)
    rest = simulate(net, {"in": events.slice(cut)}, engine="exact", record=keep, state=first.state)
    assert whole.spikes["b"].n_events > 10
    assert first.counts + rest.counts == whole.counts
    for name in ("a", "b"):
        times = np.concatenate([first.spikes[name].time_ms, rest.spikes[name].time_ms + cut * 0.5])
        np.testing.assert_allclose(np.sort(times), np.sort(whole.spikes[name].time_ms), rtol=0, atol=1e-9)
    v = np.concatenate([first.v["a"], rest.v["a"]])
    np.testing.assert_allclose(v, whole.v["a"], rtol=0, atol=1e-9)
    with pytest.raises(ValueError, match="state is of engine='exact'"):
        simulate(net, n_steps=1, state=first.state)
    with pytest.raises(ValueError, match="in memory only"):
        first.state.save("state.h5")
    with pytest.raises(ValueError, match="an engine on the grid"):
        simulate(net, n_steps=1, engine="exact", state=simulate(net, n_steps=1).state)


@pytest.mark.parametrize(
    ("neuron", "message"),
    [
        (LIFParams(decay=0.9), "tau_mem_ms of 'n' must be given (decay is per step) with engine='exact'"),
        (LIParams(decay=0.9), "tau_mem_ms of 'n' must be given (decay is per step) with engine='exact'"),
        (LIFParams(tau_mem_ms=np.inf), "tau_mem_ms of 'n' must be finite with engine='exact', got inf"),
        (
            LIFParams(tau_mem_ms=1.0, reset="hard_next_step"),
            "reset of 'n' must be 'hard' or 'soft' with engine='exact', got 'hard_next_step'",
        ),
        (
            LIFParams(tau_mem_ms=1.0, adapt_by=0.5, tau_adapt_ms=9.0),
            "adapt_by of 'n' must be 0 with engine='exact', got 0.5",
        ),
    ],
)
def test_neurons_without_an_exact_flow_are_refused(neuron, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        run(one_neuron(neuron), n_steps=1)


def test_three_receptors_are_refused():
    neuron = LIFParams(tau_mem_ms=1.0, tau_syn_ms={"a": 1.0, "b": 2.0, "c": 3.0})
    message = "tau_syn_ms of 'n' must be of at most 2 receptors with engine='exact', got {'a': 1.0, 'b': 2.0"
    with pytest.raises(ValueError, match=message):
        run(one_neuron(neuron, receptor="a"), n_steps=1)

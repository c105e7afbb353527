"""engine="exact": closed forms, no crossing missed, the limit of the grid, every refusal."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import scipy.special

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
from snn.core.exact.loops import first_crossing


@numba.njit
def crossings(y, a, b, tau, tau_a, tau_b, level, limit):
    found = np.empty(y.size)
    for n in range(y.size):
        found[n] = first_crossing(y[n], a[n], b[n], tau[n], tau_a[n], tau_b[n], level[n], limit[n])
    return found


def response(t, tau, tau_syn):
    """The membrane's answer to a unit current, straight from the solution of the equation."""
    tau_syn = np.asarray(tau_syn, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = tau_syn / (tau_syn - tau) * (np.exp(-t / tau_syn) - np.exp(-t / tau))
    return np.where(tau_syn == tau, t / tau * np.exp(-t / tau), apart)


def test_no_crossing_is_missed():
    """10^5 cases against 300 points each: nothing before the time found, and the threshold at it."""
    rng = np.random.default_rng(0)
    n, points = 100_000, 300
    tau, tau_a, tau_b = rng.uniform(1, 20, (3, n))
    tau_a = np.choose(rng.integers(0, 4, n), [tau, tau / 2, tau_a, tau_a])
    tau_b = np.choose(rng.integers(0, 4, n), [tau, tau_a, tau_b, tau_b])
    y, level = rng.normal(0, 1, n), rng.normal(0.3, 0.6, n)
    a, b = rng.normal(0, 4, (2, n)) * (rng.random((2, n)) < 0.8)
    limit = rng.uniform(0.1, 60, n)
    found = crossings(y, a, b, tau, tau_a, tau_b, level, limit)

    def height(t):
        return y * np.exp(-t / tau) + a * response(t, tau, tau_a) + b * response(t, tau, tau_b)

    meets = np.isfinite(found)
    assert 20_000 < meets.sum() < 80_000
    later = meets & (found > 0)
    at = height(np.where(meets, found, 0.0))
    assert (
        later & (height(limit) < level)
    ).sum() > 5_000  # up and down again within the step: a grid sees none
    # Distinct constants may be close, which costs the plain formula digits.
    np.testing.assert_allclose(at[later], level[later], rtol=0, atol=1e-8)
    assert (found[meets] <= limit[meets]).all()
    end = np.where(meets, found, limit)
    for fraction in np.linspace(0, 1, points, endpoint=False):
        early = height(end * fraction)
        assert (early[end > 0] < level[end > 0] + 1e-8).all()


def test_crossings_in_closed_form():
    one = np.ones(1)

    def solve(y, a, tau, tau_a, level):
        return crossings(*(x * one for x in (y, a, 0.0, tau, tau_a, tau_a, level, 1e3)))[0]

    assert abs(solve(-1.0, 0.0, 10.0, 5.0, -0.25) - 10 * np.log(4)) < 1e-12
    # tau = 2 tau_syn: a (x - x^2) = level, x = exp(-t / tau)
    x = (1 + np.sqrt(1 - 4 * 0.5 / 3)) / 2
    assert abs(solve(0.0, 3.0, 10.0, 5.0, 0.5) + 10 * np.log(x)) < 1e-12
    # Equal constants: a (t / tau) exp(-t / tau) = level, Lambert's W
    t = -10 * scipy.special.lambertw(-0.5 / 3).real
    assert abs(solve(0.0, 3.0, 10.0, 10.0, 0.5) - t) < 1e-12
    # Constants apart by rounding only: no digits are lost
    assert abs(solve(0.0, 3.0, 10.0, 10.0 * (1 + 1e-13), 0.5) - t) < 1e-10
    # Without a peak high enough there is none: the peak of the two-to-one response is a / 4
    assert solve(0.0, 3.0, 10.0, 5.0, 0.7501) == np.inf
    assert abs(solve(0.0, 3.0, 10.0, 5.0, 0.75) - 10 * np.log(2)) < 1e-6


def single(neuron, weight=1.0, delay_ms=0.0, dt_ms=1.0, receptor=None):
    return Network(
        dt_ms,
        [Population("in", 1), Population("n", 1, neuron)],
        [Projection("in", "n", [[weight]], delay_ms, receptor=receptor)],
    )


def at(times, n_steps, dt_ms=1.0):
    return TimedEvents.from_times([times], [[0] * len(times)], n_units=1, dt_ms=dt_ms, n_steps=n_steps)


def run(net, events=None, **options):
    inputs = {} if events is None else {"in": events}
    return simulate(net, inputs, engine="exact", record=Record(["n"], ["n"]), **options)


@pytest.mark.parametrize("tau_syn", [3.0, 4.5, 9.0, 20.0])
def test_a_trace_is_the_solution(tau_syn):
    net = single(
        LIParams(tau_mem_ms=9.0, tau_syn_ms=tau_syn, v_rest=-0.5, decay_input=True), 1.5, delay_ms=0.27
    )
    v = run(net, at([1.31, 4.9], 50)).v["n"][:, 0, 0]
    t = np.arange(50.0)
    expected = -0.5 + sum(
        1.5 * np.where(t >= s, response(np.maximum(t - s, 0), 9.0, tau_syn), 0) for s in (1.58, 5.17)
    )
    np.testing.assert_allclose(v, expected, rtol=0, atol=1e-12)


def test_a_jump_decays_from_its_own_time():
    v = run(single(LIParams(tau_mem_ms=7.0), 2.0), at([1.25], 20)).v["n"][:, 0, 0]
    t = np.arange(20.0)
    np.testing.assert_allclose(v, 2 * np.where(t > 1.25, np.exp(-(t - 1.25) / 7), 0), rtol=0, atol=1e-12)


def test_a_constant_drive_fires_with_the_period_of_the_formula():
    neuron = LIFParams(tau_mem_ms=10.0, decay_input=True, bias=1.5, t_ref_ms=2.0, v_reset=-0.5)
    times = run(single(neuron), n_steps=200).spikes["n"].time_ms
    first, period = 10 * np.log(1.5 / 0.5), 2 + 10 * np.log(2.0 / 0.5)
    np.testing.assert_allclose(times, first + period * np.arange(times.size), rtol=0, atol=1e-11)
    assert times.size == 1 + int((200 - first) / period)


def test_drive_changes_at_the_steps():
    net = single(LIParams(tau_mem_ms=5.0, decay_input=True))
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
    net = single(LIFParams(tau_mem_ms=10.0, reset="soft"), 2.5)
    rec = run(net, at([3.5], 6))
    assert rec.spikes["n"].time_ms.tolist() == [3.5, 3.5]
    assert abs(rec.v["n"][4, 0, 0] - 0.5 * np.exp(-0.05)) < 1e-12
    held = single(LIFParams(tau_mem_ms=10.0, reset="soft", t_ref_ms=1.25), 2.5)
    assert run(held, at([3.5], 9)).spikes["n"].time_ms.tolist() == [3.5, 4.75]


def test_strict_thresholds():
    for fires, expected in ((">=", [2.5]), (">", [])):
        rec = run(single(LIFParams(tau_mem_ms=10.0, fires=fires)), at([2.5], 5))
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
        (LIFParams(decay=0.9), "needs tau_mem_ms; 'n' has decay"),
        (LIParams(decay=0.9), "needs tau_mem_ms; 'n' has decay"),
        (LIFParams(tau_mem_ms=np.inf), "needs a finite tau_mem_ms"),
        (LIFParams(tau_mem_ms=1.0, reset="hard_next_step"), "has no next step"),
    ],
)
def test_neurons_without_an_exact_flow_are_refused(neuron, message):
    with pytest.raises(ValueError, match=message):
        run(single(neuron), n_steps=1)


def test_three_receptors_are_refused():
    neuron = LIFParams(tau_mem_ms=1.0, tau_syn_ms={"a": 1.0, "b": 2.0, "c": 3.0})
    with pytest.raises(ValueError, match="at most 2 receptors; 'n' has"):
        run(single(neuron, receptor="a"), n_steps=1)


def test_timed_events():
    events = TimedEvents.from_times(
        [[2.5, 0.3, 2.1], [], [1.0]], [[0, 1, 0], [], [1]], n_units=2, dt_ms=1.0, n_steps=4
    )
    assert events.time_ms.tolist() == [0.3, 2.1, 2.5, 1.0]
    assert events.on_grid() == Events.from_lists(
        [[0, 2, 2], [], [1]], [[1, 0, 0], [], [1]], n_units=2, dt_ms=1.0, n_steps=4
    )
    assert events.slice(2).time_ms.tolist() == pytest.approx([0.1, 0.5])
    assert events.select([2, 0]).time_ms.tolist() == [1.0, 0.3, 2.1, 2.5]
    assert events.select([0, 1, 2]) == events
    assert events != events.pad(1)
    assert events.pad(1).n_steps.tolist() == [5] * 3
    with pytest.raises(ValueError, match="off the grid"):
        simulate(single(LIParams(decay=0.5)), {"in": at([1.5], 3)})
    with pytest.raises(ValueError, match=r"step\[0\] must be in \[0, 4\) .*, got 4$"):
        at([4.2], 4)
    with pytest.raises(ValueError, match="lists of the same lengths"):
        TimedEvents.from_times([[1.0]], [[]], n_units=1, dt_ms=1.0, n_steps=4)
    with pytest.raises(ValueError, match="keeps steps, not times"):
        events.save("events.h5")

"""Numbers at their limits: what plain Python computes, or a refusal by name; event = clock."""

from __future__ import annotations

import math

import numpy as np
import pytest

from snn.core import (
    STDP,
    Events,
    LIFParams,
    LIParams,
    Network,
    PoissonInput,
    Population,
    Projection,
    Record,
    TimedEvents,
    event_steps,
    memory,
    simulate,
)

STEPS = 12
SPIKES = [0, 1, 1, 4, 7]


def chain(neuron, weight=1.0, delay_ms=0.0, dt_ms=1.0, **more):
    populations = [Population("in", 1), Population("n", 1, neuron)]
    return Network(dt_ms, populations, [Projection("in", "n", [[weight]], delay_ms, **more)])


def inputs(dt_ms=1.0):
    return {"in": Events.from_lists([SPIKES], [[0] * 5], n_units=1, dt_ms=dt_ms, n_steps=STEPS)}


def in_python(weight, delay, *, decay, scale=1.0, v_th=1.0, bias=0.0, syn=None, t_ref=0, adapt=(0.0, 0.0)):
    """Run one neuron step by step, with the operations in the order of the equation in `snn.core.neurons`."""
    v, current, hold, theta, fired = 0.0, 0.0, 0, 0.0, []
    for k in range(STEPS):
        current = current * (0.0 if syn is None else syn) + weight * sum(s + delay == k for s in SPIKES)
        theta *= adapt[1]
        if hold > 0:
            hold -= 1
            continue
        v = 0.0 + v * decay + (current + bias) * scale
        if v >= v_th + theta:
            fired.append(k)
            v, hold, theta = 0.0, t_ref, theta + adapt[0]
    return fired, v


TAUS = [5e-324, 1e-300, 0.1, 1.0, 2.0**31, 2.0**53, 1e308]


@pytest.mark.parametrize("dt_ms", [1e-100, 1e-3, 1.0, 2.0**31, 1e100])
@pytest.mark.parametrize("engine", ["event", "clock"])
def test_time_constants_and_steps_at_their_limits(dt_ms, engine):
    for tau in TAUS:
        decay = math.exp(-dt_ms / tau) if dt_ms / tau < 1e3 else 0.0
        for options, mine in [
            ({"tau_mem_ms": tau}, {"decay": decay}),
            ({"decay": 0.5, "tau_syn_ms": tau}, {"decay": 0.5, "syn": decay}),
            ({"decay": 0.5, "adapt_by": 0.7, "tau_adapt_ms": tau}, {"decay": 0.5, "adapt": (0.7, decay)}),
        ]:
            net = chain(LIFParams(**options), 0.6, 2.0 * dt_ms, dt_ms)
            rec = simulate(net, inputs(dt_ms), engine=engine)
            fired, v = in_python(0.6, 2, **mine)
            assert rec.spikes["n"].step.tolist() == fired and rec.state.v["n"][0, 0] == v, (tau, options)


@pytest.mark.parametrize("engine", ["event", "clock"])
@pytest.mark.parametrize("steps", [0, 1, 3, 2**29, 10**9])
def test_refractory_times_up_to_a_billion_steps(engine, steps):
    net = chain(LIFParams(decay=0.5, bias=2.0, t_ref_ms=steps * 0.5), 1.0, dt_ms=0.5)
    rec = simulate(net, inputs(0.5), engine=engine)
    assert rec.spikes["n"].step.tolist() == in_python(1.0, 0, decay=0.5, bias=2.0, t_ref=steps)[0]
    later = simulate(net, n_steps=4, engine=engine, state=rec.state)
    assert later.spikes["n"].n_events == {0: 4, 1: 2, 3: 1}.get(steps, 0)


@pytest.mark.parametrize("steps", [10**9 + 1, 2**31 - 1, 2**31, 2**32 + 3, 2**53, 2**63, 1e19, 1e308])
def test_longer_times_are_refused_by_name(steps):
    for dt_ms in (1.0, 1e-3) if steps < 1e300 else (1.0,):
        with pytest.raises(ValueError, match="population 'n': t_ref_ms.* at most 1,000,000,000 steps"):
            chain(LIFParams(decay=0.5, t_ref_ms=steps * dt_ms * 1.001), dt_ms=dt_ms)
        with pytest.raises(
            ValueError, match="projection 'in-n': delay_ms must be at most 1,000,000,000 steps"
        ):
            chain(LIFParams(decay=0.5), delay_ms=steps * dt_ms * 1.001, dt_ms=dt_ms)


@pytest.mark.parametrize("engine", ["event", "clock", "exact"])
@pytest.mark.parametrize("delays", [1e8, [[1e8, 0.0]]])
def test_memory_of_delays_is_asked_for_first(monkeypatch, engine, delays):
    neurons = [Population("in", 1), Population("n", 2, LIFParams(tau_mem_ms=5.0))]
    net = Network(1.0, neurons, [Projection("in", "n", [[1.0, 1.0]], delays)])
    monkeypatch.setattr(memory, "available_bytes", lambda: 2**30)
    with pytest.raises(MemoryError, match=r"delays of up to 100,000,000 steps.* GiB, 1.0 GiB are free"):
        simulate(net, inputs(), engine=engine)


@pytest.mark.parametrize(("options", "what"), [
    ({"n_steps": 10**9, "threads": 2}, "steps"), ({"n_steps": 10**8, "currents": np.zeros((1, 1))}, None),
])  # fmt: skip
def test_memory_of_steps_is_asked_for_first(monkeypatch, options, what):
    monkeypatch.setattr(memory, "available_bytes", lambda: 2**30)
    if what is None:
        with pytest.raises(ValueError, match=r"currents\['n'\] must have T"):
            simulate(chain(LIFParams(decay=0.5)), n_steps=10**8, currents={"n": np.zeros((2, 1))})
        return
    with pytest.raises(MemoryError, match="1,000,000,000 steps"):
        simulate(chain(LIFParams(decay=0.5)), **options)


@pytest.mark.parametrize("engine", ["event", "clock", "exact"])
@pytest.mark.parametrize(
    ("neuron", "weight", "what"),
    [
        (LIParams(tau_mem_ms=5.0), -1e308, "membranes of 'n'"),
        (LIParams(tau_mem_ms=5.0), 1e308, "membranes of 'n'"),
        (LIFParams(tau_mem_ms=5.0), -1.7e308, "membranes of 'n'"),
        (LIFParams(tau_mem_ms=5.0, tau_syn_ms=9.0), -1.7e308, "(membranes|currents) of 'n'"),
        (
            LIFParams(tau_mem_ms=5.0, tau_syn_ms=9.0, reset="soft"),
            1.7e308,
            "(of 'n'|a neuron)",
        ),
    ],
)
def test_sums_beyond_the_numbers_are_refused(engine, neuron, weight, what):
    with pytest.raises(ValueError, match=f"{what} must (be finite|spike)"):
        simulate(chain(neuron, weight), inputs(), engine=engine)


def test_sums_beyond_float32_are_refused():
    with pytest.raises(ValueError, match="membranes of 'n' must be finite"):
        simulate(chain(LIParams(decay=1.0), 3e38), inputs(), dtype="float32")
    for options in ({"v_th": 1e39}, {"v_th": 1e-50}, {"bias": 1e300}, {"v_reset": -1e39}, {"v_rest": 1e39}):
        with pytest.raises(
            ValueError, match=f"{next(iter(options))} of 'n' must be within the range of 'float32'"
        ):
            simulate(chain(LIFParams(decay=0.5, **options) if options != {"v_th": 1e-50} else
                           LIFParams(decay=0.5, v_reset=-1.0, **options)), inputs(), dtype="float32")  # fmt: skip
    with pytest.raises(ValueError, match=r"currents\['n'\]\[0, 0, 0\] must be finite"):
        simulate(chain(LIFParams(decay=0.5)), inputs(), currents={"n": [1e39]}, dtype="float32")


@pytest.mark.parametrize("options", [{"bias": 1e308}, {"bias": 1e12}, {"bias": 1e17, "reset": "soft"},
                                     {"reset": "soft", "reset_by": 1e-300, "bias": 3.0}])  # fmt: skip
def test_spikes_without_end_are_refused(options):
    with pytest.raises(ValueError, match="at most 100 000 times within a step|must be finite"):
        simulate(chain(LIFParams(tau_mem_ms=5.0, **options)), inputs(), engine="exact")


@pytest.mark.parametrize("engine", ["event", "clock"])
def test_learning_beyond_the_numbers_is_refused(engine):
    rule = STDP(1e308, 1e308, w_min=-1.7e308, w_max=1.7e308, bounds="multiplicative")
    net = chain(LIFParams(decay=0.5, bias=2.0), 1.0, plasticity=rule)
    with pytest.raises(ValueError, match="of 'in-n' must be finite|of 'n' must be finite"):
        simulate(net, inputs(), engine=engine)


@pytest.mark.parametrize("seed", [-(2**63), -1, 2**31, 2**53 + 1, 2**64 - 1])
def test_seeds_at_their_limits_differ(seed):
    net = Network(1.0, [Population("n", 50, LIParams(decay=1.0))], (), [PoissonInput("n", 300.0, 1.0)])
    runs = [simulate(net, n_steps=20, seed=s, engine=e).state.v["n"] for s, e in
            ((seed, "event"), (seed, "clock"), (0, "event"))]  # fmt: skip
    assert np.array_equal(runs[0], runs[1]) and not np.array_equal(runs[0], runs[2])


@pytest.mark.parametrize("start", [0, 10**9, 2**40, 2**53 - 20])
def test_noise_goes_on_far_along(start):
    """Both engines draw alike at any step that a state can tell."""
    net = Network(1.0, [Population("n", 3, LIParams(decay=1.0))], (), [PoissonInput("n", 300.0, 1.0)])
    state = simulate(net, n_steps=0).state
    state.steps[:] = start
    keep = Record(v=["n"])
    runs = [simulate(net, n_steps=9, state=state, record=keep, engine=e).v["n"] for e in ("event", "clock")]
    assert np.array_equal(*runs) and runs[0].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("dt_ms", [0.1, 0.3, 0.7])
def test_timed_events_keep_the_steps_of_their_own_dtype(dtype, dt_ms):
    steps = np.arange(60)
    times = (steps * dt_ms).astype(dtype)
    expected = event_steps(times, dt_ms)
    by_rows = TimedEvents.from_times([times, times], [[0] * 60] * 2, n_units=1, dt_ms=dt_ms, n_steps=80)
    at_once = TimedEvents(times, np.zeros(60, int), [0, 60], 1, dt_ms, 80)
    assert at_once.step.tolist() == expected.tolist() and by_rows.step.tolist() == [*expected, *expected]
    if dtype == np.float32:
        assert expected.tolist() == steps.tolist()
    assert at_once.pad(3).step.tolist() == expected.tolist()
    assert by_rows.select([1]).step.tolist() == expected.tolist()
    assert TimedEvents.from_dict(at_once.to_dict()).step.tolist() == expected.tolist()
    for cut in (1, 7, 33):
        pieces = at_once.slice(0, cut).step.tolist(), (at_once.slice(cut).step + cut).tolist()
        assert pieces[0] + pieces[1] == expected.tolist()
        assert (at_once.slice(cut).time_ms >= 0.0).all()

"""A state that does not fit its network in every part is refused, and the part is named."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

from snn.core import (
    STDP,
    Events,
    LIFParams,
    LIParams,
    Network,
    Population,
    Projection,
    SimulationState,
    TimedEvents,
    simulate,
    with_learned_weights,
)
from snn.core.exact.state import ExactState


def network(exact=False):
    tau_syn, adapts = {"e": 2.0, "i": 3.0}, {} if exact else {"adapt_by": 0.1, "tau_adapt_ms": 9.0}
    a = LIFParams(tau_mem_ms=5.0, tau_syn_ms=tau_syn, t_ref_ms=[2.0, 0.0, 3.0, 2.0], bias=0.3, **adapts)
    rule = None if exact else STDP(0.1, 0.1)
    return Network(
        1.0,
        [Population("in", 3), Population("a", 4, a), Population("out", 2, LIParams(tau_mem_ms=9.0))],
        [
            Projection("in", "a", np.full((3, 4), 0.7), 2.0, receptor="e", plasticity=rule),
            Projection("a", "out", np.full((4, 2), 0.3), 5.0),
        ],
    )


NET, EXACT = network(), network(exact=True)
IN = Events.from_lists([[0, 1, 5], [4, 5]], [[0, 1, 2], [0, 1]], n_units=3, dt_ms=1.0, n_steps=6)
STATE = simulate(NET, {"in": IN}).state
EXACT_STATE = simulate(EXACT, {"in": IN}, engine="exact").state


def spikes(steps=5, units=3, samples=2, dt_ms=1.0, rows=()):
    lists = [list(rows), *([[]] * (samples - 1))]
    return Events.from_lists(lists, [[0] * len(rows), *lists[1:]], n_units=units, dt_ms=dt_ms, n_steps=steps)


def changed(array, value, place=(0, 0)):
    array = array.copy()
    array[place] = value
    return array


def _cases():
    """Yield (field, name of the part or None, change of the part, what the message names)."""
    for field, name in [("v", "a"), ("v", "out"), ("currents", "a"), ("adaptation", "a"), ("weights", "in-a"),
                        ("traces_pre", "in-a"), ("traces_post", "in-a"), ("refractory", "a")]:  # fmt: skip
        yield field, name, None, field
        yield field, "more", lambda x: np.zeros((2, 1)), field
        yield field, name, lambda x: x[:1], rf"{field}\['{name}'\]"
        yield field, name, lambda x: x[..., :1], rf"{field}\['{name}'\]"
        yield field, name, lambda x: x[0], rf"{field}\['{name}'\]"
        yield field, name, lambda x: np.float64(0.0), rf"{field}\['{name}'\]"
        yield field, name, lambda x: x.tolist(), rf"{field}\['{name}'\]"
        yield field, name, lambda x: x.astype(np.float16), rf"{field}\['{name}'\]"
        if field != "refractory":
            for value in (np.nan, np.inf, -np.inf):
                yield field, name, lambda x, v=value: changed(x, v, (0,) * x.ndim), rf"{field}\['{name}'\]\[0"
        if field not in ("v", "currents"):
            yield field, name, lambda x: changed(x, -1, (0,) * x.ndim), rf"{field}\['{name}'\]\[0"
    yield "weights", "in-a", lambda x: changed(x, 1.5), r"weights\['in-a'\]\[0, 0\]"
    yield "refractory", "a", lambda x: changed(x, 3), r"refractory\['a'\]\[0, 0\] must be at most 2 steps"
    yield "refractory", "a", lambda x: changed(x, 2**40), r"refractory\['a'\]\[0, 0\]"
    for change in (
        *(spikes(steps=9), spikes(steps=[5, 4]), spikes(units=10**9), spikes(samples=1), spikes(dt_ms=0.5)),
        *([[1]], None),
    ):
        yield "recent", "in", lambda x, c=change: c, r"recent\['in'\]"
    yield "recent", "in", None, "recent"
    yield "recent", "out", lambda x: spikes(units=2, rows=[1]), r"recent\['out'\] must be without spikes"
    yield "recent", "a", lambda x: spikes(units=4, rows=[1, 1]), r"recent\['a'\] must be without two spikes"
    for value in ([3, -1], [3.0, 1.0], [2**62, 0], [3], None):
        dtype = np.float64 if value == [3.0, 1.0] else np.int64
        yield "steps", None, lambda x, v=value, t=dtype: None if v is None else np.array(v, dtype=t), "state"
    for value in (0.5, "x", None, 2**64, True):
        yield "seed", None, lambda x, v=value: v, "seed"


@pytest.mark.parametrize("case", list(_cases()), ids=lambda case: f"{case[0]}-{case[1]}")
def test_a_part_that_does_not_fit_is_named(case):
    field, name, change, message = case
    given = getattr(STATE, field)
    if name is None:
        state = replace(STATE, **{field: change(given)})
    else:
        parts = dict(given)
        if change is None:
            del parts[name]
        else:
            parts[name] = change(parts.get(name))
        state = replace(STATE, **{field: parts})
    for run in (
        lambda: simulate(NET, n_steps=3, state=state),
        lambda: simulate(NET, n_steps=3, state=state, engine="clock"),
        lambda: with_learned_weights(NET, state),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            run()


def test_states_that_fit_go_on():
    assert simulate(NET, n_steps=3, state=STATE).state.steps.tolist() == [9, 9]
    again = SimulationState.from_dict(copy.deepcopy(STATE.to_dict()))
    assert simulate(NET, n_steps=3, state=again).spikes == simulate(NET, n_steps=3, state=STATE).spikes


def test_a_unit_beyond_the_population_is_refused_from_a_file(tmp_path):
    """What made the engine read outside its arrays: spikes in flight of a unit that is not there."""
    values = STATE.to_dict()
    far = Events.from_lists([[0], []], [[500_000_000], []], n_units=10**9, dt_ms=1.0, n_steps=5)
    state = SimulationState.from_dict(values | {"recent": values["recent"] | {"in": far.to_dict()}})
    state.save(tmp_path / "state.h5")
    loaded = SimulationState.load(tmp_path / "state.h5")
    with pytest.raises(
        ValueError, match=r"recent\['in'\].n_units must be 3 as the network's, got 1000000000"
    ):
        simulate(NET, {"in": IN}, state=loaded)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("hold_ms", {}, "hold_ms must be of 'a', 'out'"),
        ("hold_ms", {"a": np.full((2, 4), 2.5), "out": np.zeros((2, 2))}, r"hold_ms\['a'\]\[0, 0\] .* at most"),
        ("hold_ms", {"a": np.full((2, 4), np.nan), "out": np.zeros((2, 2))}, r"hold_ms\['a'\]\[0, 0\] .* finite"),
        ("v", {"a": np.zeros((2, 4)), "out": np.zeros((1, 2))}, r"v\['out'\]"),
        ("currents", {}, "currents"),
        ("recent", {name: spikes() for name in ("in", "a", "out")}, r"recent\['in'\] must be TimedEvents"),
    ],
)  # fmt: skip
def test_exact_states_are_checked_too(field, value, message):
    with pytest.raises(ValueError, match=message):
        simulate(EXACT, n_steps=3, state=replace(EXACT_STATE, **{field: value}), engine="exact")


def test_states_stay_with_their_kind_of_engine(tmp_path):
    assert simulate(EXACT, n_steps=3, state=EXACT_STATE, engine="exact").state.steps.tolist() == [9, 9]
    again = ExactState.from_dict(EXACT_STATE.to_dict())
    assert isinstance(again.recent["in"], TimedEvents) and again.recent == EXACT_STATE.recent
    with pytest.raises(ValueError, match="state is of engine='exact'"):
        simulate(EXACT, n_steps=3, state=EXACT_STATE)
    with pytest.raises(ValueError, match="state is of an engine on the grid"):
        simulate(EXACT, n_steps=3, state=simulate(EXACT, n_steps=1).state, engine="exact")
    STATE.save(tmp_path / "state.h5")
    for call in (EXACT_STATE.save, ExactState.load):
        with pytest.raises(ValueError, match="kept in memory only"):
            call(tmp_path / "state.h5")
    with pytest.raises(TypeError, match="state must be a SimulationState, got 'no'"):
        simulate(NET, n_steps=1, state="no")

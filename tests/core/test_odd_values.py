"""Odd values in every public field of core: taken for what they stand for, or refused by the field's name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from odd_values import ODD_VALUES, number_of, whole_of

from snn.core import (
    STDP,
    Counts,
    Events,
    Hebbian,
    LIFParams,
    LIParams,
    Network,
    PoissonInput,
    Population,
    Projection,
    Raster,
    Record,
    TimedEvents,
    TimeGrid,
    connectivity,
    delay_steps,
    event_steps,
    simulate,
    with_learned_weights,
)

BIG, MOST = 1.7e308, 2**53
KNOWN = {("None", "lengths"), ("bool array", "z")}
ARRAYS: dict[str, Any] = {
    "array [B, 1]": [[1], [2], [3]], "one-hot": np.eye(3), "array [1]": [3], "fractions": [0.7, 1.0],
    "-100 array": [-100, 1], "empty list": [], "empty array": [], "nested list": [[[1]]], "range": [0, 1, 2],
    "torch float32 [2]": [0.5, 1.5], "torch int32 [2]": [1, 2],
}  # fmt: skip
"""Those of the values that are arrays of real numbers."""


class Field(NamedTuple):
    """Say what a field takes.

    `make` puts a value into the field and returns what was made of it, or None where that is not shown; messages
    match `name`. `ndim` are the numbers of axes of the arrays that it takes; `fits` tells which of these.
    """

    name: str
    make: Callable[[Any], Any]
    low: float = -BIG
    high: float = BIG
    above: float = -math.inf
    whole: bool = False
    none: bool = False
    ndim: tuple[int, ...] = ()
    fits: Callable[[Any], bool] = lambda array: array.size > 0
    not_0: bool = False
    single: bool = True

    def takes(self, name: str, value: Any) -> bool:
        """Tell whether the field takes the value of that name."""
        if name in ARRAYS:
            array = np.asarray(ARRAYS[name], dtype=np.float64)
            inside = (array >= self.low) & (array <= self.high) & (array > self.above)
            return array.ndim in self.ndim and self.fits(array) and bool(inside.all())
        number = whole_of(name) if self.whole else number_of(name)
        if (
            number is None
            or not self.single
            or (self.not_0 and number == 0)
            or (name == "10^400" and not self.whole)
        ):
            return value is None and self.none
        return self.low <= number <= self.high and number > self.above


def done(_: Any) -> None:
    """Drop what is not shown."""


def lif(name: str, low: float = -BIG, high: float = BIG, **options: Any) -> Field:
    """Say what a field of `LIFParams` takes, which others need as in `options`."""
    others = options.pop("others", {"decay": 0.5} if name not in ("decay", "tau_mem_ms") else {})
    return Field(
        name, lambda v: getattr(LIFParams(**{**others, name: v}), name), low, high, ndim=(1,), **options
    )


NET = Network(1.0, [Population("in", 3), Population("n", 3, LIFParams(decay=0.5))])
IN = Events.from_lists([[1]], [[0]], n_units=3, dt_ms=1.0, n_steps=3)
SOFT = {"decay": 0.5, "reset": "soft"}
RULE, ADAPT = {"a_plus": 0.1, "a_minus": 0.1}, {"decay": 0.5, "tau_adapt_ms": 9.0}


def projection(**options: Any) -> Projection:
    return Projection(**{"pre": "in", "post": "n", "weight": np.ones((3, 3)), **options})


def events(**options: Any) -> Events:
    given = {"step": [1], "unit": [0], "offsets": [0, 1], "n_units": 3, "dt_ms": 1.0, "n_steps": 3}
    return Events(**{**given, **options})


FIELDS = [
    lif("tau_mem_ms", above=0.0, high=math.inf), lif("decay", 0.0, 1.0), lif("input_scale", none=True),
    lif("v_th", others={"decay": 0.5, "v_reset": -BIG}), lif("v_reset", others={"decay": 0.5, "v_th": BIG}),
    lif("v_rest"), lif("bias"), lif("t_ref_ms", 0.0), lif("reset_by", above=0.0, none=True, others=SOFT),
    lif("tau_syn_ms", above=0.0, none=True), lif("adapt_by", 0.0, not_0=True, others=ADAPT),
    lif("tau_adapt_ms", above=0.0, others={"decay": 0.5, "adapt_by": 0.1}),
    Field(r"tau_syn_ms\['e'\]", lambda v: LIParams(decay=0.5, tau_syn_ms={"e": v}).tau_syn_ms["e"], above=0.0,
          ndim=(1,)),
    Field("bias", lambda v: LIParams(decay=0.5, bias=v).bias, ndim=(1,)),
    Field("size", lambda v: Population("a", v).size, 1, 2**31 - 1, whole=True),
    Field("dt_ms", lambda v: Network(v, [Population("a", 1)]).dt_ms, 1e-100, 1e100),
    Field("rate_hz", lambda v: PoissonInput("n", v, 1.0).rate_hz, 0.0),
    Field("weight", lambda v: PoissonInput("n", 1.0, v).weight, not_0=True),
    Field("a_plus", lambda v: STDP(v, 0.1).a_plus), Field("a_minus", lambda v: STDP(0.1, v).a_minus),
    Field("tau_plus_ms", lambda v: STDP(0.1, 0.1, v).tau_plus_ms, above=0.0),
    Field("tau_minus_ms", lambda v: STDP(0.1, 0.1, 1.0, v).tau_minus_ms, above=0.0),
    Field("w_max", lambda v: STDP(0.1, 0.1, w_min=-BIG, w_max=v).w_max),
    Field("w_min", lambda v: STDP(0.1, 0.1, w_min=v, w_max=BIG).w_min),
    Field("rate", lambda v: Hebbian(v).rate), Field("tau_ms", lambda v: Hebbian(0.1, v).tau_ms, above=0.0),
    Field("forget", lambda v: Hebbian(0.1, forget=v).forget, 0.0, 1.0),
    Field("weight", lambda v: done(projection(weight=v)), ndim=(2,), single=False),
    Field("delay_ms", lambda v: done(projection(delay_ms=v)), 0.0, none=True, ndim=(2,),
          fits=lambda a: a.shape == (3, 3)),
    Field("n_steps", lambda v: TimeGrid(v, 1.0).n_steps, 0, MOST, whole=True),
    Field("dt_ms", lambda v: TimeGrid(1, v).dt_ms, 1e-100, 1e100),
    Field("n_units", lambda v: events(n_units=v).n_units, 1, 2**31 - 1, whole=True),
    Field("dt_ms", lambda v: events(dt_ms=v).dt_ms, 1e-100, 1e100),
    Field("start", lambda v: done(IN.slice(v)), 0, MOST, whole=True),
    Field("stop", lambda v: done(IN.slice(1, v)), 1, MOST, whole=True, none=True),
    Field("steps", lambda v: IN.pad(v).n_steps[0] - 3, 0, MOST - 3, whole=True),
    Field("n_steps", lambda v: IN.to_raster(v).grid.n_steps, 3, MOST, whole=True, none=True),
    Field("samples", lambda v: Counts(samples=v).samples, 0, math.inf, whole=True),
    Field("steps", lambda v: Counts(steps=v).steps, 0, math.inf, whole=True),
    Field(r"macs\['p'\]", lambda v: Counts(macs={"p": v}).macs["p"], 0, math.inf, whole=True),
    Field("bits", lambda v: done(Counts().delay_bytes(v)), 1, math.inf, whole=True),
    Field("n_steps", lambda v: len(simulate(NET, n_steps=v, record=Record(v=["n"])).v["n"]), 0, 1000, whole=True),
    Field("seed", lambda v: simulate(NET, n_steps=1, seed=v).state.seed, -(2**63), 2**64 - 1, whole=True,
          none=True),
    Field("threads", lambda v: done(simulate(NET, n_steps=1, threads=v)), 1, math.inf, whole=True),
    Field("currents", lambda v: done(simulate(NET, n_steps=3, currents={"n": v})), ndim=(1, 2, 3),
          fits=lambda a: a.shape in [(3,), (3, 3), (3, 1, 3)], single=False),
    Field("sample", lambda v: done(with_learned_weights(NET, simulate(NET, n_steps=1).state, v)), 0, 0, whole=True),
    Field("delay_ms", lambda v: done(delay_steps(v, 1.0)), 0.0, 1e9, ndim=(1, 2, 3), fits=lambda a: True),
    Field("time", lambda v: done(event_steps(v, 1.0)), 0.0, MOST, ndim=(1, 2, 3), fits=lambda a: True),
    Field("degree", lambda v: connectivity.fixed_in_degree(3, 3, v).nnz / 3, 0, math.inf, whole=True),
    Field("probability", lambda v: done(connectivity.bernoulli(3, 3, v)), 0.0, 1.0),
    Field("length", lambda v: done(connectivity.by_distance([[0.0]], [[0.0]], v)), 1e-150, math.inf),
    Field("pre", lambda v: connectivity.bernoulli(v, 3, 0.0).shape[0], 1, 2**31 - 1, whole=True),
    Field("post", lambda v: connectivity.bernoulli(3, v, 0.0).shape[1], 1, 2**31 - 1, whole=True),
    Field("seed", lambda v: done(connectivity.bernoulli(3, 3, 0.5, seed=v)), -(2**63), 2**64 - 1, whole=True),
]  # fmt: skip


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_numbers_are_taken_for_what_they_are_or_refused(field):
    for name, value in ODD_VALUES:
        if not field.takes(name, value):
            with pytest.raises((TypeError, ValueError), match=field.name):
                field.make(value)
            continue
        try:
            made = field.make(value)
        except MemoryError as error:  # within the limits, and more than the machine has
            assert "iB are free" in str(error), name
            continue
        if made is not None and number_of(name) is not None:
            assert made == (whole_of(name) if field.whole else float(number_of(name))), name
        elif made is not None and name in ARRAYS:
            np.testing.assert_array_equal(made, np.asarray(ARRAYS[name]), err_msg=name)


FLAGS = {
    "decay_input": lambda v: LIFParams(decay=0.5, decay_input=v).decay_input,
    "loops": lambda v: done(connectivity.bernoulli(3, 3, 0.5, loops=v)),
    "fixed": lambda v: done(with_learned_weights(NET, simulate(NET, n_steps=1).state, 0, v)),
    "continued": lambda v: Counts(continued=v).continued,
}
TEXTS = {
    "name of a population": lambda v: Population(v, 1),
    "name of a projection": lambda v: projection(name=v) if v is not None else refuse("name of a projection"),
    "pre": lambda v: projection(pre=v, name="p"),
    "post": lambda v: projection(post=v, name="p"),
}
CHOICES = {
    "reset": lambda v: LIFParams(decay=0.5, reset=v),
    "fires": lambda v: LIFParams(decay=0.5, fires=v),
    "bounds": lambda v: STDP(0.1, 0.1, bounds=v),
    "engine": lambda v: simulate(NET, n_steps=1, engine=v),
    "dtype": lambda v: simulate(NET, n_steps=1, dtype=v),
    "on_collision": lambda v: IN.to_raster(on_collision=v),
    "grid": lambda v: Raster(np.zeros((1, 1, 1), int), v),
    "net": lambda v: simulate(v, n_steps=1),
}
OPTIONAL = {
    "neuron": lambda v: Population("a", 1, v),
    "plasticity": lambda v: projection(plasticity=v),
    "receptor": lambda v: Network(1.0, NET.populations, [projection(receptor=v)]),
    "record": lambda v: simulate(NET, n_steps=1, record=v),
    "state": lambda v: simulate(NET, n_steps=1, state=v),
}
LISTS = {
    "populations": lambda v: Network(1.0, v),
    "projections": lambda v: Network(1.0, NET.populations, v),
    "noise": lambda v: Network(1.0, NET.populations, (), v),
    "inputs": lambda v: simulate(NET, v, 1),
    "currents": lambda v: simulate(NET, n_steps=1, currents=v),
    "spikes": lambda v: Record(spikes=v),
    "v": lambda v: Record(v=v),
    "macs": lambda v: Counts(macs=v),
}
INTEGERS = {
    "step": lambda v: events(step=v),
    "unit": lambda v: events(unit=v),
    "offsets": lambda v: events(offsets=v),
    "n_steps": lambda v: events(n_steps=v),
    "units": lambda v: Events.from_lists([[1]], [v], n_units=3, dt_ms=1.0, n_steps=3),
    "steps": lambda v: Events.from_lists([v], [[1]], n_units=3, dt_ms=1.0, n_steps=3),
    "indices": lambda v: IN.select(v),
    "lengths": lambda v: Raster(np.zeros((2, 1, 1), int), TimeGrid(2, 1.0), v),
    "z": lambda v: Raster(v, TimeGrid(3, 1.0)),
    "times_ms": lambda v: TimedEvents.from_times([v], [[1]], n_units=3, dt_ms=1.0, n_steps=3),
    "time_ms": lambda v: TimedEvents(v, [1], [0, 1], 3, 1.0, 3),
}


def refuse(name: str) -> None:
    raise ValueError(name)


@pytest.mark.parametrize("field", FLAGS)
def test_only_truth_values_are_truth_values(field):
    for name, value in ODD_VALUES:
        if name in ("True", "numpy True", "0-d torch True"):
            assert FLAGS[field](value) in (True, None)
        else:
            with pytest.raises(ValueError, match=f"{field} must be True or False"):
                FLAGS[field](value)


@pytest.mark.parametrize("field", TEXTS)
def test_only_text_is_a_name(field):
    for name, value in ODD_VALUES:
        if name in ("'no'", "'3'", "numpy text"):
            TEXTS[field](value)
        else:
            with pytest.raises(ValueError, match=field):
                TEXTS[field](value)


@pytest.mark.parametrize("field", CHOICES | OPTIONAL)
def test_other_values_are_no_choice(field):
    for _, value in ODD_VALUES:
        if value is not None or field in CHOICES:
            with pytest.raises((TypeError, ValueError), match=field):
                (CHOICES | OPTIONAL)[field](value)


@pytest.mark.parametrize("field", LISTS)
def test_other_values_are_no_list(field):
    names = ("list of texts", "text array") if field in ("spikes", "v") else ()
    for name, value in ODD_VALUES:
        if value is None or name in ("empty text", "bytes", "empty list", "empty array", "dict", *names):
            continue
        with pytest.raises((TypeError, ValueError), match=field):
            LISTS[field](value)


@pytest.mark.parametrize("field", INTEGERS)
def test_odd_arrays_are_named(field):
    """Nothing is cut to fit: what is taken is an array of numbers, and every refusal names the field."""
    for name, value in ODD_VALUES:
        try:
            INTEGERS[field](value)
        except (TypeError, ValueError, IndexError) as error:
            beyond = field.startswith("time") and "step[0] must be in" in str(error)
            assert beyond or field in str(error), (name, error)
        else:
            taken = name in ARRAYS or number_of(name) is not None or (name, field) in KNOWN
            assert taken, name

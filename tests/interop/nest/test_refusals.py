"""What NEST cannot run is refused, with the name of the part and what came."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

import snn
from snn.core import (
    LIFParams,
    Network,
    Population,
    Projection,
    Record,
    TimedEvents,
)
from snn.interop import nest as in_nest

os.environ["PYNEST_QUIET"] = "1"
nest = pytest.importorskip("nest", reason="NEST is not installed: pip install nest-simulator")


def chain(neuron, delay_ms=1.0, weight=1.0, receptor=None, pre="a", rule=None):
    a = LIFParams(tau_mem_ms=10.0)
    return Network(
        1.0,
        [Population("in", 1), Population("a", 1, a), Population("b", 1, neuron)],
        [Projection(pre, "b", [[weight]], delay_ms, name="p", receptor=receptor, plasticity=rule)],
    )


CURRENT = LIFParams(tau_mem_ms=10.0, tau_syn_ms=5.0, t_ref_ms=1.0)
TWO = LIFParams(tau_mem_ms=10.0, tau_syn_ms={"e": 5.0, "i": 3.0}, t_ref_ms=1.0)
REFUSED = [
    (chain(LIFParams(tau_mem_ms=10.0, reset="soft")), {}, "reset of 'b' must be 'hard' for NEST, got 'soft'"),
    (
        chain(LIFParams(tau_mem_ms=10.0, adapt_by=[0.5], tau_adapt_ms=9.0)),
        {},
        "adapt_by of 'b' must be 0.0 for NEST, got",
    ),
    (
        chain(LIFParams(tau_mem_ms=10.0), rule=snn.STDP(0.1, 0.1)),
        {},
        "plasticity of 'p' must be None for NEST, got STDP",
    ),
    (chain(LIFParams(decay=1.0)), {}, "decay of 'b' must be such that the membrane leaks .* got 1.0"),
    (chain(LIFParams(decay=0.0)), {}, "decay of 'b' must be such that the membrane leaks .* got 0.0"),
    (chain(LIFParams(tau_mem_ms=np.inf)), {}, "tau_mem_ms of 'b' must be such that .* for NEST, got inf"),
    (
        chain(LIFParams(tau_mem_ms=5.0, tau_syn_ms=5.0)),
        {},
        "tau_syn_ms of 'b' must be other than tau_mem_ms for NEST, got 5.0",
    ),
    (
        chain(LIFParams(tau_mem_ms=10.0), 0.0),
        {},
        "delay_ms of 'p' must be at least 1 steps of 1.0 ms for NEST, from neurons to 'b', got 0.0",
    ),
    (
        chain(CURRENT, 1.0),
        {},
        "delay_ms of 'p' must be at least 2 steps of 1.0 ms for NEST, from neurons to 'b', got 1.0",
    ),
    (
        chain(CURRENT),
        {"precise": True},
        "t_ref_ms of 'a' must be at least a step of 1.0 ms with precise=True, got 0.0",
    ),
    (chain(TWO, receptor="e"), {"currents": {"b": [[1.0]] * 2}}, r"currents\['b'\] must be \[N\] for NEST"),
    (
        chain(CURRENT, 2.0),
        {"precise": True, "record": Record(v=["b"])},
        r"record.v must be empty with precise=True, got \['b'\]",
    ),
    (chain(CURRENT, 2.0), {"threads": 0}, "threads must be a whole number >= 1, got 0"),
    (chain(CURRENT, 2.0), {"precise": 1}, "precise must be True or False, got 1"),
]


@pytest.mark.parametrize(("net", "options", "message"), REFUSED)
def test_what_nest_cannot_run_is_refused_by_name(net, options, message):
    with pytest.raises(ValueError, match=message):
        in_nest.simulate(net, n_steps=2, **options)


def test_what_precise_neurons_cannot_run_is_refused_by_name():
    source = Population("in", 1)

    def run(neuron, *projections):
        in_nest.simulate(
            Network(1.0, [source, Population("b", 1, neuron)], projections), n_steps=1, precise=True
        )

    with pytest.raises(
        ValueError, match="t_ref_ms of 'b' must be whole steps of 1.0 ms with precise=True, got 1.5"
    ):
        run(LIFParams(tau_mem_ms=10.0, t_ref_ms=1.5))
    with pytest.raises(ValueError, match="delay_ms of 'in-b' must be whole steps of 1.0 ms .* got 0.7"):
        run(CURRENT, Projection("in", "b", [[1.0]], 0.7))
    three = LIFParams(tau_mem_ms=10.0, tau_syn_ms={"x": 1.0, "y": 2.0, "z": 3.0}, t_ref_ms=1.0)
    with pytest.raises(
        ValueError, match="tau_syn_ms of 'b' must be of at most 2 receptors with precise=True, got"
    ):
        run(three)
    mixed = [Projection("in", "b", [[w]], receptor=r, name=r) for w, r in ((1.0, "e"), (2.0, "i"))]
    with pytest.raises(
        ValueError,
        match="weights to 'b' must be above 0 for one receptor and below 0 for the other with precise=True",
    ):
        run(TWO, *mixed)
    events = TimedEvents.from_times([[0.5]], [[0]], n_units=1, dt_ms=1.0, n_steps=1)
    with pytest.raises(
        ValueError, match=r"inputs\['in'\] must be on the grid unless precise=True, got TimedEvents"
    ):
        in_nest.simulate(chain(CURRENT, 2.0), {"in": events})


def test_without_nest_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "nest", None)
    with pytest.raises(ModuleNotFoundError, match="pip install nest-simulator"):
        in_nest.simulate(chain(CURRENT, 2.0), n_steps=1)

"""Which engine runs a liquid is chosen by what it costs."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

import snn
from snn.liquid import Reservoir, wiring
from snn.liquid.run_cost import events_ns, faster_engine, layers_ns

NEURON = snn.LIFParams(tau_mem_ms=20.0)
GIVEN = snn.Events.from_lists([np.arange(100)], [np.zeros(100, int)], n_units=70, dt_ms=1.0, n_steps=100)


@pytest.mark.parametrize(
    ("size", "degree", "per_synapse", "engine"),
    [
        (200, None, False, "layers"),
        (500, None, True, "layers"),
        (500, 50, False, "layers"),
        (500, 50, True, "event"),
        (2000, 100, False, "event"),
        (20_000, 5, True, "event"),
    ],
)
def test_the_engine_is_the_one_that_was_measured_faster(size, degree, per_synapse, engine):
    if degree is None:
        w_rec = np.ones((size, size))
    else:
        w_rec = wiring.fixed_in_degree(size, size, degree)
    delays = 1
    if per_synapse:
        shape = w_rec.shape if degree is None else w_rec.data.shape
        delays = np.random.default_rng(0).integers(1, 26, shape)
    reservoir = Reservoir(scipy.sparse.csr_array(np.ones((70, size))), w_rec, NEURON, delays)
    assert faster_engine(reservoir, GIVEN) == engine
    assert (layers_ns(reservoir, GIVEN) < events_ns(reservoir, GIVEN)) == (engine == "layers")


def test_neurons_that_layers_do_not_have_run_by_events():
    neuron = snn.LIFParams(tau_mem_ms=20.0, adapt_by=0.1, tau_adapt_ms=50.0)
    reservoir = Reservoir(np.ones((70, 20)), np.ones((20, 20)), neuron)
    assert layers_ns(reservoir, GIVEN) < events_ns(reservoir, GIVEN)
    assert faster_engine(reservoir, GIVEN) == "event"

"""Weights in a user's units: the trace of the engine peaks where it was asked to, at any length of step."""

from __future__ import annotations

import numpy as np
import pytest

import snn
from snn import LIFParams, LIParams, charge_weight, psp_weight

STEPS_MS = (1.0, 0.1, 0.05, 0.013)
RECEIVERS = [
    (LIFParams(tau_mem_ms=20.0, v_th=1e9), None),
    (LIFParams(tau_mem_ms=20.0, v_th=1e9, decay_input=True, v_rest=-65.0), None),
    (LIFParams(tau_mem_ms=20.0, v_th=1e9, tau_syn_ms=5.0), None),
    (LIFParams(tau_mem_ms=5.0, v_th=1e9, tau_syn_ms=20.0, v_rest=-65.0), None),
    (LIFParams(tau_mem_ms=7.0, v_th=1e9, tau_syn_ms=7.0), None),
    (LIFParams(tau_mem_ms=7.0, v_th=1e9, tau_syn_ms=7.0 * (1 + 1e-12)), None),
    (LIFParams(tau_mem_ms=20.0, v_th=1e9, tau_syn_ms={"exc": 5.0, "inh": 10.0}), "inh"),
    (LIFParams(tau_mem_ms=20.0, v_th=1e9, tau_syn_ms=5.0, decay_input=True, t_ref_ms=2.0), None),
    (LIParams(tau_mem_ms=10.0, tau_syn_ms=1.0), None),
    (LIFParams(decay=0.0, v_th=1e9, syn_decay=0.5), None),
    (LIFParams(decay=0.9, input_scale=0.25, v_th=1e9, syn_decay=0.0), None),
]


def trace(neuron, weight, dt_ms, receptor, ms):
    """Move the membrane by one spike of the engine; over rest, [T]."""
    steps = int(ms / dt_ms)
    populations = [snn.Population("in", 1), snn.Population("out", 1, neuron)]
    projection = snn.Projection("in", "out", np.array([[weight]]), receptor=receptor)
    events = snn.Events([0], [0], [0, 1], n_units=1, n_steps=steps, dt_ms=dt_ms)
    net = snn.Network(dt_ms, populations, [projection])
    run = snn.simulate(net, {"in": events}, record=snn.Record(v=("out",)))
    return run.v["out"][:, 0, 0] - neuron.v_rest


@pytest.mark.parametrize(("neuron", "receptor"), RECEIVERS)
@pytest.mark.parametrize("dt_ms", STEPS_MS)
def test_the_trace_peaks_where_it_was_asked_to(neuron, receptor, dt_ms):
    weight = psp_weight(neuron, 0.5, dt_ms, receptor)
    assert isinstance(weight, float)
    risen = trace(neuron, 2 * weight, dt_ms, receptor, 60.0)
    assert risen.max() == pytest.approx(1.0, rel=1e-12, abs=1e-13 * abs(neuron.v_rest))


@pytest.mark.parametrize(("tau_mem_ms", "tau_syn_ms"), [(20.0, 5.0), (5.0, 20.0)])
def test_short_steps_give_the_peak_of_the_continuous_membrane(tau_mem_ms, tau_syn_ms):
    """One unit of charge, i = exp(-t / tau_syn) / tau_syn, peaks at t* = ln(m / s) m s / (m - s)."""
    neuron = LIFParams(tau_mem_ms=tau_mem_ms, tau_syn_ms=tau_syn_ms)
    peak_ms = np.log(tau_mem_ms / tau_syn_ms) * tau_mem_ms * tau_syn_ms / (tau_mem_ms - tau_syn_ms)
    peak = (
        (np.exp(-peak_ms / tau_mem_ms) - np.exp(-peak_ms / tau_syn_ms))
        * tau_mem_ms
        / (tau_mem_ms - tau_syn_ms)
    )
    dt_ms = 1e-4
    assert psp_weight(neuron, peak, dt_ms) == pytest.approx(charge_weight(neuron, 1.0, dt_ms), rel=1e-4)


@pytest.mark.parametrize(
    "neuron", [LIFParams(decay=1.0, v_th=1e9, tau_syn_ms=5.0), LIFParams(decay=1.0, v_th=1e9)]
)
def test_a_membrane_without_leak_keeps_the_charge(neuron):
    for dt_ms in STEPS_MS[:3]:
        weight = charge_weight(neuron, -0.75, dt_ms)
        assert trace(neuron, weight, dt_ms, None, 250.0)[-1] == pytest.approx(-0.75, rel=1e-12)
        assert psp_weight(neuron, -0.75, dt_ms) == pytest.approx(weight, rel=1e-14)


def test_a_current_that_stays_is_charged_by_its_limit():
    assert psp_weight(LIFParams(decay=0.75, syn_decay=1.0), 4.0, 1.0) == 1.0


def test_values_per_neuron_give_a_weight_each():
    taus = np.array([5.0, 10.0, 20.0])
    weights = psp_weight(LIFParams(tau_mem_ms=taus, tau_syn_ms=5.0), 1.0, 0.1)
    each = [psp_weight(LIFParams(tau_mem_ms=tau, tau_syn_ms=5.0), 1.0, 0.1) for tau in taus]
    np.testing.assert_array_equal(weights, each)
    heights = np.array([1.0, -2.0])
    np.testing.assert_array_equal(psp_weight(LIFParams(tau_mem_ms=10.0), heights, 0.1), heights)


@pytest.mark.parametrize(
    ("weigh", "neuron", "value", "dt_ms", "receptor", "message"),
    [
        (
            psp_weight,
            RECEIVERS[6][0],
            1.0,
            0.1,
            None,
            "receptor must be one of the neuron's, 'exc' or 'inh', got None",
        ),
        (
            psp_weight,
            RECEIVERS[0][0],
            1.0,
            0.1,
            "exc",
            "receptor must be one of the neuron's, None, got 'exc'",
        ),
        (psp_weight, RECEIVERS[0][0], 1.0, 0.0, None, "dt_ms must be a finite number > 0, got 0.0"),
        (psp_weight, RECEIVERS[0][0], np.nan, 0.1, None, "psp_mv must be finite, got nan"),
        (
            psp_weight,
            LIFParams(decay=1.0, syn_decay=1.0),
            1.0,
            0.1,
            None,
            "decay must be < 1 where the current",
        ),
        (
            charge_weight,
            LIFParams(decay=0.5, syn_decay=1.0),
            1.0,
            0.1,
            None,
            "syn_decay must be < 1, so that",
        ),
        (
            charge_weight,
            LIFParams(decay=0.5, input_scale=0.0),
            1.0,
            0.1,
            None,
            "input_scale must be other than 0",
        ),
        (
            charge_weight,
            LIFParams(tau_mem_ms=np.ones(3)),
            np.ones(2),
            0.1,
            None,
            "neurons must be one value for all",
        ),
    ],
)
def test_what_has_no_weight_is_refused(weigh, neuron, value, dt_ms, receptor, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        weigh(neuron, value, dt_ms, receptor)

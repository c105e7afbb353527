"""Neuron parameters: the constants they give, and every refusal."""

from __future__ import annotations

import numpy as np
import pytest

from snn.core import LIFParams, LIParams


def test_time_constant_is_the_exact_flow():
    d = LIFParams(tau_mem_ms=[10.0, 20.0]).dynamics(2, 0.5)
    np.testing.assert_array_equal(d.decay, np.exp(-0.5 / np.array([10.0, 20.0])))
    np.testing.assert_array_equal(d.input_scale, [1, 1])
    d = LIFParams(tau_mem_ms=10.0, decay_input=True).dynamics(2, 0.5)
    np.testing.assert_array_equal(d.input_scale, 1 - d.decay)
    assert LIFParams(tau_mem_ms=np.inf).dynamics(1, 1.0).decay == 1.0


def test_decay_per_step_is_used_as_given():
    d = LIFParams(decay=0.9, input_scale=0.3).dynamics(1, 7.0)
    assert (d.decay[0], d.input_scale[0]) == (0.9, 0.3)
    assert LIFParams(decay=0.9).dynamics(1, 7.0).input_scale[0] == 1.0
    assert LIFParams(decay=0.75, decay_input=True).dynamics(1, 7.0).input_scale[0] == 0.25


def test_reset_refractory_and_currents():
    d = LIFParams(tau_mem_ms=5.0, v_th=2.0, reset="soft", t_ref_ms=2.5, fires=">").dynamics(3, 1.0)
    assert d.reset_by.tolist() == [2, 2, 2]
    assert d.refractory.tolist() == [2, 2, 2]  # half to even, as delays
    assert d.strict
    assert d.syn_decay.shape == (0, 3)
    assert LIFParams(tau_mem_ms=5.0, reset="soft", reset_by=0.5).dynamics(1, 1.0).reset_by == 0.5
    two = LIFParams(tau_mem_ms=5.0, tau_syn_ms={"exc": 2.0, "inh": [3.0, 4.0]})
    assert two.receptors == ("exc", "inh")
    np.testing.assert_array_equal(two.dynamics(2, 1.0).syn_decay[1], np.exp([-1 / 3, -1 / 4]))
    assert LIParams(decay=0.5, tau_syn_ms=3.0).receptors == (None,)
    assert LIParams(decay=0.5).receptors == ()


def test_leaky_integrators_never_spike():
    d = LIParams(decay=0.5, bias=2.0).dynamics(2, 1.0)
    assert np.isinf(d.v_th).all()
    assert d.bias.tolist() == [2, 2]


def test_parameters_compare_by_value():
    assert LIFParams(tau_mem_ms=[1.0, 2.0]) == LIFParams(tau_mem_ms=np.array([1.0, 2.0]))
    assert LIFParams(tau_mem_ms=1.0) != LIFParams(tau_mem_ms=2.0)
    assert LIFParams(tau_mem_ms=1.0) != LIParams(tau_mem_ms=1.0)
    a = LIFParams(tau_mem_ms=1.0, tau_syn_ms={"x": 1.0})
    assert a != LIFParams(tau_mem_ms=1.0, tau_syn_ms={"y": 1.0})


BAD = [
    ({}, "exactly one of tau_mem_ms and decay must be given, got neither"),
    ({"tau_mem_ms": 1.0, "decay": 0.5}, "exactly one of tau_mem_ms and decay must be given, got both"),
    ({"tau_mem_ms": 0.0}, "tau_mem_ms must be a number > 0, got 0.0"),
    (
        {"tau_mem_ms": [[1.0]]},
        r"tau_mem_ms must be one number or one per neuron, \[N\], got ndarray of shape \[1, 1\]",
    ),
    ({"tau_mem_ms": "ten"}, "tau_mem_ms must be a number > 0, got 'ten'"),
    ({"decay": 1.5}, "decay must be a finite number >= 0 and <= 1, got 1.5$"),
    ({"tau_mem_ms": 1.0, "input_scale": 1.0}, "input_scale must be None without decay, got 1.0"),
    ({"decay": 0.5, "input_scale": 0.9, "decay_input": True}, "input_scale must be 1 - decay"),
    ({"decay": 0.5, "decay_input": 1}, "decay_input must be True or False, got 1"),
    ({"decay": 0.5, "bias": np.nan}, "bias must be a finite number, got nan"),
    ({"decay": 0.5, "v_rest": np.inf}, "v_rest must be a finite number, got inf"),
    ({"decay": 0.5, "tau_syn_ms": -1.0}, "tau_syn_ms must be a finite number > 0, got -1.0"),
    ({"decay": 0.5, "tau_syn_ms": {}}, "tau_syn_ms must be a number, or one per receptor by name, got {}"),
    ({"decay": 0.5, "tau_syn_ms": {"e": 0.0}}, r"tau_syn_ms\['e'\] must be a finite number > 0, got 0.0"),
]
BAD_SPIKING = [
    ({"reset": "none"}, "reset must be one of 'hard', 'soft', 'hard_next_step', got 'none'"),
    ({"fires": ">>"}, "fires must be one of '>=', '>', got '>>'"),
    ({"t_ref_ms": -1.0}, "t_ref_ms must be a finite number >= 0, got -1.0"),
    ({"v_reset": 1.0}, "v_reset must be below v_th 1.0, got 1.0"),
    ({"reset": "soft", "v_th": -1.0}, "v_th must be > 0 with reset='soft'"),
    ({"reset": "soft", "reset_by": 0.0}, "reset_by must be a finite number > 0, got 0.0"),
    ({"reset_by": 1.0}, "reset_by must be None with reset='hard', got 1.0"),
]


@pytest.mark.parametrize("kind", [LIFParams, LIParams])
@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_membranes_are_named(kind, options, message):
    with pytest.raises(ValueError, match=message):
        kind(**options)


@pytest.mark.parametrize(("options", "message"), BAD_SPIKING)
def test_bad_spiking_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        LIFParams(**({"decay": 0.5} | options))


def test_values_per_neuron_must_fit():
    with pytest.raises(
        ValueError, match=r"bias must be one number or 2 \(one per neuron\), got ndarray of shape \[3\]"
    ):
        LIFParams(decay=0.5, bias=[1.0, 2.0, 3.0]).dynamics(2, 1.0)

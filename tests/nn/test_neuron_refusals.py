"""Options of neurons that are impossible, and inputs and states that are another neuron's: refused by name."""

from __future__ import annotations

import math

import pytest
import torch

from snn.nn import LIF, LeakyReadout, RecurrentLIF
from snn.nn.neurons import LIFState, ReadoutState
from snn.nn.recurrent import RecurrentLIFState

LEARNED = dict(decay_input=False, detach_reset=True)
BAD_NEURONS = [
    (dict(tau_syn=0), "tau_syn must be a finite number >= 1, got 0"),
    (dict(tau_syn=-2.0), "tau_syn must be a finite number >= 1, got -2"),
    (dict(tau_syn=0.5), "tau_syn must be a finite number >= 1, got 0.5"),
    (dict(tau_syn=math.nan), "tau_syn must be a finite number >= 1, got nan"),
    (dict(tau_syn=math.inf), "tau_syn must be a finite number >= 1, got inf"),
    (dict(tau_syn={}), "tau_syn must be a number, or numbers by the names of receptors"),
    (dict(tau_syn={1: 2.0}), "tau_syn must be a number, or numbers by the names of receptors"),
    (dict(tau_syn={"exc": 2.0, "inh": 0.2}), "tau_syn.'inh'. must be a finite number >= 1, got 0.2"),
    (dict(syn_leak=1.5), "syn_leak must be a finite number >= 0 and <= 1, got 1.5"),
    (dict(syn_leak={"exc": -0.1}), "syn_leak.'exc'. must be a finite number >= 0 and <= 1"),
    (dict(tau_syn=2.0, syn_leak=0.5), "syn_leak must be None where tau_syn = 2.0 is given, got 0.5"),
]


@pytest.mark.parametrize(("given", "message"), BAD_NEURONS, ids=str)
@pytest.mark.parametrize("make_layer", [LIF, LeakyReadout, lambda **given: RecurrentLIF(4, 2, **given)])
def test_impossible_receptors(make_layer, given, message):
    with pytest.raises(ValueError, match=message):
        make_layer(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dict(t_ref=-1), "t_ref must be a whole number >= 0, got -1"),
        (dict(t_ref=0.5), "t_ref must be a whole number >= 0, got 0.5"),
        (dict(t_ref=2, spikes="multiple", reset="soft"), "t_ref must be 0 with spikes='multiple'"),
        (
            LEARNED | dict(learn_threshold=True, t_ref=2),
            "t_ref must be 0 to learn a threshold or leak, got 2",
        ),
        (LEARNED | dict(learn_leak=True, t_ref=1), "t_ref must be 0 to learn a threshold or leak, got 1"),
        (
            LEARNED | dict(learn_threshold=True, adapt_by=0.1, tau_adapt=5.0),
            "tau_adapt must be None to learn a threshold or leak, got 5.0",
        ),
        (dict(adapt_by=0.1), "tau_adapt must be a number of steps >= 1 with adapt_by, got None"),
        (dict(adapt_by=-0.1, tau_adapt=5.0), "adapt_by must be a finite number >= 0"),
        (dict(adapt_by=0.1, tau_adapt=0.0), "tau_adapt must be a finite number >= 1"),
        (dict(adapt_by=0.1, tau_adapt=5.0, reset="hard_next_step"), "tau_adapt must be None with reset="),
        (dict(reset_by=0.5), "reset_by must be None with reset='hard'"),
        (dict(reset="soft", reset_by=0.0), "reset_by must be a finite number > 0"),
        (LEARNED | dict(learn_threshold=True, reset="soft", reset_by=0.5), "reset_by must be None to learn"),
        (LEARNED | dict(learn_threshold=True, v_leak=0.1), "v_leak must be None to learn"),
        (
            LEARNED | dict(learn_leak=True, reset="soft", spikes="multiple"),
            "spikes must be 'single' to learn",
        ),
        (dict(spikes="multiple"), "reset must be 'soft' with spikes='multiple'"),
        (dict(v_leak=math.inf), "v_leak must be a finite number"),
    ],
    ids=str,
)
def test_impossible_neurons(given, message):
    with pytest.raises(ValueError, match=message):
        LIF(**given)


TWO = dict(tau_syn={"exc": 2.0, "inh": 3.0})
X = torch.zeros(2, 1, 4)


@pytest.mark.parametrize(
    ("make_layer", "kind", "message"),
    [
        (lambda: RecurrentLIF(4, 2, receptor="exc"), ValueError, "receptor must be one of None, got 'exc'"),
        (lambda: RecurrentLIF(4, 2, **TWO), ValueError, "receptor must be one of 'exc', 'inh', got None"),
        (lambda: RecurrentLIF(4, 2, **TWO, receptor="gaba"), ValueError, "receptor must be one of 'exc', 'inh'"),
        (lambda: RecurrentLIF(4, 2, learn_threshold=True, **LEARNED), ValueError, "learn_threshold must be False"),
        (lambda: LIF(**TWO)(torch.zeros(2, 1, 5)), ValueError, r"x of LIF must be \[T, B, N x 2"),
        (lambda: LIF(**TWO)(torch.zeros(2, 1)), ValueError, "x of LIF must"),
        (lambda: LeakyReadout(**TWO)(torch.zeros(2, 1, 3)), ValueError, r"x of LeakyReadout must be \[T, B, N x 2"),
        (lambda: RecurrentLIF(4, 2, **TWO, receptor="exc")(X), ValueError, "x of RecurrentLIF must"),
        (lambda: LIF(tau_syn=2.0)(X, LIF().at_rest(X)), TypeError, "must have a tensor as its currents"),
        (lambda: LIF()(X, LIF(tau_syn=2.0).at_rest(X)), TypeError, r"must have \(\) as its currents"),
        (lambda: LIF(t_ref=1)(X, LIF().at_rest(X)), TypeError, "must have a tensor as its refractory"),
        (lambda: LIF()(X, LIF(t_ref=1).at_rest(X)), TypeError, r"must have \(\) as its refractory"),
        (lambda: LIF(tau_adapt=2.0)(X, LIF().at_rest(X)), TypeError, "must have a tensor as its adaptation"),
        (lambda: LIF()(X, LIF(tau_adapt=2.0).at_rest(X)), TypeError, r"must have \(\) as its adaptation"),
        (
            lambda: LIF(t_ref=1)(X, LIFState(X[0], refractory=X[0])),
            ValueError,
            "state of LIF must be of dtype torch.int32",
        ),
        (
            lambda: LIF(**TWO)(X, LIFState(torch.zeros(1, 2), torch.zeros(1, 2))),
            ValueError,
            r"state of LIF must be of shape \[1, 4\]",
        ),
        (
            lambda: LeakyReadout()(X, ReadoutState(X[0], X[0])),
            TypeError,
            r"state of LeakyReadout must have \(\) as its currents",
        ),
        (lambda: LeakyReadout()(X, LIF().at_rest(X)), TypeError, "state of LeakyReadout must be a ReadoutState"),
        (
            lambda: RecurrentLIF(4, 2, t_ref=1)(X, RecurrentLIFState(X[0], X)),
            TypeError,
            "state of RecurrentLIF must have a tensor as its refractory",
        ),
        (lambda: RecurrentLIF(4, 2)(X, LIFState(X[0])), TypeError, "must be a RecurrentLIFState"),
    ],
)  # fmt: skip
def test_inputs_and_states_of_another_neuron(make_layer, kind, message):
    with pytest.raises(kind, match=message):
        make_layer()

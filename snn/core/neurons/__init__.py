"""Describe neurons: parameters in milliseconds or per step, and the constants a step uses.

The equation of a step, for a neuron with membrane `v`, receptor currents `i_r`, arrivals `a` and
drive (`bias` plus `currents`), is::

    i_r = i_r * exp(-dt / tau_syn_r) + a_r + syn_bias_r     # only with tau_syn_ms (or i_r * syn_decay_r)
    x   = (a  or  i_0 + i_1 + ...) + drive
    v   = v_rest + (v - v_rest) * decay + x * input_scale   # decay_input=False
    v   = v + (x - (v - v_rest)) * input_scale              # decay_input=True
    z   = v >= v_th   (or  v > v_th)

A spike then sets `v` to `v_reset` (`"hard"`), lowers it by `reset_by` (`"soft"`), or leaves it to
be set to `v_reset` before the next step's decay (`"hard_next_step"`). During the `t_ref_ms` that
follow, `v` is held and `x` is ignored, while currents run on. Before the first step `v = v_rest`.

With `spikes="multiple"` a neuron that reaches its threshold spikes 1 + floor((v - threshold) / reset_by)
times in the step (with `">"`: ceil((v - threshold) / reset_by)), at most `MOST_SPIKES`, and its membrane falls
as many times.

An adaptive threshold is `v_th + theta`, where theta starts at 0 and, in this order in every step::

    theta = theta * exp(-dt / tau_adapt)
    z     = v >= v_th + theta
    theta = theta + adapt_by * z                            # decay: or theta * adapt_decay
"""

from __future__ import annotations

from snn.core.neurons.dynamics import HARD as HARD
from snn.core.neurons.dynamics import HARD_NEXT_STEP as HARD_NEXT_STEP
from snn.core.neurons.dynamics import SOFT as SOFT
from snn.core.neurons.dynamics import Dynamics as Dynamics
from snn.core.neurons.field_checks import check_size as check_size
from snn.core.neurons.params import LIFParams as LIFParams
from snn.core.neurons.params import LIParams as LIParams
from snn.core.neurons.params import NeuronParams as NeuronParams
from snn.core.neurons.params import refractory_steps as refractory_steps
from snn.core.neurons.synapse_weights import charge_weight as charge_weight
from snn.core.neurons.synapse_weights import psp_weight as psp_weight
from snn.core.neurons.values import MOST_SPIKES as MOST_SPIKES
from snn.core.neurons.values import per_neuron as per_neuron

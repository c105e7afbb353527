"""What the neurons of a population become in NEST: the model, its parameters, the scale of weights."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, cast

import numpy as np

from snn.core import LIFParams, Network, Population
from snn.core.arrays import Float64Array
from snn.core.checks import refusal
from snn.core.neurons import Dynamics, NeuronParams

_FIELDS = {
    *("tau_mem_ms", "decay", "input_scale", "decay_input", "v_rest", "bias", "tau_syn_ms"),
    *("v_th", "v_reset", "t_ref_ms", "fires"),
}
"""What NEST's neurons have too; the other fields must be as they are by default."""


@dataclass(frozen=True, slots=True)
class NestNeurons:
    """Hold what the N neurons of a population are in NEST.

    Attributes:
        model: NEST's name of the neuron.
        params: Its parameters, [N] each. Until the run begins, thresholds are infinite.
        tau_syn: Synaptic time constants, [R, N], ms.
        ports: Place of each receptor: its port less 1; off the grid 0 for excitation, 1 for inhibition.
        weight_scale: What NEST's weight is per unit of ours: [N], with currents [R, N].
        drive_scale: Current in NEST per unit of drive, [N].
        bias: Drive of our neurons, [N].
        v_th: Threshold, [N].
    """

    model: str
    params: dict[str, Float64Array]
    tau_syn: Float64Array
    ports: list[int]
    weight_scale: Float64Array
    drive_scale: Float64Array
    bias: Float64Array
    v_th: Float64Array

    @property
    def has_currents(self) -> bool:
        """Whether arrivals enter currents; otherwise they jump the membrane."""
        return len(self.tau_syn) > 0

    @property
    def has_ports(self) -> bool:
        """Whether a synapse names the current that it feeds."""
        return self.model == "iaf_psc_exp_multisynapse"


def nest_neurons(net: Network, population: Population, precise: bool) -> NestNeurons:
    """Work out what the neurons of `population` become.

    Raises:
        ValueError: NEST cannot run them as they are; the message names the field.
    """
    neuron, dt, name = population.neuron, net.dt_ms, population.name
    assert neuron is not None
    _check_fields(name, neuron)
    constants = neuron.dynamics(population.size, dt)
    _check_leak(name, neuron, constants)
    tau = -dt / np.log(constants.decay)
    if neuron.tau_mem_ms is not None:
        tau = np.full(population.size, neuron.tau_mem_ms)
    tau_syn = -dt / np.log(constants.syn_decay)
    if np.isclose(tau_syn, tau, rtol=1e-9).any():
        raise refusal(f"tau_syn_ms of {name!r}", "other than tau_mem_ms for NEST", neuron.tau_syn_ms)
    t_ref = np.asarray(constants.refractory * dt, dtype=np.float64)
    if precise:
        _check_precise(population, t_ref, dt)
    return NestNeurons(
        model=_model(tau_syn, precise),
        params={
            "C_m": tau,
            "tau_m": tau,
            "E_L": constants.v_rest,
            "V_m": constants.v_rest,
            "V_th": np.full(population.size, np.inf),
            "V_reset": constants.v_reset if isinstance(neuron, LIFParams) else constants.v_rest,
            "t_ref": t_ref,
        },
        tau_syn=tau_syn,
        ports=_ports(net, population, precise),
        weight_scale=_weight_scale(constants, tau, tau_syn, precise),
        drive_scale=constants.input_scale / (1.0 - constants.decay),
        bias=constants.bias,
        v_th=np.nextafter(constants.v_th, np.inf) if constants.strict else constants.v_th,  # NEST fires at >=
    )


def _model(tau_syn: Float64Array, precise: bool) -> str:
    """Choose NEST's neuron; of those off the grid, the one that misses nothing wants one time constant."""
    if not len(tau_syn):
        return "iaf_psc_delta_ps" if precise else "iaf_psc_delta"
    if not precise:
        return "iaf_psc_exp_multisynapse"
    return "iaf_psc_exp_ps_lossless" if (tau_syn == tau_syn[0]).all() else "iaf_psc_exp_ps"


def _weight_scale(
    constants: Dynamics, tau: Float64Array, tau_syn: Float64Array, precise: bool
) -> Float64Array:
    if not len(tau_syn):
        return constants.input_scale
    if precise:
        return np.tile(constants.input_scale / (1.0 - constants.decay), (len(tau_syn), 1))
    p21 = tau_syn / (tau - tau_syn) * (constants.decay - constants.syn_decay)  # response to a unit current
    return np.asarray(constants.input_scale / p21, dtype=np.float64)


def _ports(net: Network, population: Population, precise: bool) -> list[int]:
    """Give each receptor its place; off the grid NEST sorts by the sign of the weight, so one sign each."""
    receptors, name = population.receptors, population.name
    if not precise or len(receptors) < 2:
        return list(range(len(receptors)))
    signs: list[set[float]] = [set(), set()]
    for projection in net.projections:
        if projection.post == name:
            signs[receptors.index(projection.receptor)] |= set(np.sign(net.synapses(projection.name).weight))
    for places in ([0, 1], [1, 0]):
        if all(signs[r] <= {1.0 - 2.0 * place} for r, place in enumerate(places)):
            return places
    raise ValueError(
        f"weights to {name!r} must be above 0 for one receptor and below 0 for the other with precise=True "
        f"(NEST sorts its two currents by sign), got receptors {list(receptors)} that mix them"
    )


def _check_fields(name: str, neuron: NeuronParams) -> None:
    for field in fields(neuron):
        value, default = getattr(neuron, field.name), cast(Any, field.default)
        if field.name not in _FIELDS and not np.array_equal(value, default):
            raise refusal(f"{field.name} of {name!r}", f"{default!r} for NEST", value)


def _check_leak(name: str, neuron: NeuronParams, constants: Dynamics) -> None:
    bad = (constants.decay <= 0.0) | (constants.decay >= 1.0)
    if bad.any():
        field = "decay" if neuron.tau_mem_ms is None else "tau_mem_ms"
        value = np.broadcast_to(getattr(neuron, field), bad.shape)[bad][0]
        rule = "such that the membrane leaks in a step, and not all at once, for NEST"
        raise refusal(f"{field} of {name!r}", rule, value)


def _check_precise(population: Population, t_ref: Float64Array, dt: float) -> None:
    name, neuron = population.name, population.neuron
    given = getattr(neuron, "t_ref_ms", None)
    if given is not None and not np.allclose(given, t_ref, rtol=1e-9):
        raise refusal(f"t_ref_ms of {name!r}", f"whole steps of {dt} ms with precise=True", given)
    if given is not None and (t_ref <= 0.0).any():
        raise refusal(f"t_ref_ms of {name!r}", f"at least a step of {dt} ms with precise=True", given)
    if len(population.receptors) > 2:
        rule = "of at most 2 receptors with precise=True"
        raise refusal(f"tau_syn_ms of {name!r}", rule, getattr(neuron, "tau_syn_ms", None))

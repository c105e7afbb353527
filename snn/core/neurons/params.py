"""Describe neurons: parameters in milliseconds or per step. The equations stand in `snn.core.neurons`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from snn.core.arrays import Int64Array
from snn.core.checks import choice, refusal, shown
from snn.core.neurons.dynamics import RESETS, Dynamics, adapt_factor, membrane_dynamics
from snn.core.neurons.field_checks import check_adaptation, check_membrane, check_size, check_spikes
from snn.core.neurons.values import (
    Fires,
    Reset,
    Spikes,
    Values,
    per_neuron,
    receptors_of,
    same_value,
    set_number,
)
from snn.core.units import delay_steps


class _ByValue:
    """Compare parameter sets by value, arrays included."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(
            same_value(getattr(self, field.name), getattr(other, field.name))
            for field in fields(self)  # type: ignore[arg-type]
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True, eq=False)
class LIFParams(_ByValue):
    """Describe leaky integrate-and-fire neurons; `snn.core.neurons` has the equation of a step.

    Numbers are one for all neurons or one per neuron, [N]. Exactly one of `tau_mem_ms` and
    `decay` is given. Potentials have the unit that the user gives them, mV where times are ms;
    inputs and biases are what a step adds, before `input_scale`.

    Attributes:
        tau_mem_ms: Membrane time constant, ms, > 0: decay = exp(-dt / tau), the exact flow over a step.
        decay: Membrane factor per step, in [0, 1], used as given.
        input_scale: Factor of the input, only with `decay`; None is 1, or 1 - decay with `decay_input`.
        v_th: Threshold, in the unit of the membrane.
        v_reset: Value after a hard reset, below `v_th`.
        v_rest: Value towards which the membrane decays, and where it starts.
        reset: `"hard"`, `"soft"`, or `"hard_next_step"`: the hard reset just before the next decay.
        reset_by: Fall of a soft reset, > 0; None is `v_th`. Only with `reset="soft"`.
        fires: A spike needs `v >= v_th` (`">="`) or `v > v_th` (`">"`).
        decay_input: Whether the input passes the membrane's filter: its steady value is then v_rest + x.
        tau_syn_ms: Synaptic time constant, ms, > 0, or one per named receptor; None: a spike jumps `v`.
        syn_decay: Factor of the synaptic current per step, in [0, 1], used as given, in place of `tau_syn_ms`.
        syn_bias: Drive that arrives at the receptor in every step, or one per named receptor, and decays there like
            what spikes bring.
        t_ref_ms: Refractory time, ms, >= 0, rounded to steps like a delay; at most 10^9 steps.
        bias: Drive added to the input in every step.
        adapt_by: Rise of the threshold at each spike, >= 0; not with `reset="hard_next_step"`.
        tau_adapt_ms: Time constant with which that rise decays, ms, > 0; it or `adapt_decay` goes with `adapt_by`.
        adapt_decay: Factor of that rise per step, in [0, 1], used as given.
        spikes: At most one spike a step (`"single"`), or several (`"multiple"`; only with `reset="soft"`, and
            without refractory time).

    Raises:
        ValueError: A value is impossible; the message names it.
    """

    tau_mem_ms: Values | None = None
    decay: Values | None = None
    input_scale: Values | None = None
    v_th: Values = 1.0
    v_reset: Values = 0.0
    v_rest: Values = 0.0
    reset: Reset = "hard"
    reset_by: Values | None = None
    fires: Fires = ">="
    decay_input: bool = False
    tau_syn_ms: Values | Mapping[str, Values] | None = None
    t_ref_ms: Values = 0.0
    bias: Values = 0.0
    adapt_by: Values = 0.0
    tau_adapt_ms: Values | None = None
    syn_decay: Values | Mapping[str, Values] | None = None
    syn_bias: Values | Mapping[str, Values] = 0.0
    adapt_decay: Values | None = None
    spikes: Spikes = "single"

    def __post_init__(self) -> None:
        check_membrane(self)
        set_number(self, "v_th")
        set_number(self, "v_reset")
        set_number(self, "t_ref_ms", low=0.0)
        set_number(self, "reset_by", above=0.0)
        check_adaptation(self)
        choice("reset", self.reset, Reset)
        choice("fires", self.fires, Fires)
        check_spikes(self)
        check_size(self)
        if self.reset == "soft":
            if self.reset_by is None and (np.asarray(self.v_th) <= 0).any():
                raise refusal("v_th", "> 0 with reset='soft'", self.v_th)
        elif self.reset_by is not None:
            raise refusal("reset_by", f"None with reset={self.reset!r}", self.reset_by)
        elif (np.asarray(self.v_reset) >= np.asarray(self.v_th)).any():
            raise refusal("v_reset", f"below v_th {shown(self.v_th)}", self.v_reset)

    @property
    def receptors(self) -> tuple[str | None, ...]:
        """Names of the synaptic currents: (), (None,) for the one unnamed, or the names given."""
        return receptors_of(self)

    @property
    def adapts(self) -> bool:
        """Whether a spike raises the threshold."""
        return self.tau_adapt_ms is not None or self.adapt_decay is not None

    def dynamics(self, size: int, dt_ms: float) -> Dynamics:
        """Compute the constants of a step of `dt_ms` for `size` neurons.

        Raises:
            ValueError: A field has one value per neuron, but not `size` of them.
        """
        v_th = per_neuron("v_th", self.v_th, size)
        return membrane_dynamics(self, size, dt_ms)._replace(
            v_th=v_th,
            v_reset=per_neuron("v_reset", self.v_reset, size),
            reset_by=v_th if self.reset_by is None else per_neuron("reset_by", self.reset_by, size),
            reset=RESETS[self.reset],
            strict=self.fires == ">",
            refractory=refractory_steps(self, size, dt_ms),
            adapt_by=per_neuron("adapt_by", self.adapt_by, size),
            adapt_decay=adapt_factor(self, size, dt_ms),
            multiple=self.spikes == "multiple",
        )


@dataclass(frozen=True, slots=True, eq=False)
class LIParams(_ByValue):
    """Describe leaky integrators that never spike: a readout. Numbers are one for all or one per neuron, [N].

    Attributes:
        tau_mem_ms: Membrane time constant, ms, > 0: decay = exp(-dt / tau).
        decay: Membrane factor per step, in [0, 1], used as given.
        input_scale: Factor of the input, only with `decay`; None is 1, or 1 - decay with `decay_input`.
        decay_input: Whether the input passes the membrane's filter.
        tau_syn_ms: Synaptic time constant, ms, > 0, or one per named receptor; None: a spike jumps `v`.
        v_rest: Value towards which the membrane decays, and where it starts.
        bias: Drive added to the input in every step.
        syn_decay: As in `LIFParams`.
        syn_bias: As in `LIFParams`.

    Raises:
        ValueError: A value is impossible; the message names it.
    """

    tau_mem_ms: Values | None = None
    decay: Values | None = None
    input_scale: Values | None = None
    decay_input: bool = False
    tau_syn_ms: Values | Mapping[str, Values] | None = None
    v_rest: Values = 0.0
    bias: Values = 0.0
    syn_decay: Values | Mapping[str, Values] | None = None
    syn_bias: Values | Mapping[str, Values] = 0.0

    def __post_init__(self) -> None:
        check_membrane(self)
        check_size(self)

    @property
    def receptors(self) -> tuple[str | None, ...]:
        """Names of the synaptic currents: (), (None,) for the one unnamed, or the names given."""
        return receptors_of(self)

    def dynamics(self, size: int, dt_ms: float) -> Dynamics:
        """Compute the constants of a step of `dt_ms` for `size` neurons.

        Raises:
            ValueError: A field has one value per neuron, but not `size` of them.
        """
        return membrane_dynamics(self, size, dt_ms)


NeuronParams = LIFParams | LIParams


def refractory_steps(params: NeuronParams, size: int, dt_ms: float, where: str = "") -> Int64Array:
    """Return the steps for which each neuron is held after a spike, [size]; messages begin with `where`.

    Raises:
        ValueError: A refractory time is longer than 10^9 steps, or there are not `size` of them.
    """
    if isinstance(params, LIParams):
        return np.zeros(size, dtype=np.int64)
    values = (
        params.t_ref_ms if np.ndim(params.t_ref_ms) == 0 else per_neuron("t_ref_ms", params.t_ref_ms, size)
    )
    steps = delay_steps(values, dt_ms, name=f"{where}t_ref_ms")
    return np.full(size, steps) if steps.ndim == 0 else steps

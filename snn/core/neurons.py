"""Describe neurons: parameters in milliseconds or per step, and the constants a step uses.

The equation of a step, for a neuron with membrane `v`, receptor currents `i_r`, arrivals `a` and
drive (`bias` plus `currents`), is::

    i_r = i_r * exp(-dt / tau_syn_r) + a_r                  # only with tau_syn_ms
    x   = (a  or  i_0 + i_1 + ...) + drive
    v   = v_rest + (v - v_rest) * decay + x * input_scale   # decay_input=False
    v   = v + (x - (v - v_rest)) * input_scale              # decay_input=True
    z   = v >= v_th   (or  v > v_th)

A spike then sets `v` to `v_reset` (`"hard"`), lowers it by `reset_by` (`"soft"`), or leaves it to
be set to `v_reset` before the next step's decay (`"hard_next_step"`). During the `t_ref_ms` that
follow, `v` is held and `x` is ignored, while currents run on. Before the first step `v = v_rest`.

An adaptive threshold is `v_th + theta`, where theta starts at 0 and, in this order in every step::

    theta = theta * exp(-dt / tau_adapt)
    z     = v >= v_th + theta
    theta = theta + adapt_by * z
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snn.core.arrays import Float64Array, Int64Array
from snn.core.units import delay_steps

Values = float | ArrayLike
Reset = Literal["hard", "soft", "hard_next_step"]
Fires = Literal[">=", ">"]

HARD, SOFT, HARD_NEXT_STEP = 0, 1, 2
RESETS: dict[str, int] = {"hard": HARD, "soft": SOFT, "hard_next_step": HARD_NEXT_STEP}


class Dynamics(NamedTuple):
    """The constants of one population's step, as the compiled loops read them."""

    decay: Float64Array
    """Factor of the membrane per step, [N]."""
    input_scale: Float64Array
    """Factor of the input, [N]."""
    decay_input: bool
    """Which of the two membrane equations holds."""
    v_th: Float64Array
    """Threshold, [N]; infinite for a neuron that never spikes."""
    v_reset: Float64Array
    """Value after a hard reset, [N]."""
    reset_by: Float64Array
    """Fall of a soft reset, [N]."""
    v_rest: Float64Array
    """Value towards which the membrane decays, [N]."""
    reset: int
    """One of HARD, SOFT, HARD_NEXT_STEP."""
    strict: bool
    """A spike needs v > v_th rather than v >= v_th."""
    refractory: Int64Array
    """Steps held after a spike, [N]."""
    bias: Float64Array
    """Constant drive, [N]."""
    syn_decay: Float64Array
    """Factor of each receptor's current per step, [R, N]; R = 0 for jumps of the membrane."""
    adapt_by: Float64Array
    """Rise of the threshold at a spike, [N]; 0 for all where it does not adapt."""
    adapt_decay: Float64Array
    """Factor of that rise per step, [N]."""


class _ByValue:
    """Compare parameter sets by value, arrays included."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(
            _same(getattr(self, field.name), getattr(other, field.name))
            for field in fields(self)  # type: ignore[arg-type]
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True, eq=False)
class LIFParams(_ByValue):
    """Describe leaky integrate-and-fire neurons (the module names the equation).

    Numbers are one for all neurons or one per neuron, [N]. Exactly one of `tau_mem_ms` and
    `decay` is given.

    Raises:
        ValueError: A value is impossible; the message names it.
    """

    tau_mem_ms: Values | None = None
    """Membrane time constant, ms, > 0: decay = exp(-dt / tau), the exact flow over a step."""
    decay: Values | None = None
    """Membrane factor per step, in [0, 1], used as given."""
    input_scale: Values | None = None
    """Factor of the input, only with `decay`; None is 1, or 1 - decay with `decay_input`."""
    v_th: Values = 1.0
    """Threshold."""
    v_reset: Values = 0.0
    """Value after a hard reset, below `v_th`."""
    v_rest: Values = 0.0
    """Value towards which the membrane decays, and where it starts."""
    reset: Reset = "hard"
    """`"hard"`, `"soft"`, or `"hard_next_step"`: the hard reset just before the next decay."""
    reset_by: Values | None = None
    """Fall of a soft reset, > 0; None is `v_th`. Only with `reset="soft"`."""
    fires: Fires = ">="
    """A spike needs `v >= v_th` or `v > v_th`."""
    decay_input: bool = False
    """Let the input pass the membrane's filter: its steady value is then v_rest + x."""
    tau_syn_ms: Values | Mapping[str, Values] | None = None
    """Synaptic time constant, ms, > 0, or one per named receptor; None: a spike jumps `v`."""
    t_ref_ms: Values = 0.0
    """Refractory time, ms, >= 0, rounded to steps like a delay."""
    bias: Values = 0.0
    """Drive added to the input in every step."""
    adapt_by: Values = 0.0
    """Rise of the threshold at each spike, >= 0; not with `reset="hard_next_step"`."""
    tau_adapt_ms: Values | None = None
    """Time constant with which that rise decays, ms, > 0; needed with `adapt_by`."""

    def __post_init__(self) -> None:
        _check_membrane(self)
        _number(self, "v_th")
        _number(self, "v_reset")
        _number(self, "t_ref_ms", low=0.0)
        _check_adaptation(self)
        _choice("reset", self.reset, tuple(RESETS))
        _choice("fires", self.fires, (">=", ">"))
        if self.reset == "soft":
            _number(self, "reset_by", above=0.0)
            if self.reset_by is None and (np.asarray(self.v_th) <= 0).any():
                raise ValueError(f"v_th must be > 0 with reset='soft', got {self.v_th!r}")
        elif self.reset_by is not None:
            raise ValueError(f"reset_by is only for reset='soft', got {self.reset_by!r}")
        elif (np.asarray(self.v_reset) >= np.asarray(self.v_th)).any():
            raise ValueError(f"v_reset must be below v_th {self.v_th!r}, got {self.v_reset!r}")

    @property
    def receptors(self) -> tuple[str | None, ...]:
        """Names of the synaptic currents: (), (None,) for the one unnamed, or the names given."""
        return _receptors(self.tau_syn_ms)

    @property
    def adapts(self) -> bool:
        """Whether a spike raises the threshold."""
        return self.tau_adapt_ms is not None

    def dynamics(self, size: int, dt_ms: float) -> Dynamics:
        """Compute the constants of a step of `dt_ms` for `size` neurons.

        Raises:
            ValueError: A field has one value per neuron, but not `size` of them.
        """
        v_th = spread("v_th", self.v_th, size)
        return _membrane(self, size, dt_ms)._replace(
            v_th=v_th,
            v_reset=spread("v_reset", self.v_reset, size),
            reset_by=v_th if self.reset_by is None else spread("reset_by", self.reset_by, size),
            reset=RESETS[self.reset],
            strict=self.fires == ">",
            refractory=delay_steps(spread("t_ref_ms", self.t_ref_ms, size), dt_ms),
            adapt_by=spread("adapt_by", self.adapt_by, size),
            adapt_decay=np.exp(-dt_ms / spread("tau_adapt_ms", self.tau_adapt_ms, size))
            if self.adapts
            else np.zeros(size),
        )


@dataclass(frozen=True, slots=True, eq=False)
class LIParams(_ByValue):
    """Describe leaky integrators that never spike: a readout. Fields as in `LIFParams`.

    Raises:
        ValueError: A value is impossible; the message names it.
    """

    tau_mem_ms: Values | None = None
    """Membrane time constant, ms, > 0: decay = exp(-dt / tau)."""
    decay: Values | None = None
    """Membrane factor per step, in [0, 1], used as given."""
    input_scale: Values | None = None
    """Factor of the input, only with `decay`; None is 1, or 1 - decay with `decay_input`."""
    decay_input: bool = False
    """Let the input pass the membrane's filter."""
    tau_syn_ms: Values | Mapping[str, Values] | None = None
    """Synaptic time constant, ms, > 0, or one per named receptor; None: a spike jumps `v`."""
    v_rest: Values = 0.0
    """Value towards which the membrane decays, and where it starts."""
    bias: Values = 0.0
    """Drive added to the input in every step."""

    def __post_init__(self) -> None:
        _check_membrane(self)

    @property
    def receptors(self) -> tuple[str | None, ...]:
        """Names of the synaptic currents: (), (None,) for the one unnamed, or the names given."""
        return _receptors(self.tau_syn_ms)

    def dynamics(self, size: int, dt_ms: float) -> Dynamics:
        """Compute the constants of a step of `dt_ms` for `size` neurons.

        Raises:
            ValueError: A field has one value per neuron, but not `size` of them.
        """
        return _membrane(self, size, dt_ms)


NeuronParams = LIFParams | LIParams


def spread(name: str, values: Any, size: int) -> Float64Array:
    """Give every one of `size` neurons its value.

    Raises:
        ValueError: `values` is neither one number nor [size].
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim and array.shape != (size,):
        raise ValueError(f"{name} must be one number or {size}, got shape {list(array.shape)}")
    return np.full(size, array) if array.ndim == 0 else array.copy()


def _membrane(params: NeuronParams, size: int, dt_ms: float) -> Dynamics:
    """Fill in what both kinds of neuron share; the threshold is out of reach."""
    if params.tau_mem_ms is not None:
        decay = np.exp(-dt_ms / spread("tau_mem_ms", params.tau_mem_ms, size))
    else:
        decay = spread("decay", params.decay, size)
    if params.input_scale is not None:
        scale = spread("input_scale", params.input_scale, size)
    else:
        scale = 1.0 - decay if params.decay_input else np.ones(size)
    tau_syn = params.tau_syn_ms
    taus = {} if tau_syn is None else tau_syn if isinstance(tau_syn, Mapping) else {"": tau_syn}
    syn_decay = np.empty((len(taus), size))
    for row, (name, tau) in enumerate(taus.items()):
        label = f"tau_syn_ms[{name!r}]" if name else "tau_syn_ms"
        syn_decay[row] = np.exp(-dt_ms / spread(label, tau, size))
    return Dynamics(
        decay=decay,
        input_scale=scale,
        decay_input=params.decay_input,
        v_th=np.full(size, np.inf),
        v_reset=np.zeros(size),
        reset_by=np.zeros(size),
        v_rest=spread("v_rest", params.v_rest, size),
        reset=HARD,
        strict=True,
        refractory=np.zeros(size, dtype=np.int64),
        bias=spread("bias", params.bias, size),
        syn_decay=syn_decay,
        adapt_by=np.zeros(size),
        adapt_decay=np.zeros(size),
    )


def _check_adaptation(params: LIFParams) -> None:
    _number(params, "adapt_by", low=0.0)
    _number(params, "tau_adapt_ms", above=0.0)
    rises = bool(np.any(np.asarray(params.adapt_by) > 0.0))
    if rises and params.tau_adapt_ms is None:
        raise ValueError(f"tau_adapt_ms must be given with adapt_by, got None and {params.adapt_by!r}")
    if params.tau_adapt_ms is not None and not rises:
        raise ValueError(f"adapt_by must be above 0 with tau_adapt_ms, got {params.adapt_by!r}")
    if rises and params.reset == "hard_next_step":
        raise ValueError("reset must be 'hard' or 'soft' with adapt_by, got 'hard_next_step'")


def _check_membrane(params: NeuronParams) -> None:
    if (params.tau_mem_ms is None) == (params.decay is None):
        got = "neither" if params.decay is None else "both"
        raise ValueError(f"give exactly one of tau_mem_ms and decay, got {got}")
    if params.input_scale is not None and params.decay is None:
        raise ValueError(f"input_scale is only for decay, got {params.input_scale!r}")
    if not isinstance(params.decay_input, bool):
        raise ValueError(f"decay_input must be True or False, got {params.decay_input!r}")
    _number(params, "tau_mem_ms", above=0.0, finite=False)
    _number(params, "decay", low=0.0, high=1.0)
    _number(params, "input_scale")
    _number(params, "v_rest")
    _number(params, "bias")
    if params.decay_input and params.input_scale is not None:
        gap = np.asarray(params.decay) + np.asarray(params.input_scale) - 1.0
        if (np.abs(gap) > 1e-9).any():
            raise ValueError(
                "input_scale must be 1 - decay with decay_input=True, got "
                f"{params.input_scale!r} and decay {params.decay!r}"
            )
    if isinstance(params.tau_syn_ms, Mapping):
        object.__setattr__(params, "tau_syn_ms", _receptor_taus(params.tau_syn_ms))
    else:
        _number(params, "tau_syn_ms", above=0.0)


def _receptor_taus(taus: Mapping[str, Any]) -> dict[str, Any]:
    if not taus or not all(isinstance(name, str) and name for name in taus):
        raise ValueError(f"tau_syn_ms must name its receptors, got {dict(taus)!r}")
    return {name: _checked(f"tau_syn_ms[{name!r}]", tau, above=0.0) for name, tau in taus.items()}


def _receptors(tau_syn_ms: Any) -> tuple[str | None, ...]:
    if tau_syn_ms is None:
        return ()
    return tuple(tau_syn_ms) if isinstance(tau_syn_ms, Mapping) else (None,)


def _number(params: NeuronParams, name: str, **limits: Any) -> None:
    """Check the field `name` and replace it by a float or a read-only array [N]."""
    value = getattr(params, name)
    if value is not None:
        object.__setattr__(params, name, _checked(name, value, **limits))


def _checked(
    name: str,
    value: Any,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    above: float = -np.inf,
    finite: bool = True,
) -> float | Float64Array:
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be one number or one per neuron, got {value!r}") from None
    if array.ndim > 1 or array.size == 0:
        raise ValueError(f"{name} must be one number or [N], got shape {list(array.shape)}")
    bad: NDArray[np.bool_] = np.isnan(array) | (array < low) | (array > high) | (array <= above)
    if finite:
        bad |= ~np.isfinite(array)
    if bad.any():
        limits = [f">= {low:g}"] * (low > -np.inf) + [f"<= {high:g}"] * (high < np.inf)
        limits += [f"> {above:g}"] * (above > -np.inf) + ["finite"] * finite
        raise ValueError(f"{name} must be {' and '.join(limits)}, got {array[bad][0]!r}")
    if array.ndim == 0:
        return float(array)
    array.flags.writeable = False
    return array


def _choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and np.array_equal(a, b)
    return bool(a == b)

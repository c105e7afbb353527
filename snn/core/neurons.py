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

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from snn.core.arrays import Float64Array, Int64Array
from snn.core.checks import choice, finite, flag, number, real_array, refusal, shown
from snn.core.units import delay_steps

Values = float | ArrayLike
Reset = Literal["hard", "soft", "hard_next_step"]
Fires = Literal[">=", ">"]
Spikes = Literal["single", "multiple"]

MOST_SPIKES = 2**16 - 1
"""Spikes of a neuron in one step, at most."""

HARD, SOFT, HARD_NEXT_STEP = 0, 1, 2
RESETS: dict[str, int] = {"hard": HARD, "soft": SOFT, "hard_next_step": HARD_NEXT_STEP}


class Dynamics(NamedTuple):
    """The constants of one population's step, as the compiled loops read them.

    Attributes:
        decay: Factor of the membrane per step, [N], in [0, 1].
        input_scale: Factor of the input, [N].
        decay_input: Which of the two membrane equations holds (the module has them).
        v_th: Threshold, [N]; infinite for a neuron that never spikes.
        v_reset: Value after a hard reset, [N].
        reset_by: Fall of a soft reset, [N].
        v_rest: Value towards which the membrane decays, [N].
        reset: One of HARD, SOFT, HARD_NEXT_STEP.
        strict: Whether a spike needs v > v_th rather than v >= v_th.
        refractory: Steps held after a spike, [N], >= 0.
        bias: Constant drive, [N].
        syn_decay: Factor of each receptor's current per step, [R, N]; R = 0 where spikes jump the membrane.
        adapt_by: Rise of the threshold at a spike, [N]; 0 for all where it does not adapt.
        adapt_decay: Factor of that rise per step, [N].
        syn_bias: Constant arrival at each receptor, [R, N].
        multiple: Whether a neuron may spike several times in a step.
    """

    decay: Float64Array
    input_scale: Float64Array
    decay_input: bool
    v_th: Float64Array
    v_reset: Float64Array
    reset_by: Float64Array
    v_rest: Float64Array
    reset: int
    strict: bool
    refractory: Int64Array
    bias: Float64Array
    syn_decay: Float64Array
    adapt_by: Float64Array
    adapt_decay: Float64Array
    syn_bias: Float64Array
    multiple: bool


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
    """Describe leaky integrate-and-fire neurons; `snn.core.neurons` has the equation of a step.

    Numbers are one for all neurons or one per neuron, [N]. Exactly one of `tau_mem_ms` and
    `decay` is given.

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
        _check_membrane(self)
        _number(self, "v_th")
        _number(self, "v_reset")
        _number(self, "t_ref_ms", low=0.0)
        _number(self, "reset_by", above=0.0)
        _check_adaptation(self)
        choice("reset", self.reset, Reset)
        choice("fires", self.fires, Fires)
        _check_spikes(self)
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
        return _receptors(self)

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
        return _membrane(self, size, dt_ms)._replace(
            v_th=v_th,
            v_reset=per_neuron("v_reset", self.v_reset, size),
            reset_by=v_th if self.reset_by is None else per_neuron("reset_by", self.reset_by, size),
            reset=RESETS[self.reset],
            strict=self.fires == ">",
            refractory=refractory_steps(self, size, dt_ms),
            adapt_by=per_neuron("adapt_by", self.adapt_by, size),
            adapt_decay=_adapt_decay(self, size, dt_ms),
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
        _check_membrane(self)
        check_size(self)

    @property
    def receptors(self) -> tuple[str | None, ...]:
        """Names of the synaptic currents: (), (None,) for the one unnamed, or the names given."""
        return _receptors(self)

    def dynamics(self, size: int, dt_ms: float) -> Dynamics:
        """Compute the constants of a step of `dt_ms` for `size` neurons.

        Raises:
            ValueError: A field has one value per neuron, but not `size` of them.
        """
        return _membrane(self, size, dt_ms)


NeuronParams = LIFParams | LIParams


def per_neuron(name: str, values: Any, size: int) -> Float64Array:
    """Give every one of `size` neurons its value, [size].

    Raises:
        ValueError: `values` is neither one number nor [size].
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim and array.shape != (size,):
        raise refusal(name, f"one number or {size} (one per neuron)", values)
    return np.full(size, array) if array.ndim == 0 else array.copy()


def check_size(params: NeuronParams, size: int | None = None) -> None:
    """Refuse values per neuron that are not `size`; None: as many as the first field has that holds some.

    Raises:
        ValueError: As said above; the message names the field.
    """
    values: dict[str, Any] = {}
    for field in fields(params):
        given = getattr(params, field.name)
        parts = given.items() if isinstance(given, Mapping) else ()
        values |= {field.name: given, **{f"{field.name}[{key!r}]": part for key, part in parts}}
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            size = value.size if size is None else size
            per_neuron(name, value, size)


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


def _decay(name: str, tau_ms: Any, size: int, dt_ms: float) -> Float64Array:
    """Compute the factor exp(-dt / tau) of each neuron, [size]."""
    with np.errstate(over="ignore"):  # a time constant close to 0: the factor is 0
        return np.asarray(np.exp(-dt_ms / per_neuron(name, tau_ms, size)))


def _membrane(params: NeuronParams, size: int, dt_ms: float) -> Dynamics:
    """Fill in what both kinds of neuron share; the threshold is out of reach."""
    if params.tau_mem_ms is not None:
        decay = _decay("tau_mem_ms", params.tau_mem_ms, size, dt_ms)
    else:
        decay = per_neuron("decay", params.decay, size)
    if params.input_scale is not None:
        scale = per_neuron("input_scale", params.input_scale, size)
    else:
        scale = 1.0 - decay if params.decay_input else np.ones(size)
    return Dynamics(
        decay=decay,
        input_scale=scale,
        decay_input=params.decay_input,
        v_th=np.full(size, np.inf),
        v_reset=np.zeros(size),
        reset_by=np.zeros(size),
        v_rest=per_neuron("v_rest", params.v_rest, size),
        reset=HARD,
        strict=True,
        refractory=np.zeros(size, dtype=np.int64),
        bias=per_neuron("bias", params.bias, size),
        syn_decay=_syn_decay(params, size, dt_ms),
        adapt_by=np.zeros(size),
        adapt_decay=np.zeros(size),
        syn_bias=_syn_bias(params, size),
        multiple=False,
    )


def _syn_decay(params: NeuronParams, size: int, dt_ms: float) -> Float64Array:
    """Compute the factor of each receptor's current per step, [R, size]."""
    name = "tau_syn_ms" if params.syn_decay is None else "syn_decay"
    given = getattr(params, name)
    found = np.empty((len(params.receptors), size))
    for row, receptor in enumerate(params.receptors):
        label = name if receptor is None else f"{name}[{receptor!r}]"
        value = given if receptor is None else given[receptor]
        if name == "tau_syn_ms":
            found[row] = _decay(label, value, size, dt_ms)
        else:
            found[row] = per_neuron(label, value, size)
    return found


def _syn_bias(params: NeuronParams, size: int) -> Float64Array:
    """Spread what arrives at each receptor in every step, [R, size]."""
    given = params.syn_bias
    return np.array(
        [
            per_neuron(f"syn_bias[{name!r}]", given.get(str(name), 0.0), size)
            if isinstance(given, Mapping)
            else per_neuron("syn_bias", given, size)
            for name in params.receptors
        ]
    ).reshape(len(params.receptors), size)


def _adapt_decay(params: LIFParams, size: int, dt_ms: float) -> Float64Array:
    """Compute the factor of the threshold's rise per step, [size]; 0 where it does not adapt."""
    if params.tau_adapt_ms is not None:
        return _decay("tau_adapt_ms", params.tau_adapt_ms, size, dt_ms)
    return per_neuron("adapt_decay", 0.0 if params.adapt_decay is None else params.adapt_decay, size)


def _check_adaptation(params: LIFParams) -> None:
    _number(params, "adapt_by", low=0.0)
    _number(params, "tau_adapt_ms", above=0.0)
    _number(params, "adapt_decay", low=0.0, high=1.0)
    if params.tau_adapt_ms is not None and params.adapt_decay is not None:
        raise refusal("adapt_decay", "None with tau_adapt_ms", params.adapt_decay)
    rises = bool(np.any(np.asarray(params.adapt_by) > 0.0))
    if rises and not params.adapts:
        raise refusal("tau_adapt_ms", f"given with adapt_by {shown(params.adapt_by)}", None)
    if params.adapts and not rises:
        name = "tau_adapt_ms" if params.adapt_decay is None else "adapt_decay"
        raise refusal("adapt_by", f"> 0 with {name}", params.adapt_by)
    if rises and params.reset == "hard_next_step":
        raise refusal("reset", "'hard' or 'soft' with adapt_by", params.reset)


def _check_spikes(params: LIFParams) -> None:
    if choice("spikes", params.spikes, Spikes) == "multiple":
        if params.reset != "soft":
            raise refusal("reset", "'soft' with spikes='multiple'", params.reset)
        if np.any(np.asarray(params.t_ref_ms) > 0.0):
            raise refusal("t_ref_ms", "0 with spikes='multiple': they are of one step", params.t_ref_ms)


def _check_membrane(params: NeuronParams) -> None:
    if (params.tau_mem_ms is None) == (params.decay is None):
        got = "neither" if params.decay is None else "both"
        raise ValueError(f"exactly one of tau_mem_ms and decay must be given, got {got}")
    if params.input_scale is not None and params.decay is None:
        raise refusal("input_scale", "None without decay", params.input_scale)
    object.__setattr__(params, "decay_input", flag("decay_input", params.decay_input))
    _number(params, "tau_mem_ms", above=0.0, infinite=True)
    _number(params, "decay", low=0.0, high=1.0)
    _number(params, "input_scale")
    _number(params, "v_rest")
    _number(params, "bias")
    if params.decay_input and params.input_scale is not None:
        check_size(params)
        gap = np.asarray(params.decay) + np.asarray(params.input_scale) - 1.0
        if (np.abs(gap) > 1e-9).any():
            rule = f"1 - decay with decay_input=True and decay {shown(params.decay)}"
            raise refusal("input_scale", rule, params.input_scale)
    _check_receptors(params)


def _check_receptors(params: NeuronParams) -> None:
    """Check what is said of each receptor, and whether it is said of the same."""
    _per_receptor(params, "tau_syn_ms", above=0.0)
    _per_receptor(params, "syn_decay", low=0.0, high=1.0)
    _per_receptor(params, "syn_bias")
    if params.tau_syn_ms is not None and params.syn_decay is not None:
        raise refusal("syn_decay", "None with tau_syn_ms", params.syn_decay)
    bias, receptors = params.syn_bias, _receptors(params)
    if isinstance(bias, Mapping):
        for name in bias:
            if name not in receptors:
                raise refusal("syn_bias", f"by names of receptors, {list(receptors)}", name)
    elif np.any(np.asarray(bias) != 0.0) and not receptors:
        raise refusal("syn_bias", "0 without tau_syn_ms or syn_decay: bias drives the membrane itself", bias)


def _per_receptor(params: NeuronParams, name: str, **limits: Any) -> None:
    """Check a field of one value, or one per receptor by name."""
    given = getattr(params, name)
    if not isinstance(given, Mapping):
        return _number(params, name, **limits)
    if not given or not all(isinstance(key, str) and key for key in given):
        raise refusal(name, "a number, or one per receptor by name", dict(given))
    checked = {key: _checked(f"{name}[{key!r}]", value, **limits) for key, value in given.items()}
    object.__setattr__(params, name, checked)


def _receptors(params: NeuronParams) -> tuple[str | None, ...]:
    given = params.tau_syn_ms if params.syn_decay is None else params.syn_decay
    if given is None:
        return ()
    return tuple(given) if isinstance(given, Mapping) else (None,)


def _number(params: NeuronParams, name: str, **limits: Any) -> None:
    """Check the field `name` and replace it by a float or a read-only array [N]; None stays where it may."""
    value = getattr(params, name)
    if value is not None or type(params).__dataclass_fields__[name].default is not None:
        object.__setattr__(params, name, _checked(name, value, **limits))


def _checked(
    name: str,
    value: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    infinite: bool = False,
) -> float | Float64Array:
    """Return one number as a float, one per neuron as a read-only array [N]."""
    if getattr(value, "ndim", 0) == 0 and not isinstance(value, list | tuple | range):
        return number(name, value, low=low, high=high, above=above, infinite=infinite)
    array = real_array(name, value, "one number or one per neuron, [N]")
    if array.ndim != 1 or array.size == 0:
        raise refusal(name, "one number or one per neuron, [N]", array)
    endless = infinite and array.dtype.kind == "f" and np.isposinf(array)  # finite() would refuse these
    given = np.where(endless, 1.0, array) if np.any(endless) else array
    kept = np.array(finite(name, given, low=low, high=high, above=above))
    kept[endless] = np.inf
    kept.flags.writeable = False
    return kept


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and np.array_equal(a, b)
    return bool(a == b)

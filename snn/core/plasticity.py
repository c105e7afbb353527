"""Describe how a projection learns from spikes: pair STDP, and a Hebbian or anti-Hebbian rule.

Both read two traces per synapse. The trace of the sender, x, rises by 1 when a spike of it arrives at the
synapse (so after its delay); that of the receiver, y, when the receiver spikes; both decay exponentially, so
all pairs of spikes count. In a step, in this order::

    y = y * exp(-dt / tau_post)
    a spike that arrives brings the weight it finds to the receiver; then dw = on_arrival * y
    x = x * exp(-dt / tau_pre) + arrivals
    a receiver that spikes makes dw = on_spike * x - forget * w;  then y = y + 1

An arrival and a spike in one step are so a pair that arrives first. With `bounds="additive"` the weight
becomes `w + dw`; with `"multiplicative"` `w + dw * (w_max - w)` where dw rises and `w + dw * (w - w_min)`
where it falls. Either way it stays in [w_min, w_max]. Several spikes of a sender in one step arrive together,
and then change the weight one after another. A weight that reaches 0 remains a synapse.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

Bounds = Literal["additive", "multiplicative"]


class Rule(NamedTuple):
    """The numbers of one rule, as the loops read them (the module has the equations)."""

    on_arrival: float
    """Factor of y in dw."""
    on_spike: float
    """Factor of x in dw."""
    forget: float
    """Part of the weight lost at each spike of the receiver."""
    decay_pre: float
    """Factor of x per step."""
    decay_post: float
    """Factor of y per step."""
    w_min: float
    w_max: float
    soft: bool
    """Whether dw is scaled by the distance to the bound."""


@dataclass(frozen=True, slots=True)
class STDP:
    """Learn from pairs of spikes: dw over the lag from arrival to spike of the receiver.

    dw = `a_plus` exp(-lag / `tau_plus_ms`) for lag >= 0, and -`a_minus` exp(lag / `tau_minus_ms`) below.

    Raises:
        ValueError: A value is out of range; the message names it.
    Source: Song, Miller & Abbott, Nature Neuroscience 3 (2000), 919; multiplicative bounds: van Rossum, Bi &
        Turrigiano, Journal of Neuroscience 20 (2000), 8812.
    """

    a_plus: float
    """Rise for an arrival just before a spike; a part of `w_max - w` with multiplicative bounds."""
    a_minus: float
    """Fall for an arrival just after one; a part of `w - w_min` with multiplicative bounds."""
    tau_plus_ms: float = 20.0
    """Time constant of the rise, ms, > 0."""
    tau_minus_ms: float = 20.0
    """Time constant of the fall, ms, > 0."""
    w_min: float = 0.0
    """Smallest weight."""
    w_max: float = 1.0
    """Largest weight, above `w_min`."""
    bounds: Bounds = "additive"
    """How the weight keeps within them (the module says)."""

    def __post_init__(self) -> None:
        _check(self, ("tau_plus_ms", "tau_minus_ms"))

    def rule(self, dt_ms: float) -> Rule:
        """Compute the numbers for a step of `dt_ms`."""
        return Rule(
            -self.a_minus,
            self.a_plus,
            0.0,
            float(np.exp(-dt_ms / self.tau_plus_ms)),
            float(np.exp(-dt_ms / self.tau_minus_ms)),
            self.w_min,
            self.w_max,
            self.bounds == "multiplicative",
        )


@dataclass(frozen=True, slots=True)
class Hebbian:
    """Learn from coincidence, whatever comes first: dw = `rate` exp(-|lag| / `tau_ms`).

    A negative rate is anti-Hebbian. With `forget` each spike of the receiver also takes that part of the
    weight: the rule of Oja in spikes, which has a steady weight of its own.

    Raises:
        ValueError: A value is out of range; the message names it.
    Source: Oja, Journal of Mathematical Biology 15 (1982), 267, for the forgetting.
    """

    rate: float
    """Change of the weight by a pair of spikes without lag; below 0: anti-Hebbian."""
    tau_ms: float = 20.0
    """Time constant of both sides, ms, > 0."""
    forget: float = 0.0
    """Part of the weight lost at each spike of the receiver, in [0, 1]; only with additive bounds."""
    w_min: float = -1.0
    """Smallest weight."""
    w_max: float = 1.0
    """Largest weight, above `w_min`."""
    bounds: Bounds = "additive"
    """How the weight keeps within them (the module says)."""

    def __post_init__(self) -> None:
        _check(self, ("tau_ms",))
        if not 0.0 <= self.forget <= 1.0:
            raise ValueError(f"forget must be in [0, 1], got {self.forget!r}")
        if self.forget and self.bounds != "additive":
            raise ValueError(f"forget needs bounds='additive', got {self.bounds!r}")

    def rule(self, dt_ms: float) -> Rule:
        """Compute the numbers for a step of `dt_ms`."""
        decay = float(np.exp(-dt_ms / self.tau_ms))
        soft = self.bounds == "multiplicative"
        return Rule(self.rate, self.rate, self.forget, decay, decay, self.w_min, self.w_max, soft)


Plasticity = STDP | Hebbian
KINDS: dict[str, type[STDP] | type[Hebbian]] = {"STDP": STDP, "Hebbian": Hebbian}


def to_plain(plasticity: Plasticity) -> dict[str, Any]:
    """List a rule as plain values, for files and fingerprints."""
    return {"kind": type(plasticity).__name__, **asdict(plasticity)}


def from_plain(values: dict[str, Any]) -> Plasticity:
    """Make a rule from what `to_plain` gave.

    Raises:
        ValueError: An unknown kind, or a value out of range.
    """
    given = dict(values)
    kind = given.pop("kind", None)
    if kind not in KINDS:
        raise ValueError(f"plasticity must be one of {', '.join(KINDS)}, got {kind!r}")
    return KINDS[kind](**given)


def checked_rule(label: str, plasticity: Any, weight: Any) -> Plasticity | None:
    """Check the rule of the projection `label` against the weights that it starts with.

    Raises:
        ValueError: It is no rule, or a weight lies outside its bounds.
    """
    if plasticity is None:
        return None
    if not isinstance(plasticity, STDP | Hebbian):
        raise ValueError(f"plasticity of {label!r} must be STDP, Hebbian or None, got {plasticity!r}")
    values = weight[weight != 0.0] if isinstance(weight, np.ndarray) else weight.data[weight.data != 0.0]
    bad = (values < plasticity.w_min) | (values > plasticity.w_max)
    if bad.any():
        raise ValueError(
            f"{label!r} starts with weight {values[bad][0]!r}, outside "
            f"[{plasticity.w_min}, {plasticity.w_max}] of its plasticity"
        )
    return plasticity


def _check(rule: Plasticity, times: tuple[str, ...]) -> None:
    if rule.bounds not in get_args(Bounds):
        raise ValueError(
            f"bounds must be one of {', '.join(map(repr, get_args(Bounds)))}, got {rule.bounds!r}"
        )
    for field in fields(rule):
        if field.name == "bounds":
            continue
        value = getattr(rule, field.name)
        if isinstance(value, bool) or not isinstance(value, int | float | np.floating | np.integer):
            raise ValueError(f"{field.name} must be one number, got {value!r}")
        if not np.isfinite(value):
            raise ValueError(f"{field.name} must be finite, got {value!r}")
        object.__setattr__(rule, field.name, float(value))
    for name in times:
        if getattr(rule, name) <= 0.0:
            raise ValueError(f"{name} must be > 0, got {getattr(rule, name)!r}")
    if rule.w_min >= rule.w_max:
        raise ValueError(f"w_min must be below w_max {rule.w_max!r}, got {rule.w_min!r}")

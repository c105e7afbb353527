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
from typing import Any, Literal, NamedTuple

import numpy as np

from snn.core.checks import choice, number, refusal
from snn.core.files.tree import fields_of

Bounds = Literal["additive", "multiplicative"]


class Rule(NamedTuple):
    """The numbers of one rule, as the loops read them (the module has the equations).

    Attributes:
        on_arrival: Factor of y in dw.
        on_spike: Factor of x in dw.
        forget: Part of the weight lost at each spike of the receiver, in [0, 1].
        decay_pre: Factor of x per step, in [0, 1).
        decay_post: Factor of y per step, in [0, 1).
        w_min: Smallest weight.
        w_max: Largest weight.
        soft: Whether dw is scaled by the distance to the bound (`"multiplicative"`).
    """

    on_arrival: float
    on_spike: float
    forget: float
    decay_pre: float
    decay_post: float
    w_min: float
    w_max: float
    soft: bool


@dataclass(frozen=True, slots=True)
class STDP:
    """Learn from pairs of spikes: dw over the lag from arrival to spike of the receiver.

    dw = `a_plus` exp(-lag / `tau_plus_ms`) for lag >= 0, and -`a_minus` exp(lag / `tau_minus_ms`) below.

    Attributes:
        a_plus: Rise for an arrival just before a spike; a part of `w_max - w` with multiplicative bounds.
        a_minus: Fall for an arrival just after one; a part of `w - w_min` with multiplicative bounds.
        tau_plus_ms: Time constant of the rise, ms, > 0.
        tau_minus_ms: Time constant of the fall, ms, > 0.
        w_min: Smallest weight.
        w_max: Largest weight, above `w_min`.
        bounds: How the weight keeps within them, `"additive"` or `"multiplicative"`
            (`snn.core.plasticity` has the equations).

    Raises:
        ValueError: A value is out of range; the message names it.
    Source: Song, Miller & Abbott, Nature Neuroscience 3 (2000), 919; multiplicative bounds: van Rossum, Bi &
        Turrigiano, Journal of Neuroscience 20 (2000), 8812.
    """

    a_plus: float
    a_minus: float
    tau_plus_ms: float = 20.0
    tau_minus_ms: float = 20.0
    w_min: float = 0.0
    w_max: float = 1.0
    bounds: Bounds = "additive"

    def __post_init__(self) -> None:
        _check(self)

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

    Attributes:
        rate: Change of the weight by a pair of spikes without lag; below 0: anti-Hebbian.
        tau_ms: Time constant of both sides, ms, > 0.
        forget: Part of the weight lost at each spike of the receiver, in [0, 1]; only with additive bounds.
        w_min: Smallest weight.
        w_max: Largest weight, above `w_min`.
        bounds: How the weight keeps within them, `"additive"` or `"multiplicative"`
            (`snn.core.plasticity` has the equations).

    Raises:
        ValueError: A value is out of range; the message names it.
    Source: Oja, Journal of Mathematical Biology 15 (1982), 267, for the forgetting.
    """

    rate: float
    tau_ms: float = 20.0
    forget: float = 0.0
    w_min: float = -1.0
    w_max: float = 1.0
    bounds: Bounds = "additive"

    def __post_init__(self) -> None:
        _check(self)
        number("forget", self.forget, low=0, high=1)
        if self.forget and self.bounds != "additive":
            raise refusal("bounds", "'additive' with forget", self.bounds)

    def rule(self, dt_ms: float) -> Rule:
        """Compute the numbers for a step of `dt_ms`."""
        decay = float(np.exp(-dt_ms / self.tau_ms))
        soft = self.bounds == "multiplicative"
        return Rule(self.rate, self.rate, self.forget, decay, decay, self.w_min, self.w_max, soft)


Plasticity = STDP | Hebbian
_KINDS: dict[str, type[STDP] | type[Hebbian]] = {"STDP": STDP, "Hebbian": Hebbian}


def to_dict(plasticity: Plasticity) -> dict[str, Any]:
    """List a rule as plain values, for files and fingerprints."""
    return {"kind": type(plasticity).__name__, **asdict(plasticity)}


def from_dict(values: Any) -> Plasticity:
    """Make a rule of what `to_dict` gave.

    Raises:
        ValueError: The kind is unknown, or a value is missing, unknown or out of range.
    """
    given = values.get("kind") if isinstance(values, dict) else None
    kind = _KINDS[choice("kind of plasticity", given, tuple(_KINDS))]
    names = [field.name for field in fields(kind)]
    given = fields_of("plasticity", values, ["kind", *names])
    return kind(**{name: given[name] for name in names})


def _check(rule: Plasticity) -> None:
    choice("bounds", rule.bounds, Bounds)
    for name in (field.name for field in fields(rule) if field.name != "bounds"):
        above = 0 if name.startswith("tau_") else None
        object.__setattr__(rule, name, number(name, getattr(rule, name), above=above))
    if rule.w_min >= rule.w_max:
        raise refusal("w_min", f"below w_max {rule.w_max!r}", rule.w_min)
